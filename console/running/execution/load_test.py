"""A load test: a driver runs scripts, the server is looked at meanwhile, the result goes to the audit trail."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from statistics import median

from console import sql
from console.format import counted, one_line
from console.model import Kind, LoadTest, Trouble
from console.running.execution.executor import Context, Executor
from console.running.failures import change_trouble
from console.running.load import earlier_runs
from console.running.load.logged import name_errors
from console.running.load.measured import EVENT, Measured, Room, Sessions, compared
from console.running.load.output import UNNAMED
from console.running.load.process import LoadProcess, running
from console.running.progress import StepProgress
from console.sources.postgres import ActingSession, DriverError, Rows, parse_target

LOOK = 0.5  # seconds between two looks at the server
PROBES = 5  # looks before the load, whose median is usual
LATE = 60.0  # seconds after its time in which the driver must have ended
REMOVING = 30.0  # seconds in which conflicts with other sessions are tried again after it was stopped
CONFLICTS = {"23503", "40001", "40P01", "55P03"}
GONE = 10.0  # seconds in which its sessions end after it
DRIVERS = {"pgbench": "pgbench", "console": "The driver of the console"}
NAME = "pipeline-load-test"  # the application_name of its sessions begins with it
OPTIONS = "-c search_path=pg_catalog"
LEFT = "Not all that it created was removed: the next load test removes it."
REPLACED = {"PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGTARGETSESSIONATTRS", "PGSERVICE", "PGOPTIONS"}


def executor(execution: LoadTest) -> Executor:
    """Runs the driver on the database of the acting session, or on the pooler in front of it."""
    return Executor(partial(execute, execution), f"{DRIVERS[execution.by]} on this machine")


async def execute(load: LoadTest, context: Context, group: Sequence[StepProgress]) -> None:
    """Run the scripts and measure them. If that does not come to its end, what they created is removed at once."""
    (progress,) = group
    report = context.begin(progress)
    await context.ready(group)
    try:
        measured = await _measure(load, context, progress, report)
    except BaseException:
        await _remove(context, load)
        raise
    progress.rows = measured.created
    document = measured.document()
    before = await asyncio.to_thread(earlier_runs.earlier, context.trail, context.run, context.source.facts)
    context.run.notes += measured.sentences()
    if before is not None and (change := compared(document, before.result)):
        context.run.notes.append(f"Compared with the same load at {before.at:%Y-%m-%d %H:%M} UTC: {change}.")
    context.recorder.write(EVENT, {"result": document})


async def _measure(load: LoadTest, context: Context, progress: StepProgress, report: Callable[[str], None]) -> Measured:
    session, name = context.session, f"{NAME} {load.tag}"
    before, sessions = await _room(session), Sessions()
    sessions.usual = median([(await _timed(session, name))[1] for _ in range(PROBES)])
    async with running(load, environment(session, load, name)) as process:
        progress.series = process.output.seconds
        while not await process.ended(LOOK):
            await _look(session, name, process, sessions)
            report(_now(process, load))
            if process.elapsed > load.seconds + LATE:
                raise Trouble(Kind.FAILED, f"The driver did not end {LATE:.0f} s after its time.")
        code = await process.code()
    await _gone(context, name)
    if code and not process.output.transactions:
        why = "; ".join(process.output.messages) or f"it ended with exit code {code}"
        raise Trouble(Kind.FAILED, f"{DRIVERS[load.by]} failed: {why}")
    created = await _rows(session, "load_created", {"prefix": f"[load-test {load.tag}] "})
    return Measured(
        *(load, process.output, sessions, before, await _room(session)),
        created=int(str(created[0][0])),
        unreadable=await _name_errors(load, context, process, before.at),
    )


async def _name_errors(load: LoadTest, context: Context, process: LoadProcess, since: datetime) -> str:
    """Look in the server's log for the SQLSTATEs that pgbench does not print; why they are not known."""
    if load.by != "pgbench" or not process.output.failures[UNNAMED]:
        return ""
    try:
        await name_errors(context.log(), f"{NAME} {load.tag}", since, process.output.failures)
    except Trouble as why:
        return f"pgbench prints none, driver=console does; the log: {why.sentence}"
    return "pgbench prints none, driver=console does, and the log has none of these sessions"


def _now(process: LoadProcess, load: LoadTest) -> str:
    """The progress in one line: time, transactions a second, latency, failed ones."""
    elapsed = f"{min(process.elapsed, load.seconds):.0f} of {load.seconds} s"
    if not process.output.seconds:
        return f"{elapsed}, connecting"
    last = process.output.seconds[-1]
    failed = sum(each.failed for each in process.output.seconds)
    stopped = f", {counted(process.output.stopped, 'client')} stopped" if process.output.stopped else ""
    return f"{last.rate:.0f} tx/s, {last.latency:.1f} ms, {failed} failed{stopped}, {elapsed}"


def environment(session: ActingSession, load: LoadTest, name: str) -> dict[str, str]:
    """How the driver finds the database: secrets are in no argument."""
    known = session.environment()
    if load.address:  # a pooler refuses options
        known = {key: value for key, value in known.items() if key not in REPLACED}
        parameters = parse_target(load.address)
        known |= {f"PG{name.upper()}": parameters[name] for name in ("host", "port")}
        known["PGDATABASE"] = parameters["dbname"]
    else:
        known["PGOPTIONS"] = f"{known.get('PGOPTIONS', '')} {OPTIONS}".strip()
    return known | {"PGAPPNAME": name}


async def _look(session: ActingSession, name: str, process: LoadProcess, sessions: Sessions) -> None:
    ((number, working, locked, waits),), taken = await _timed(session, name)
    sessions.answers.append(taken)
    names = [one_line(each) for each in waits] if isinstance(waits, list) else []
    sessions.add(process.elapsed, int(str(number)), int(str(working)), int(str(locked)), names)


async def _timed(session: ActingSession, name: str) -> tuple[Rows, float]:
    """The sessions of the load test, and how many milliseconds the answer took: what any other session waits."""
    began = time.monotonic()
    rows = await _rows(session, "load_sample", {"name": name})
    return rows, 1000 * (time.monotonic() - began)


async def _room(session: ActingSession) -> Room:
    ((wal, size, dead, at),) = await _rows(session, "load_room")
    assert isinstance(at, datetime)  # noqa: S101  a timestamptz
    return Room(int(str(wal)), int(str(size)), int(str(dead)), at)


async def _gone(context: Context, name: str) -> None:
    """Wait until no session of the load test works: what it still commits would not be removed."""
    end = time.monotonic() + GONE
    while time.monotonic() < end and not context.run.leaves:
        ((_, working, *_),) = await _rows(context.session, "load_sample", {"name": name})
        if not working:
            return
        await asyncio.sleep(0.1)


async def _remove(context: Context, load: LoadTest) -> None:
    """Remove what was created, as far as the session still works; the next load test removes what is left."""
    more = True
    with contextlib.suppress(DriverError, Trouble):
        await _gone(context, f"{NAME} {load.tag}")
        end = time.monotonic() + REMOVING
        while more and not context.run.leaves:
            try:
                _, more = await context.session.batch(load.removal)
            except DriverError as error:
                if error.sqlstate not in CONFLICTS or time.monotonic() > end:
                    raise
                await asyncio.sleep(0.1)
    if more:
        context.run.notes.append(LEFT)


async def _rows(session: ActingSession, query: str, parameters: Mapping[str, object] | None = None) -> Rows:
    try:
        return await session.query(sql.load(f"actions/{query}").text, parameters or {})
    except DriverError as error:
        raise change_trouble(error) from None
