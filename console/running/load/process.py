"""The driver of a load test as a process that ends with the console, also when that is killed, with its files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from console.format import one_line
from console.model import Kind, LoadTest, Trouble
from console.running.load.output import DriverReading, OutputReading
from console.running.load.pgbench import PgbenchReading

KEPT = ("PATH", "HOME", "TMPDIR")
ENDING = 10.0  # seconds in which it ends when it is stopped
LOG = "log"
LONGEST_LINE = 1 << 20  # bytes: the own driver reports its latencies in one
# The first argument is its folder, the others are the command. Its standard input comes from the console: where that
# ends before the command does, the folder is removed and the command is ended.
_GUARD = """
folder=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- &
child=$!
{ read -r _ <&3; rm -rf "$folder"; kill -9 "$child"; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$child"; code=$?
kill -9 "$watcher" 2>/dev/null
exit "$code"
"""


class LoadProcess:
    """One driver that runs."""

    def __init__(self, process: asyncio.subprocess.Process, reading: OutputReading) -> None:
        self.output = reading.output
        self._read = reading
        self._process = process
        self._began = time.monotonic()
        self._reading = asyncio.gather(self._errors(), self._lines())

    @property
    def elapsed(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._began

    async def ended(self, seconds: float) -> bool:
        """Wait so long for its end; whether it has ended. Raises OSError if its log cannot be read."""
        done, _ = await asyncio.wait({self._reading}, timeout=seconds)
        await asyncio.to_thread(self._read.follow)
        if self._reading.done():
            self._reading.result()
        return bool(done)

    async def code(self) -> int:
        """Its exit code, after its end."""
        return await self._process.wait()

    async def end(self) -> None:
        """Stop it, if it still runs."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), ENDING)
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _errors(self) -> None:
        assert self._process.stderr is not None  # noqa: S101  it is a pipe
        while line := await _line(self._process.stderr):
            self._read.error_line(line.decode(errors="replace").strip(), self.elapsed)

    async def _lines(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        while line := await _line(self._process.stdout):
            self._read.line(line.decode(errors="replace").strip())


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # longer than it is kept
        return b"(a line too long to show)\n"


@contextlib.asynccontextmanager
async def running(load: LoadTest, environment: Mapping[str, str]) -> AsyncIterator[LoadProcess]:
    """Run the scripts of `load`; stopped at the end of the block. Raises Trouble(FAILED) if it cannot be started."""
    with tempfile.TemporaryDirectory(prefix="pipeline-load-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        process = await _start(_command(load, folder), environment, folder)
        load_process = LoadProcess(process, _reading(load, folder))
        try:
            yield load_process
        finally:
            await load_process.end()


def _reading(load: LoadTest, folder: Path) -> OutputReading:
    scripts = len(load.scripts)
    return PgbenchReading(folder, scripts) if load.by == "pgbench" else DriverReading(scripts, load.processes)


def _command(load: LoadTest, folder: Path) -> list[str]:
    """The command as the plan shows it, with the files of this run, and a log of pgbench."""
    scripts: list[str] = []
    for script in load.scripts:
        path = folder / script.name
        path.write_text(script.text, encoding="utf-8")
        scripts.append(f"--file={path}@{script.weight}")
    log = ("--log", f"--log-prefix={folder / LOG}") if load.by == "pgbench" else ()
    return [load.program, *load.arguments, *log, *scripts]


async def _start(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> asyncio.subprocess.Process:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    try:
        return await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _GUARD, "sh", str(folder), *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            env={**kept, "LC_ALL": "C", **environment},
            start_new_session=True,
        )
    except OSError as error:
        raise Trouble(Kind.FAILED, f"{one_line(command[0])} cannot be run: {error.strerror}.") from None
