"""The doctor's line on the recurring jobs: who queues them, who runs them, and the remedy where nobody does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from console.actions.jobs.schedule_jobs import SCHEDULE_JOBS
from console.demo.cluster import OWNER
from console.demo.content import install_schema
from console.doctor.check import Check, Status
from console.doctor.jobs import checks, judge
from console.jobs.cron import cron_name
from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.servers import PostgresServer

NAME = "analytics"
JOB = {
    "schedule": NAME,
    "kind": "archive",
    "id": 7,
    "next": "2026-12-01T02:00:00+00:00",
    "until": 3600.0,
    "every": 86400.0,
    "state": "pending",
    "ended": 60.0,
    "outcome": "succeeded",
    "seconds": 1.0,
    "usual": 1.0,
    "error": None,
    "runs": 3,
}
STATE = {"jobs": 16_400, "unreadable": False, "outdated": False, "workers": 1, "cron": False, "schedules": [JOB]}
CRON = {"name": cron_name(NAME), "line": "0 2 * * *", "active": True, "status": "succeeded", "message": "", "at": None}
BY_CRON = {"cron": True, "crons": [CRON], "launched": True, "visible": True}


@pytest.mark.parametrize(
    ("changed", "state", "said"),
    [
        ({}, Status.OK, "1 worker connected"),
        (BY_CRON, Status.OK, "1 job queued by pg_cron, 0 by the worker"),
        ({"workers": 0}, Status.LIMITED, "pipeline-console worker"),
        ({**BY_CRON, "workers": 0}, Status.LIMITED, "pipeline-console worker"),
        ({"workers": 0, "schedules": [{**JOB, "until": -7200.0}]}, Status.CANNOT, "has been due for 2h"),
        ({**BY_CRON, "launched": False}, Status.LIMITED, "The launcher of pg_cron does not run."),
        ({**BY_CRON, "crons": [{**CRON, "active": False}]}, Status.LIMITED, "schedule-jobs --set clock=pg_cron"),
        ({"schedules": [{**JOB, "state": None, "next": None}]}, Status.LIMITED, "without a next run: analytics"),
        ({"schedules": None}, Status.LIMITED, "pipeline-console run schedule-jobs"),
        ({"jobs": None, "unreadable": True}, Status.UNKNOWN, 'GRANT SELECT ON public.background_jobs TO "who";'),
        ({"jobs": None, "outdated": True}, Status.CANNOT, "pipeline-console run apply-schema"),
    ],
)
def test_who_queues_and_runs_the_jobs_is_judged(changed: Mapping[str, object], state: Status, said: str) -> None:
    (check,) = judge({**STATE, **changed}, '"who"')
    assert check.state is state
    assert said in f"{check.what} {check.why} {check.remedy}"


def test_a_cancelled_job_and_a_database_without_jobs_are_no_defect() -> None:
    cancelled = {**JOB, "state": None, "next": None, "outcome": "cancelled"}
    (check,) = judge({**STATE, "schedules": [cancelled]}, "who")
    assert check.state is Status.OK
    assert judge({**STATE, "jobs": None}, "who") == ()


async def test_the_remedies_lead_to_a_clock_that_runs(pg: PostgresServer, database: str, tmp_path: Path) -> None:
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"), user=OWNER)

    async def found() -> tuple[Check, ...]:
        async with desk.workspace() as workspace:
            return await checks(workspace.sources.postgres, OWNER)

    assert await found() == ()
    with pg.connect(database, OWNER) as session:
        install_schema(session, pg.major)
    (nothing,) = await found()
    assert "schedule-jobs" in nothing.remedy
    await desk.run(SCHEDULE_JOBS)
    (idle,) = await found()
    assert "pipeline-console worker" in idle.remedy
    with desk.session(application_name="pipeline-console worker"):
        (runs,) = await found()
    assert (runs.state, runs.remedy) == (Status.OK, "")
