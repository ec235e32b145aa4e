"""archive-analytics and restore-analytics on real servers: each row exactly once, nobody in the way."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from console.actions.archive.archive_analytics import ARCHIVE_ANALYTICS, age
from console.actions.archive.restore_analytics import RESTORE_ANALYTICS
from console.model import Batches, Kind, Outcome, Step, Trouble
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.settings.config import ArchivePolicy
from console.sources.postgres import ActingSession, PostgresServer
from tests.acting import Desk, held
from tests.dates import MONTH
from tests.servers import PostgresServer as Cluster

COLUMNS = "id bigint NOT NULL, day date NOT NULL, kind text, amount numeric CHECK (amount >= 0), tags text[]"
ROWS = (
    "INSERT INTO public.facts (id, day, kind, amount, tags) "
    "SELECT g, ({month} - interval '{ago} months')::date + g % 20, 'k' || g, g / 3.0, ARRAY['a', g::text] "
    "FROM generate_series(1, {rows}) g"
)


def partition(table: str, ago: int, name: str = "") -> str:
    """SQL that makes the partition for the month so long ago."""
    name = name or f"{table}_{ago}"
    return (
        f"DO $$ BEGIN EXECUTE format('CREATE TABLE public.{name} PARTITION OF public.{table} "
        f"FOR VALUES FROM (%L) TO (%L)', "
        f"({MONTH} - interval '{ago} months')::date, ({MONTH} - interval '{ago - 1} months')::date); END $$"
    )


def rows(ago: int, count: int = 1000) -> str:
    return ROWS.format(month=MONTH, ago=ago, rows=count)


def digest(desk: Desk, *tables: str) -> object:
    """Count and checksum of all rows, wherever they are."""
    union = " UNION ALL ".join(f"SELECT id, day, kind, amount, tags FROM public.{table}" for table in tables)
    return desk.ask(
        f"SELECT ROW(count(*), sum(hashtextextended(ROW(id, day, kind, amount, tags)::text, 0)))::text FROM ({union}) x"
    )


def whole(desk: Desk) -> object:
    return digest(desk, "facts", "archive")


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    """Months of `facts` 30, 26 and 1 months ago, a partitioned `archive`, kept for 24 months."""
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    policy = ArchivePolicy("public.facts", "public.archive", "day", 24)
    desk = dataclasses.replace(desk, settings=dataclasses.replace(desk.settings, archives=(policy,)))
    desk.do(
        "CREATE TABLE public.dimensions (id bigint PRIMARY KEY)",
        "INSERT INTO public.dimensions SELECT generate_series(1, 1000)",
        f"CREATE TABLE public.facts ({COLUMNS}, PRIMARY KEY (id, day), FOREIGN KEY (id) REFERENCES public.dimensions) "
        "PARTITION BY RANGE (day)",
        "CREATE TABLE public.archive (LIKE public.facts INCLUDING CONSTRAINTS, PRIMARY KEY (id, day)) "
        "PARTITION BY RANGE (day)",
        *(partition("facts", ago) for ago in (30, 26, 1)),
        *(rows(ago) for ago in (30, 26, 1)),
    )
    return desk


def plain(desk: Desk) -> None:
    """A plain table for an archive, its columns in another order."""
    desk.do(
        "DROP TABLE public.archive",
        "CREATE TABLE public.archive (tags text[], kind text, id bigint, day date, amount numeric)",
    )


# Whole partitions


async def test_expired_months_are_attached_to_the_archive_as_they_are(desk: Desk) -> None:
    desk.do("COMMENT ON TABLE public.facts_30 IS 'kept as it is'")
    before = whole(desk)
    file = desk.ask("SELECT pg_relation_filenode('public.facts_30')")
    run = await desk.run(ARCHIVE_ANALYTICS)
    assert run.outcome is Outcome.DONE, run.message
    assert whole(desk) == before
    assert desk.ask("SELECT count(*) FROM public.archive") == 2000
    assert desk.ask("SELECT count(*) FROM public.facts") == 1000
    assert desk.ask("SELECT pg_relation_filenode('public.facts_30')") == file
    assert desk.ask("SELECT obj_description('public.facts_30'::regclass)") == "kept as it is"
    assert desk.ask("SELECT obj_description('public.facts_26'::regclass)") is None
    assert any(step.sql.endswith("CONCURRENTLY") for step in run.plan.steps)
    assert (await desk.run(ARCHIVE_ANALYTICS)).outcome is Outcome.NOTHING


async def test_archived_rows_outlive_what_they_refer_to_and_come_back_with_their_key(desk: Desk) -> None:
    await desk.run(ARCHIVE_ANALYTICS)
    assert (
        desk.ask("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'public.facts_30'::regclass")
        == 0
    )
    month = desk.ask(f"SELECT to_char({MONTH} - interval '30 months', 'YYYY-MM')")
    before = whole(desk)
    run = await desk.run(RESTORE_ANALYTICS, month=month)
    assert run.outcome is Outcome.DONE, run.message
    assert whole(desk) == before
    assert desk.ask("SELECT count(*) FROM public.facts") == 2000
    assert desk.ask(
        "SELECT bool_and(convalidated) AND count(*) = 1 FROM pg_constraint "
        "WHERE contype = 'f' AND conrelid = 'public.facts_30'::regclass AND confrelid = 'public.dimensions'::regclass"
    )
    assert any("older than 24 months" in note for note in run.plan.notes)
    assert (await desk.run(ARCHIVE_ANALYTICS)).outcome is Outcome.DONE
    assert whole(desk) == before


async def test_a_default_partition_is_met_by_one_short_transaction(desk: Desk) -> None:
    desk.do("CREATE TABLE public.rest PARTITION OF public.facts DEFAULT", rows(40, 500))
    before = whole(desk)
    run = await desk.run(ARCHIVE_ANALYTICS)
    assert run.outcome is Outcome.DONE, run.message
    assert not any("CONCURRENTLY" in step.sql for step in run.plan.steps)
    assert whole(desk) == before
    assert desk.ask("SELECT count(*) FROM public.archive") == 2500
    assert desk.ask("SELECT count(*) FROM pg_constraint WHERE conname = 'pipeline_console_bounds'") == 0


async def test_undo_puts_the_months_back(desk: Desk) -> None:
    run = await desk.run(ARCHIVE_ANALYTICS)
    desk.do(*run.undo)
    assert desk.ask("SELECT count(*) FROM public.facts") == 3000
    assert desk.ask("SELECT count(*) FROM pg_description WHERE description LIKE 'pipeline-console:%'") == 0


@pytest.mark.parametrize("rest", [False, True], ids=["concurrently", "default partition"])
async def test_on_request_count_and_checksum_of_whole_partitions_are_compared(desk: Desk, rest: bool) -> None:
    if rest:
        desk.do("CREATE TABLE public.rest PARTITION OF public.facts DEFAULT")
    desk.do("ALTER TABLE public.facts ADD \"od%d, 'q\" int4range DEFAULT '[1,5)'", "ALTER TABLE public.facts DROP tags")
    desk.do('ALTER TABLE public.archive ADD "od%d, \'q" int4range', "ALTER TABLE public.archive DROP tags")
    run = await desk.run(ARCHIVE_ANALYTICS, verify="yes")
    assert run.outcome is Outcome.DONE, run.message
    read = [step for step in run.plan.steps if "hash_record_extended" in step.sql]
    assert [step.lock for step in read] == [f"ACCESS SHARE on public.facts_{ago}" for ago in (30, 30, 26, 26)]
    month = desk.ask(f"SELECT to_char({MONTH} - interval '26 months', 'YYYY-MM')")
    assert (await desk.run(RESTORE_ANALYTICS, month=month, verify="yes")).outcome is Outcome.DONE
    assert not any(
        "hash" in step.sql
        for step in (await desk.plan(ARCHIVE_ANALYTICS)).steps
        if not isinstance(step.execution, Batches)
    )


@pytest.mark.pg(">= 18")
@pytest.mark.parametrize("late", ["UPDATE public.facts_30 SET kind = 'x' WHERE id = 1", "DELETE FROM public.facts_30"])
async def test_rows_that_are_not_as_they_were_are_told_with_both_figures(desk: Desk, late: str) -> None:
    plan = await desk.plan(ARCHIVE_ANALYTICS, verify="yes")
    before, after = [step for step in plan.steps if "hash" in step.sql and "facts_30" in step.sql]
    changed = dataclasses.replace(plan, steps=(before, Step(late), after))
    server = PostgresServer(desk.uri)
    await server.connect()
    run = await Runner(ActingSession(desk.uri), server, desk.trail).run(changed)
    await server.close()
    assert run.outcome is Outcome.STOPPED
    assert re.search(r"checksum of public.facts_30 were 1000 -?\d+ before and are (1000 -?\d+|0) after", run.message)


@pytest.mark.parametrize("reached", ["mark", "pending", "detached", "keys"])
async def test_a_run_that_ended_anywhere_is_gone_on_with(desk: Desk, reached: str) -> None:
    before = whole(desk)
    plan = await desk.plan(ARCHIVE_ANALYTICS)
    first = [step.sql for step in plan.steps if "facts_30" in step.sql]
    desk.do(first[0])
    if reached == "pending":
        with (
            held(desk, "SELECT * FROM public.facts"),
            desk.session(options="-c lock_timeout=200ms") as session,
            pytest.raises(Exception, match="lock timeout"),
        ):
            session.execute(first[1].encode())
        assert desk.ask("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == 1
        (left,) = [step for step in (await desk.plan(ARCHIVE_ANALYTICS)).steps if "FINALIZE" in step.sql]
        assert (left.on, left.note) == ("public.facts", "completes an interrupted detach")
    elif reached != "mark":
        desk.do(first[1], *(first[2:3] if reached == "keys" else []))
    run = await desk.run(ARCHIVE_ANALYTICS)
    assert run.outcome is Outcome.DONE, run.message
    assert whole(desk) == before
    assert desk.ask("SELECT count(*) FROM public.archive") == 2000
    assert desk.ask("SELECT count(*) FROM pg_description WHERE description LIKE 'pipeline-console:%'") == 0


async def test_what_is_on_its_way_to_the_archive_is_not_restored(desk: Desk) -> None:
    plan = await desk.plan(ARCHIVE_ANALYTICS)
    desk.do(*[step.sql for step in plan.steps if "facts_30" in step.sql][:2])
    with pytest.raises(Trouble, match=r"public.facts_30 is in neither public.facts nor public.archive"):
        await desk.plan(RESTORE_ANALYTICS, month="2020-01")


# Batches


async def test_a_cut_off_inside_a_partition_moves_rows_in_batches(desk: Desk) -> None:
    before = whole(desk)
    run = await desk.run(ARCHIVE_ANALYTICS, older_than="1 month")
    assert run.outcome is Outcome.DONE, run.message
    desk.do(partition("facts", 0), rows(0))
    before = whole(desk)
    days = desk.ask(f"SELECT (now() AT TIME ZONE 'UTC')::date - {MONTH}::date - 10")
    run = await desk.run(ARCHIVE_ANALYTICS, older_than=f"{max(days, 0)} days")
    assert run.outcome in {Outcome.DONE, Outcome.NOTHING}, run.message
    assert whole(desk) == before
    cutoff = f"(now() AT TIME ZONE 'UTC')::date - {max(days, 0)}"
    assert desk.ask(f"SELECT count(*) FROM public.facts WHERE day < {cutoff}") == 0
    assert desk.ask(f"SELECT count(*) FROM public.archive WHERE day >= {cutoff}") == 0
    assert (await desk.run(ARCHIVE_ANALYTICS, older_than=f"{max(days, 0)} days")).outcome is Outcome.NOTHING


async def test_a_plain_archive_with_other_columns_gets_each_row_by_name(desk: Desk) -> None:
    plain(desk)
    before = whole(desk)
    plan = await desk.plan(ARCHIVE_ANALYTICS)
    assert any("public.archive is not partitioned" in note for note in plan.notes)
    run = await desk.run(ARCHIVE_ANALYTICS)
    assert run.outcome is Outcome.DONE, run.message
    assert whole(desk) == before
    assert sum(one.rows for one in run.steps) == 2000
    month = desk.ask(f"SELECT to_char({MONTH} - interval '26 months', 'YYYY-MM')")
    assert (await desk.run(RESTORE_ANALYTICS, month=month)).outcome is Outcome.DONE
    assert whole(desk) == before
    assert desk.ask("SELECT count(*) FROM public.facts") == 2000
    desk.do("ALTER TABLE public.archive ADD moved timestamptz DEFAULT now()")
    assert (await desk.run(ARCHIVE_ANALYTICS)).outcome is Outcome.DONE
    assert whole(desk) == before
    with pytest.raises(Trouble, match=r"public.facts has no column moved"):
        await desk.plan(RESTORE_ANALYTICS, month=month)


async def test_a_plain_table_is_archived_in_batches_and_gets_the_months_the_archive_lacks(desk: Desk) -> None:
    desk.do(
        "ALTER TABLE public.facts RENAME TO parted",
        f"CREATE TABLE public.facts ({COLUMNS}, total numeric GENERATED ALWAYS AS (amount * 2) STORED)",
        "ALTER TABLE public.archive ADD total numeric GENERATED ALWAYS AS (amount * 2) STORED, "
        "ALTER id ADD GENERATED ALWAYS AS IDENTITY",
        rows(30, 20_000),
        rows(1),
    )
    before = whole(desk)
    run = await desk.run(ARCHIVE_ANALYTICS)
    assert run.outcome is Outcome.DONE, run.message
    assert whole(desk) == before
    assert desk.ask("SELECT count(*) FROM public.archive") == 20_000
    assert desk.ask("SELECT count(*) FROM pg_inherits WHERE inhparent = 'public.archive'::regclass") == 1


@pytest.mark.pg("!= 15, != 16, != 17")
@pytest.mark.parametrize(
    ("statements", "why"),
    [
        (
            "CREATE TABLE public.child (a int8, b date, FOREIGN KEY (a, b) REFERENCES public.facts ON DELETE CASCADE)",
            "Rows of public.child refer",
        ),
        (
            (
                "CREATE FUNCTION public.eat() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'\n"
                "CREATE TRIGGER eat BEFORE INSERT ON public.archive FOR EACH ROW EXECUTE FUNCTION public.eat()"
            ),
            r"The trigger eat fires",
        ),
        (
            (
                "CREATE FUNCTION public.eat() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'\n"
                "CREATE TRIGGER eat BEFORE DELETE ON public.facts FOR EACH ROW EXECUTE FUNCTION public.eat()"
            ),
            r"The trigger eat fires",
        ),
        ("CREATE RULE eat AS ON INSERT TO public.archive DO INSTEAD NOTHING", r"The rule eat"),
        ("ALTER TABLE public.archive DROP COLUMN kind", "public.archive has no column kind"),
        ("ALTER TABLE public.archive ALTER kind TYPE varchar(5)", "public.archive has no column kind of the same type"),
        ("ALTER TABLE public.archive ADD wanted int NOT NULL", "has a NOT NULL column wanted"),
        ("ALTER TABLE public.archive SET UNLOGGED", "is unlogged"),
        (
            (
                "CREATE FUNCTION public.spy(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1'\n"
                "CREATE INDEX ON public.archive (public.spy(kind))"
            ),
            r"user-defined code \(function public.spy\(text\)\) as superuser",
        ),
    ],
)
async def test_what_could_lose_or_change_rows_is_refused(desk: Desk, statements: str, why: str) -> None:
    plain(desk)
    desk.do(*statements.splitlines())
    before = whole(desk) if "DROP" not in statements else None
    with pytest.raises(Trouble, match=why) as refused:
        await desk.plan(ARCHIVE_ANALYTICS)
    assert refused.value.kind is Kind.REFUSED
    assert before is None or whole(desk) == before


async def test_no_cast_of_theirs_runs_for_a_checksum(desk: Desk) -> None:
    plain(desk)
    desk.do(
        "CREATE TYPE public.mood AS ENUM ('fine')",
        "CREATE FUNCTION public.spy(public.mood) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''it ran''; END'",
        "CREATE CAST (public.mood AS text) WITH FUNCTION public.spy(public.mood)",
        "ALTER TABLE public.facts ADD mood public.mood DEFAULT 'fine'",
        "ALTER TABLE public.archive ADD mood public.mood",
    )
    run = await desk.run(ARCHIVE_ANALYTICS)
    assert run.outcome is Outcome.DONE, run.message
    assert desk.ask("SELECT count(*) FROM public.archive WHERE mood = 'fine'") == 2000


async def test_row_security_refuses_a_role_that_it_hides_rows_from(desk: Desk) -> None:
    plain(desk)
    desk.do(
        "ALTER TABLE public.facts OWNER TO pipeline_owner",
        *(f"ALTER TABLE public.facts_{ago} OWNER TO pipeline_owner" for ago in (30, 26, 1)),
        "ALTER TABLE public.archive OWNER TO pipeline_owner",
        "ALTER TABLE public.facts_30 ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE public.facts_30 FORCE ROW LEVEL SECURITY",
    )
    with pytest.raises(Trouble, match=r"Row-level security hides rows of public\.facts_30"):
        await dataclasses.replace(desk, user="pipeline_owner").plan(ARCHIVE_ANALYTICS)


async def test_a_row_that_does_not_arrive_as_it_was_stops_the_batch(desk: Desk) -> None:
    plain(desk)
    plan = await desk.plan(ARCHIVE_ANALYTICS)
    desk.do(
        "CREATE FUNCTION public.change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.amount := 0; RETURN NEW; END'",
        "CREATE TRIGGER change BEFORE INSERT ON public.archive FOR EACH ROW EXECUTE FUNCTION public.change()",
    )
    before = whole(desk)
    for replacement in ("NEW", "NULL"):
        desk.do(
            "CREATE OR REPLACE FUNCTION public.change() RETURNS trigger LANGUAGE plpgsql AS "
            f"'BEGIN NEW.amount := 0; RETURN {replacement}; END'"
        )
        with desk.session() as session, pytest.raises(Exception, match=r"1000 rows deleted, (1000|0) inserted"):
            session.execute(plan.steps[0].sql.encode())
        assert whole(desk) == before


@pytest.mark.pg(">= 18")
async def test_two_at_once_one_does_it_and_the_other_is_told_who(desk: Desk) -> None:
    with desk.session() as other:
        other.execute("SELECT pg_advisory_lock(hashtext('pipeline-console'), hashtext('archive of public.facts'))")
        run = await desk.run(ARCHIVE_ANALYTICS)
        assert run.outcome is Outcome.REFUSED
        assert f"pid {other.info.backend_pid} of postgres" in run.message
    assert (await desk.run(ARCHIVE_ANALYTICS)).outcome is Outcome.DONE


async def test_a_malicious_name_changes_nothing_but_itself(desk: Desk) -> None:
    name = ("\"'; DROP TABLE public.dimensions; --" + '"x;%s' * 9)[:63]
    quoted = '"' + name.replace('"', '""') + '"'
    desk.do(f"ALTER TABLE public.facts_30 RENAME TO {quoted}", f"ALTER TABLE public.facts RENAME kind TO {quoted}")
    desk.do(f"ALTER TABLE public.archive RENAME kind TO {quoted}")
    run = await desk.run(ARCHIVE_ANALYTICS)
    assert run.outcome is Outcome.DONE, run.message
    assert desk.ask("SELECT count(*) FROM public.archive") == 2000
    desk.do(
        "CREATE TABLE public.plain AS SELECT * FROM public.archive",
        "DROP TABLE public.archive",
        "ALTER TABLE public.plain RENAME TO archive",
        f"CREATE TABLE public.{quoted} PARTITION OF public.facts FOR VALUES FROM (MINVALUE) TO ('2001-01-01')",
        f"INSERT INTO public.facts (id, day, {quoted}) VALUES (1, '2000-01-01', 'x')",
    )
    run = await desk.run(ARCHIVE_ANALYTICS)
    assert run.outcome is Outcome.DONE, run.message
    assert desk.ask("SELECT count(*) FROM public.archive") == 2001
    assert desk.ask("SELECT count(*) FROM public.dimensions") == 1000


async def test_the_bundled_tables_are_archived_by_their_policy(pg: Cluster, pg_pipeline: str, tmp_path: Path) -> None:
    desk = Desk(pg, pg_pipeline, Trail(tmp_path / "audit.jsonl"), user="pipeline_owner")
    count = (
        "SELECT (SELECT count(*) FROM public.content_analytics) + "
        "(SELECT count(*) FROM public.content_analytics_archive)"
    )
    before = desk.ask(count)
    run = await desk.run(ARCHIVE_ANALYTICS, older_than="1 month")
    assert run.outcome is Outcome.DONE, run.message
    assert desk.ask(count) == before
    assert desk.ask("SELECT count(*) FROM public.content_analytics_archive") > 0
    assert all(not isinstance(step.execution, Batches) for step in run.plan.steps)


@pytest.mark.parametrize(
    ("text", "meant"), [("24 months", (24, "month")), ("45 Days", (45, "day")), ("1 year", (1, "year"))]
)
def test_ages(text: str, meant: tuple[int, str]) -> None:
    assert age(text) == meant


@pytest.mark.parametrize("text", ["", "24", "months", "-1 days", "1 fortnight", "1 day; DROP"])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(Trouble) as why:
        age(text)
    assert why.value.kind is Kind.USAGE


# What holds on to the months


@pytest.mark.parametrize("default", [False, True])
async def test_a_month_that_other_rows_refer_to_stays_and_the_months_behind_it_move(desk: Desk, default: bool) -> None:
    desk.do(
        CHILD,
        "INSERT INTO public.child SELECT id, day FROM public.facts_30 WHERE id = 7",
        *(["CREATE TABLE public.facts_rest PARTITION OF public.facts DEFAULT"] if default else []),
    )
    before = whole(desk)
    run = await desk.run(ARCHIVE_ANALYTICS)
    assert run.outcome is Outcome.DONE, run.message
    assert any("rows of public.child refer to its rows (foreign key child_fk)" in note for note in run.plan.notes)
    assert whole(desk) == before
    assert desk.ask("SELECT count(*) FROM public.archive") == 1000
    assert desk.ask("SELECT relispartition FROM pg_class WHERE oid = 'public.facts_30'::regclass")
    assert (await desk.run(ARCHIVE_ANALYTICS)).outcome is Outcome.NOTHING
    desk.do("DELETE FROM public.child")
    assert (await desk.run(ARCHIVE_ANALYTICS)).outcome is Outcome.DONE
    assert desk.ask("SELECT count(*) FROM public.archive") == 2000


CHILD = "CREATE TABLE public.child (a bigint, b date, CONSTRAINT child_fk FOREIGN KEY (a, b) REFERENCES public.facts)"
HELD = (  # what refers to rows 7 and 8 of month 30, and how many of month 30 stay
    (
        (
            f"{CHILD}\n"
            "INSERT INTO public.child SELECT id, day FROM public.facts_30 WHERE id IN (7, 8)\n"
            "INSERT INTO public.child VALUES (9, NULL)"
        ),
        "rows of public.child refer to 2 rows of it (foreign key child_fk), which stay in public.facts",
    ),
    (
        (
            "CREATE TABLE public.child (a bigint, b date, CONSTRAINT child_fk FOREIGN KEY (a, b) "
            "REFERENCES public.facts_30 ON DELETE RESTRICT) PARTITION BY HASH (a)\n"
            "CREATE TABLE public.child_0 PARTITION OF public.child FOR VALUES WITH (MODULUS 1, REMAINDER 0)\n"
            "INSERT INTO public.child SELECT id, day FROM public.facts_30 WHERE id IN (7, 8)"
        ),
        "rows of public.child refer to 2 rows of it (foreign key child_fk), which stay in public.facts",
    ),
    (
        (
            f"{CHILD}\n"
            "INSERT INTO public.child SELECT id, day FROM public.facts_30 WHERE id = 7\n"
            "CREATE TABLE public.other (a bigint, b date, FOREIGN KEY (a, b) REFERENCES public.facts "
            "INITIALLY DEFERRED)\n"
            "INSERT INTO public.other SELECT id, day FROM public.facts_30 WHERE id = 8"
        ),
        (
            "rows of public.child, public.other refer to 2 rows of it "
            "(foreign key child_fk, other_a_b_fkey), which stay in public.facts"
        ),
    ),
    (
        (
            "ALTER TABLE public.archive ADD FOREIGN KEY (id) REFERENCES public.dimensions\n"
            "ALTER TABLE public.facts DROP CONSTRAINT facts_id_fkey\n"
            "DELETE FROM public.dimensions WHERE id = 8\n"
            f"{CHILD}\n"
            "INSERT INTO public.child SELECT id, day FROM public.facts_30 WHERE id = 7"
        ),
        (
            "rows of public.child refer to 1 row of it (foreign key child_fk), which stay in public.facts; "
            "1 of its rows refer to rows of public.dimensions that no longer exist; they stay in public.facts"
        ),
    ),
)


@pytest.mark.parametrize(("statements", "why"), HELD)
async def test_rows_that_others_refer_to_stay_when_the_rest_is_moved_in_batches(
    desk: Desk, statements: str, why: str
) -> None:
    plain(desk)
    desk.do(*statements.splitlines())
    before = whole(desk)
    run = await desk.run(ARCHIVE_ANALYTICS)
    assert run.outcome is Outcome.DONE, run.message
    assert f"Rows of public.facts_30 are moved in batches: {why}." in run.plan.notes
    assert whole(desk) == before
    assert desk.ask("SELECT array_agg(id ORDER BY id) FROM public.facts_30") == [7, 8]
    again = await desk.run(ARCHIVE_ANALYTICS)
    assert again.outcome is Outcome.NOTHING
    assert any(
        note.startswith("Nothing of public.facts_30 can be moved: rows of public.child") for note in again.plan.notes
    )


async def test_rows_that_refer_to_rows_of_their_own_table_move_before_those(desk: Desk) -> None:
    plain(desk)
    desk.do(
        "ALTER TABLE public.facts ADD up bigint, ADD at date, ADD CONSTRAINT up_fk FOREIGN KEY (up, at) "
        "REFERENCES public.facts",
        "ALTER TABLE public.archive ADD up bigint, ADD at date",
        "UPDATE public.facts f SET up = o.id, at = o.day FROM public.facts_30 o "
        f"WHERE f.id = o.id + 1 AND f.id < 5 AND f.day < {MONTH} - interval '28 months'",
        "UPDATE public.facts_1 f SET up = o.id, at = o.day FROM public.facts_30 o WHERE f.id = 7 AND o.id = 7",
    )
    before = whole(desk)
    run = await desk.run(ARCHIVE_ANALYTICS)
    assert run.outcome is Outcome.DONE, run.message
    assert whole(desk) == before
    assert desk.ask("SELECT array_agg(id) FROM public.facts_30") == [7]


async def test_a_materialized_view_that_still_reads_the_rows_is_named(desk: Desk) -> None:
    desk.do(
        "CREATE VIEW public.between AS SELECT * FROM public.facts",
        "CREATE MATERIALIZED VIEW public.recent AS "
        f"SELECT day FROM public.facts WHERE day >= {MONTH} - interval '1 year'",
        "CREATE MATERIALIZED VIEW public.all_of_it AS SELECT day::timestamptz AS at FROM public.between",
        "CREATE MATERIALIZED VIEW public.timeless AS SELECT count(*) FROM public.between",
        "CREATE MATERIALIZED VIEW public.elsewhere AS SELECT 1 AS id",
    )
    oldest = desk.ask("SELECT min(day) FROM public.facts")
    warned = [note for note in (await desk.plan(ARCHIVE_ANALYTICS)).notes if "its next refresh loses them" in note]
    assert warned == [
        f"public.{name} still reads the rows of public.facts that move{since}: its next refresh loses them."
        for name, since in (("all_of_it", f", from {oldest} on"), ("timeless", ""))
    ]
