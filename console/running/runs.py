"""The runs of one console: under way and ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from console.model import Database, Outcome, Plan, Trouble
from console.running.progress import Run, stop
from console.running.trail.audit import Trail
from console.settings.config import Wanted
from console.sources.postgres import ActingSession, PostgresServer
from console.sources.registry import LOG, Sources

Watch = Callable[[Run], None]


def ignore(_: Run) -> None:
    """Ignore the progress."""


class Runs:
    """Runs plans on one target, several at the same time."""

    def __init__(
        self, sources: Sources, wanted: Wanted, trail: Trail, every: list[Run], changed: Callable[[], None]
    ) -> None:
        """`every` gets each run, oldest first; `changed` is called whenever one has ended."""
        self._sources = sources
        self._wanted = wanted
        self._trail = trail
        self._every = every
        self._changed = changed
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    @property
    def running(self) -> int:
        """How many have not ended."""
        return len(self._tasks)

    async def run(self, plan: Plan, watch: Watch, patience: float | None = None) -> Run:
        """Run `plan` to its end; `watch` is called on every progress. Raises Trouble(REFUSED) if the trail cannot
        be written.

        Cancelling the caller's task stops the run. `patience` is how long locks are retried, in seconds; None: the
        runner's default.
        """
        run = Run.of(plan)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a coroutine always runs in a task
        self._register(run, task)
        try:
            await self._carry_out(run, watch, patience)
        finally:
            del self._tasks[run.id]
        return run

    def start(self, plan: Plan, ended: Watch, watch: Watch) -> Run:
        """Begin to run `plan` in the background; `ended` is called at its end, however it ends."""
        run = Run.of(plan)

        def end(task: asyncio.Task[None]) -> None:
            del self._tasks[run.id]
            _settle(run, None if task.cancelled() else task.exception())
            ended(run)

        task = asyncio.get_running_loop().create_task(self._carry_out(run, watch))
        task.add_done_callback(end)
        self._register(run, task)
        return run

    async def wait(self, run: Run) -> None:
        """Wait for the end of a run that was started. Cancelling the caller's task does not stop the run."""
        if task := self._tasks.get(run.id):
            await asyncio.wait({task})

    def stop(self, run_id: str) -> None:
        """Cancel what a run executes on the server; it ends as failed or stopped. Nothing happens after its end."""
        if task := self._tasks.get(run_id):
            stop(task)

    def stop_all(self) -> None:
        """Stop each, without waiting for their ends."""
        for task in self._tasks.values():
            stop(task)

    def hurry(self) -> None:
        """Let those that are being stopped leave what takes long to clean up."""
        for run in self._every:
            run.hurried = run.hurried or run.id in self._tasks

    async def close(self) -> None:
        """Stop all, and wait for their ends."""
        self.stop_all()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _register(self, run: Run, task: asyncio.Task[Any]) -> None:
        self._every.append(run)
        self._tasks[run.id] = task

    def _acting_session(self, plan: Plan, read: Database) -> ActingSession:
        wanted = self._wanted
        if plan.replica and isinstance(read, PostgresServer):
            return read.acting(read_only=wanted.read_only)
        address = read.known.address if read.known else ""
        if isinstance(read, PostgresServer) and plan.signals and not wanted.read_only:
            return ActingSession(wanted.target, address=address, spare=read.spare)
        return ActingSession(wanted.target, wanted.read_only, address)

    async def _carry_out(self, run: Run, watch: Watch, patience: float | None = None) -> None:
        from console.running.pulse import watch_pulse  # noqa: PLC0415  `show` runs nothing
        from console.running.queue_count import count_queue  # noqa: PLC0415
        from console.running.runner import PATIENCE, Runner  # noqa: PLC0415

        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a coroutine always runs in a task
        postgres = self._sources.replica(run.plan.replica) if run.plan.replica else self._sources.postgres
        assert postgres is not None  # noqa: S101  the plan was made on it
        session = self._acting_session(run.plan, postgres)
        pulse = asyncio.ensure_future(watch_pulse(session, postgres, run, watch, task))
        counting = asyncio.ensure_future(count_queue(session, postgres, run, run.queue))
        try:
            await Runner(session, postgres, self._trail, watch, lambda: self._sources.named(LOG)).run(
                run.plan, PATIENCE if patience is None else patience, run
            )
        finally:
            pulse.cancel()
            counting.cancel()
            self._changed()
            await session.close()


def _settle(run: Run, error: BaseException | None) -> None:
    """Give a run an outcome that ended without one: it was refused, stopped before it began, or met a defect."""
    if isinstance(error, Trouble):
        run.outcome, run.message = Outcome.REFUSED, str(error)
    elif run.outcome is None:
        run.outcome = Outcome.STOPPED if any(step.status == "done" for step in run.steps) else Outcome.FAILED
        run.message = f"Internal error: {type(error).__name__}: {error}" if error else "Stopped before it began."
