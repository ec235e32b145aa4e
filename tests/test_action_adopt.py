"""adopt-schema on real servers: a grown database becomes what the migrations make, while others write to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from console.actions.adoption.adopt_schema import ADOPT_SCHEMA
from console.actions.partitions.partition_table import PARTITION_TABLE
from console.actions.schema.apply_schema import APPLY_SCHEMA
from console.demo.cluster import OWNER
from console.drift.reading import Drift, drift
from console.drift.sides import Remedy
from console.model import Kind, Outcome, Trouble
from console.running.trail.audit import Trail
from console.sources.postgres import PostgresServer
from console.sql import migrations
from scripts.benchmarks.adopt import adopt
from scripts.benchmarks.adopt_report import waited
from tests import grown
from tests.acting import Desk, felt, held
from tests.bundled import install
from tests.killed import killed
from tests.servers import PostgresServer as Cluster

VECTOR = (
    "setweight(to_tsvector('pg_catalog.english', left(coalesce(title, ''), 65536)), 'A') || "
    "setweight(to_tsvector('pg_catalog.english', left(coalesce(description, ''), 65536)), 'B') || "
    "setweight(to_tsvector('pg_catalog.english', left(coalesce(content_brief, ''), 65536)), 'C')"
)
COUNTS = (
    "SELECT ROW((SELECT count(*) FROM public.users), (SELECT count(*) FROM public.generated_assets), "
    "(SELECT count(*) FROM public.content_analytics), (SELECT count(*) FROM public.user_activity_logs))::text"
)


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    return Desk(pg, database, Trail(tmp_path / "pipeline-console" / "audit.jsonl"))


async def seen(desk: Desk) -> Drift:
    server = PostgresServer(desk.uri)
    try:
        return await drift(server)
    finally:
        await server.close()


def as_owner(desk: Desk) -> Desk:
    return Desk(desk.cluster, desk.database, desk.trail, user=OWNER)


def true_ledger(desk: Desk) -> bool:
    known = migrations.migrations((desk.cluster.major,))
    with desk.session() as session:
        rows = session.execute(
            "SELECT version, name, checksum FROM public.schema_migrations ORDER BY version"
        ).fetchall()
    return rows == [(one.version, one.name, one.checksum) for one in known]


@dataclass
class Writer:
    """What a writer did and how long its longest statement took."""

    requests: int = 0
    longest: float = 0.0
    failed: list[str] = field(default_factory=list)


@contextmanager
def writing(desk: Desk) -> Iterator[Writer]:
    """Sessions of the application that make and change requests and log calls, some 50 statements a second."""
    writer, stop = Writer(), threading.Event()
    statements: tuple[LiteralString, ...] = (
        (
            "INSERT INTO public.content_requests (organization_id, brand_profile_id, requested_by, title)"
            " VALUES (md5('o2')::uuid, md5('b1')::uuid, md5('u1')::uuid, 'written meanwhile')"
        ),
        (
            "UPDATE public.content_requests SET status = 'review', updated_at = now()"
            " WHERE id = (SELECT md5('r' || 1 + (random() * 900)::int)::uuid)"
        ),
        (
            "UPDATE public.content_requests SET description = 'changed ' || random()"
            " WHERE id = (SELECT md5('r' || 1 + (random() * 900)::int)::uuid)"
        ),
        "INSERT INTO public.api_usage (organization_id) VALUES (md5('o1')::uuid)",
    )

    def write() -> None:
        with desk.session(OWNER) as session:
            while not stop.wait(0.005):
                for statement in statements:
                    began = time.monotonic()
                    try:
                        session.execute(statement)
                    except psycopg.Error as error:
                        writer.failed.append(str(error))
                    writer.longest = max(writer.longest, time.monotonic() - began)
                writer.requests += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield writer
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("user", ["postgres", OWNER])
async def test_a_grown_database_is_adopted_under_writers(desk: Desk, user: str) -> None:
    grown.make(desk, requests=3000, misfits=False, timed=False)
    before = desk.ask(COUNTS)
    with writing(desk) as writer:
        run = await Desk(desk.cluster, desk.database, desk.trail, user=user).run(ADOPT_SCHEMA)
    assert run.outcome is Outcome.DONE, run.message
    assert writer.failed == []
    assert writer.requests > 5
    assert writer.longest < max(2.0, run.seconds / 2), "lock_timeout is 0.2 s; a busy machine adds to it"
    assert desk.ask(COUNTS) == before
    assert desk.ask("SELECT count(*) FROM public.content_requests") == 3000 + writer.requests
    assert desk.ask(f"SELECT count(*) FROM public.content_requests WHERE search_vector IS DISTINCT FROM {VECTOR}") == 0
    assert (await seen(desk)).differences == ()
    assert true_ledger(desk)
    assert (
        desk.ask(
            "SELECT count(DISTINCT relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'm')"
        )
        == 1
    ), "what is new belongs to whom the rest does"
    assert (await desk.run(ADOPT_SCHEMA)).outcome is Outcome.NOTHING
    assert (await desk.plan(APPLY_SCHEMA)).steps == ()
    assert any("Rows now: " in note and "content_requests 3," in note for note in run.plan.notes)
    assert any("Rows before and after" in note and "users 100 → 100" in note for note in run.notes)
    assert (
        desk.ask(
            "SELECT count(*) FROM public.console_refreshes "
            "WHERE view_name = 'mv_monthly_brand_performance' AND error IS NULL"
        )
        == 1
    )


async def test_what_does_not_fit_is_named_and_left_alone(desk: Desk) -> None:
    grown.make(desk, rows=50, requests=50, timed=False)
    desk.do(
        "INSERT INTO public.subscriptions (organization_id, plan, status, seats, current_period_end)"
        " SELECT md5('o1')::uuid, 'team', 'active', s, now() + interval '1 day' FROM unnest(ARRAY[0, 3]) s",
        "INSERT INTO public.background_jobs (job_type, status) VALUES ('old', 'running')",
        "INSERT INTO public.social_accounts (brand_profile_id, platform, handle)"
        " SELECT md5('b1')::uuid, 'web', 'twice' FROM generate_series(1, 2)",
        "INSERT INTO public.scheduled_posts (generated_asset_id, social_account_id, publish_at)"
        " SELECT gen_random_uuid(), id, now() FROM public.social_accounts LIMIT 1",
    )
    run = await desk.run(ADOPT_SCHEMA)
    assert run.outcome is Outcome.DONE, run.message
    left = {
        "brand_assets.usage_count, narrower type (integer)": "integer holds less than bigint",
        "request_comments.body, may be null": "1 row violates it",
        "subscriptions_seats_check, missing check": "1 row violates it",
        "subscriptions_one_current_idx, missing index": "1 row violates it",
        "background_jobs_check, missing check": "1 row violates it",
        "scheduled_posts_generated_asset_id_fkey, missing foreign key": "1 row violates it",
        "social_accounts_brand_profile_id_platform_handle_key, missing unique": "1 row violates it",
    }
    for what, why in left.items():
        assert any(what in note and why in note for note in run.plan.notes), (what, run.plan.notes)
    assert {one.name for one in (await seen(desk)).differences} == {what.partition(",")[0] for what in left}
    assert (
        desk.ask(
            "SELECT atttypid::regtype::text FROM pg_attribute WHERE attrelid = 'public.brand_assets'::regclass"
            " AND attname = 'usage_count'"
        )
        == "integer"
    )
    assert true_ledger(desk), "what cannot be adopted does not keep it back"
    assert (await desk.plan(ADOPT_SCHEMA)).steps == ()


async def test_tables_to_be_partitioned_are_named_in_order_and_keep_the_ledger_back(desk: Desk) -> None:
    grown.make(desk, rows=400, requests=40)
    desk.do(
        "INSERT INTO public.api_usage (organization_id) SELECT md5('o1')::uuid FROM generate_series(1, 9)", "ANALYZE"
    )
    run = await desk.run(ADOPT_SCHEMA)
    assert run.outcome is Outcome.DONE, run.message
    (note,) = [note for note in run.plan.notes if "To be partitioned" in note]
    assert note.index("public.content_analytics") < note.index("public.api_usage")
    found = await seen(desk)
    assert {one.name for one in found.of(Remedy.PARTITION)} == set(grown.TIMED)
    assert desk.ask("SELECT count(*) FROM public.schema_migrations") == 0
    assert (await desk.plan(ADOPT_SCHEMA)).steps == ()
    with pytest.raises(Trouble, match="no migration ledger") as refused:
        await desk.plan(APPLY_SCHEMA)
    assert refused.value.kind is Kind.REFUSED
    assert "adopt-schema" in refused.value.remedy


async def test_with_partition_table_between_two_runs_nothing_differs_in_the_end(desk: Desk) -> None:
    grown.make(desk, rows=600, requests=60, misfits=False)
    before = desk.ask(COUNTS)
    owner = as_owner(desk)
    first = await owner.run(ADOPT_SCHEMA)
    assert first.outcome is Outcome.DONE, first.message
    assert any("added after content_analytics is partitioned" in note for note in first.plan.notes)
    for table in grown.TIMED:
        run = await owner.run(PARTITION_TABLE, table=f"public.{table}")
        assert run.outcome is Outcome.DONE, run.message
    last = await owner.run(ADOPT_SCHEMA)
    assert last.outcome is Outcome.DONE, last.message
    assert (await seen(desk)).differences == ()
    assert true_ledger(desk)
    assert desk.ask(COUNTS) == before
    assert (await desk.plan(APPLY_SCHEMA)).steps == ()


async def test_all_pages_of_the_guide_adopt_a_grown_database_under_writers(desk: Desk) -> None:
    grown.make(desk, rows=20_000, requests=5000, misfits=False)
    found = await adopt(desk.uri, quiet=1.0)
    assert len(found.written.writes) > 100
    assert set(found.written.rows) == {*grown.TIMED, "content_requests"}, "all of them were written to"
    assert found.written.failed == []
    assert found.lost == [], "every row is there once, as it was last written"
    assert (found.drift, found.left) == ((), ())
    assert true_ledger(desk)
    assert desk.ask("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
    waits = sorted(waited(one, sorted(found.written.control)) for one in found.written.writes)
    assert waits[-3] < 1, "two that met a busy machine are forgiven"


async def test_a_lost_index_is_all_that_is_made_again_where_the_ledger_is_true(desk: Desk) -> None:
    install(desk.cluster, desk.database)
    desk.do(
        "DROP INDEX public.campaigns_brand_idx",
        "ALTER TABLE public.user_activity_logs DROP CONSTRAINT user_activity_logs_user_id_fkey",
    )
    plan = await desk.plan(ADOPT_SCHEMA)
    assert sum("CREATE INDEX CONCURRENTLY campaigns_brand_idx" in step.sql for step in plan.steps) == 1
    assert all("campaigns" in step.sql or "user_activity_logs" in step.sql for step in plan.steps)
    assert (await desk.run(ADOPT_SCHEMA)).outcome is Outcome.DONE
    assert (await seen(desk)).differences == ()
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        desk.do(
            "INSERT INTO public.organizations (id, name) VALUES (md5('o')::uuid, 'o')",
            "INSERT INTO public.user_activity_logs (organization_id, user_id) VALUES (md5('o')::uuid, md5('')::uuid)",
        )


async def test_a_killed_adoption_goes_on_where_it_was(desk: Desk) -> None:
    grown.make(desk, rows=100, requests=300, misfits=False, timed=False)
    steps = len((await desk.plan(ADOPT_SCHEMA)).steps)
    for count, when in ((4, "before"), (9, "after"), (3, "before"), (5, "after"), (25, "before"), (12, "after")):
        killed(desk, "adopt-schema", "step", count, when)
        left = len((await desk.plan(ADOPT_SCHEMA)).steps)
        assert 0 < left < steps
        steps = left
    run = await desk.run(ADOPT_SCHEMA)
    assert run.outcome is Outcome.DONE, run.message
    assert (await seen(desk)).differences == ()
    assert true_ledger(desk)
    assert desk.ask("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
    assert desk.ask("SELECT count(*) FROM pg_constraint WHERE conname LIKE 'pipeline_console%'") == 0
    assert desk.ask(f"SELECT count(*) FROM public.content_requests WHERE search_vector IS DISTINCT FROM {VECTOR}") == 0


TRAP = (
    "CREATE TABLE public.trapped (by text)",
    (
        "CREATE FUNCTION public.trap() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO public.trapped VALUES (current_user); RETURN NEW; END $$"
    ),
    "CREATE TRIGGER a_trap BEFORE UPDATE ON public.content_requests FOR EACH ROW EXECUTE FUNCTION public.trap()",
    "CREATE TRIGGER b_trap BEFORE UPDATE ON public.content_requests FOR EACH STATEMENT EXECUTE FUNCTION public.trap()",
)


async def test_filling_the_search_column_runs_no_trigger_of_others_as_superuser(desk: Desk) -> None:
    grown.make(desk, rows=0, requests=300, misfits=False, timed=False)
    as_owner(desk).do(*TRAP)
    assert (await desk.run(ADOPT_SCHEMA)).outcome is Outcome.DONE
    assert desk.ask("SELECT DISTINCT by FROM public.trapped") == OWNER
    assert (await seen(desk)).differences == ()


@pytest.mark.parametrize(
    "harm",
    [
        "ALTER TABLE public.content_requests ENABLE ALWAYS TRIGGER a_trap",
        (
            "CREATE FUNCTION public.mine(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1'; "
            "CREATE INDEX mine ON public.content_requests (public.mine(status))"
        ),
    ],
)
async def test_what_always_fires_runs_with_the_rights_of_the_owner(desk: Desk, harm: str) -> None:
    grown.make(desk, rows=0, requests=100, misfits=False, timed=False)
    as_owner(desk).do(*TRAP, harm)
    run = await desk.run(ADOPT_SCHEMA)
    assert run.outcome is Outcome.DONE, run.message
    assert desk.ask("SELECT DISTINCT by FROM public.trapped") == OWNER
    assert (await seen(desk)).differences == ()


async def test_a_row_that_another_session_holds_is_filled_in_the_end(desk: Desk) -> None:
    grown.make(desk, rows=0, requests=100, misfits=False, timed=False)
    await desk.run(ADOPT_SCHEMA)
    desk.do(
        "ALTER TABLE public.content_requests ALTER search_vector DROP NOT NULL",
        "ALTER TABLE public.content_requests DISABLE TRIGGER USER",
        "UPDATE public.content_requests SET search_vector = NULL",
        "ALTER TABLE public.content_requests ENABLE TRIGGER USER",
    )
    with held(desk, "SELECT FROM public.content_requests WHERE id = md5('r7')::uuid FOR UPDATE", seconds=2.0):
        run = await desk.run(ADOPT_SCHEMA)
    assert run.outcome is Outcome.DONE, run.message
    assert (await seen(desk)).differences == ()


async def test_who_stands_behind_a_step_that_waits_for_its_lock_hardly_waits(desk: Desk) -> None:
    grown.make(desk, rows=0, requests=100, misfits=False, timed=False)
    # As a vacuum of the server's own does, which makes room only for who waits for more than a second.
    vacuuming = held(desk, "LOCK TABLE public.content_requests IN SHARE UPDATE EXCLUSIVE MODE", seconds=8.0)
    with vacuuming, felt(desk, "UPDATE public.content_requests SET priority = 1 WHERE id = md5('r1')::uuid") as waits:
        run = await desk.run(ADOPT_SCHEMA)
    assert run.outcome is Outcome.DONE, run.message
    assert sorted(waits)[-3] < 2, "each try for the lock is given up soon; two that met a busy machine are forgiven"
    assert any("Longest possible wait" in note and "public.content_requests" in note for note in run.notes)
    assert (await seen(desk)).differences == ()


async def test_rows_of_long_texts_are_filled_a_few_at_a_time(desk: Desk) -> None:
    grown.make(desk, rows=0, requests=300, misfits=False, timed=False)
    desk.do(
        "UPDATE public.content_requests SET description ="
        " (SELECT string_agg(md5(g::text || id::text), ' ') FROM generate_series(1, 1800) g)",
        "VACUUM FULL ANALYZE public.content_requests",
    )
    look = "SELECT FROM public.content_requests WHERE id = md5('r150')::uuid FOR NO KEY UPDATE"
    with felt(desk, look) as waits:
        run = await desk.run(ADOPT_SCHEMA)
    assert run.outcome is Outcome.DONE, run.message
    assert max(waits) < max(1, run.seconds / 2), "a row is held for as long as a few rows take, not all of some pages"
    assert desk.ask(f"SELECT count(*) FROM public.content_requests WHERE search_vector IS DISTINCT FROM {VECTOR}") == 0


async def test_without_the_extension_the_search_index_holds_the_words_alone(desk: Desk) -> None:
    grown.make(desk, rows=0, requests=50, misfits=False, timed=False)
    desk.do("DROP EXTENSION btree_gin", f'REVOKE CREATE ON DATABASE "{desk.database}" FROM {OWNER}')
    assert (await as_owner(desk).run(ADOPT_SCHEMA)).outcome is Outcome.DONE
    assert "USING gin (search_vector)" in desk.ask(
        "SELECT pg_get_indexdef('public.content_requests_search_idx'::regclass)"
    )
    assert (await seen(desk)).differences == ()


async def test_who_owns_nothing_here_is_told_so(desk: Desk) -> None:
    grown.make(desk, rows=0, requests=1)
    with pytest.raises(Trouble, match="only its owner may alter it") as refused:
        await Desk(desk.cluster, desk.database, desk.trail, user="pipeline_monitor").plan(ADOPT_SCHEMA)
    assert refused.value.kind is Kind.REFUSED


async def test_a_database_without_a_pipeline_is_not_adopted(desk: Desk) -> None:
    with pytest.raises(Trouble, match="no pipeline schema in this database") as refused:
        await desk.plan(ADOPT_SCHEMA)
    assert "apply-schema" in refused.value.remedy
