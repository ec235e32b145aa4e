"""The audit trail: who changed what, where, when, with which statements and which outcome.

One JSON object a line in `$XDG_STATE_HOME/pipeline-console/audit.jsonl`, readable by its owner alone, synced to
disk before anything runs. Each run writes an entry `start`, one `step` a finished statement and one `end`, all with
the same `run`.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from console.format import json_default, safe
from console.model import Kind, Trouble


@dataclass(frozen=True, slots=True)
class Trail:
    """The file the entries go to."""

    path: Path

    def write(self, entry: Mapping[str, object]) -> None:
        """Append one entry and sync it. Trouble (REFUSED) when that cannot be done: then nothing may be run."""
        line = json.dumps({"at": datetime.now(UTC).isoformat(), **entry}, default=json_default) + "\n"
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                _append(file.fileno(), line.encode())
        except OSError as error:
            raise Trouble(
                Kind.REFUSED,
                f"The audit trail {safe(self.path)} cannot be written ({error.strerror}), so nothing is changed.",
                "Make room or give XDG_STATE_HOME a folder of your own.",
            ) from None

    def entries(self) -> Iterator[dict[str, object]]:
        """All entries, oldest first; a line that a full disk cut short is passed over."""
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict):
                    yield entry


def default_trail(environ: Mapping[str, str] = os.environ) -> Trail:
    """The trail of this user."""
    state = Path(environ.get("XDG_STATE_HOME", ""))
    base = state if state.is_absolute() else Path(environ.get("HOME", "/")) / ".local" / "state"
    return Trail(base / "pipeline-console" / "audit.jsonl")


def whoami(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Who is at the console: the user of the operating system, and where an SSH session comes from."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return {"os_user": name, "from": environ.get("SSH_CLIENT", "").split(" ")[0]}


def _append(descriptor: int, line: bytes) -> None:
    end = os.lseek(descriptor, 0, os.SEEK_END)
    if end and os.pread(descriptor, 1, end - 1) != b"\n":
        line = b"\n" + line  # the former writer was cut short; its line must not swallow this one
    while line:
        line = line[os.write(descriptor, line) :]
    os.fsync(descriptor)
