"""schedule-jobs: keeps the recurring jobs of the configuration in background_jobs, each with one pending occurrence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from console.actions.jobs.job_queue import CRON, NEEDS, TABLE, WORKER, confined_steps, queue
from console.actions.planning import Action, Request, split_notes, steps_from_rows
from console.format import counted, one_line
from console.jobs.job import Rejected
from console.jobs.kinds import assignment
from console.model import Choice, Claim, Kind, Parameter, Plan, Source, Step, Trouble
from console.settings.jobs import RecurringJob


async def plan(request: Request) -> Plan:
    """One INSERT a missing job, one UPDATE a job that differs, or that does the same without its name.

    Raises Trouble(USAGE) for a job that no worker runs.
    """
    from console.actions.jobs.adoption_of_jobs import adoptions  # noqa: PLC0415  no other plan needs these
    from console.actions.jobs.job_clock import clock_for, cron_steps  # noqa: PLC0415

    for job in request.settings.jobs.recurring:
        _check(job)
    server, jobs = await queue(request.server), request.settings.jobs.recurring
    clock = await clock_for(server, request.parameters["clock"])
    adopted = await adoptions(server, jobs)
    entries = [{**entry, "adopted": adopted.jobs.get(str(entry["name"]))} for entry in await _entries(server, jobs)]
    steps, notes = await cron_steps(server, clock, jobs, entries)
    if clock == WORKER:
        rows, others = split_notes(await server.fetch("actions/schedule_jobs", {"entries": json.dumps(entries)}))
        steps, notes = (*steps, *confined_steps(server, steps_from_rows(rows))), (*notes, *map(one_line, others))
    return _plan(clock, steps, (*adopted.notes, *notes), len(entries))


def _plan(clock: str, steps: Sequence[Step], notes: Sequence[str], declared: int) -> Plan:
    by = ", queued by pg_cron" if clock == CRON else ""
    runs = "pg_cron queues them; a worker runs them" if clock == CRON else "A worker runs them"
    if clock == CRON:
        summary = f"{counted(len(steps), 'change')} for {counted(declared, 'recurring job')}{by}"
    else:
        scheduled = sum(step.on == TABLE for step in steps)
        summary = f"{scheduled} of {counted(declared, 'recurring job')} to add or correct"
    return Plan(
        Claim("recurring jobs"),
        tuple(steps),
        notes=(*notes, f"{runs}: pipeline-console worker."),
        summary=summary,
        result=f"{counted(declared if clock == CRON else scheduled, 'recurring job')} scheduled{by}",
        parameters={"clock": clock},
    )


def _check(job: RecurringJob) -> None:
    try:
        assignment(job.kind, job.parameters)
    except Rejected as why:
        what = f"The recurring job {one_line(job.name)!r} is not one that a worker runs. {why}"
        raise Trouble(Kind.USAGE, what, "Correct jobs.recurring in the configuration.") from None


async def _entries(server: Source, jobs: tuple[RecurringJob, ...]) -> list[dict[str, object]]:
    """The jobs as they are to be in the queue, with their next times by the clock of the server."""
    found = list((await server.fetch("actions/job_times")).records())
    now = found[0]["at"]
    assert isinstance(now, datetime)  # noqa: S101  the server's now() always is one
    taken: dict[str, set[datetime]] = {}
    for row in found:
        if isinstance(row["scheduled_for"], datetime):
            taken.setdefault(str(row["schedule_name"]), set()).add(row["scheduled_for"])
    return [_entry(job, now.astimezone(UTC), taken.get(job.name, set())) for job in jobs]


def _entry(job: RecurringJob, now: datetime, taken: set[datetime]) -> dict[str, object]:
    from console.jobs.timetable import INTERVALS, first_occurrence, time_of_day, upcoming  # noqa: PLC0415

    following = upcoming(job, now, taken)
    window = job.window
    return {
        "name": job.name,
        "kind": job.kind,
        "parameters": dict(job.parameters),
        "priority": job.priority,
        "max_attempts": job.max_attempts,
        "every": INTERVALS[job.every],
        "first": first_occurrence(job).isoformat(),
        "next": following.isoformat(),
        "latest": upcoming(job, following).isoformat(),  # later ones come from a clock that was ahead
        "window_from": time_of_day(window.begin) if window else None,
        "window_until": time_of_day(window.end) if window else None,
    }


def clocks() -> tuple[Choice, ...]:
    """The clocks that can be chosen."""
    return (
        Choice(WORKER, "the worker that ends an occurrence queues the next"),
        Choice(CRON, "pg_cron queues each occurrence at its time; workers run them"),
    )


SCHEDULE_JOBS = Action(
    name="schedule-jobs",
    title="Schedule recurring jobs",
    help=(
        f"Keeps the recurring jobs of the configuration in {TABLE}: adds missing ones, corrects those that differ, and "
        "adopts those that do the same already. Where pg_cron is installed it can queue them at their times."
    ),
    plan=plan,
    parameters=(Parameter("clock", "what queues them: worker or pg_cron; empty: as it is", choices=clocks),),
    needs=NEEDS,
)
