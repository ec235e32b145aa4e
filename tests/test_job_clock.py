"""pg_cron as the clock of recurring jobs, on servers that have the extension."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.actions.jobs.change_job import CANCEL_JOB
from console.actions.jobs.schedule_jobs import SCHEDULE_JOBS
from console.actions.trail.undo import UNDO
from console.demo.cluster import OWNER
from console.demo.content import install_schema
from console.jobs.cron import LONGEST, cron_name, next_run
from console.jobs.timetable import cron_line, upcoming
from console.model import Frame, Kind, Outcome, Trouble, View
from console.panes.jobs import CLOCKED, RECURRING, SCHEDULED
from console.reading.reader import Reader
from console.rules.findings.jobs import missing
from console.running.trail.audit import Trail
from console.settings.jobs import RecurringJob
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.waiting import eventually, wait
from tests.working import work

HOURLY = RecurringJob("every hour", "performance_monitoring", "hour", 5, parameters={"checks": ["connection_count"]})
MONTHLY = RecurringJob("last day", "archive", "month", 120, 31, parameters={"older_than": "24 months"})
CRONS = "SELECT array_agg(jobname || ' ' || schedule ORDER BY jobname) FROM cron.job"
LAUNCHED = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher'"
LIVE = "SELECT array_agg(schedule_name || coalesce(repeat_every::text, '-') ORDER BY id) FROM background_jobs"


@pytest.fixture(scope="module", name="server")
def a_server_with_pg_cron(pg: Cluster, pg_servers: Servers) -> Iterator[Cluster]:
    with pg.connect() as session:
        found = session.execute("SELECT FROM pg_available_extensions WHERE name = 'pg_cron'").fetchone()
    if found is None:
        pytest.skip("pg_cron is not installed on this server")
    settings = {
        "shared_preload_libraries": "pg_cron",
        "cron.database_name": "jobs",
        "cron.use_background_workers": "on",
        "max_worker_processes": "20",
    }
    server = pg_servers.new(pg.major, settings)
    with server.connect() as session:
        session.execute(f"CREATE DATABASE jobs OWNER {OWNER}".encode())
    with server.connect("jobs", OWNER) as session:
        install_schema(session, server.major)
    with server.connect("jobs") as session:
        session.execute("CREATE EXTENSION pg_cron")
        session.execute(f"GRANT USAGE ON SCHEMA cron TO {OWNER}".encode())
        # It was started before its database was there, and is started again after a while.
        wait(lambda: session.execute(LAUNCHED).fetchone())
    yield server
    server.stop()


@pytest.fixture(name="desk")
def desk_of_the_owner(server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A console of the schema's owner with two recurring jobs, which end with the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    desk = Desk(server, "jobs", Trail(tmp_path / "pipeline-console" / "audit.jsonl"), user=OWNER)
    jobs = replace(desk.settings.jobs, recurring=(HOURLY, MONTHLY))
    yield replace(desk, settings=replace(desk.settings, jobs=jobs))
    desk.do("SELECT cron.unschedule(jobid) FROM cron.job", "DELETE FROM background_jobs")


@pytest.mark.parametrize(
    ("job", "line"),
    [
        (RecurringJob("a", "archive", "hour", 605), "5 * * * *"),
        (RecurringJob("a", "archive", "day", 195), "15 3 * * *"),
        (RecurringJob("a", "archive", "week", 180, 0), "0 3 * * 1"),
        (RecurringJob("a", "archive", "week", 180, 6), "0 3 * * 0"),
        (RecurringJob("a", "archive", "month", 120, 28), "0 2 28 * *"),
        (RecurringJob("a", "archive", "month", 120, 31), "0 2 28-31 * *"),
    ],
)
def test_a_line_of_cron_means_the_times_of_the_configuration(job: RecurringJob, line: str) -> None:
    assert cron_line(job) == line
    now = datetime(2026, 11, 29, 10, 5, tzinfo=UTC)
    assert next_run(line, now) == (None if "-" in line else upcoming(job, now))


@pytest.mark.parametrize("name", ["a", "é" * 22, "x" * 200, "é" * 100])
def test_the_name_of_a_cron_job_fits_and_differs(name: str) -> None:
    assert len(cron_name(name).encode()) <= LONGEST
    assert cron_name(name) != cron_name(f"{name}x"[-199:])


async def shown(desk: Desk) -> dict[str, dict[str, object]]:
    """The recurring jobs as the pane shows them."""
    async with desk.workspace() as workspace:
        taken = await Reader(RECURRING).read(workspace.sources.postgres)
    return {str(row["schedule"]): row for row in taken.records()}


async def found(desk: Desk) -> list[str]:
    """What the rule reports."""
    async with desk.workspace() as workspace:
        reader = Reader(View("jobs", "Jobs", "job_state", (), ("jobs",), lookups=(SCHEDULED, CLOCKED)))
        taken = await reader.read(workspace.sources.postgres)
    return [each.sentence for each in missing(Frame({"job_state": (taken,)}, taken.taken_at))]


async def test_pg_cron_queues_recurring_jobs_and_the_worker_does_again(desk: Desk) -> None:
    await desk.run(SCHEDULE_JOBS)
    former = desk.ask(LIVE)
    run = await desk.run(SCHEDULE_JOBS, clock="pg_cron")
    assert (run.outcome, run.message) == (Outcome.DONE, "2 recurring jobs scheduled, queued by pg_cron.")
    assert desk.ask(CRONS) == [
        "pipeline-console: every hour 5 * * * *",
        "pipeline-console: last day 0 2 28-31 * *",
    ]
    assert desk.ask(LIVE) == ["every hour-", "last day-"]
    for clock in ("", "pg_cron"):
        assert (await desk.plan(SCHEDULE_JOBS, clock=clock)).steps == ()
    assert {row["clock"] for row in (await shown(desk)).values()} == {"pg_cron"}
    assert "clock" in {column.name for column in RECURRING.columns}
    await desk.run(UNDO)
    assert (desk.ask(CRONS), desk.ask(LIVE)) == (None, former)
    await desk.run(SCHEDULE_JOBS, clock="pg_cron")
    await desk.run(SCHEDULE_JOBS, clock="worker")
    assert (desk.ask(CRONS), desk.ask(LIVE)) == (None, former)
    assert (await desk.plan(SCHEDULE_JOBS)).steps == ()


async def test_what_pg_cron_inserts_is_run_once_and_never_queued_by_the_worker(desk: Desk) -> None:
    await desk.run(SCHEDULE_JOBS, clock="pg_cron")
    assert desk.ask("SELECT count(*) FROM background_jobs") == 0
    rows = await shown(desk)
    assert [row["state"] for row in rows.values()] == ["scheduled", "scheduled"]
    assert isinstance(rows["every hour"]["next"], datetime)
    command = str(desk.ask("SELECT command FROM cron.job WHERE jobname LIKE '%every hour'"))
    desk.do(command, command)
    assert desk.ask("SELECT count(*) FROM background_jobs WHERE status = 'pending'") == 1
    events = await work(desk)
    assert [str(event.what) for event in events if event.job][-1].endswith("succeeded")
    assert desk.ask("SELECT array_agg(status) FROM background_jobs") == ["succeeded"]
    assert (await shown(desk))["every hour"]["outcome"] == "succeeded"
    last = str(desk.ask("SELECT command FROM cron.job WHERE jobname LIKE '%last day'"))
    today = "pg_catalog.now() AT TIME ZONE 'UTC'"
    for day, queued in (("2026-02-28", 1), ("2026-02-27", 0), ("2026-03-31", 1), ("2026-03-28", 0)):
        desk.do("DELETE FROM background_jobs", last.replace(today, f"timestamp '{day}'"))
        assert desk.ask("SELECT count(*) FROM background_jobs") == queued


async def test_a_job_of_pg_cron_that_does_not_queue_is_a_finding(desk: Desk, server: Cluster) -> None:
    await desk.run(SCHEDULE_JOBS, clock="pg_cron")
    assert await found(desk) == []
    with server.connect("jobs") as session:
        session.execute("UPDATE cron.job SET active = false WHERE jobname LIKE '%last day'")
        session.execute(
            "INSERT INTO cron.job_run_details (jobid, runid, username, status, return_message) "
            "SELECT jobid, 1000000, username, 'failed', 'connection failed' FROM cron.job "
            "WHERE jobname LIKE '%every hour'"
        )
    assert await found(desk) == [
        "pg_cron does not queue recurring job every hour: connection failed",
        "pg_cron does not queue recurring job last day: Its job of pg_cron is not active.",
    ]
    run = await desk.run(SCHEDULE_JOBS)
    assert (run.outcome, desk.ask("SELECT bool_and(active) FROM cron.job")) == (Outcome.DONE, True)
    desk.do("DELETE FROM cron.job_run_details", "SELECT cron.unschedule(jobid) FROM cron.job")
    desk.do(
        "INSERT INTO background_jobs (job_type, job_name, schedule_name) VALUES ('archive', 'last day', 'last day')"
    )
    assert await found(desk) == ["pg_cron does not queue recurring job last day: Its job of pg_cron was removed."]


async def test_all_occurrences_of_a_job_that_pg_cron_queues_are_cancelled(desk: Desk) -> None:
    await desk.run(SCHEDULE_JOBS, clock="pg_cron")
    desk.do(str(desk.ask("SELECT command FROM cron.job WHERE jobname LIKE '%every hour'")))
    await desk.run(CANCEL_JOB, job=str(desk.ask("SELECT id FROM background_jobs")), all="yes")
    assert desk.ask(CRONS) == ["pipeline-console: last day 0 2 28-31 * *"]
    assert desk.ask("SELECT status FROM background_jobs") == "cancelled"
    await desk.run(UNDO)
    assert len(desk.ask(CRONS)) == 2


async def test_pg_cron_fires_and_the_row_is_due(desk: Desk) -> None:
    await desk.run(SCHEDULE_JOBS, clock="pg_cron")
    desk.do("SELECT cron.schedule(jobname, '* * * * *', command) FROM cron.job WHERE jobname LIKE '%every hour'")
    due = "SELECT count(*) FROM background_jobs WHERE schedule_name = 'every hour' AND scheduled_for <= now()"
    await eventually(lambda: desk.ask(due))
    assert (await desk.plan(SCHEDULE_JOBS)).steps[0].note == "times * * * * * to 5 * * * *"


async def test_a_superuser_schedules_with_the_rights_of_the_owner(desk: Desk) -> None:
    run = await replace(desk, user="postgres").run(SCHEDULE_JOBS, clock="pg_cron")
    assert run.outcome is Outcome.DONE
    assert desk.ask("SELECT array_agg(DISTINCT username) FROM cron.job") == [OWNER]


async def test_where_it_is_not_installed_pg_cron_is_refused(pg: Cluster, database: str, tmp_path: Path) -> None:
    with pg.connect(database, OWNER) as session:
        install_schema(session, pg.major)
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"), user=OWNER)
    with pytest.raises(Trouble, match="pg_cron is not installed") as why:
        await desk.plan(SCHEDULE_JOBS, clock="pg_cron")
    assert why.value.kind is Kind.REFUSED
    assert "cron.database_name" in why.value.remedy
    with pytest.raises(Trouble) as wrong:
        await desk.plan(SCHEDULE_JOBS, clock="sundial")
    assert wrong.value.kind is Kind.USAGE
