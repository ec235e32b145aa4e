"""The console's side of the guard: starts processes that cannot outlive the console."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from console.demo.account import Account
from console.model import Kind, Trouble
from console.records import dataclass

GUARD = Path(__file__).with_name("guard.py")
CLOSE_TIMEOUT = 180.0  # seconds the guard has for stopping everything and deleting the files of a large database
Ladder = Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class ProgramEnd:
    """A command that ran to its end."""

    code: int
    output: str


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run, as whom, where."""

    argv: tuple[str, ...]
    cwd: Path
    account: Account | None = None  # None: as the user of this process
    env: Mapping[str, str] | None = None  # added to a bare environment, never inherited

    def request(self) -> dict[str, Any]:
        """The command as a guard takes it."""
        plain = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": str(self.cwd)}
        return {
            "argv": self.argv,
            "cwd": str(self.cwd),
            "env": plain | dict(self.env or {}),
            "uid": self.account.uid if self.account else None,
            "gid": self.account.gid if self.account else None,
        }


class Supervisor:
    """A guard process and the pipe to it; everything it started ends when this object is closed or its process dies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = 0
        self._guard = subprocess.Popen(
            [sys.executable, "-I", str(GUARD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def directory(self, prefix: str, parent: Path) -> Path:
        """A new directory below `parent` that is deleted at the end. Raises Trouble."""
        return Path(self._ask({"verb": "make", "prefix": prefix, "parent": str(parent)})["path"])

    def adopt(self, lock: Path, doomed: Path) -> None:
        """Lock the file for the guard's lifetime, delete `doomed` at the end. Raises Trouble (BUSY when taken)."""
        self._ask({"verb": "adopt", "lock": str(lock), "doomed": str(doomed)})

    def run(self, command: Launch, text: str | None = None) -> ProgramEnd:
        """Run a command to its end, with `text` as its input. Raises Trouble when it cannot be started."""
        extra = {} if text is None else {"input": text}
        reply = self._ask({"verb": "run", **command.request(), **extra})
        return ProgramEnd(int(reply["code"]), str(reply["output"]))

    def start(self, command: Launch, log: Path, ladder: Ladder, *, restart: bool = False) -> int:
        """Start a process that lives until `stop`; returns its key. Raises Trouble when it cannot be started."""
        reply = self._ask({"verb": "start", **command.request(), "log": str(log), "ladder": ladder, "restart": restart})
        return int(reply["key"])

    def stop(self, key: int) -> None:
        """Stop a started process and wait for its end."""
        self._ask({"verb": "stop", "key": key})

    def alive(self, key: int) -> bool:
        """Whether a started process still runs."""
        return bool(self._ask({"verb": "alive", "key": key})["alive"])

    def close(self) -> None:
        """Stop everything, delete everything, and wait until that is done."""
        for pipe in (self._guard.stdin, self._guard.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._guard.wait(CLOSE_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise Trouble(
                Kind.FAILED, f"The servers and their files were not gone within {CLOSE_TIMEOUT:.0f} s."
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._guard.stdin is not None  # noqa: S101  both are pipes, see the constructor
        assert self._guard.stdout is not None  # noqa: S101
        with self._lock:
            self._asked += 1
            reply: dict[str, Any] = {}
            try:
                self._guard.stdin.write(json.dumps(request | {"number": self._asked}).encode() + b"\n")
                self._guard.stdin.flush()
                # A request that a signal interrupted may have left its reply in the pipe.
                while reply.get("number") != self._asked:
                    reply = json.loads(self._guard.stdout.readline())
            except (OSError, ValueError):
                reply = {}
        if not reply:
            raise Trouble(
                Kind.FAILED, "The process that supervises the servers ended, and the servers with it.", "Start again."
            )
        if "error" in reply:
            raise _trouble(reply)
        return reply


def _trouble(reply: Mapping[str, Any]) -> Trouble:
    code, path = reply.get("errno"), reply.get("path") or "a file"
    if code == errno.ENOSPC:
        return Trouble(Kind.FAILED, "The disk is full.", "Free some space, or set TMPDIR to a larger file system.")
    if code in (errno.EAGAIN, errno.EACCES) and str(path) == "a file":
        return Trouble(Kind.BUSY, "Another demo uses this directory.", "Stop it first, or choose another directory.")
    if code == errno.ENOENT:
        return Trouble(Kind.MISSING, f"{path} does not exist.")
    return Trouble(Kind.FAILED, f"{path}: {reply['error']}.")
