"""Background jobs that nobody runs, that failed, or that lost their next occurrence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.bundled import install
from tests.faults.stage import Stage

ENDED = "attempts = max_attempts, locked_at = now(), finished_at = now()"


def _job(stage: Stage, name: str, more: str) -> None:
    stage.do(
        f"INSERT INTO background_jobs (job_type, job_name) VALUES ('refresh_views', '{name}')",
        f"UPDATE background_jobs SET {more} WHERE job_name = '{name}'",
    )


@contextmanager
def jobs_without_a_worker(stage: Stage) -> Iterator[str]:
    """The worker's unit was never started."""
    install(stage.desk.cluster, stage.desk.database)
    _job(stage, "nightly", "scheduled_for = now() - interval '2 hours'")
    yield "job nightly has been due for 2h"
    stage.do("DELETE FROM background_jobs")


@contextmanager
def job_that_no_worker_takes(stage: Stage) -> Iterator[str]:
    """A worker is connected and does not come to it."""
    install(stage.desk.cluster, stage.desk.database)
    _job(stage, "nightly", "scheduled_for = now() - interval '2 hours'")
    stage.open("pipeline-console worker")
    yield "although a worker is connected"
    stage.do("DELETE FROM background_jobs")


@contextmanager
def job_without_another_attempt(stage: Stage) -> Iterator[str]:
    """All attempts failed."""
    install(stage.desk.cluster, stage.desk.database)
    _job(stage, "nightly", f"status = 'dead', last_error = 'disk full', {ENDED}")
    yield "job nightly is dead: no attempt is left: disk full"


@contextmanager
def recurring_job_that_was_deleted(stage: Stage) -> Iterator[str]:
    """Somebody deleted the pending occurrence."""
    install(stage.desk.cluster, stage.desk.database)
    _job(stage, "refresh views", f"status = 'succeeded', schedule_name = 'refresh views', {ENDED}")
    yield "recurring job refresh views has no next run"
