"""Where the log is: files of the server read through it, files of this machine, or the journal of systemd."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from console.format import one_line
from console.later import late
from console.model import Database, Kind, Trouble
from console.sources.log.parsers import CSV, JSON, STDERR
from console.sources.log.tail import LogFile, NewLines

JOURNAL = "journald:"  # what a setting begins with that names a unit of systemd
_ABOUT = frozenset({"UNIT", "OBJECT_SYSTEMD_UNIT", "COREDUMP_UNIT"})  # fields of entries that name a unit
MOST_LINES = 4_000  # of the journal in one read
SUFFIXES = {CSV: ".csv", JSON: ".json", STDERR: ".log"}
_SYSLOG = late(r"^\[\d+-\d+\] ?")  # what the server puts before each line that it sends to syslog
_TAB = "#011"  # how syslog writes a tab


class ServerLogFiles:
    """Files of the server's log_directory, read by functions of the server."""

    def __init__(self, postgres: Database, directory: str, format_: str, *, asks: bool) -> None:
        """`asks`: the role may call pg_current_logfile, so that files of another server there do not count."""
        self._postgres = postgres
        self._directory = directory
        self._format = format_
        self._asks = asks

    async def list(self) -> Sequence[LogFile]:
        """The files of the format, in the order in which they were written last."""
        taken = await self._postgres.fetch("log_files", {"suffix": SUFFIXES[self._format]})
        files = [
            LogFile(
                f"{self._directory}/{row['name']}", str(row["name"]), int(str(row["size"])), float(str(row["modified"]))
            )
            for row in taken.records()
        ][::-1]
        if not self._asks:
            return files
        (row,) = (await self._postgres.fetch("log_current", {"format": self._format})).records()
        current = Path(str(row["path"] or "")).name
        return sorted(files, key=lambda file: file.identity == current)

    async def read(self, path: str, start: int, length: int) -> bytes:
        """Bytes of a file; none if it is gone."""
        asked = {"path": path, "start": start, "length": length}
        (row,) = (await self._postgres.fetch("log_bytes", asked)).records()
        return bytes(row["bytes"]) if isinstance(row["bytes"], bytes | memoryview) else b""


class LocalLogFiles:
    """A file of this machine, or the newest files of a folder."""

    def __init__(self, path: str, suffix: str) -> None:
        self._path = Path(path)
        self._suffix = suffix

    async def list(self) -> Sequence[LogFile]:
        """The file, after the one that it replaced; of a folder, the files of the format. Raises Trouble."""
        return await asyncio.to_thread(self._list)

    async def read(self, path: str, start: int, length: int) -> bytes:
        """Bytes of a file. Raises Trouble if it may not be read."""
        return await asyncio.to_thread(self._read, path, start, length)

    def _list(self) -> Sequence[LogFile]:
        try:
            is_folder = self._path.is_dir()
            names = [path for path in self._path.iterdir() if path.suffix == self._suffix] if is_folder else []
            files = [_local(path) for path in names if path.is_file()]
            if not is_folder:
                before = self._path.with_name(f"{self._path.name}.1")
                files = [_local(path) for path in (before, self._path) if path.is_file() or path == self._path]
        except OSError as error:
            raise _unreadable(self._path, error) from None
        return sorted(files, key=lambda file: (file.modified, file.path)) if is_folder else files

    def _read(self, path: str, start: int, length: int) -> bytes:
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # not a pipe, which might never say anything
                    file.seek(start)
                    return file.read(length)
        except OSError as error:
            raise _unreadable(Path(path), error) from None
        raise _unreadable(Path(path), OSError(22, "it is no file"))


class JournalTail:
    """The entries of a unit in the journal, read by journalctl."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._cursor = ""
        self.path = f"{JOURNAL}{unit}"
        self.skipped = 0

    async def read(self) -> list[NewLines]:
        """The lines since the last read, as the server wrote them. Raises Trouble."""
        after = ["--after-cursor", self._cursor] if self._cursor else []
        unit = ["--unit", self._unit, "--lines", str(MOST_LINES)]
        arguments = ["--output", "json", "--no-pager", "--quiet", *unit, *after]
        try:
            process = await asyncio.create_subprocess_exec(
                "journalctl",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError:
            raise Trouble(Kind.MISSING, "There is no journalctl on this machine to read the log with.") from None
        try:
            out, err = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        if process.returncode != 0:
            sentence = (
                f"journalctl cannot read the log of {one_line(self._unit)}: {one_line(err.decode(errors='replace'))}"
            )
            raise Trouble(Kind.DENIED, sentence, "Add this user to the group systemd-journal.")
        follows = bool(self._cursor)
        lines = [line for record in out.splitlines() for line in self._lines(record)]
        return [NewLines("\n".join(lines) + "\n", follows)] if lines else []

    def _lines(self, record: bytes) -> Sequence[str]:
        try:
            found = json.loads(record)
        except ValueError:
            return []
        self._cursor = str(found.get("__CURSOR", self._cursor))
        if _ABOUT & found.keys():
            return []  # journalctl --unit also lists what systemd says of the unit
        message = found.get("MESSAGE")
        if isinstance(message, list):  # bytes that are no UTF-8
            message = bytes(message).decode("utf-8", "backslashreplace")
        return [_SYSLOG.sub("", line).replace(_TAB, "\t") for line in str(message or "").split("\n")]


def format_of(path: str) -> str:
    """The format of a file by its name."""
    return next((name for name, suffix in SUFFIXES.items() if path.endswith(suffix)), STDERR)


def _local(path: Path) -> LogFile:
    found = path.stat()
    if not os.access(path, os.R_OK):
        raise PermissionError(13, os.strerror(13))
    return LogFile(str(path), str(found.st_ino), found.st_size, found.st_mtime)


def _unreadable(path: Path, error: OSError) -> Trouble:
    return Trouble(
        Kind.DENIED if isinstance(error, PermissionError) else Kind.MISSING,
        f"The log {one_line(path)} cannot be read: {one_line(error.strerror)}.",
        "log: of the target in the configuration names a file or folder that this user can read.",
    )
