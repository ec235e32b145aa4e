"""The servers behind what is wanted, made but not yet connected: the first read connects."""

from __future__ import annotations

from dataclasses import dataclass

from console import sql
from console.local import LocalServer
from console.model import Kind, Pane, Source, Trouble, View
from console.running.trail.audit import default_trail
from console.settings.config import Wanted
from console.sources.pgbouncer.admin import PgBouncerServer
from console.sources.pgbouncer.several import PgBouncers
from console.sources.postgres import PostgresServer

NO_POOLER = "Give --pooler postgresql://USER@HOST:6432/pgbouncer, or poolers: in the configuration's target."


@dataclass(frozen=True, slots=True)
class Servers:
    """What panes are read from."""

    postgres: PostgresServer
    pooler: PgBouncers | None  # None: none is named
    local: LocalServer  # this machine: its audit trail, the runs of this console
    hint: str = NO_POOLER  # what the pooler pane says then

    def of(self, pane: Pane) -> Source:
        """The server that `pane` asks. Trouble (MISSING) for the pooler pane when no pooler is named."""
        if pane.source == "local":
            return self.local
        if pane.source != "pgbouncer":
            return self.postgres
        if self.pooler is None:
            raise Trouble(Kind.MISSING, "There is no pooler to look at.", self.hint)
        return self.pooler

    def text(self, pane: Pane, view: View) -> str:
        """All that is sent for a view of `pane`: its query, its lookups, its detail."""
        del pane
        queries = (view.query, *(lookup.query for lookup in view.lookups), view.detail)
        known = sql.names()
        texts = [sql.load(query).text if query in known else f"-- {query}" for query in queries if query]
        return "\n\n".join(texts)

    async def close(self) -> None:
        """Close every connection."""
        await self.postgres.close()
        if self.pooler is not None:
            await self.pooler.close()


def servers_for(wanted: Wanted) -> Servers:
    """Server objects for `wanted`. Trouble (USAGE) when a URI cannot be parsed; nothing connects yet."""
    poolers = tuple(PgBouncerServer(uri) for uri in wanted.poolers)
    postgres = PostgresServer(wanted.target, wanted.label, wanted.read_only)
    return Servers(
        postgres,
        PgBouncers(poolers) if poolers else None,
        LocalServer(default_trail(), [], postgres),
        wanted.pooler_hint or NO_POOLER,
    )
