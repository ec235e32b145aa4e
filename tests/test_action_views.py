"""refresh-views on real servers: in order, concurrently where possible, recorded, never two at once."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path

import pytest

from console.actions.maintenance.refresh_views import REFRESH_VIEWS
from console.model import Kind, Outcome, Trouble
from console.panes.views import VIEWS
from console.reading.reader import Reader
from console.running.trail import history
from console.running.trail.audit import Trail, default_trail
from console.settings.config import RefreshPolicy
from console.sources.postgres import PostgresServer
from console.sql import content
from tests.acting import Desk
from tests.command import argv, environment, run
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait

RECORD = "SELECT count(*) FROM public.console_refreshes"
ACTING = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE application_name = 'pipeline-console act' AND datname = current_database()"
)
OF_RATIO = "(schema_name, view_name) = ('public', 'ratio')"


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    """A table under three views: `low` is read by `high` through a plain view, `bare` has no key."""
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    desk.do(
        "CREATE TABLE public.t (id int PRIMARY KEY)",
        "INSERT INTO public.t VALUES (1), (2)",
        "CREATE MATERIALIZED VIEW public.low AS SELECT id FROM public.t",
        "CREATE UNIQUE INDEX ON public.low (id)",
        "CREATE VIEW public.between AS SELECT id FROM public.low",
        "CREATE MATERIALIZED VIEW public.high AS SELECT count(*) AS n FROM public.between",
    )
    policies = (RefreshPolicy("public.high"), RefreshPolicy("public.low"))
    return dataclasses.replace(desk, settings=dataclasses.replace(desk.settings, refreshes=policies))


async def test_views_are_refreshed_after_those_they_read(desk: Desk) -> None:
    desk.do("INSERT INTO public.t VALUES (3)")
    run = await desk.run(REFRESH_VIEWS)
    assert run.outcome is Outcome.DONE, run.message
    assert [one.step.sql for one in run.steps] == [
        "REFRESH MATERIALIZED VIEW CONCURRENTLY public.low",
        "REFRESH MATERIALIZED VIEW public.high",
    ]
    assert "blocks readers" in run.plan.steps[1].note
    assert desk.ask("SELECT n FROM public.high") == 3


async def test_the_first_fill_is_plain(desk: Desk) -> None:
    desk.do("REFRESH MATERIALIZED VIEW public.low WITH NO DATA")
    with pytest.raises(Trouble, match=r"public.high reads public.low, which is not populated"):
        await desk.plan(REFRESH_VIEWS, view="public.high")
    run = await desk.run(REFRESH_VIEWS, view="public.low")
    assert run.outcome is Outcome.DONE
    assert run.plan.steps[0].sql == "REFRESH MATERIALIZED VIEW public.low"
    assert "first refresh" in run.plan.steps[0].note


@pytest.mark.parametrize("user", ["postgres", "pipeline_owner"])
async def test_duration_and_rows_are_recorded(pg: Cluster, pg_pipeline: str, tmp_path: Path, user: str) -> None:
    desk = Desk(pg, pg_pipeline, Trail(tmp_path / "audit.jsonl"), user=user)
    before = desk.ask(RECORD)
    run = await desk.run(REFRESH_VIEWS)
    assert run.outcome is Outcome.DONE, run.message
    assert desk.ask(RECORD) == before + 1
    assert desk.ask(
        "SELECT is_concurrent AND error IS NULL AND seconds > 0 AND finished_at >= started_at AND row_count = "
        "(SELECT count(*) FROM public.mv_monthly_brand_performance) FROM public.console_refreshes "
        "ORDER BY id DESC LIMIT 1"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("INSERT INTO public.t VALUES (0)", "division by zero"),
        ("INSERT INTO public.t VALUES (1)", "new data for materialized view .* contains duplicate rows"),
    ],
)
async def test_a_failure_is_recorded_and_shown_until_a_refresh_succeeds(desk: Desk, change: str, said: str) -> None:
    desk.do(
        record_table(),
        "CREATE MATERIALIZED VIEW public.ratio AS SELECT id, 1 / id AS r FROM public.t",
        "CREATE UNIQUE INDEX ON public.ratio (id)",
        "ALTER TABLE public.t DROP CONSTRAINT t_pkey",
        change,
    )
    run = await desk.run(REFRESH_VIEWS, view="public.ratio")
    assert run.outcome is Outcome.FAILED
    assert re.search(said, run.message)
    assert run.notes == []
    assert desk.ask(f"SELECT error FROM public.console_refreshes WHERE {OF_RATIO} AND finished_at IS NOT NULL") == (
        run.message
    )
    row = await shown(desk)
    assert row["verdict"] == "refresh failed"
    assert run.message in str(row["why"])
    desk.do("DELETE FROM public.t WHERE ctid IN (SELECT max(ctid) FROM public.t)")
    assert (await desk.run(REFRESH_VIEWS, view="public.ratio")).outcome is Outcome.DONE
    assert (await shown(desk))["verdict"] == "ok"


def record_table() -> str:
    """The statement that makes the console's record of refreshes."""
    text = (content() / "sql" / "schema" / "0009_performance_view.sql").read_text()
    return "CREATE TABLE" + text.split("CREATE TABLE")[1].split(";")[0]


async def shown(desk: Desk) -> dict[str, object]:
    """The view `ratio` in the views pane."""
    server = PostgresServer(desk.uri)
    snapshot = await Reader(VIEWS.view("materialized")).read(server)
    await server.close()
    return next(row for row in snapshot.records() if row["view"] == "public.ratio")


async def test_no_code_of_a_table_that_only_looks_like_the_record_runs_as_the_dba(desk: Desk) -> None:
    desk.do(
        "CREATE TABLE public.console_refreshes (schema_name name, view_name name, started_at timestamptz, "
        "finished_at timestamptz, seconds float8, row_count bigint, is_concurrent bool, error text)",
        "CREATE FUNCTION public.trap() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''ran''; END'",
        "CREATE TRIGGER trap BEFORE INSERT ON public.console_refreshes EXECUTE FUNCTION public.trap()",
    )
    assert (await desk.run(REFRESH_VIEWS)).outcome is Outcome.DONE
    desk.do(
        "DROP TRIGGER trap ON public.console_refreshes",
        "CREATE FUNCTION public.check_it(name) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''ran''; END'",
        "ALTER TABLE public.console_refreshes ADD CHECK (public.check_it(view_name))",
    )
    assert (await desk.run(REFRESH_VIEWS)).outcome is Outcome.DONE
    desk.do(
        "ALTER TABLE public.console_refreshes DROP CONSTRAINT console_refreshes_view_name_check",
        "ALTER TABLE public.console_refreshes "
        "ALTER error SET DEFAULT ts_rewrite('a'::tsquery, 'SELECT public.check_it(''a'')')::text",
    )
    assert (await desk.run(REFRESH_VIEWS)).outcome is Outcome.DONE, "a query given as text is code too"
    desk.do("INSERT INTO public.t VALUES (3)", "CREATE UNIQUE INDEX ON public.high ((1 / (3 - n)))")
    failed = await desk.run(REFRESH_VIEWS)
    assert "division by zero" in failed.message
    assert (failed.notes, {step.failed for step in failed.plan.steps}) == ([], {""})
    assert desk.ask(RECORD) == 0


def test_a_killed_concurrent_refresh_leaves_the_old_rows_and_is_mended_by_running_it_again(
    desk: Desk, tmp_path: Path
) -> None:
    desk.do(
        record_table(),
        "CREATE TABLE public.pause (seconds float8)",
        "CREATE MATERIALIZED VIEW public.slow AS "
        "SELECT id, pg_sleep((SELECT max(seconds) FROM public.pause))::text AS slept FROM public.t",
        "CREATE UNIQUE INDEX ON public.slow (id)",
        "INSERT INTO public.t VALUES (3)",
        "INSERT INTO public.pause VALUES (20)",
    )
    given = ["run", "refresh-views", "-t", desk.uri, "--set", "view=public.slow", "--yes"]
    with subprocess.Popen(
        argv(*given), env=environment(tmp_path), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait(lambda: desk.ask(f"{ACTING} AND wait_event = 'PgSleep'") == 1)
        process.kill()
    other = run(tmp_path, *given)
    if other.code == 0:  # on a busy machine the server may have noticed before it was asked
        assert (desk.ask("SELECT count(*) FROM public.slow"), desk.ask(RECORD)) == (3, 1)
        return
    assert other.code == 3, other
    assert "Another session is changing materialized views: pid" in other.err
    wait(lambda: desk.ask(ACTING) == 0)
    assert (desk.ask("SELECT count(*) FROM public.slow"), desk.ask(RECORD)) == (2, 0)
    assert desk.ask("SELECT count(*) FROM pg_class WHERE relname ~ '^pg_temp_' AND relkind = 'r'") == 0
    trail = default_trail({"HOME": str(tmp_path)})
    assert [past.status for past in history.runs(trail.entries())] == [history.UNFINISHED, "refused"]
    desk.do("UPDATE public.pause SET seconds = 0")
    again = run(tmp_path, *given)
    assert again.code == 0, again
    assert (desk.ask("SELECT count(*) FROM public.slow"), desk.ask(RECORD)) == (3, 1)


async def test_only_the_owner_may_and_a_table_is_no_view(desk: Desk) -> None:
    other = dataclasses.replace(desk, user="pipeline_app")
    with pytest.raises(Trouble, match=r"Only its owner postgres may refresh public.high") as why:
        await other.plan(REFRESH_VIEWS, view="public.high")
    assert why.value.kind is Kind.REFUSED
    with pytest.raises(Trouble, match=r"public.t is not a materialized view"):
        await desk.plan(REFRESH_VIEWS, view="public.t")


@pytest.mark.pg(">= 18")
async def test_never_two_at_once(desk: Desk) -> None:
    with desk.session() as other:
        other.execute("SELECT pg_advisory_lock(hashtext('pipeline-console'), hashtext('materialized views'))")
        run = await desk.run(REFRESH_VIEWS)
    assert run.outcome is Outcome.REFUSED
    assert "of postgres" in run.message


async def test_a_malicious_name_changes_nothing_but_itself(desk: Desk) -> None:
    name = "\"'; DROP TABLE public.t; --"
    quoted = '"' + name.replace('"', '""') + '"'
    desk.do(f"CREATE MATERIALIZED VIEW public.{quoted} AS SELECT 1 AS a", f"CREATE UNIQUE INDEX ON public.{quoted} (a)")
    run = await desk.run(REFRESH_VIEWS, view=f"public.{name}")
    assert run.outcome is Outcome.DONE, run.message
    assert desk.ask("SELECT count(*) FROM public.t") == 2
