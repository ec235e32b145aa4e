"""A connection to one admin console for commands that change something."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from console.format import one_line
from console.model import ACTING_NAME, Kind, Record, Trouble
from console.sources.pgbouncer.admin import (
    READ_SECONDS,
    Connection,
    conninfo_for,
    conninfo_of,
    open_admin,
    send,
    show_command,
)
from console.sources.postgres import DriverError, cut, describe, parse_target, trouble

HERE = frozenset({"127.0.0.1", "::1", "localhost"})
REFUSED = "08P01"  # every refusal of the admin console has this SQLSTATE


class PoolerSession:
    """One admin connection; it stays open until `close`. Raises Trouble."""

    def __init__(self, target: Mapping[str, str], connection: Connection) -> None:
        """See `open_pooler`."""
        self._target = target
        self._connection = connection

    @property
    def label(self) -> str:
        """Host and port."""
        return describe(self._target)

    @property
    def version(self) -> int:
        """11800 for PgBouncer 1.18.0."""
        return self._connection.info.server_version

    @property
    def user(self) -> str:
        """Who is connected."""
        return self._connection.info.user

    @property
    def by_socket(self) -> bool:
        """Whether it is connected by a Unix socket, which belongs to one process."""
        return self._connection.info.host.startswith("/")

    @property
    def local(self) -> bool:
        """Whether it is a PgBouncer of this machine, as far as its address shows."""
        return self.by_socket or self._connection.info.host in HERE

    @property
    def conninfo(self) -> str:
        """How to connect to the same PgBouncer again, with the password that was used: for no argument and no log."""
        return conninfo_of(self._connection)

    def client(self, database: str, user: str, secret: str) -> str:
        """How a client connects to a database of the same PgBouncer: for no argument and no log."""
        return conninfo_for(self._target, database, user, secret)

    async def rows(self, query: str) -> list[Record]:
        """The rows of a SHOW command, by the name it has as a query of the poolers."""
        wanted = show_command(query)
        columns, rows = await self._send(wanted.command, READ_SECONDS)
        names = [wanted.renamed.get(column, column) for column in columns]
        return [dict(zip(names, row, strict=True)) for row in rows]

    async def command(self, text: str, seconds: float) -> None:
        """Send a command and wait so long for its end; the connection is cut after that. Raises Trouble."""
        await self._send(text, seconds)

    def cut(self) -> None:
        """End what a command waits for: PgBouncer does not take back what it began."""
        if not self._connection.closed:
            cut(self._connection)

    async def close(self) -> None:
        """Close the connection; it may be closed already."""
        await self._connection.close()

    async def _send(self, text: str, seconds: float) -> tuple[tuple[str, ...], tuple[tuple[object, ...], ...]]:
        sending = asyncio.ensure_future(send(self._connection, text, seconds))
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            self.cut()  # the driver would ask a PgBouncer that may be silent to cancel it, and wait for the answer
            await asyncio.wait({sending})
            sending.exception()
            raise
        except DriverError as error:
            if error.sqlstate == REFUSED and not self._connection.closed:
                message = one_line(error.diag.message_primary or "").rstrip(".")
                raise Trouble(Kind.FAILED, f"PgBouncer refused {one_line(text)}: {message}.", "", REFUSED) from None
            raise trouble(error, text) from None


async def open_pooler(uri: str) -> PoolerSession:
    """Connect to the admin console that a URI or conninfo names. Raises Trouble."""
    target = {"dbname": "pgbouncer", **parse_target(uri)}
    return PoolerSession(target, await open_admin(target, ACTING_NAME))
