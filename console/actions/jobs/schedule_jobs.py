"""schedule-jobs: keeps the recurring jobs of the configuration in background_jobs, each with one pending occurrence."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from console.actions.jobs.adoption_of_jobs import adoptions
from console.actions.jobs.job_queue import NEEDS, TABLE, confined_steps, queue
from console.actions.planning import Action, Request, split_notes, steps_from_rows
from console.format import counted, one_line
from console.jobs.job import Rejected
from console.jobs.kinds import assignment
from console.jobs.timetable import INTERVALS, clock, first_occurrence, upcoming
from console.model import Claim, Kind, Plan, Source, Trouble
from console.settings.jobs import RecurringJob


async def plan(request: Request) -> Plan:
    """One INSERT a missing job, one UPDATE a job that differs, or that does the same without its name.

    Raises Trouble(USAGE) for a job that no worker runs.
    """
    for job in request.settings.jobs.recurring:
        _check(job)
    server = await queue(request.server)
    adopted = await adoptions(server, request.settings.jobs.recurring)
    entries = [
        {**entry, "adopted": adopted.jobs.get(str(entry["name"]))}
        for entry in await _entries(server, request.settings.jobs.recurring)
    ]
    rows, notes = split_notes(await server.fetch("actions/schedule_jobs", {"entries": json.dumps(entries)}))
    steps = confined_steps(server, steps_from_rows(rows))
    notes = (*adopted.notes, *map(one_line, notes))
    same = len(entries) - len(steps)
    return Plan(
        Claim("recurring jobs"),
        steps,
        notes=(*notes, "A worker runs them: pipeline-console worker."),
        summary=f"{counted(len(steps), 'recurring job')} of {len(entries)}, {same} as configured",
        result=f"{counted(len(steps), 'recurring job')} scheduled",
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
        "window_from": clock(window.begin) if window else None,
        "window_until": clock(window.end) if window else None,
    }


SCHEDULE_JOBS = Action(
    name="schedule-jobs",
    title="Schedule recurring jobs",
    help=(
        f"Keeps the recurring jobs of the configuration in {TABLE}: adds missing ones, corrects those that differ, and "
        "adopts those that do the same already."
    ),
    plan=plan,
    needs=NEEDS,
)
