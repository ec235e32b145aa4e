"""One run of a plan: the progress of each step, the outcome, the undo."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import field
from datetime import UTC, datetime
from typing import Any, Protocol

from console.format import counted, milliseconds, one_line
from console.model import Outcome, Plan, Step
from console.records import dataclass


@dataclass(frozen=True, slots=True)
class LoadSecond:
    """One second of a load test."""

    at: float  # seconds since its start
    rate: float  # transactions a second
    latency: float  # milliseconds, the mean of that second
    failed: int  # transactions


@dataclass(slots=True)
class StepProgress:
    """The progress of one step."""

    step: Step
    status: str = "pending"  # pending, running, waiting, done, failed, undone
    seconds: float = 0.0
    rows: int = 0
    tries: int = 0
    verified: bool = False  # its `expect` has returned true
    message: str = ""  # phase and share of a long command, or what it waits for
    series: list[LoadSecond] = field(default_factory=list)  # of a load test, so far


@dataclass(slots=True)
class QueueCount:
    """Who waited for the session of a run."""

    waits: dict[tuple[int, float], float] = field(default_factory=dict)  # pid and since when → seconds
    forecast: int | None = None  # how many were expected to wait at the same time, at most; None: not measured

    @property
    def sentence(self) -> str:
        """What was forecast and what was counted; empty if neither is anything."""
        if not self.waits and not self.forecast:
            return ""
        found = counted(len(self.waits), "session waited", "sessions waited")
        longest = f", the longest for {milliseconds(1000 * max(self.waits.values()))}" if self.waits else ""
        expected = "" if self.forecast is None else f" Forecast: up to {self.forecast} at the same time."
        return f"Queue: {found} for this run{longest}.{expected}"


def _new_id() -> str:
    import uuid  # noqa: PLC0415  most commands run nothing, and what it loads takes milliseconds

    return uuid.uuid4().hex[:12]


class Releasing(Protocol):
    """What holds locks."""

    @property
    def released(self) -> float:
        """When the last transaction released its locks, at the latest, by the monotonic clock."""


@dataclass(slots=True)
class Run:
    """One run of a plan."""

    plan: Plan
    id: str = field(default_factory=_new_id)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.monotonic)  # when it started
    steps: list[StepProgress] = field(default_factory=list)
    outcome: Outcome | None = None
    message: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    silent_since: datetime | None = None  # the last sign of life of a server that does not answer
    stopping: bool = False  # the request to stop has reached the runner
    hurried: bool = False  # asked again to stop: what takes long to clean up is left to the next run
    queue: QueueCount = field(default_factory=QueueCount)
    held_up: dict[str, float] = field(default_factory=dict)  # who → the longest seconds that they may have waited

    @classmethod
    def of(cls, plan: Plan) -> Run:
        """A run of `plan` that has not begun."""
        return cls(plan, steps=[StepProgress(step) for step in plan.steps])

    @property
    def at(self) -> int:
        """Which step is current, from 0: the one under way or failed, else the last that is done."""
        busy = [i for i, step in enumerate(self.steps) if step.status in {"running", "waiting", "failed"}]
        done = [i for i, step in enumerate(self.steps) if step.status == "done"]
        return busy[0] if busy else done[-1] if done else 0

    @property
    def leaves(self) -> bool:
        """Whether a run that is stopped leaves what takes long to clean up: nobody answers, or nobody waits for it."""
        return self.hurried or self.silent_since is not None

    @property
    def silence(self) -> str:
        """That the server does not answer and since when, as a sentence; empty while it does."""
        if self.silent_since is None:
            return ""
        return f"the server does not answer since {self.silent_since:%H:%M:%S} UTC"

    @property
    def waits(self) -> list[str]:
        """How long other sessions can have waited because of this run, and who was counted; empty if none can have."""
        counted_queue = [self.queue.sentence] if self.queue.sentence else []
        if not self.held_up:
            return counted_queue
        longest = sorted(self.held_up.items(), key=lambda pair: -pair[1])
        times = ", ".join(f"{1000 * seconds:.0f} ms for {one_line(who)}" for who, seconds in longest)
        how = "That is the longest blocking transaction, from the request for its lock to its end."
        return [f"Longest possible wait: {times}. {how}", *counted_queue]

    @contextlib.contextmanager
    def holding(self, session: Releasing) -> Iterator[Callable[[StepProgress], None]]:
        """Measures a transaction from its first step that can block others to its end, however it ends."""
        began: dict[str, float] = {}

        def at(progress: StepProgress) -> None:
            if progress.step.holds_up:
                began.setdefault(progress.step.holds_up, time.monotonic())

        try:
            yield at
        finally:
            for who, since in began.items():
                self.held_up[who] = max(self.held_up.get(who, 0.0), session.released - since)

    @property
    def undo(self) -> tuple[str, ...]:
        """The statements that undo what was done, last first."""
        return tuple(
            progress.step.undo for progress in reversed(self.steps) if progress.status == "done" and progress.step.undo
        )


def stop(task: asyncio.Task[Any]) -> None:
    """Stop the task of a run, once: a second request must not disturb it while it undoes and records its work."""
    if not task.cancelling():
        task.cancel()
