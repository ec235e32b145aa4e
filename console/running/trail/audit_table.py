"""The audit table of a database: one row for each run, visible to other users, unlike the audit trail."""

from __future__ import annotations

from collections.abc import Mapping

from console import sql
from console.model import OwnTable, Trouble
from console.running import own_tables
from console.sources.postgres import ENDED_IDLE, ActingSession, DriverError, trouble

_TABLE = OwnTable("console_audit")
OPENING = (own_tables.presence(_TABLE),)  # what `write` asks first


async def write(session: ActingSession, row: Mapping[str, object]) -> str:
    """Write one run if the table exists. Returns a sentence if that failed or is unsafe, else an empty text."""
    try:
        await _write(session, row)
    except DriverError as error:
        return f"The audit table of the database was not written: {trouble(error, 'it').sentence}"
    except Trouble as why:
        return f"The audit table of the database was not written: {why.sentence}"
    return ""


async def _write(session: ActingSession, row: Mapping[str, object]) -> None:
    try:
        if not await own_tables.present(session, _TABLE):
            return
        async with session.transaction():
            if await own_tables.lock(session, _TABLE):
                await session.execute(sql.load("actions/write_audit").text, row)
    except DriverError as error:
        if error.sqlstate != ENDED_IDLE:
            raise
        await session.open()  # the console was held up, and nothing was written
        await _write(session, row)
