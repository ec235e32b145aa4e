"""The console's own tables in a database: written only while nobody can make them run code of another role."""

from __future__ import annotations

from console import sql
from console.model import Kind, OwnTable, Trouble
from console.sources.postgres import ActingSession

# Until the end of the transaction nobody can add code that would run with the rights of the connected role.
_LOCK = "LOCK TABLE ONLY public.{name} IN ROW EXCLUSIVE MODE"


async def lock(session: ActingSession, table: OwnTable) -> bool:
    """Lock `table` to the end of the transaction, and see that writing it runs no code; False: there is none.

    Raises Trouble(REFUSED) if it would run code, or its owner is not trusted with it; the driver's own errors.
    """
    if not await present(session, table):
        return False
    await session.execute(_LOCK.format(name=table.name))
    harmless = await session.query(sql.load("actions/harmless_table").text, {"name": table.name})
    if harmless != [(True,)]:
        raise Trouble(
            Kind.REFUSED,
            f"{table.qualified} has code of its owner, which would run with the rights of this role.",
            "Look at it with \\d, drop what was added, then plan again.",
        )
    if table.ledger:
        for refused, remedy in await session.query(sql.load("actions/ledger_trust").text, {"owner": table.owner}):
            raise Trouble(Kind.REFUSED, str(refused), str(remedy or ""))
    return True


async def present(session: ActingSession, table: OwnTable) -> bool:
    """Whether the database has it."""
    return await session.script(presence(table)) == [[(True,)]]


def presence(table: OwnTable) -> str:
    """The question that `present` asks."""
    return f"SELECT pg_catalog.to_regclass('{table.qualified}') IS NOT NULL"
