"""The host as a source: named readings of the machine that the PostgreSQL server runs on."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from console import sql
from console.format import one_line
from console.model import Database, Facts, Kind, Snapshot, Trouble
from console.sources.derived import no_query
from console.sources.host import parsing
from console.sources.host.course import HostCourse
from console.sources.host.place import ServerPlace, find, still_there
from console.sources.host.processes import Processes
from console.sources.host.readings import READINGS, Space

NAME = "host"
MACHINE, PROCESSES = "host_overview", "host_processes"
SESSIONS = "host_sessions"
DETAILS = frozenset({"connection_details"})  # queries of the server's sessions, which it answers itself
_PROCESS_FILES = "/proc/PID/stat\n/proc/PID/statm\n/proc/PID/io"


def text(query: str) -> str:
    """The files that a reading reads. Raises Trouble(MISSING) for an unknown query."""
    if why := _unknown(query):
        raise why
    if query == PROCESSES:
        return f"{sql.load(SESSIONS).statement}\n{_PROCESS_FILES}"
    return sql.load(query).statement if query in DETAILS else READINGS[query].text


def _unknown(query: str) -> Trouble | None:
    if query in READINGS or query == PROCESSES or query in DETAILS:
        return None
    return no_query(query, "of the host")


class HostSource:
    """The machine of one server. What proves which machine that is, is looked for again when it is gone."""

    name = NAME

    def __init__(
        self,
        postgres: Database,
        root: Path = Path("/"),
        clock: Callable[[], float] = time.monotonic,
        space: Space = os.statvfs,
    ) -> None:
        """`root` is the folder of this machine's /proc and /sys; `clock` counts seconds; `space` asks a file system."""
        self._postgres = postgres
        self._root = root
        self._clock = clock
        self._space = space
        self._place: ServerPlace | None = None
        self._finding = asyncio.Lock()  # what is read at the same time finds it once
        self._asked: Facts | None = None  # the connection of the server by which the place was found
        self._started = ""
        self._processes = Processes(clock)
        self._course = HostCourse()

    @property
    def facts(self) -> Facts:
        """How it is read. Raises Trouble(UNREACHABLE) before the first reading."""
        if self._place is None:
            raise Trouble(Kind.UNREACHABLE, f"The host of {one_line(self._postgres.label)} was not read yet.")
        return Facts(kind=NAME, version=0, version_text=self._place.how, label=one_line(self._postgres.label))

    @property
    def retry_in(self) -> float:
        """Seconds until the server is asked again."""
        return self._postgres.retry_in

    async def learn(self) -> Facts:
        """Find the machine again: privileges change. Raises Trouble."""
        self._place = None
        await self._found()
        return self.facts

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The rows of one reading. Raises Trouble if the machine cannot be measured, or there is no such reading."""
        if query in DETAILS:
            return await self._postgres.fetch(query, parameters)
        if why := self.obstacle(query):
            raise why
        place = await self._found()
        began = self._clock()
        if query == PROCESSES:
            taken = await self._processes.read(place, await self._postgres.fetch(SESSIONS))
            return replace(taken, name=query, origin=self._started)
        reading = READINGS[query]
        found = await reading.read(place, self._space)
        now = self._clock()
        taken = Snapshot(query, reading.columns, found.rows, datetime.now(UTC), now - began, now, reading.text)
        taken = replace(taken, origin=self._started).hiding(found.hidden)
        return self._course.add(taken) if query == MACHINE else taken

    def text(self, query: str) -> str:
        """The files that are read. Raises Trouble(MISSING) for an unknown query."""
        return text(query)

    def obstacle(self, query: str) -> Trouble | None:
        """None for a known query, Trouble(MISSING) for another one."""
        return _unknown(query)

    async def close(self) -> None:
        """There is nothing to close: the server is closed by its owner."""

    async def _found(self) -> ServerPlace:
        async with self._finding:
            moved = self._postgres.known is not self._asked  # another connection may lead to another machine
            if self._place is None or moved or not still_there(self._place, self._root):
                self._place = None
                place = await find(self._postgres, self._root)
                texts = await place.files.read(("/proc/stat",))
                self._started = parsing.started(texts.get("/proc/stat"))
                self._place, self._asked, self._processes = place, self._postgres.known, Processes(self._clock)
            return self._place
