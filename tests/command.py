"""The command line in a process of its own, with pipes or in a pseudo-terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import PATIENCE

CHECKOUT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str = ""


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment without servers, configuration or colours of the user who runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(home), "TERM": "xterm-256color", "PYTHONPATH": str(CHECKOUT), **(extra or {})}


def argv(*arguments: str) -> list[str]:
    """The console's command line."""
    return [sys.executable, "-m", "console.cli", *arguments]


def run(home: Path, *arguments: str, encoding: str = "utf-8", **extra: str) -> Done:
    """Run a command with pipes, which carry text in `encoding`."""
    done = subprocess.run(
        argv(*arguments),
        env=environment(home, extra),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding=encoding,
        timeout=PATIENCE,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def run_in_terminal(home: Path, *arguments: str, columns: int = 80, encoding: str = "utf-8", **extra: str) -> Done:
    """Run a command in a pseudo-terminal; its diagnostics arrive with its result."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        argv(*arguments), env=environment(home, extra), cwd=home, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # the terminal is gone with its last user
            while part := os.read(ours, 65536):
                said += part
        os.close(ours)
        code = process.wait(PATIENCE)
    return Done(code, said.decode(encoding).replace("\r\n", "\n"))


def loaded_modules(tmp_path: Path, code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after running `code`."""
    tell = "import sys; print('loaded', *sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


def command(*arguments: str) -> str:
    """Code that runs a command to its end, whatever that is."""
    return f"from console.cli import main\ntry: main({list(arguments)!r})\nexcept SystemExit: pass"
