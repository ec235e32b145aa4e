"""What the server has refused to let this role read: it is not asked again while nothing can have changed.

Each refusal is an ERROR in the log of the server, and a pane that is open asks every two seconds.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from psycopg import Error, errors

from console import sql
from console.model import Kind, Trouble
from console.records import dataclass

ANYWAY = 600.0  # seconds after which it is asked again: a standby and idle sessions do not count changes
MOST_KEPT = 500  # refusals; lookups have parameters
SHARED = 0.2  # seconds for which one look at the counter serves all that was refused

Found = TypeVar("Found")
What = tuple[str, ...]  # the name of a query, then its text, parameters and so on
Count = Callable[[str], Awaitable[object]]  # what a statement returns


@dataclass(frozen=True, slots=True)
class _Denial:
    why: Trouble
    at: float  # on the monotonic clock
    counted: object  # the counter of changes of privileges then; None: it could not be read
    times: int  # one after the other


class Denials:
    """The refusals of one connection."""

    def __init__(self, run: Count) -> None:
        """`run` reads the counter of changes of privileges."""
        self._run = run
        self._known: dict[What, _Denial] = {}
        self._connection: object = None
        self._counted: object = None
        self._counted_at = float("-inf")

    async def read(
        self,
        what: What,
        connection: object,
        read: Callable[[], Awaitable[Found]],
        explain: Callable[[Error], Trouble],
    ) -> Found:
        """What `read` returns. Raises the Trouble of the last refusal of `what` while asking again would be in vain.

        `read` refuses with Trouble(DENIED), or the server does.

        A catalog that changes all the time makes it be asked again after 2, 4, 8 … seconds; a new connection at once.
        """
        if connection is not self._connection:
            self._known.clear()
            self._connection = connection
        if (known := self._known.get(what)) and await self._holds(known):
            raise known.why.with_traceback(None)
        try:
            found = await read()
        except errors.InsufficientPrivilege as error:
            await self._keep(what, explain(error))
            raise
        except Trouble as why:
            if why.kind is Kind.DENIED:
                await self._keep(what, why)
            raise
        self._known.pop(what, None)
        return found

    async def _holds(self, known: _Denial) -> bool:
        passed = time.monotonic() - known.at
        if passed > ANYWAY:
            return False
        is_early = known.times > 1 and passed < 2.0 ** (known.times - 1)
        return is_early or (known.counted is not None and await self._count() == known.counted)

    async def _keep(self, what: What, why: Trouble) -> None:
        if what[0] not in sql.names():
            return  # what somebody asks for once, such as what an action needs, is never answered from memory
        before = self._known.pop(what, None)
        self._counted_at = float("-inf")
        self._known[what] = _Denial(why, time.monotonic(), await self._count(), before.times + 1 if before else 1)
        if len(self._known) > MOST_KEPT:
            del self._known[next(iter(self._known))]

    async def _count(self) -> object:
        if time.monotonic() - self._counted_at > SHARED:
            try:
                self._counted = await self._run(sql.load("privilege_changes").text)
            except Error:
                self._counted = None
            self._counted_at = time.monotonic()
        return self._counted
