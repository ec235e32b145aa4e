"""A terminal that goes away takes its console with it, whatever the console was doing and whatever signals it gets."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from console.model import Claim, Plan, Step
from console.running.trail.audit import Trail
from console.tui import deadline
from tests.command import argv, environment
from tests.interrupted import running
from tests.servers import PostgresServer
from tests.waiting import PATIENCE, wait

AT_ONCE = 4
GONE_SECONDS = 60.0  # far above what a busy machine needs; what spins or hangs is there for good


@dataclass
class Visit:
    """A console as the session leader of a pseudo-terminal."""

    process: subprocess.Popen[bytes]
    master: int
    seen: bytes = b""

    def shows(self, text: bytes) -> None:
        """Read on until `text` has been written, or nothing is written any more."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < end, f"never came: {text!r}"
            self._read()

    def drain(self, seconds: float) -> None:
        """Let it write for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._read(left)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def send(self, *signals: signal.Signals) -> None:
        for number in signals:
            self.process.send_signal(number)

    def close(self) -> None:
        """Close the terminal: its session leader gets SIGHUP and SIGCONT."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def _read(self, seconds: float = 0.05) -> None:
        if select.select([self.master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                self.seen += os.read(self.master, 65536)


@contextlib.contextmanager
def visit(home: Path, command: list[str], controlling: bool = True) -> Iterator[Visit]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        command,
        env=environment(home),
        cwd=home,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if controlling else None,  # noqa: PLW1509
    )
    os.close(slave)
    visited = Visit(process, master)
    try:
        yield visited
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        visited.close()


Moment = Callable[[Visit], None]
PAIRS = (("SIGHUP", "SIGCONT"), ("SIGCONT", "SIGHUP"), ("SIGCONT", "SIGCONT"), ("SIGTERM", "SIGCONT"))
STARTED, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"  # the alternate screen
READY = b"Quit"


def once(text: bytes, seconds: float = 0.0, *signals: signal.Signals) -> Moment:
    """`seconds` after `text` was first written, with these signals sent then."""

    def wait(visited: Visit) -> None:
        visited.shows(text)
        visited.drain(seconds)
        visited.send(*signals)

    return wait


def typed(keys: bytes, then: Moment) -> Moment:
    """After `keys` were typed into a console that runs."""

    def press(visited: Visit) -> None:
        visited.shows(READY)
        visited.type(keys)
        then(visited)

    return press


def numbers(names: Iterable[str]) -> list[signal.Signals]:
    return [signal.Signals[name] for name in names]


MOMENTS: dict[str, Moment] = {
    **{f"{s:.1f} s after its begin": once(b"", s) for s in (0.0, 0.2, 0.4, 0.6, 0.8)},
    **{f"{s:.2f} s after its first output": once(STARTED, s) for s in (0.0, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3)},
    **{f"running, {s:.2f} s": once(READY, s) for s in (0.0, 0.01, 0.05, 0.1, 0.5)},
    **{f"help, {s:.1f} s": typed(b"?", once(b"", s)) for s in (0.0, 0.1, 0.3)},
    **{f"planning, {s:.1f} s": typed(b"C", once(b"", s)) for s in (0.0, 0.1, 0.3)},
    **{f"quitting, {s:.2f} s": typed(b"q", once(b"", s)) for s in (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)},
    **{f"screen left, {s:.2f} s": typed(b"q", once(LEFT, s)) for s in (0.0, 0.01, 0.02, 0.03, 0.04, 0.06)},
    "suspended": once(READY, 0.0, signal.SIGTSTP),
    **{f"started, {' '.join(pair)}": once(STARTED, 0.0, *numbers(pair)) for pair in PAIRS},
    **{f"running, {' '.join(pair)}": once(READY, 0.0, *numbers(pair)) for pair in PAIRS},
    **{f"screen left, {' '.join(pair)}": typed(b"q", once(LEFT, 0.0, *numbers(pair)))
       for pair in PAIRS},
    "running, SIGSTOP": once(READY, 0.0, signal.SIGSTOP),
}  # fmt: skip


def gone(process: subprocess.Popen[bytes]) -> float | None:
    """Seconds that the process took to end; None: it is still there."""
    began = time.monotonic()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GONE_SECONDS)
        return time.monotonic() - began
    return None


@pytest.mark.parametrize("controlling", [True, False], ids=["with SIGHUP and SIGCONT", "with the hang-up alone"])
def test_a_console_is_gone_soon_after_its_terminal(any_pg: PostgresServer, tmp_path: Path, controlling: bool) -> None:
    moments = MOMENTS if controlling else dict(list(MOMENTS.items())[::4])

    def leave(moment: Moment) -> float | None:
        with visit(tmp_path, argv("open", any_pg.uri()), controlling) as visited:
            moment(visited)
            visited.close()
            if not controlling:  # only the kernel would wake a process that was stopped
                visited.send(signal.SIGCONT)
            return gone(visited.process)

    assert len(MOMENTS) == 50
    with ThreadPoolExecutor(AT_ONCE) as several:
        took = dict(zip(moments, several.map(leave, moments.values()), strict=True))
    assert [moment for moment, seconds in took.items() if seconds is None] == []


def test_a_console_that_runs_an_action_cancels_and_records_it_before_it_is_gone(
    pg: PostgresServer, database: str, tmp_path: Path
) -> None:
    plan = Plan(Claim("nothing"), (Step("SELECT pg_catalog.pg_sleep(10000)"),), action="test")
    trail = Trail(tmp_path / ".local" / "state" / "pipeline-console" / "audit.jsonl")
    with pg.connect() as other, visit(tmp_path, running(plan, tmp_path, "open", pg.uri(database))) as visited:

        def is_asleep() -> bool:
            visited.drain(0.05)
            sleeps = "SELECT FROM pg_stat_activity WHERE datname = %s AND wait_event = 'PgSleep'"
            return other.execute(sleeps, (database,)).rowcount == 1

        wait(is_asleep)
        visited.close()
        visited.process.wait(PATIENCE)
        assert visited.process.returncode != -signal.SIGALRM, "it ended by itself, before its own deadline"
        assert [entry["message"] for entry in trail.entries() if entry["event"] == "end"] == ["Stopped on request."]
        found = "SELECT FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
        wait(lambda: other.execute(found, (database,)).rowcount == 0)


HANGING = """
import asyncio, sys
from console.cli import main
from console.tui import app as application

until_closed = application.run_until_closed

async def never_closed(app):
    await until_closed(app)
    await asyncio.Event().wait()

application.run_until_closed = never_closed
sys.exit(main(sys.argv[1:]))
"""


def test_what_is_closed_after_the_interface_does_not_keep_a_console_without_a_terminal(
    any_pg: PostgresServer, tmp_path: Path
) -> None:
    program = tmp_path / "hanging.py"
    program.write_text(HANGING)
    with visit(tmp_path, [sys.executable, str(program), "open", any_pg.uri()]) as visited:
        visited.shows(READY)
        visited.close()
        assert visited.process.wait(PATIENCE) == -signal.SIGALRM


def test_the_deadline_of_a_console_is_not_that_of_what_runs_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo removes its servers."""
    monkeypatch.setattr(sys, "__stdin__", None)
    before = signal.getsignal(signal.SIGALRM)
    try:
        with deadline.within_deadline():
            deadline.set_deadline(running=True)
            assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    finally:
        signal.signal(signal.SIGALRM, before)
