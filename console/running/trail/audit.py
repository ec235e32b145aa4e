"""The audit trail: who changed what, where, when, with which statements and which outcome.

One JSON object a line in `$XDG_STATE_HOME/pipeline-console/audit.jsonl`, readable by its owner alone, synced to
disk before anything runs. Each run writes an entry `start`, one `step` a finished statement and one `end`, with the
same `run`. Passwords and verifiers in statements are replaced before they are written.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from console.files import private
from console.format import json_default, one_line, safe
from console.model import Kind, Trouble
from console.records import dataclass
from console.redaction import redacted


@dataclass(frozen=True, slots=True)
class WrittenUntil:
    """A file, and a byte of it until which it has been written."""

    device: int
    inode: int
    end: int
    rewritten: bool = False  # what had been written to it before was gone, and was written again

    def is_in(self, found: os.stat_result) -> bool:
        """Whether that file still has what was written: nobody removed, replaced or emptied it."""
        return (found.st_dev, found.st_ino) == (self.device, self.inode) and found.st_size >= self.end


@dataclass(frozen=True, slots=True)
class Trail:
    """The file the entries go to."""

    path: Path

    def write(
        self,
        *entries: Mapping[str, object],
        sync: bool = True,
        written: WrittenUntil | None = None,
        former: Sequence[Mapping[str, object]] = (),
    ) -> WrittenUntil:
        """Append entries and sync them at once; where they end. Raises Trouble(REFUSED) if that fails.

        Then nothing may run, and none of the entries stays. It also fails if the file is a symbolic link, has a second
        name, or is open to other users and stays so. Without `sync` they outlive the console but not the machine, until
        the next write syncs them too. Where what was `written` before is gone, `former` are written first.
        """
        with self._open() as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            found = os.fstat(descriptor)
            lost = written is not None and not written.is_in(found)
            now = datetime.now(UTC).isoformat()
            new = [{"at": now, **redacted(entry)} for entry in (*(former if lost else ()), *entries)]
            lines = [json.dumps(entry, default=json_default) + "\n" for entry in new]
            _append(descriptor, "".join(lines).encode())
            if sync:
                os.fsync(descriptor)
            return WrittenUntil(found.st_dev, found.st_ino, os.fstat(descriptor).st_size, lost)

    def has(self, written: WrittenUntil) -> bool:
        """Whether what was written is still there."""
        try:
            return written.is_in(self.path.stat(follow_symlinks=False))
        except OSError:
            return False

    def sync(self) -> None:
        """Sync what was written without. It keeps no writer waiting. Raises Trouble(REFUSED) as `write`."""
        with self._open() as descriptor:
            os.fsync(descriptor)

    @contextlib.contextmanager
    def _open(self) -> Iterator[int]:
        try:
            private.make_folder(self.path.parent)
            descriptor = private.open_private(self.path, os.O_RDWR | os.O_APPEND)
            try:
                yield descriptor
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Trouble(
                Kind.REFUSED,
                f"The audit trail {safe(self.path)} cannot be written ({error.strerror}).",
                f"Nothing changes without it. {private.state_remedy(error)}",
            ) from None

    def entries(self) -> Iterator[dict[str, object]]:
        """All entries, oldest first; a line truncated by a full disk is skipped."""
        if self.path.exists():
            yield from self.entries_from(0)[0]

    def entries_from(self, offset: int) -> tuple[list[dict[str, object]], int]:
        """The entries from a byte of the file on, oldest first, and the byte where the next ones will begin.

        Raises OSError if the file cannot be read, and Trouble(REFUSED) if another user could have written it.
        """
        with os.fdopen(private.open_trusted(self.path), "rb") as file:
            file.seek(offset)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]  # another console may be writing the last line
        found = (_entry(line) for line in whole.splitlines())
        return [entry for entry in found if entry is not None], offset + len(whole)


def default_trail(environ: Mapping[str, str] = os.environ) -> Trail:
    """The trail of this user."""
    state = Path(environ.get("XDG_STATE_HOME", ""))
    base = state if state.is_absolute() else Path(environ.get("HOME", "/")) / ".local" / "state"
    return Trail(base / "pipeline-console" / "audit.jsonl")


def whoami(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The user of the console: the operating system user, and the client address of an SSH session."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return {"os_user": name, "from": environ.get("SSH_CLIENT", "").split(" ")[0]}


def process(pid: int | None = None) -> str:
    """This machine, a process id and when that process began; empty if there is no such process.

    Process ids are reused, so the start time tells them apart (/proc/PID/stat, field 22, clock ticks since boot).
    """
    number = os.getpid() if pid is None else pid
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass  # it belongs to another user, and is alive
    try:
        stat = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
        began = stat.rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        began = ""
    return f"{one_line(os.uname().nodename)} {number} {began}".strip()


def _entry(line: bytes) -> dict[str, object] | None:
    try:
        entry = json.loads(line.decode("utf-8", "replace"))
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _append(descriptor: int, line: bytes) -> None:
    end = os.lseek(descriptor, 0, os.SEEK_END)
    if end and os.pread(descriptor, 1, end - 1) != b"\n":
        line = b"\n" + line  # the former writer was cut short; its line must not swallow this one
    try:
        while line:
            line = line[os.write(descriptor, line) :]
    except OSError:
        with contextlib.suppress(OSError):  # it is written again as a whole
            os.ftruncate(descriptor, end)
        raise
