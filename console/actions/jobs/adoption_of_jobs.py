"""Recurring jobs that are in the queue without the name of one of the configuration, and which of them do its work."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from console.format import one_line
from console.jobs.job import Rejected
from console.jobs.kinds import KINDS, Assignment, Checks, Task, assignment
from console.model import Record, Source
from console.records import dataclass
from console.settings.jobs import RecurringJob


@dataclass(frozen=True, slots=True)
class Adoptions:
    """Which unnamed job becomes the occurrence of which recurring one, by its name; notes on the others."""

    jobs: Mapping[str, int]
    notes: tuple[str, ...]


async def adoptions(server: Source, declared: Sequence[RecurringJob]) -> Adoptions:
    """For each recurring job without an occurrence the oldest unnamed one that does the same. Raises Trouble."""
    live = list((await server.fetch("actions/recurring_jobs")).records())
    named = {str(job["schedule_name"]) for job in live if job["schedule_name"] is not None}
    does = {job.name: _comparable(assignment(job.kind, job.parameters)) for job in declared}
    found: dict[str, int] = {}
    notes: list[str] = []
    for job in live:
        if job["schedule_name"] is not None or job["job_type"] not in KINDS:
            continue
        same = _names(does, job)
        vacant = next((name for name in same if name not in named and name not in found), None)
        if vacant is not None:
            found[vacant] = int(str(job["id"]))
        else:
            notes.append(_note(job, same))
    return Adoptions(found, tuple(notes))


def _names(does: Mapping[str, Assignment], job: Record) -> list[str]:
    """The recurring jobs of the configuration that do what this job does."""
    try:
        work = _comparable(assignment(str(job["job_type"]), json.loads(str(job["parameters"]))))
    except Rejected:
        return []
    return [name for name, other in does.items() if other == work]


def _comparable(work: Assignment) -> Assignment:
    """With the schema in each name of a table, so that the same work is equal."""
    return work if isinstance(work, Checks) else tuple(_qualified(work))


def _qualified(tasks: Iterable[Task]) -> Iterable[Task]:
    for task in tasks:
        name = task.parameters.get(task.names, "")
        whole = name if "." in name or not name else f"public.{name}"
        yield replace(task, parameters={**task.parameters, task.names: whole}) if task.names else task


def _note(job: Record, same: Sequence[str]) -> str:
    which = f"Job {job['id']} ({one_line(job['job_name'] or job['job_type'])})"
    what = (
        f"does the same as the recurring job {one_line(same[0])}" if same else "recurs and is not in the configuration"
    )
    return f"{which} {what}: cancel-job --set job={job['id']} --set all=yes ends it."
