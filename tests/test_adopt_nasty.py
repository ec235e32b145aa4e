"""adopt-schema on grown databases with something unlucky in the way: it is named, and all else is adopted."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.actions.adoption.adopt_schema import ADOPT_SCHEMA
from console.demo.cluster import OWNER
from console.model import Outcome
from console.running.progress import Run
from console.running.trail.audit import Trail
from tests import grown, hostile
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster

pytestmark = pytest.mark.pg("!= 14, != 16, != 17")

REQUEST = (
    "INSERT INTO public.content_requests (organization_id, brand_profile_id, requested_by)"
    " VALUES (md5('o2')::uuid, md5('b1')::uuid, md5('u1')::uuid)"
)


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    return Desk(pg, database, Trail(tmp_path / "pipeline-console" / "audit.jsonl"))


@pytest.fixture
def small(desk: Desk) -> Desk:
    grown.make(desk, rows=0, requests=20, misfits=False, timed=False)
    return desk


async def adopted(desk: Desk) -> Run:
    run = await desk.run(ADOPT_SCHEMA)
    assert run.outcome is Outcome.DONE, run.message
    assert not [one for one in (await desk.plan(ADOPT_SCHEMA)).steps if "schema_migrations" not in one.sql]
    return run


def left(run: Run, name: str) -> str:
    """Why an object was skipped."""
    return next(note for note in run.plan.notes if note.startswith(f"Skipped: {name}"))


def key(desk: Desk) -> object:
    """The name of the primary key of asset_versions."""
    return desk.ask(
        "SELECT max(conname::text) FROM pg_constraint"
        " WHERE conrelid = 'public.asset_versions'::regclass AND contype = 'p'"
    )


async def test_a_view_with_the_name_of_a_table_does_not_keep_the_others_from_being_made(desk: Desk) -> None:
    desk.do("CREATE VIEW public.api_usage AS SELECT 1 AS id")
    run = await adopted(desk)
    assert "another kind (view)" in left(run, "api_usage")
    assert desk.ask("SELECT count(*) FROM public.content_requests") == 0


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("content_brief", "ALTER content_brief TYPE jsonb USING to_jsonb(content_brief), ALTER title SET DEFAULT 'x'"),
        ("title", "DROP title"),
    ],
)
async def test_writers_go_on_where_a_searched_column_does_not_fit(small: Desk, column: str, change: str) -> None:
    small.do(f"ALTER TABLE public.content_requests {change}")
    run = await adopted(small)
    assert f"it needs {column}" in left(run, "content_requests.search_vector")
    small.do("ALTER TABLE public.content_requests ADD IF NOT EXISTS title text DEFAULT 'x'", REQUEST)


async def test_a_key_is_never_put_over_another_index_that_has_its_name(small: Desk) -> None:
    small.do("CREATE UNIQUE INDEX asset_versions_pkey ON public.asset_versions (id, version)")
    run = await adopted(small)
    assert any("asset_versions_pkey is an index of" in note for note in run.plan.notes)
    assert key(small) is None


async def test_an_index_is_taken_over_for_a_key_whose_name_is_taken(small: Desk) -> None:
    small.do(
        "CREATE UNIQUE INDEX one_version ON public.asset_versions (id)",
        "CREATE TABLE public.asset_versions_pkey (a int)",
    )
    await adopted(small)
    assert key(small) == "one_version"


@pytest.mark.pg(">= 18")
async def test_nulls_that_are_there_although_they_are_forbidden_are_named_until_they_are_mended(small: Desk) -> None:
    await small.run(ADOPT_SCHEMA)
    small.do(
        "ALTER TABLE public.users ALTER username DROP NOT NULL",
        "UPDATE public.users SET username = NULL WHERE id = md5('u1')::uuid",
        "ALTER TABLE public.users ADD CONSTRAINT later NOT NULL username NOT VALID",
    )
    assert "1 row violates it" in left(await small.run(ADOPT_SCHEMA), "users.username, may be null")
    small.do("UPDATE public.users SET username = 'mended' WHERE username IS NULL")
    await adopted(small)
    assert small.ask("SELECT convalidated FROM pg_constraint WHERE conname = 'later'")


async def test_a_view_that_was_never_filled_is_filled(small: Desk) -> None:
    await small.run(ADOPT_SCHEMA)
    small.do("REFRESH MATERIALIZED VIEW public.mv_monthly_brand_performance WITH NO DATA")
    await adopted(small)
    assert small.ask("SELECT relispopulated FROM pg_class WHERE relname = 'mv_monthly_brand_performance'")
    assert small.ask("SELECT count(*) FROM public.console_refreshes") == 2


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            (
                "ALTER TABLE public.api_providers DROP CONSTRAINT api_providers_pkey CASCADE",
                "INSERT INTO public.api_providers (id, name) SELECT id, 'again ' || name FROM public.api_providers",
            ),
            "api_providers has no unique key (id)",
        ),
        (
            (
                "ALTER TABLE public.api_providers DROP CONSTRAINT api_providers_pkey CASCADE",
                "ALTER TABLE public.api_providers ADD PRIMARY KEY (id, name)",
            ),
            "api_providers has no unique key (id)",
        ),
        (
            (
                "ALTER TABLE public.api_providers RENAME TO providers",
                "CREATE VIEW public.api_providers AS SELECT * FROM public.providers",
                "ALTER TABLE public.api_usage DROP CONSTRAINT api_usage_provider_id_fkey",
            ),
            "api_providers is a view",
        ),
    ],
)
async def test_what_cannot_be_referred_to_is_named(small: Desk, changes: tuple[str, ...], why: str) -> None:
    small.do(*changes)
    assert why in left(await adopted(small), "api_usage_provider_id_fkey")


async def test_a_superuser_reads_a_table_whose_indexes_run_code_of_others_as_its_owner(small: Desk) -> None:
    owner = Desk(small.cluster, small.database, small.trail, user=OWNER)
    owner.do(
        hostile.CONSTANT,
        "CREATE INDEX trap_versions ON public.asset_versions (id) WHERE public.trap_now()",
        "CREATE INDEX trap_organizations ON public.organizations (id) WHERE public.trap_now()",
    )
    await adopted(small)
    assert key(small) == "asset_versions_pkey"


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        ("title = NULL", "rows where title is null"),
        ("status = 'lost'", "the check constraint content_requests_status_check"),
    ],
)
async def test_of_a_table_too_large_for_the_plan_nothing_is_promised_that_its_rows_break(
    small: Desk, spoiled: str, said: str
) -> None:
    small.do(
        "ALTER TABLE public.content_requests ALTER title DROP NOT NULL",
        "ALTER TABLE public.content_requests DROP CONSTRAINT content_requests_status_check",
        f"UPDATE public.content_requests SET {spoiled} WHERE title LIKE '% 1'",
        "UPDATE pg_class SET reltuples = 6e6 WHERE oid = 'public.content_requests'::regclass",
    )
    run = await small.run(ADOPT_SCHEMA)
    assert run.outcome is not Outcome.DONE
    assert said in run.message
    small.do("UPDATE public.content_requests SET priority = priority")
