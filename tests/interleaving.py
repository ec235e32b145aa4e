"""A scheduler that decides which process of a test goes on, one operation at a time, and kills some of them.

Processes are groups of tasks over real servers. Each operation of a server is a gate: a task waits there until the
scheduler, whose choices come from a seed, opens it. When a process is killed, its tasks raise `Killed` at their gates
and at every later one, so that nothing of theirs, no clean-up either, reaches a server again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.waiting import PATIENCE

TURNS = 6  # of the loop, in which tasks go from one operation to the next


class Killed(BaseException):
    """kill -9: no handler of the code under test sees it as an error."""


@dataclass(eq=False, slots=True)
class Process:
    """Tasks that die together."""

    dead: bool = False


@dataclass(eq=False, slots=True)
class Actor:
    """A task under the scheduler."""

    name: str
    process: Process
    scheduler: Scheduler
    task: asyncio.Task[Any] | None = None
    gate: asyncio.Future[None] | None = None
    next: str = ""  # the operation behind the gate
    busy: bool = False
    in_transaction: bool = False

    @asynccontextmanager
    async def operation(self, name: str) -> AsyncIterator[None]:
        """One operation, when the scheduler allows it. Raises Killed."""
        if self.process.dead:
            raise Killed
        self.next, self.gate = name, asyncio.get_running_loop().create_future()
        self.scheduler.moved.set()
        await self.gate
        if self.process.dead:
            raise Killed
        self.busy = True
        try:
            yield
        finally:
            self.busy = False
            self.scheduler.moved.set()


ACTOR: ContextVar[Actor] = ContextVar("actor")


def acting() -> Actor:
    """The actor of this task: a task that another started in the background becomes one of the same process."""
    actor, task = ACTOR.get(), asyncio.current_task()
    if task is not actor.task:
        name = f"{actor.name}, background {len(actor.scheduler.actors)}"
        actor = Actor(name, actor.process, actor.scheduler, task)
        actor.scheduler.actors.append(actor)
        ACTOR.set(actor)
    return actor


Work = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Scheduler:
    """Opens one gate at a time; its choices are those of `seed`."""

    seed: int
    kill: float = 0.02  # how likely an operation is the last of its process
    now: float = 0.0  # virtual seconds
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    log: list[str] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)

    async def run(self, *processes: Sequence[Work]) -> list[BaseException | None]:
        """Run the tasks of all processes to their ends; what each raised."""
        choose = random.Random(self.seed)
        actors = self.actors
        tasks: list[asyncio.Future[None]] = []
        for works in processes:
            process = Process()
            for work in works:
                actors.append(Actor(f"task {len(actors)}", process, self))
                tasks.append(asyncio.ensure_future(self._perform(work, actors[-1])))
        while not all(task.done() for task in tasks):
            self.moved.clear()
            await self._settle(actors)
            ready = [actor for actor in actors if actor.gate is not None and self._may(actor, actors)]
            if ready:
                self._open(choose.choice(ready), choose)
            elif not all(task.done() for task in tasks):
                await asyncio.wait_for(self.moved.wait(), PATIENCE)
        await self._end_background()
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def _end_background(self) -> None:
        """Kill what goes on in the background once every task has ended."""
        for actor in self.actors:
            actor.process.dead = True
            if actor.gate is not None and not actor.gate.done():
                actor.gate.set_result(None)
        others = [actor.task for actor in self.actors if actor.task is not None]
        await asyncio.gather(*others, return_exceptions=True)

    def _open(self, actor: Actor, choose: random.Random) -> None:
        actor.process.dead = actor.process.dead or choose.random() < self.kill
        self.log.append(f"{actor.name} {'dies before ' if actor.process.dead else ''}{actor.next}")
        gate, actor.gate = actor.gate, None
        assert gate is not None
        actor.busy = not actor.process.dead
        gate.set_result(None)

    async def _settle(self, actors: list[Actor]) -> None:
        """Wait until no operation is under way and every task has come to its next gate, or waits for another task."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        while any(actor.busy for actor in actors):
            self.moved.clear()
            await asyncio.wait_for(self.moved.wait(), PATIENCE)
            for _ in range(TURNS):
                await asyncio.sleep(0)

    async def _perform(self, work: Work, actor: Actor) -> None:
        ACTOR.set(actor)
        actor.task = asyncio.current_task()
        try:
            await work()
        except Killed:
            return
        finally:
            self.moved.set()

    @staticmethod
    def _may(actor: Actor, actors: list[Actor]) -> bool:
        """A transaction that would wait for another's row lock does not begin: the scheduler would wait with it."""
        return actor.next != "begin" or not any(other.in_transaction for other in actors)


async def sleep(seconds: float) -> None:
    """Let virtual time pass."""
    actor = acting()
    async with actor.operation(f"sleep {seconds:.3f}"):
        actor.scheduler.now += seconds


@dataclass(slots=True)
class GatedRedis:
    """A client of Redis whose calls are operations; some fail, before or after Redis did what they ask."""

    inner: Any
    choose: random.Random
    failing: float

    async def evalsha(self, sha: str, count: int, *arguments: Any) -> Any:
        """A call of the script."""
        shown = " ".join(str(argument) for argument in (arguments[0], *arguments[3:])).replace("b'", "")[:80]
        return await self._asked(f"redis {shown}", lambda: self.inner.evalsha(sha, count, *arguments))

    def pipeline(self, transaction: bool) -> Any:
        """Not gated: the beginning of an epoch."""
        return self.inner.pipeline(transaction=transaction)

    async def ping(self) -> Any:
        """The probe of the circuit breaker."""
        return await self._asked("redis ping", self.inner.ping)

    async def _asked(self, operation: str, call: Callable[[], Any]) -> Any:
        async with acting().operation(operation):
            fate = self.choose.random()
            if fate < self.failing / 2:
                raise ConnectionError("lost before it was sent")
            answer = await call()
        if fate < self.failing:
            raise ConnectionError("lost before it was answered")
        if self.choose.random() < 0.3:
            async with acting().operation(f"answer of {operation}"):
                pass
        return answer


@dataclass(slots=True)
class GatedConnection:
    """A connection whose statements, and both ends of whose transactions, are operations."""

    inner: psycopg.AsyncConnection[Any]
    committed: Callable[[], None]

    async def execute(self, query: Any, params: Any = None) -> Any:
        """One statement."""
        async with ACTOR.get().operation(" ".join(str(query).split())[:60]):
            return await self.inner.execute(query, params)

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """BEGIN … COMMIT."""
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        actor = ACTOR.get()
        async with actor.operation("begin"):
            await self.inner.execute("BEGIN")
            actor.in_transaction = True
        try:
            yield
            async with actor.operation("commit"):
                await self.inner.execute("COMMIT")
                self.committed()
        except BaseException:
            await self.inner.execute("ROLLBACK")
            raise
        finally:
            actor.in_transaction = False
