"""Who queues the occurrences of recurring jobs: the worker that ended the last one, or pg_cron at their times."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from console.actions.jobs.job_queue import CRON, WORKER, confined_steps
from console.actions.planning import refuse, split_notes, steps_from_rows
from console.format import one_line, safe
from console.jobs.cron import PREFIX, cron_name
from console.jobs.timetable import cron_line, month_day
from console.model import Kind, Source, Step, Trouble
from console.settings.jobs import RecurringJob


async def clock_for(server: Source, wanted: str) -> str:
    """The clock: as wanted, else the one in use. Raises Trouble: USAGE, REFUSED if pg_cron cannot be it."""
    if wanted not in {"", WORKER, CRON}:
        raise Trouble(Kind.USAGE, f"clock must be {WORKER} or {CRON}, not {safe(wanted, 40)}.")
    if CRON not in server.facts.extensions:
        if wanted != CRON:
            return WORKER
        remedy = (
            "It works in the database that cron.database_name names, and must be in shared_preload_libraries: set "
            f"both, restart the server, and CREATE EXTENSION pg_cron in {one_line(server.facts.database)}."
        )
        raise Trouble(Kind.REFUSED, f"pg_cron is not installed in {one_line(server.facts.database)}.", remedy)
    if wanted == WORKER:
        return WORKER
    try:
        (ready,) = (await server.fetch("actions/cron_ready", {"prefix": PREFIX})).records()
    except Trouble as why:
        if not wanted and why.kind is Kind.DENIED:
            return WORKER
        raise
    if not wanted and not ready["scheduled"]:
        return WORKER
    refuse(ready)
    return CRON


async def cron_steps(
    server: Source, clock: str, jobs: Sequence[RecurringJob], entries: Sequence[Mapping[str, object]]
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """What changes among the jobs of pg_cron, and notes on those that stay. Raises Trouble."""
    if CRON not in server.facts.extensions:
        return (), ()
    timed = [
        {**entry, "cron_name": cron_name(job.name), "cron": cron_line(job), "month_day": month_day(job)}
        for job, entry in zip(jobs, entries, strict=True)
    ]
    try:
        found = await server.fetch(
            "actions/cron_jobs", {"entries": json.dumps(timed), "clock": clock, "prefix": PREFIX}
        )
    except Trouble as why:
        if clock == WORKER and why.kind is Kind.DENIED:
            return (), ()  # a role that may not use pg_cron has no jobs there
        raise
    rows, notes = split_notes(found)
    return confined_steps(server, steps_from_rows(rows)), tuple(map(one_line, notes))
