"""Reads of a log only what was added since the last read, across rotation, and never more than a bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from console.records import dataclass

MOST = 1 << 19  # bytes of one read, however much was logged
MARK = 64  # bytes before the place where the last read ended: if they changed, it is another file


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of the log."""

    path: str
    identity: str  # the same after it was renamed
    size: int
    modified: float  # seconds since 1970


class LogFiles(Protocol):
    """Where files of a log are."""

    async def list(self) -> Sequence[LogFile]:
        """The files, the one that is written now at the end. Raises Trouble."""
        ...

    async def read(self, path: str, start: int, length: int) -> bytes:
        """Bytes of a file; fewer where it ends. Raises Trouble."""
        ...


@dataclass(frozen=True, slots=True)
class NewLines:
    """Whole lines of one file."""

    text: str
    follows: bool  # the piece before without a gap


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the last read ended."""

    identity: str
    offset: int
    mark: bytes  # the bytes before it


class FileTail:
    """The end of a log in files."""

    def __init__(self, files: LogFiles) -> None:
        self._files = files
        self._place: _Place | None = None
        self.path = ""  # of the file that was read last
        self.skipped = 0  # bytes that were added faster than they are read

    async def read(self) -> list[NewLines]:
        """What was added since the last read; of the first one the end of the file. Raises Trouble."""
        parts = self._parts(await self._files.list())
        pieces = [await self._read(part, ends=part is parts[-1]) for part in parts]
        return [piece for piece in pieces if piece is not None]

    def _parts(self, found: Sequence[LogFile]) -> list[_Part]:
        """What is to be read of which file, oldest first; of more than MOST bytes the last ones."""
        place = self._place
        at = next((at for at, file in enumerate(found) if place and file.identity == place.identity), None)
        if place is None or at is None:
            return [_Part(file, max(0, file.size - MOST), has_gap=True) for file in found[-1:]]
        first, *others = found[at:]
        if first.size < place.offset:  # it was emptied, or another one took its name
            parts = [_Part(first, max(0, first.size - MOST), has_gap=True)]
        else:
            parts = [_Part(first, place.offset, has_gap=False, mark=place.mark)]
        parts += [_Part(file, 0, has_gap=False) for file in others]
        excess = max(0, sum(part.length for part in parts) - MOST)
        self.skipped += excess
        kept = []
        for part in parts:
            cut = min(excess, part.length)
            excess -= cut
            shorter = _Part(part.file, part.start + cut, has_gap=True) if cut else part
            if shorter.length or part is parts[-1]:
                kept.append(shorter)
        return kept

    async def _read(self, part: _Part, *, ends: bool) -> NewLines | None:
        """The new lines of a file; of the last one without a line that is still being written."""
        if not part.length and part.mark:
            return None
        data, start, follows = await self._bytes(part)
        cut = data[data.rfind(b"\n") + 1 :] if ends and len(data) < MOST else b""
        whole = data[: len(data) - len(cut)]
        if ends:
            mark = (part.mark + whole if follows else whole)[-MARK:]
            self._place = _Place(part.file.identity, start + len(whole), mark)
            self.path = part.file.path
        if not follows and start:
            whole = whole.partition(b"\n")[2]  # it begins in the middle of a line
        return NewLines(whole.decode("utf-8", "backslashreplace"), follows) if whole else None

    async def _bytes(self, part: _Part) -> tuple[bytes, int, bool]:
        """The bytes of a part, where they start, and whether they follow what was read before."""
        file, mark = part.file, part.mark
        data = await self._files.read(file.path, part.start - len(mark), part.length + len(mark))
        if data.startswith(mark):
            return data[len(mark) :], part.start, not part.has_gap
        start = max(0, file.size - MOST)
        return await self._files.read(file.path, start, file.size - start), start, False


@dataclass(frozen=True, slots=True)
class _Part:
    """What is new in a file."""

    file: LogFile
    start: int
    has_gap: bool  # between it and what was read before
    mark: bytes = b""

    @property
    def length(self) -> int:
        return self.file.size - self.start
