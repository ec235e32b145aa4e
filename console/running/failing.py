"""A step that failed can leave a row where failures are looked for, written apart from its transaction."""

from __future__ import annotations

from console.format import one_line
from console.redaction import without_secrets
from console.running.run import Run
from console.sources.postgres import ActingSession, DriverError

_TELL = "SELECT pg_catalog.set_config('pipeline_console.failed', %(failed)s, true)"


async def note(session: ActingSession, run: Run) -> tuple[str, ...]:
    """Run what the failed steps of `run` have for that. Sentences about what could not be written."""
    said: list[str] = []
    for one in run.steps:
        if one.status != "failed" or not one.step.failed or not session.connected:
            continue
        try:
            async with session.transaction():
                await session.execute(_TELL, {"failed": without_secrets(run.message)})
                await session.execute(one.step.failed)
        except DriverError as error:
            why = one_line(error.diag.message_primary or error.__class__.__name__)
            said.append(f"The failure was not recorded: {why}")
    return tuple(said)
