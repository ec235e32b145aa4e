"""Where the server runs, proven: on this machine, or on the one whose files are read through the server."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from console.format import one_line
from console.model import Database, Kind, Lacks, Record, Trouble
from console.records import dataclass
from console.sources.host import parsing
from console.sources.host.files import Files, LocalFiles, ServerFiles
from console.tuning import machine

READ_FILE = "EXECUTE ON FUNCTION pg_catalog.pg_read_file(text, bigint, bigint, boolean)"
SERVER_FILES = "pg_read_server_files"
DATA, WAL = "data directory", "pg_wal"
HERE, THROUGH = "read on this machine, where the server runs", "read through the server"


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """The machine of the server, and how its files are read."""

    files: Files
    proc: str  # folder of the server process that answers
    page: int  # bytes of a memory page
    cgroups: Mapping[str, tuple[str, ...]]  # controller → folders, the innermost first; "": cgroup v2
    stored: Mapping[str, str]  # what → folder on the file systems of that machine; empty text: unknown
    unseen: Trouble | None  # why free space is not known, where it is not
    local: bool
    proof: tuple[int, str]  # pid, and its start as the kernel counts it

    @property
    def how(self) -> str:
        """How it is measured."""
        return HERE if self.local else THROUGH


async def find(postgres: Database, root: Path) -> ServerPlace:
    """The machine that the server runs on. Raises Trouble if nothing proves which one, or it cannot be read.

    `root` is the folder of this machine's /proc and /sys.
    """
    (row,) = (await postgres.fetch("host_server")).records()
    pid, started = row["pid"], row["started"]
    if isinstance(pid, int) and isinstance(started, float) and machine.is_backend(root / "proc", pid, started):
        return await _local(row, pid, LocalFiles(root), root)
    lacking = [grant for grant, held in ((SERVER_FILES, row["any_file"]), (READ_FILE, row["may_call"])) if not held]
    if lacking:
        raise _not_measurable(lacking)
    return await _through(ServerFiles(postgres), row)


def still_there(place: ServerPlace, root: Path) -> bool:
    """Whether the process that proved a local place still runs; a place read through the server needs no proof."""
    return not place.local or start_ticks(root, place.proof[0]) == place.proof[1]


def start_ticks(root: Path, pid: int) -> str:
    """When a process started, in the kernel's own count; empty: there is none."""
    stat = LocalFiles.contents(f"{root}/proc/{pid}/stat") or b""
    parts = stat.rpartition(b")")[2].split()
    return parts[19].decode() if len(parts) > 19 else ""


async def _local(row: Record, pid: int, files: LocalFiles, root: Path) -> ServerPlace:
    proc = f"/proc/{pid}"
    texts = await files.read((f"{proc}/cgroup", f"{proc}/mountinfo", "/proc/self/mountinfo"))
    own, theirs = texts["/proc/self/mountinfo"], texts[f"{proc}/mountinfo"]
    seen_from = "" if _same_mounts(own, theirs) else f"{root}{proc}/root".replace("//", "/")
    stored, unseen = _stored(row, f"{root}{proc}", seen_from)
    page = os.sysconf("SC_PAGE_SIZE")
    proof = (pid, start_ticks(root, pid))
    return ServerPlace(files, proc, page, cgroups(texts[f"{proc}/cgroup"]), stored, unseen, True, proof)


async def _through(files: ServerFiles, row: Record) -> ServerPlace:
    proc = "/proc/self"
    texts = await files.read(("/proc/stat", f"{proc}/cgroup", f"{proc}/status", f"{proc}/statm"))
    if not texts.get("/proc/stat"):
        why = "The machine of the server has no /proc that the server can read: it does not run Linux."
        raise Trouble(Kind.UNSUPPORTED, why)
    page = parsing.page_size(texts.get(f"{proc}/status"), texts.get(f"{proc}/statm")) or 4096
    unseen = Trouble(
        Kind.UNSUPPORTED,
        "Free space cannot be read through the server: no function of PostgreSQL asks a file system for it, and /proc "
        "says where file systems are mounted, not how full they are.",
        "Run the console on the server's machine. Of pg_wal its size is known to members of pg_monitor.",
    )
    return ServerPlace(files, proc, page, cgroups(texts.get(f"{proc}/cgroup")), _there(row), unseen, False, (0, ""))


def _there(row: Record) -> dict[str, str]:
    """Where data, WAL and tablespaces are on the server's machine. pg_wal may be a link, which nothing there shows."""
    directory, names, locations = row["directory"], row["tablespaces"], row["locations"]
    if not isinstance(directory, str):
        return {}
    found = {DATA: directory, WAL: ""}
    if isinstance(names, Sequence) and isinstance(locations, Sequence):
        pairs = zip(names, locations, strict=True)
        found |= {f"tablespace {one_line(name)}": str(Path(directory, location)) for name, location in pairs}
    return found


def cgroups(text: str | None) -> dict[str, tuple[str, ...]]:
    """The folders of the cgroups of a process by controller, each with those above it; "": cgroup v2."""
    found: dict[str, tuple[str, ...]] = {}
    for line in (text or "").splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        for controller in controllers.split(","):
            found[controller] = tuple(_upwards(f"/sys/fs/cgroup/{controller}".rstrip("/"), path))
    return found


def _upwards(top: str, path: str) -> Iterable[str]:
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for depth in range(len(parts), -1, -1):
        yield "/".join((top, *parts[:depth]))


def _same_mounts(own: str | None, theirs: str | None) -> bool:
    """Whether two processes see the same file systems: ids of mounts are unique on a machine."""
    known, others = parsing.mounts(own), parsing.mounts(theirs)
    return bool(known and others) and known[0].id == others[0].id


def _stored(row: Record, proc: str, seen_from: str) -> tuple[dict[str, str], Trouble | None]:
    """Where data, WAL and tablespaces are, as this process can reach them, and what hides the rest."""
    directory = _working_directory(proc) or row["directory"]  # without symbolic links, which lead to other devices
    if not isinstance(directory, str):
        why = "The data directory is not visible to this role."
        grants = Lacks(("pg_read_all_settings",))
        return {}, Trouble(Kind.DENIED, why, "GRANT pg_read_all_settings TO the role.", lacks=grants)
    found = {DATA: f"{seen_from}{directory}", WAL: _wal(f"{seen_from}{directory}/pg_wal", seen_from)}
    names, locations = row["tablespaces"], row["locations"]
    if isinstance(names, Sequence) and isinstance(locations, Sequence):
        pairs = zip(names, locations, strict=True)
        # A relative location is inside the data directory.
        found |= {f"tablespace {one_line(name)}": f"{seen_from}{Path(directory, location)}" for name, location in pairs}
    hidden = [what for what, path in found.items() if not reachable(path)]
    if not hidden:
        return found, None
    why = f"This user of the operating system cannot see the free space of: {', '.join(hidden)}."
    return found, Trouble(Kind.DENIED, why, "Run the console as the user that runs the server.")


def _working_directory(proc: str) -> str:
    """The folder in which a server process works, which is the data directory; empty: hidden from this user."""
    try:
        return str(Path(f"{proc}/cwd").readlink())
    except OSError:
        return ""


def _wal(path: str, seen_from: str) -> str:
    """Where pg_wal really is: it may be a symbolic link. Empty: this user cannot see it."""
    try:
        target = str(Path(path).readlink())
    except FileNotFoundError:
        return ""
    except OSError as error:
        return path if error.errno == errno.EINVAL else ""  # a folder, no link
    return f"{seen_from}{target}" if target.startswith("/") else f"{Path(path).parent}/{target}"


def reachable(path: str) -> bool:
    """Whether this user may ask for the free space of the file system of a folder."""
    try:
        return bool(path) and os.statvfs(path).f_blocks > 0
    except OSError:
        return False


def _not_measurable(lacking: Sequence[str]) -> Trouble:
    """The machine is not this one, and this role may not read its files."""
    named = "; ".join(f"GRANT {grant} TO the role" for grant in lacking)
    return Trouble(
        Kind.DENIED,
        "Not measurable here: the server does not run on this machine, or in a container whose processes are hidden "
        "from it, and this role may not read files through the server.",
        f"Run the console on the server's machine, or {named}. With it the role can read every file of the server.",
        lacks=Lacks(tuple(lacking)),
    )
