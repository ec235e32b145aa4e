"""What a failed change means for the user, and the record of failures that a step asks for."""

from __future__ import annotations

from console.format import one_line
from console.model import Kind, Trouble
from console.redaction import without_secrets
from console.running import own_tables
from console.running.progress import Run
from console.sources.postgres import ActingSession, DriverError, trouble

_UNKNOWN = {"42P01", "42883", "42704", "3F000"}  # no such table, function, object, schema
_NOT_SUPPORTED = "0A000"
_PATH = (
    "It was looked for inside a function, with search_path = pg_catalog, which the console sets (and for maintenance "
    "PostgreSQL 17 and later), not with the path of the database. ALTER FUNCTION … SET search_path gives the function "
    "its own."
)
_REPORT = "SELECT pg_catalog.set_config('pipeline_console.failed', %(failed)s, true)"


def change_trouble(error: DriverError) -> Trouble:
    """What an error of the acting session means."""
    why = trouble(error, "the change")
    if why.sqlstate in _UNKNOWN and error.diag.context:
        return Trouble(why.kind, f"{why.sentence} {_PATH}", why.remedy, why.sqlstate, why.lacks)
    if why.sqlstate == _NOT_SUPPORTED and error.diag.message_detail:  # what it says is about definitions, not rows
        detail = one_line(error.diag.message_detail).rstrip(".")
        return Trouble(why.kind, f"{why.sentence} {detail}.", why.remedy, why.sqlstate, why.lacks)
    if why.kind is not Kind.DENIED:
        return why
    what = f"The role may not make the change: {message(error).rstrip('.')}."
    return Trouble(Kind.DENIED, what, "", why.sqlstate, why.lacks)


def message(error: DriverError) -> str:
    """The server's own message, in one line."""
    return one_line(error.diag.message_primary or error.__class__.__name__)


async def record(session: ActingSession, run: Run) -> tuple[str, ...]:
    """Run the `failed` statement of each failed step of `run`. Returns sentences about what could not be written."""
    problems: list[str] = []
    for progress in run.steps:
        if progress.status != "failed" or not progress.step.failed or not session.connected:
            continue
        try:
            async with session.transaction():
                if progress.step.writes is not None:
                    await own_tables.lock(session, progress.step.writes)
                await session.execute(_REPORT, {"failed": without_secrets(run.message)})
                await session.execute(progress.step.failed)
        except DriverError as error:
            problems.append(f"The failure was not recorded: {message(error)}")
        except Trouble as why:
            problems.append(f"The failure was not recorded: {why}")
    return tuple(problems)
