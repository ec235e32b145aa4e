"""Where a source keeps its connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from console.model import Kind, Trouble


class Closable(Protocol):
    """A connection, of whatever library."""

    @property
    def closed(self) -> bool:
        """Whether it is known to be closed."""

    async def close(self) -> None:
        """Close it; it may be closed already."""


C = TypeVar("C", bound=Closable)


class Slot(Generic[C]):
    """At most one open connection; who empties the slot also ends what is being opened for it."""

    def __init__(self) -> None:
        self._connection: C | None = None
        self._emptied = 0

    @property
    def connection(self) -> C | None:
        """The connection, if it is open as far as is known."""
        held = self._connection
        return None if held is None or held.closed else held

    async def fill(self, connect: Callable[[], Awaitable[C]]) -> C:
        """Open a connection and keep it. Raises Trouble, also if the slot was emptied meanwhile."""
        before = self._emptied
        opened = await connect()
        if before != self._emptied:
            await opened.close()
            raise Trouble(Kind.UNREACHABLE, "The connection was closed while it was being opened.")
        self._connection = opened
        return opened

    def empty(self) -> C | None:
        """Take the connection out, for the caller to close; None if none is open."""
        held, self._connection = self.connection, None
        self._emptied += 1
        return held
