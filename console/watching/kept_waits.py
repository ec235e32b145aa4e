"""What the server sampled before this console did: by pgsentinel or pg_ash, where they are installed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from console.model import Database, Kind, Record, Snapshot, Trouble, number
from console.series.waits import Looks, SampledSession, sampled_session

SOURCES = "wait_sources"
KEPT: Mapping[str, str] = {"pgsentinel": "wait_sentinel", "pg_ash": "wait_ash"}  # name of what samples → query
SLOT = 5.0  # seconds that are read as one


class KeptWaits:
    """Reads what was kept of a time in which this console took no samples."""

    def __init__(self, server: Database) -> None:
        self._server = server
        self._readable: tuple[str, ...] | None = None
        self.trouble: Trouble | None = None  # why it could not be read last
        self.source = "samples kept on the server"  # what was asked last

    async def read(self, since: float, until: float, taken: Snapshot) -> Sequence[Looks]:
        """What was kept from `since` to `until` seconds before `taken` was read; nothing where nobody keeps any.

        Raises Trouble(UNREACHABLE) if the server is gone.
        """
        if self._readable is None:
            sources = await self._answer(SOURCES, {})
            self._readable = readable(sources or ())
        wanted = {"since": since, "until": until, "slot": SLOT}
        for name in self._readable:
            self.source = name
            if (found := await self._answer(KEPT[name], wanted)) is not None:
                return looks(found, name, taken.clock - until, taken.taken_at.timestamp() - until)
        return ()

    async def _answer(self, query: str, parameters: Mapping[str, object]) -> list[Record] | None:
        """The rows of a query; None: it cannot be read, and if it should be, `trouble` says why."""
        self.trouble = None
        if self._server.obstacle(query) is not None:
            return None
        try:
            return list((await self._server.fetch(query, parameters)).records())
        except Trouble as why:
            if why.kind is Kind.UNREACHABLE:
                raise
            self.trouble = why
            return None


def readable(rows: Sequence[Record]) -> tuple[str, ...]:
    """Which of the rows of the query wait_sources keep samples that can be read."""
    return tuple(str(row["name"]) for row in rows if row["name"] in KEPT and can_be_read(row))


def can_be_read(row: Record) -> bool:
    """Whether a row of the query wait_sources is of what can be read."""
    return all(row[each] for each in ("installed", "is_loaded", "is_trusted", "may_read"))


def looks(rows: Sequence[Record], source: str, end: float, moment: float) -> Sequence[Looks]:
    """The rows of a query in KEPT as looks, a slot each, oldest first; `end` and `moment` are when slot 0 ends. Pure.

    A slot without a row between others is one in which no session was active; after the last, nothing may have been
    sampled any more. The oldest does not count: of that, a part may be overwritten.
    """
    times: dict[int, dict[SampledSession, int]] = {}
    for row in rows:
        seen = times.setdefault(int(number(row["slot"])), {})
        if (session := sampled_session(row)) is not None:
            seen[session] = seen.get(session, 0) + int(number(row["times"]))
    width = max((number(row["seconds"]) for row in rows), default=SLOT)
    many = max(1, math.floor(max((number(row["looks"]) for row in rows), default=1.0)))
    return tuple(
        Looks(source, end - slot * width, moment - slot * width, width, many, times.get(slot, {}))
        for slot in range(max(times, default=-1) - (len(times) > 1), min(times, default=0) - 1, -1)
    )
