"""Which of several addresses lead to the same PgBouncer, proven by the admin connections themselves.

Every admin connection has a mark of its own in its application_name. Where SHOW CLIENTS by one address lists the mark
of the connection by another one, both end in one process: a socket and a port, two names of a host, or a port that
so_reuseport shares. Nothing else is taken for a proof.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from console.format import counted, one_line
from console.model import Trouble
from console.sources.pgbouncer.admin import PgBouncerServer

PEERS = 11900  # the first version with SHOW PEERS


class Identity:
    """The processes behind addresses. It asks again only when one of the connections is another one."""

    def __init__(self, poolers: Mapping[str, PgBouncerServer]) -> None:
        """The poolers by the names under which their rows are shown."""
        self._poolers = poolers
        self._marks: tuple[str, ...] = ()
        self._same: dict[str, str] = {}
        self._notes: tuple[str, ...] = ()

    async def same(self) -> Mapping[str, str]:
        """The name of each address that leads to a process which another one before it leads to → the name of that."""
        if len(self._poolers) < 2:
            return {}
        await asyncio.gather(*(_connected(pooler) for pooler in self._poolers.values()))
        marks = self._now()
        if marks != self._marks:
            self._same = await self._found()
            self._notes = await self._shared_ports()
            self._marks = marks if marks == self._now() else ()  # a connection was lost meanwhile
        return self._same

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of the addresses, as of the last look."""
        twins = (f"{one_line(name)} is the same PgBouncer as {one_line(of)}." for name, of in self._same.items())
        return (*twins, *self._notes)

    def _now(self) -> tuple[str, ...]:
        return tuple(pooler.mark for pooler in self._poolers.values())

    async def _found(self) -> dict[str, str]:
        same: dict[str, str] = {}
        for name, pooler in self._poolers.items():
            seen = set()
            with contextlib.suppress(Trouble):  # whoever reads its rows reports that
                seen = set((await pooler.fetch("pooler_clients")).values("application_name"))
            for other, found in self._poolers.items():
                if other != name and found.mark and found.mark in seen and name not in same and other not in same:
                    same[other] = name
        return same

    async def _shared_ports(self) -> tuple[str, ...]:
        """Processes that share a port and are not among the poolers, by what PgBouncer says of its peers."""
        counts: dict[str, int] = {}
        unknown: list[str] = []
        for name, pooler in self._poolers.items():
            with contextlib.suppress(Trouble):
                if name not in self._same:
                    await _count(name, pooler, counts, unknown)
        several = tuple(
            f"so_reuseport: {len(counts)} of {counted(most, 'process', 'processes')} that share a port are named; "
            "name each by its Unix socket, or the clients and pools of the others are not counted."
            for most in {max(counts.values(), default=0)}
            if most > len(counts)
        )
        return (*several, *unknown)


def unnamed(name: str) -> str:
    """What is not known of a PgBouncer with so_reuseport, as a sentence."""
    return (
        f"{one_line(name)}: so_reuseport is on, so other processes may share its port, whose clients and pools are not "
        "counted unless each process is named by its Unix socket."
    )


async def _connected(pooler: PgBouncerServer) -> None:
    with contextlib.suppress(Trouble):
        await pooler.connect()


async def _count(name: str, pooler: PgBouncerServer, counts: dict[str, int], unknown: list[str]) -> None:
    config = {row["key"]: row["value"] for row in (await pooler.fetch("pooler_config")).records()}
    if config.get("so_reuseport") != "1":
        return
    peers = (await pooler.fetch("pooler_peers")).values("peer_id") if pooler.facts.version >= PEERS else ()
    if not peers:
        unknown.append(unnamed(name))
        return
    counts[name] = len({str(peer) for peer in peers} | {str(config.get("peer_id"))})
