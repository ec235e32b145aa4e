"""How the files of the server's machine are read: here, or through the server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Protocol

from console.model import Database, Kind, Trouble
from console.records import dataclass

MOST = 1 << 18  # bytes of one file; the lines of /proc/stat that count come first
Texts = tuple[bytes | None, ...]


class Files(Protocol):
    """Reads files of one machine."""

    async def read(self, paths: Iterable[str]) -> Mapping[str, str | None]:
        """The text of each file; None: it is not there, or may not be read. Raises Trouble if the server is gone."""
        ...

    async def processes(self, pids: Sequence[int]) -> Mapping[int, Texts]:
        """stat, statm and io of each process that still runs. Raises Trouble if the server is gone."""
        ...


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Files of this machine."""

    root: Path

    async def read(self, paths: Iterable[str]) -> Mapping[str, str | None]:
        """Without the server."""
        return {path: _text(self.contents(f"{self.root}{path}")) for path in paths}

    async def processes(self, pids: Sequence[int]) -> Mapping[int, Texts]:
        """Without the server."""
        proc = f"{self.root}/proc".replace("//", "/")
        read = self.contents
        return {
            pid: (stat, read(f"{proc}/{pid}/statm"), read(f"{proc}/{pid}/io"))
            for pid in pids
            if (stat := read(f"{proc}/{pid}/stat"))
        }

    @staticmethod
    def contents(path: str) -> bytes | None:
        """At most MOST bytes of a file; None: it is not there, or may not be read."""
        try:
            opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return os.read(opened, MOST)
        except OSError:
            return None
        finally:
            os.close(opened)


@dataclass(slots=True)
class ServerFiles:
    """Files of the machine of a server, read by pg_read_file(), which runs there."""

    postgres: Database
    unreadable: set[str] = field(default_factory=set)  # files that make pg_read_file() fail

    async def read(self, paths: Iterable[str]) -> Mapping[str, str | None]:
        """All in one query; where a file makes it fail, one by one."""
        wanted = [path for path in dict.fromkeys(paths) if path not in self.unreadable]
        try:
            return await self._fetch(wanted)
        except Trouble as why:
            if why.kind not in (Kind.DENIED, Kind.FAILED):
                raise
        found: dict[str, str | None] = {}
        for path in wanted:
            try:
                found |= await self._fetch([path])
            except Trouble as why:
                if why.kind not in (Kind.DENIED, Kind.FAILED):
                    raise
                self.unreadable.add(path)
        return found

    async def processes(self, pids: Sequence[int]) -> Mapping[int, Texts]:
        """All in one query; a process that ended meanwhile may make it fail, then the rest is read one by one."""
        paths = [f"/proc/{pid}/{name}" for pid in pids for name in ("stat", "statm", "io")]
        found = await self.read(paths)
        self.unreadable -= {path for path in paths if path.endswith(("/stat", "/statm"))}  # pids are used again
        texts = {pid: [found.get(f"/proc/{pid}/{name}") for name in ("stat", "statm", "io")] for pid in pids}
        return {pid: tuple(text.encode() if text else None for text in each) for pid, each in texts.items() if each[0]}

    async def _fetch(self, paths: Sequence[str]) -> dict[str, str | None]:
        taken = await self.postgres.fetch("host_files", {"paths": list(paths)})
        return {str(path): None if text is None else str(text) for path, text in taken.rows}


def _text(found: bytes | None) -> str | None:
    return None if found is None else found.decode("utf-8", "replace")
