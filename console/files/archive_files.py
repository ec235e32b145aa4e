"""The files of an export: a compressed CSV, and next to it a manifest of its content.

Inside quotes, the backslash escapes quotes and itself. With doubled quotes, a line of a text could be \\. alone, which
psql before 18 takes for the end of the data.

The CSV is written as NAME.csv.gz.partial, read back, and gets its name only after its manifest, so that NAME.csv.gz
with a manifest is always a finished export. All files are private (mode 0600); no file of another user is replaced.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

from console.files import private
from console.files.private import troubles
from console.format import safe, to_json
from console.model import Kind, Trouble
from console.records import dataclass

SUFFIX = ".csv.gz"


@dataclass(frozen=True, slots=True)
class Form:
    """How the values of an export are written."""

    name: str  # in its manifest
    options: str  # of COPY, in both directions
    escape: bytes  # what a quote inside quotes, and itself, is preceded by; empty: quotes are doubled
    psql: str = ""  # the first version that can load every text; empty: all


FORM = Form("pipeline-console export 2", "FORMAT csv, HEADER, ESCAPE E'\\\\'", b"\\")
FORMS = {form.name: form for form in (FORM, Form("pipeline-console export 1", "FORMAT csv, HEADER", b"", "18"))}


@dataclass(frozen=True, slots=True)
class Content:
    """What a CSV holds, uncompressed."""

    rows: int  # without the header
    bytes: int
    sha256: str


class Partial:
    """The CSV while it is written. One console at a time; what an interrupted one left is overwritten."""

    def __init__(self, path: Path) -> None:
        """Open NAME.csv.gz.partial for the file `path`. Raises Trouble(REFUSED) if it cannot be opened."""
        self.path = path.with_name(path.name + ".partial")
        self.bytes = 0
        self._published = False
        self._digest = hashlib.sha256()
        self._zip = zlib.compressobj(6, zlib.DEFLATED, 31)  # 31: a gzip header and trailer
        with troubles(self.path, Kind.REFUSED):
            self._file = private.hold(self.path)

    def write(self, data: bytes) -> None:
        """Compress and write. Raises Trouble if the disk is full."""
        self.bytes += len(data)
        self._digest.update(data)
        self._put(self._zip.compress(data))

    def finish(self) -> str:
        """Write what is left and sync it to the disk; the SHA-256 of what was written, uncompressed."""
        self._put(self._zip.flush())
        with troubles(self.path):
            os.fsync(self._file)
            if hasattr(os, "posix_fadvise"):  # so that it is read back from the disk
                os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_DONTNEED)
        return self._digest.hexdigest()

    def publish(self, path: Path, manifest: Mapping[str, object]) -> None:
        """Rename the CSV, after its manifest. Raises Trouble(REFUSED) if a file of that name has appeared."""
        if os.path.lexists(path):
            raise taken(path)
        beside = manifest_path(path)
        with troubles(beside):
            private.write(beside, to_json({"form": FORM.name, "file": path.name, **manifest}) + "\n")
        with troubles(path):
            self.path.rename(path)
            self._published = True
            private.sync_folder(path.parent)

    def discard(self) -> None:
        """Close it, and remove it unless it has been published."""
        if not self._published:
            with contextlib.suppress(OSError):  # it was removed already
                self.path.unlink()
        os.close(self._file)

    def _put(self, data: bytes) -> None:
        with troubles(self.path):
            while data:
                data = data[os.write(self._file, data) :]


def form_of(manifest: Mapping[str, object] | None) -> Form:
    """How the CSV of this manifest is written; without one, how the next is."""
    return FORMS[str(manifest["form"])] if manifest else FORM


def check(path: Path, manifest: Mapping[str, object]) -> None:
    """Read a finished export. Raises Trouble(FAILED) if it differs from its manifest."""
    compare(path, read_back(path, form_of(manifest)), manifest)


def read_back(path: Path, form: Form = FORM) -> Content:
    """What a compressed CSV contains. Raises Trouble(FAILED) if it is damaged or cannot be read."""
    digest = hashlib.sha256()
    size = rows = 0
    inside = False  # of quotes: the line ends no row
    try:
        with troubles(path), gzip.open(path, "rb") as file:
            for line in file:
                size += len(line)
                digest.update(line)
                if b'"' in line:
                    inside ^= _quotes(line, form.escape) % 2 == 1
                rows += not inside
    except (EOFError, zlib.error) as error:
        raise Trouble(Kind.FAILED, f"{safe(path)} is damaged: {safe(error, 200)}.") from None
    if inside:
        raise Trouble(Kind.FAILED, f"{safe(path)} is damaged: it ends inside quotes.")
    return Content(max(0, rows - 1), size, digest.hexdigest())


def _quotes(line: bytes, escape: bytes) -> int:
    """How many quotes begin or end a quoted value; a doubled one does both."""
    if escape:
        line = line.replace(escape + escape, b"").replace(escape + b'"', b"")
    return line.count(b'"')


def compare(path: Path, content: Content, manifest: Mapping[str, object]) -> None:
    """Raises Trouble(FAILED) if the content differs from the manifest."""
    for name in ("rows", "bytes", "sha256"):
        found, wanted = getattr(content, name), manifest.get(name)
        if found != wanted:
            raise Trouble(
                Kind.FAILED,
                f"{safe(path)} is not what was exported: its {name} {'are' if name != 'sha256' else 'is'} "
                f"{safe(found)}, not {safe(wanted, 80)}.",
                "Move it and its manifest away, then export again.",
            )


def finished(path: Path, same: Mapping[str, object]) -> dict[str, object] | None:
    """The manifest of an existing export; None if there is none.

    Raises Trouble(REFUSED) if `path` or its manifest exists and is not an export of the `same`.
    """
    beside = manifest_path(path)
    if not occupied(path):
        return None
    found = _read_manifest(beside)
    wanted = same.items()
    if found is None or found.get("form") not in FORMS or any(found.get(name) != value for name, value in wanted):
        raise taken(path if os.path.lexists(path) else beside)
    return found if os.path.lexists(path) else None


def occupied(path: Path) -> bool:
    """Whether anything is at `path` or in the place of its manifest."""
    return os.path.lexists(path) or os.path.lexists(manifest_path(path))


def manifest_path(path: Path) -> Path:
    """NAME.json of NAME.csv.gz."""
    return path.with_name(path.name.removesuffix(SUFFIX) + ".json")


def taken(path: Path) -> Trouble:
    """The refusal to overwrite an existing file."""
    return Trouble(
        Kind.REFUSED,
        f"{safe(path)} exists and is not a finished export of this month: it is not overwritten.",
        "Move it away, or choose another directory.",
    )


def _read_manifest(path: Path) -> dict[str, object] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
