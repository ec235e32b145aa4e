"""The audit table of a database: one row for each run, visible to other users, unlike the audit trail."""

from __future__ import annotations

from collections.abc import Mapping

from console import sql
from console.format import one_line
from console.sources.postgres import ActingSession, DriverError

_PRESENT = "SELECT pg_catalog.to_regclass('public.console_audit') IS NOT NULL"
# Until the transaction ends, no role can add code that would run with the rights of this one.
_LOCK = "LOCK TABLE ONLY public.console_audit IN ROW EXCLUSIVE MODE"


async def write(session: ActingSession, row: Mapping[str, object]) -> str:
    """Write one run if the table exists. Returns a sentence if that failed or is unsafe, else an empty text."""
    try:
        ((present,),) = await session.query(_PRESENT)
        if not present:
            return ""
        async with session.transaction():
            await session.execute(_LOCK)
            harmless = await session.query(sql.load("actions/harmless_table").text, {"name": "console_audit"})
            if harmless == [(True,)]:
                await session.execute(sql.load("actions/write_audit").text, row)
                return ""
    except DriverError as error:
        error_text = one_line(error.diag.message_primary or error.__class__.__name__)
        return f"The audit table of the database was not written: {error_text}"
    return (
        "The audit table of the database was not written: public.console_audit has code of its owner, "
        "which would run with the rights of this role."
    )
