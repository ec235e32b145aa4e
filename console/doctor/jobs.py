"""The clock of the recurring jobs: who queues them, who runs them, and what to do where nobody does."""

from __future__ import annotations

from collections.abc import Sequence

from console.doctor.check import Check, Status
from console.format import age, counted, one_line
from console.model import Database, Record, Trouble, View, number
from console.panes.jobs import CLOCKED, EXTENSION, SCHEDULED, schedule_rows
from console.reading.reader import Reader

NAME = "recurring jobs"
SCHEDULE = "pipeline-console run schedule-jobs"
START = "pipeline-console worker  # as the owner of the tables; the last page of setup prints a unit of systemd for it"
READ = "GRANT SELECT ON public.background_jobs TO {role};"
_VIEW = View("clock", "Clock", "job_state", (), ("jobs",), lookups=(SCHEDULED, CLOCKED))


async def checks(postgres: Database, role: str) -> tuple[Check, ...]:
    """Whether recurring jobs are queued and run; none where the database has no jobs. `role` is quoted."""
    try:
        (state,) = (await Reader(_VIEW).read(postgres)).records()
    except Trouble as why:
        return (_check(Status.UNKNOWN, "Who runs them cannot be determined.", why.sentence, why.remedy),)
    return judge(state, role)


def judge(state: Record, role: str) -> tuple[Check, ...]:
    """The check for what the view of the recurring jobs read."""
    if state["unreadable"]:
        lacks = "This role cannot read public.background_jobs."
        return (_check(Status.UNKNOWN, "Who runs them cannot be determined.", lacks, READ.format(role=role)),)
    if state["outdated"]:
        what = "A worker cannot use the table of jobs."
        return (_check(Status.CANNOT, what, "It lacks columns.", "pipeline-console run apply-schema"),)
    if state["jobs"] is None:
        return ()
    jobs = schedule_rows(state)
    if not jobs:
        what = "None is scheduled: partitions, views and the archive are left to a person."
        return (_check(Status.LIMITED, what, "public.background_jobs has no recurring job.", SCHEDULE),)
    return (_clock(jobs, int(number(state["workers"]))),)


def _clock(jobs: Sequence[Record], workers: int) -> Check:
    by_cron = [job for job in jobs if job["clock"] == EXTENSION]
    queued = f"{counted(len(by_cron), 'job')} queued by pg_cron, {len(jobs) - len(by_cron)} by the worker"
    stopped = [job for job in by_cron if job["state"] in {"missing", "failed"}]
    if stopped:
        first = f"{one_line(stopped[0]['schedule'])}: {one_line(stopped[0]['error'] or '')}"
        remedy = f"{SCHEDULE} --set clock=pg_cron\n{SCHEDULE} --set clock=worker  # if pg_cron cannot be used"
        return _check(Status.LIMITED, f"pg_cron does not queue {counted(len(stopped), 'job')}.", first, remedy)
    if not workers:
        late = max((-number(job["until"]) for job in jobs), default=0.0)
        if late > 0:
            return _check(Status.CANNOT, f"No worker runs them: one has been due for {age(late)}.", queued, START)
        return _check(Status.LIMITED, "No worker is connected to run them; none is due yet.", queued, START)
    lost = [
        job for job in jobs if job["clock"] == "worker" and job["state"] == "missing" and job["outcome"] != "cancelled"
    ]
    if lost:
        names = ", ".join(one_line(job["schedule"]) for job in lost[:3])
        what = f"{counted(len(lost), 'job')} will not run again."
        return _check(Status.LIMITED, what, f"without a next run: {names}", SCHEDULE)
    return _check(Status.OK, f"{counted(workers, 'worker')} connected to run them.", queued)


def _check(state: Status, what: str, why: str, remedy: str = "") -> Check:
    return Check("server", NAME, state, what, why, remedy)
