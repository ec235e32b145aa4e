"""The files of readings: for each target a folder of this user, in it one file for ten minutes of one console.

No two processes write to one file, so none can damage what another wrote. A reading is in the file as soon as it is
encoded; nothing is synced, because readings need to outlive the console and not the machine.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from console.digest import sha256
from console.files import private
from console.model import Kind, Trouble
from console.past import framing
from console.past.readings import PastReadings
from console.past.segment import ReadingSegment, parsed
from console.records import dataclass

FOLDER, SUFFIX = "readings", ".readings"
KEPT = 86_400.0  # seconds for which files are kept
MOST_BYTES = 64 * 2**20  # of one target, all its consoles together
HOUR = 3600.0
_NAME = "%Y%m%dT%H%M%S.%f"


@dataclass(frozen=True, slots=True)
class ReadingFile:
    """One file of readings."""

    path: Path
    began: float  # seconds since 1970
    written: float  # when something was last added
    size: int


@dataclass(frozen=True, slots=True)
class ReadingStore:
    """The files of one target."""

    folder: Path

    def create(self, now: float) -> tuple[Path, int]:
        """A new file and its descriptor. Raises Trouble if it cannot be written."""
        stamp = datetime.fromtimestamp(now, UTC).strftime(_NAME)
        path = self.folder / f"{stamp}-{os.getpid()}{SUFFIX}"
        with private.troubles(path):
            private.make_folder(self.folder)
            descriptor = private.open_private(path, os.O_WRONLY | os.O_APPEND)
            append(descriptor, path, framing.MAGIC)
        return path, descriptor

    def files(self) -> list[ReadingFile]:
        """The files, those that began first at the front."""
        return sorted(_files(self.folder), key=lambda each: each.began)

    def load(self, file: ReadingFile) -> ReadingSegment | None:
        """What a file holds, up to its last whole record; None: it is gone, or no file of readings of this user."""
        try:
            with os.fdopen(private.open_trusted(file.path), "rb") as opened:
                return parsed(opened.read(MOST_BYTES))
        except (OSError, ValueError, Trouble):
            return None

    def prune(self, now: float) -> None:
        """Remove what is older than a day, and the oldest files where there is too much."""
        kept = self.files()
        total = sum(each.size for each in kept)
        for each in kept:
            if now - each.written > KEPT or total > MOST_BYTES:
                total -= each.size
                with contextlib.suppress(OSError):
                    each.path.unlink()


class ReadingLibrary:
    """The files of one target around a moment; each is read once, and again when something was added to it."""

    def __init__(self, store: ReadingStore) -> None:
        self._store = store
        self._read: dict[Path, tuple[int, ReadingSegment]] = {}

    def segments(self, moment: float, but: frozenset[Path] = frozenset()) -> list[ReadingSegment]:
        """The segments of the hour until a moment, and of what came soon after it, without the files in `but`."""
        wanted = {
            each.path: each
            for each in self._store.files()
            if each.path not in but and each.began <= moment + HOUR / 6 and each.written >= moment - HOUR
        }
        self._read = {path: found for path, found in self._read.items() if path in wanted}
        for path, file in wanted.items():
            if path not in self._read or self._read[path][0] != file.size:
                segment = self._store.load(file)
                if segment is not None:
                    self._read[path] = file.size, segment
        return [segment for _, segment in self._read.values()]

    def span(self) -> tuple[float, float] | None:
        """From when to when there are files; None: there are none."""
        files = self._store.files()
        return (min(each.began for each in files), max(each.written for each in files)) if files else None


def store_of(state: Path, target: str) -> ReadingStore:
    """The store of the target with this connection string, in the folder `state`; its name reveals nothing of it."""
    return ReadingStore(state / FOLDER / sha256(target)[:16])


def all_stores(state: Path) -> list[ReadingStore]:
    """The stores of all targets."""
    try:
        return [ReadingStore(folder) for folder in sorted((state / FOLDER).iterdir()) if folder.is_dir()]
    except OSError:
        return []


def kept_entry(store: ReadingStore) -> dict[str, object] | None:
    """What is kept of a target: its label, from when to when, how many readings, their bytes. None: nothing."""
    files = store.files()
    segments = [segment for each in files if (segment := store.load(each)) is not None]
    readings = PastReadings(segments)
    first, last = readings.span
    if not math.isfinite(first):
        return None
    facts = next((found for name in ("postgres", "pgbouncer") if (found := readings.facts(name))), None)
    return {
        "target": facts.place if facts else "unknown",
        "database": facts.database if facts else "",
        "from": datetime.fromtimestamp(first, UTC),
        "to": datetime.fromtimestamp(last, UTC),
        "readings": sum(segment.count for segment in segments),
        "bytes": sum(each.size for each in files),
    }


def append(descriptor: int, path: Path, content: bytes) -> None:
    """Add to a file. Raises Trouble if there is no room; what was begun is taken back: the file stays whole."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    try:
        with private.troubles(path):
            while content:
                content = content[os.write(descriptor, content) :]
    except Trouble as why:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, end)
        raise Trouble(Kind.FAILED, why.sentence, why.remedy) from None


def _files(folder: Path) -> Iterator[ReadingFile]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        stamp = entry.name.partition("-")[0]
        with contextlib.suppress(OSError, ValueError):
            began = datetime.strptime(stamp, _NAME).replace(tzinfo=UTC).timestamp()
            if entry.name.endswith(SUFFIX):
                found = entry.stat(follow_symlinks=False)
                yield ReadingFile(Path(entry.path), began, max(began, min(found.st_mtime, time.time())), found.st_size)
