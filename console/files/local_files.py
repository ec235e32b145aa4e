"""Local files that a plan writes (passwords, PgBouncer's configuration): completely, or not at all.

A file gets its name only when it is complete and synced. It is for its owner alone, or for whom it was for before, but
never for everybody. Nothing is written when the file is no longer as the plan saw it.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from console.digest import sha256
from console.files import private
from console.files.private import troubles
from console.format import safe
from console.model import Kind, LocalFile, Trouble

_RESTORE = ("cp", "-p", "--")


def config_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where this user's configuration of the console is."""
    base = environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if Path(base).is_absolute() else Path(environ.get("HOME", "/")) / ".config"
    return folder / "pipeline-console"


def path_of(text: str, default: Path) -> Path:
    """The absolute path of a parameter, its links followed. Raises Trouble(USAGE) if it is a folder."""
    path = Path(text).expanduser() if text else default
    path = Path(os.path.realpath(path))
    if path.is_dir():
        raise Trouble(Kind.USAGE, f"{safe(path)} is a folder.", "Name a file.")
    return path


def read(path: Path) -> str | None:
    """The content of a file; None if there is none. Raises Trouble(REFUSED) if it cannot be read."""
    try:
        with troubles(path, Kind.REFUSED):
            return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Trouble(Kind.REFUSED, f"{safe(path)} is not UTF-8 text.") from None
    except Trouble:
        if not os.path.lexists(path):
            return None
        raise


def read_secret(path: Path) -> str | None:
    """As `read`. Also raises Trouble(REFUSED) if other users may read the file."""
    text = read(path)
    if text is not None and path.stat().st_mode & 0o077:
        raise Trouble(
            Kind.REFUSED, f"{safe(path)} holds passwords and others may read it.", f"chmod 600 {quoted(path)}"
        )
    return text


def planned(path: Path, text: str, former: str | None, kept: Path | None = None) -> LocalFile:
    """The file with its new content; `former` is the present content, which is first saved as `kept`."""
    return LocalFile(str(path), text, _digest(former), str(kept) if kept and former is not None else "")


def set_aside(path: Path) -> Path:
    """Where a file is kept that is about to be replaced: next to it, named by the present moment."""
    return path.with_name(f"{path.name}.{datetime.now(UTC).strftime('%Y%m%dT%H%M%S.%fZ')}")


def quoted(path: Path) -> str:
    """The path, quoted for a shell."""
    return shlex.quote(str(path))


def undo(file: LocalFile) -> str:
    """The shell command that undoes it, for users to read; empty if nothing was replaced."""
    return copying(file.kept, file.path) if file.kept else ""


def copying(kept: str, path: str) -> str:
    """The shell command that copies a file over another one."""
    return shlex.join((*_RESTORE, kept, path))


def restored(kept: Path, path: Path) -> LocalFile:
    """The file `path` with the content saved before. Raises Trouble(REFUSED) if that is gone."""
    text = read(kept)
    if text is None:
        raise Trouble(Kind.REFUSED, f"{safe(kept)} is gone, so {safe(path)} cannot be restored from it.")
    return planned(path, text, read(path))


def write(file: LocalFile) -> None:
    """Write it. Raises Trouble(REFUSED) if the file has changed since the plan was made, or cannot be written."""
    path = Path(file.path)
    with troubles(path.parent, Kind.REFUSED):
        private.make_folder(path.parent)
    with troubles(path, Kind.REFUSED), private.replacing(path) as out:
        former = read(path)
        if _digest(former) != file.former:
            raise Trouble(
                Kind.REFUSED, f"{safe(path)} has changed since the plan was made.", "Plan again and look at it."
            )
        if former is not None:
            _as_before(out.fileno(), path)
        out.write(file.text.encode())
        if file.kept:
            os.link(path, file.kept)


def _as_before(descriptor: int, former: Path) -> None:
    """Give the new file the mode and, as root, the owner of the former one, but no rights to other users."""
    found = former.stat()
    mine = os.fstat(descriptor)
    if os.geteuid() == 0:
        os.fchown(descriptor, found.st_uid, found.st_gid)
    # If the group cannot be kept, another group must not be able to read it.
    same = os.geteuid() == 0 or mine.st_gid == found.st_gid
    os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & (0o640 if same else 0o600) | 0o600)


def _digest(text: str | None) -> str:
    return "" if text is None else sha256(text)
