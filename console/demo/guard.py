"""The process that outlives the console: starts the servers and, when the console is gone, stops them and cleans up.

Run as a script by the bare interpreter, in a session of its own, so that neither Ctrl-C nor the death of a terminal
reaches it. The console holds the other end of its standard input: one JSON request a line, one JSON reply a line on
standard output. When the input ends, for whatever reason, everything is stopped. Standard library only.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Request = dict[str, Any]
LINE_LIMIT = 1 << 26
OUTPUT_KEPT = 20_000  # characters of a command's output that are worth repeating
RESTART_PAUSE = 1.0  # seconds before a process that should live is started again


@dataclass(slots=True)
class Child:
    """A process of the demo, how it is stopped, and whether it is restarted when it ends by itself."""

    process: asyncio.subprocess.Process
    ladder: list[tuple[str, float]]  # signal, seconds to wait before the next one
    keeper: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Guard:
    """What must be undone at the end."""

    children: dict[int, Child] = field(default_factory=dict)
    doomed: list[Path] = field(default_factory=list)
    locks: list[int] = field(default_factory=list)
    keys: int = 0

    async def answer(self, request: Request) -> Request:
        """Do one request; failures become an `error` in the reply."""
        verbs = {
            "make": self.make,
            "adopt": self.adopt,
            "run": self.run,
            "start": self.start,
            "stop": self.stop,
            "alive": self.alive,
        }
        try:
            return await verbs[request["verb"]](request)
        except OSError as error:
            return {"error": error.strerror or str(error), "errno": error.errno, "path": str(error.filename or "")}

    async def make(self, request: Request) -> Request:
        """Make a directory that is deleted at the end."""
        path = tempfile.mkdtemp(prefix=request["prefix"], dir=request["parent"])
        self.doomed.append(Path(path))
        os.chmod(path, 0o711)  # noqa: PTH101, S103  servers may run as another user
        return {"path": path}

    async def adopt(self, request: Request) -> Request:
        """Lock `lock` for our lifetime and delete `doomed` at the end."""
        descriptor = os.open(request["lock"], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.locks.append(descriptor)
        self.doomed.append(Path(request["doomed"]))
        return {}

    async def run(self, request: Request) -> Request:
        """Run a command to its end and return its exit code and output."""
        process = await _spawn(request, asyncio.subprocess.PIPE)
        self.keys += 1
        key = -self.keys
        self.children[key] = Child(process, [("SIGKILL", 1.0)])
        output, _ = await process.communicate(request["input"].encode() if "input" in request else None)
        self.children.pop(key, None)
        return {"code": process.returncode, "output": output.decode(errors="replace")[-OUTPUT_KEPT:]}

    async def start(self, request: Request) -> Request:
        """Start a process that lives until it is stopped; `restart` starts it again whenever it ends."""
        process = await _spawn_logged(request)
        child = Child(process, [(name, float(seconds)) for name, seconds in request["ladder"]])
        self.keys += 1
        self.children[self.keys] = child
        if request.get("restart"):
            child.keeper = asyncio.create_task(_keep(child, request))
        return {"key": self.keys, "pid": process.pid}

    async def stop(self, request: Request) -> Request:
        """Stop one process and say which exit code it had."""
        child = self.children.pop(request["key"], None)
        if child is not None:
            await _stop(child)
        return {"code": child.process.returncode if child else None}

    async def alive(self, request: Request) -> Request:
        """Whether a process runs, and its exit code when it does not."""
        child = self.children.get(request["key"])
        code = child.process.returncode if child else 0
        return {"alive": child is not None and code is None, "code": code}

    async def undo(self) -> None:
        """Stop everything, last started first, and delete what was made."""
        for child in reversed(list(self.children.values())):
            await _stop(child)
        for path in reversed(self.doomed):
            shutil.rmtree(path, ignore_errors=True)


async def _spawn(request: Request, output: int) -> asyncio.subprocess.Process:
    identity: dict[str, Any] = {}
    if request.get("uid") is not None:
        identity = {"user": request["uid"], "group": request["gid"], "extra_groups": []}
    return await asyncio.create_subprocess_exec(
        *request["argv"],
        stdin=asyncio.subprocess.PIPE if "input" in request else asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        cwd=request["cwd"],
        env=request["env"],
        start_new_session=True,
        umask=0o077,
        **identity,
    )


async def _spawn_logged(request: Request) -> asyncio.subprocess.Process:
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await _spawn(request, log)
    finally:
        os.close(log)


async def _keep(child: Child, request: Request) -> None:
    while True:
        await child.process.wait()
        await asyncio.sleep(RESTART_PAUSE)
        with contextlib.suppress(OSError):
            child.process = await _spawn_logged(request)


async def _stop(child: Child) -> None:
    if child.keeper is not None:
        child.keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await child.keeper
    for name, seconds in [*child.ladder, ("SIGKILL", 5.0)]:
        if child.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if name == "SIGKILL":
                os.killpg(child.process.pid, signal.SIGKILL)
            else:
                child.process.send_signal(signal.Signals[name])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(child.process.wait(), seconds)


async def serve() -> None:
    """Answer requests until the input ends, then undo everything."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    guard = Guard()
    pump = asyncio.create_task(_pump(reader, guard, ended))
    await asyncio.wait({pump, asyncio.create_task(ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
    pump.cancel()
    await guard.undo()


async def _pump(reader: asyncio.StreamReader, guard: Guard, ended: asyncio.Event) -> None:
    tasks: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        # A task of its own, so that the end of the input is seen while a command still runs.
        task = asyncio.create_task(_reply(guard, json.loads(line)))
        tasks.add(task)
        task.add_done_callback(lambda done: _settle(done, tasks, ended))
    for task in tasks:
        task.cancel()


def _settle(task: asyncio.Task[None], tasks: set[asyncio.Task[None]], ended: asyncio.Event) -> None:
    tasks.discard(task)
    if not task.cancelled() and task.exception() is not None:
        # A console waiting for this reply would wait for ever; closing the pipe ends that.
        ended.set()


async def _reply(guard: Guard, request: Request) -> None:
    answer = await guard.answer(request) | {"number": request["number"]}
    with contextlib.suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    asyncio.run(serve())
