"""Plans and runs what concerns another role's table with the rights of that role, which no code of theirs can exceed.

A superuser who reads or changes a table runs its owner's code: triggers, defaults, constraints, index expressions that
the planner computes. Confined to the owner, that code has the rights it would have without the console.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace

from console.actions.foreign_code import refuse_event_triggers
from console.actions.relations import Relation
from console.format import one_line
from console.model import (
    Batches,
    Database,
    Execution,
    Export,
    Facts,
    Haste,
    Kind,
    Record,
    Snapshot,
    Source,
    Standalone,
    Step,
    Transaction,
    Trouble,
)
from console.model.act import BUILDS_INDEX, CONFINED_BY_SERVER, DETACHES


class ConfinedServer:
    """A server that answers with the rights of one role, as far as it is asked for rows."""

    def __init__(self, server: Database, role: str) -> None:
        self._server = server
        self.role = role

    @property
    def name(self) -> str:
        """As the server's."""
        return self._server.name

    @property
    def label(self) -> str:
        """As the server's."""
        return self._server.label

    @property
    def facts(self) -> Facts:
        """Those of the server, with the role as the user."""
        return replace(self._server.facts, user=self.role, superuser=False, reads_all_data=False)

    @property
    def known(self) -> Facts | None:
        """As `facts`."""
        return self.facts if self._server.known else None

    @property
    def busy(self) -> float:
        """As the server's."""
        return self._server.busy

    @property
    def retry_in(self) -> float:
        """As the server's."""
        return self._server.retry_in

    async def connect(self) -> Facts:
        """As the server's."""
        await self._server.connect()
        return self.facts

    async def learn(self) -> Facts:
        """As the server's."""
        await self._server.learn()
        return self.facts

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The rows of the named query. Raises Trouble."""
        return await self._server.fetch_as(self.role, query, parameters)

    async def ask(self, name: str, text: str) -> Snapshot:
        """Run one statement, called `name`, in a read-only transaction. Raises Trouble."""
        return await self._server.ask_as(self.role, name, text)

    async def fetch_as(self, role: str, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """As the server's."""
        return await self._server.fetch_as(role, query, parameters)

    async def ask_as(self, role: str, name: str, text: str) -> Snapshot:
        """As the server's."""
        return await self._server.ask_as(role, name, text)

    async def until_due(self, query: str, period: float) -> None:
        """As the server's."""
        await self._server.until_due(query, period)

    async def pulse(self, seconds: float) -> None:
        """As the server's."""
        await self._server.pulse(seconds)

    def sharing(self) -> AbstractContextManager[None]:
        """As the server's."""
        return self._server.sharing()

    def hurry(self, haste: Haste | None) -> None:
        """As the server's."""
        self._server.hurry(haste)

    def cut(self) -> None:
        """As the server's."""
        self._server.cut()

    async def attempt(self, statement: str) -> str:
        """As the server's."""
        return await self._server.attempt(statement)

    def text(self, query: str) -> str:
        """As the server's."""
        return self._server.text(query)

    def obstacle(self, query: str) -> Trouble | None:
        """As the server's."""
        return self._server.obstacle(query)

    async def close(self) -> None:
        """Nothing: the server is not this one's to close."""


async def confined(server: Database, *relations: Relation) -> Database:
    """The server as it answers the owner of `relations`, where that is another role; else the server itself.

    Raises Trouble(REFUSED) if a superuser would have to act on tables of several owners.
    """
    if isinstance(server, ConfinedServer):
        return server
    rows = await _owners(server, [each.oid for each in relations])
    roles = {_role(row) for row in rows}
    if len(roles) > 1 and server.facts.superuser:
        owned = ", ".join(sorted({f"{one_line(row['relation'])} by {one_line(row['owner'])}" for row in rows}))
        raise Trouble(
            Kind.REFUSED,
            f"The tables have several owners ({owned}), so what they run cannot be confined to one of them.",
            "Give them one owner, or connect as a role that has the rights of all owners and is no superuser.",
        )
    role = roles.pop() if len(roles) == 1 else ""
    return ConfinedServer(server, role) if role else server


async def roles_of(server: Database, oids: Iterable[int]) -> dict[int, str]:
    """The role that what concerns each relation is confined to; empty: none."""
    if isinstance(server, ConfinedServer):
        return dict.fromkeys(oids, server.role)
    return {int(str(row["oid"])): _role(row) for row in await _owners(server, oids)}


async def _owners(server: Database, oids: Iterable[int]) -> tuple[Record, ...]:
    if server.facts.standby:  # where no function can be made
        return ()
    rows = tuple((await server.fetch("actions/owners", {"oids": list(oids)})).records())
    if any(map(_role, rows)):
        await refuse_event_triggers(server)
    return rows


def _role(row: Record) -> str:
    return "" if row["own"] or row["superuser"] or not row["confinable"] else str(row["owner"])


def role_of(server: Source) -> str:
    """The role that a server's answers are confined to; empty: none."""
    return server.role if isinstance(server, ConfinedServer) else ""


def run_as(role: str, steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps, confined to the rights of `role`, but for those that PostgreSQL confines; empty: as they are.

    Raises Trouble(REFUSED) for a step that can be confined in neither way.
    """
    if not role:
        return tuple(steps)
    return tuple(replace(step, execution=_as(role, step)) for step in steps)


def _as(role: str, step: Step) -> Execution:
    if DETACHES.search(step.sql):
        raise Trouble(
            Kind.REFUSED,
            f"DETACH PARTITION CONCURRENTLY cannot be confined to the rights of {one_line(role)}, who owns the table.",
            f"As {one_line(role)}, run: {one_line(step.sql)}",
        )
    match step.execution:
        case Transaction() if step.sql.startswith("CREATE EXTENSION") or BUILDS_INDEX.match(step.sql):
            return step.execution
        case Transaction() | Batches() | Export():
            return replace(step.execution, role=role)
        case Standalone() if not CONFINED_BY_SERVER.search(step.sql):
            return replace(step.execution, role=role)
    return step.execution
