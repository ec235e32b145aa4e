"""Where a demo keeps its files: a temporary directory, or one that the user names and that is kept."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from console.demo.account import Account, can_use
from console.demo.supervisor import Supervisor
from console.files import private
from console.model import Kind, Trouble
from console.records import dataclass

MARK = "demo.json"
LOCK = ".lock"
NEEDED = 700 << 20  # bytes at scale 1: server, WAL, data
NEEDED_PER_SCALE = 200 << 20
TEMPORARY = (Path("/var/tmp"), Path("/tmp"))  # noqa: S108  tried after TMPDIR; the directory made there is private


@dataclass(frozen=True, slots=True)
class Home:
    """`data` belongs to the server; `run` holds the files of running processes."""

    data: Path
    run: Path
    mark: Path | None = None  # of a kept directory

    def kept(self) -> dict[str, object] | None:
        """The content of the marker of complete data; None if there is no complete data."""
        if self.mark is None or not self.mark.exists():
            return None
        try:
            known: dict[str, object] = json.loads(self.mark.read_text())
        except ValueError:
            return None
        return known if known.get("complete") and self.data.is_dir() else None

    def major(self) -> int | None:
        """Major version of the kept data; None if there is none."""
        version = self.data / "PG_VERSION"
        return int(version.read_text()) if self.kept() and version.exists() else None

    def note(self, scale: float, *, complete: bool) -> None:
        """Write the marker of a kept directory."""
        if self.mark is not None:
            private.write(
                self.mark, json.dumps({"demo": "pipeline-console", "scale": scale, "complete": complete}) + "\n"
            )


def temporary(supervisor: Supervisor, account: Account | None, scale: float) -> Home:
    """A new directory, deleted at the end. Raises Trouble."""
    for parent in (Path(tempfile.gettempdir()), *TEMPORARY):
        if can_use(account, parent):
            _require_room(parent, scale)
            base = supervisor.directory("pipeline-demo-", parent)
            (base / "run").mkdir(mode=0o711)
            _settle(base, account)
            return Home(base / "data", base / "run")
    raise Trouble(
        Kind.DENIED,
        f"The temporary directory {tempfile.gettempdir()} cannot be used by the server.",
        "Set TMPDIR to a directory that every user can access.",
    )


def kept(supervisor: Supervisor, account: Account | None, folder: Path, scale: float) -> Home:
    """The directory that the user named, locked for this demo.

    Raises Trouble(USAGE) if it holds other files, Trouble(BUSY) if another demo uses it.
    """
    folder = folder.absolute()
    _require_reach(account, next(path for path in (folder, *folder.parents) if path.is_dir()), folder)
    _claim(folder)
    supervisor.adopt(folder / LOCK, folder / "run")
    home = Home(folder / "data", folder / "run", folder / MARK)
    shutil.rmtree(home.run, ignore_errors=True)
    home.run.mkdir(mode=0o711)
    _settle(folder, account)
    if home.kept() is None:
        _require_room(folder, scale)
        shutil.rmtree(home.data, ignore_errors=True)
        home.note(scale, complete=False)
    return home


def _claim(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        found = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise Trouble(Kind.USAGE, f"{folder} cannot be used: {error.strerror}.") from None
    if MARK not in found and found - {LOCK, "run"}:
        raise Trouble(
            Kind.USAGE, f"{folder} is not empty and was not created by the demo.", "Choose an empty or a new directory."
        )


def _settle(folder: Path, account: Account | None) -> None:
    (folder / "run").chmod(0o711)
    if account is None:
        return
    folder.chmod(folder.stat().st_mode | 0o011)


def _require_reach(account: Account | None, path: Path, folder: Path) -> None:
    # The named directory is made accessible as needed; its parents are not changed.
    above = path.parent if path == folder else path
    if account is not None and not can_use(account, above):
        raise Trouble(
            Kind.DENIED,
            f"The servers run as user {account.name}, which cannot access {folder}.",
            "Choose a directory below /var/tmp or /srv.",
        )


def _require_room(folder: Path, scale: float) -> None:
    needed, free = NEEDED + int(NEEDED_PER_SCALE * scale), shutil.disk_usage(folder).free
    if free < needed:
        raise Trouble(
            Kind.FAILED,
            f"{folder} has {free >> 20} MB free and the demo needs {needed >> 20} MB.",
            "Free some space, or set TMPDIR to a larger file system.",
        )
