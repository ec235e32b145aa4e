"""The Redis side of the cache: each operation is one call of one script, with a deadline and a circuit breaker.

The script is never sent with a call. A Redis that does not know it has restarted, failed over or lost its scripts, and
may hold states of the past: it gets a new epoch together with the script, so that whatever it holds counts as missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError, WatchError

from console.cache.breaker import Breaker
from console.cache.envelope import VERSION
from console.cache.store import Kind

SCRIPT = files("console.cache").joinpath("brands.lua").read_text(encoding="utf-8").replace("@VERSION@", str(VERSION))
SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
NAMESPACE = "brands"
DEADLINE = 0.1  # seconds for one call; a local Redis answers in 0.0002
CALLS = 8  # of one process at a time, so that a burst of readers does not slow itself down beyond the deadline
LOADING = 3.0  # seconds for which a reader may keep others from loading the same key


class Unavailable(Exception):  # noqa: N818
    """Redis did not do it: it is down, slow, full, or the circuit is open."""


@dataclass(frozen=True, slots=True)
class CacheRead:
    """What a read finds."""

    state: str  # "hit"; "lead": load and store it; "wait": another reader loads it; "open": the brand is being changed
    value: bytes = b""
    generation: str = ""
    fresh: bool = False  # the database's announcements must be looked at before a value is stored
    announcements: tuple[int, ...] = ()
    token: str = ""  # of the reader that loads it


def client(url: str, deadline: float = DEADLINE) -> Redis:
    """A client for the cache: no retries, because the database answers meanwhile."""
    return Redis.from_url(
        url,
        socket_timeout=deadline,
        socket_connect_timeout=deadline,
        retry=Retry(NoBackoff(), 0),
        max_connections=1000,
        client_name="brand-cache",
    )


class Generations:
    """The states and values of brands in one Redis (a single server or one behind Sentinel; not a Redis Cluster)."""

    def __init__(
        self,
        redis: Redis,
        namespace: str = NAMESPACE,
        deadline: float = DEADLINE,
        breaker: Breaker | None = None,
        *,
        loading: float = LOADING,
    ) -> None:
        """`deadline` and `loading` are seconds, for one call and for one load."""
        self._redis = redis
        self._namespace = namespace
        self._deadline = deadline
        self._loading = int(loading * 1000)
        self._breaker = breaker or Breaker()
        self._probing: asyncio.Task[None] | None = None
        self._calls = asyncio.Semaphore(CALLS)

    @property
    def usable(self) -> bool:
        """Whether readers may ask; when it is time for it, this starts a probe that no reader waits for."""
        if self._breaker.due and (self._probing is None or self._probing.done()):
            self._probing = asyncio.get_running_loop().create_task(self._probe())
        return not self._breaker.open

    async def read(self, brand: str, kind: Kind, token: str, again: bool = False) -> CacheRead:
        """The value, or whether the reader with this token loads it. `again` is not counted. Raises Unavailable."""
        reply = await self._call("read", brand, kind, token, self._loading, int(again))
        state, rest = reply[0].decode(), reply[1:]
        if state == "hit":
            return CacheRead(state, rest[0])
        if state == "open":
            return CacheRead(state, announcements=tuple(int(number) for number in rest))
        return CacheRead(state, generation=rest[0].decode(), fresh=bool(rest[1]), token=token)

    async def store(
        self, brand: str, kind: Kind, lead: CacheRead, *, value: bytes = b"", ttl: float = 0, looked: bool = False
    ) -> bool:
        """Store what was loaded for `lead`, unless the brand changed since; gives the loader's lock back either way.

        `ttl` in seconds; 0 only gives the lock back. `looked`: the announcements of the database were looked at since
        `lead`. False: not stored. Raises Unavailable.
        """
        milliseconds = int(ttl * 1000)
        parts = (kind, lead.token, lead.generation, int(looked), value, milliseconds)
        reply = await self._call("store", brand, *parts)
        return bool(reply[0] == b"stored")

    async def release(self, brand: str, kind: Kind, token: str) -> None:
        """Give back the loader's lock if this token has it, and let a read of it that is under way get none.

        Raises Unavailable, which does not count as a failure of Redis: nobody waits for this answer.
        """
        await self._call("release", brand, kind, token, self._loading, counts=False)

    async def announce(self, brand: str, announcement: int) -> None:
        """No value of the brand is read or stored until the announcement is settled. Raises Unavailable."""
        await self._call("announce", brand, announcement)

    async def settle(self, brand: str, announcements: Sequence[int] = ()) -> None:
        """The next generation: all values of the brand are dropped. Raises Unavailable."""
        await self._call("settle", brand, *announcements)

    async def close(self) -> None:
        """Close every connection."""
        if self._probing is not None:
            self._probing.cancel()
        await self._redis.aclose()

    async def _call(self, operation: str, brand: str, *parts: str | int | bytes, counts: bool = True) -> list[bytes]:
        arguments = (operation, self._namespace, brand, *parts)
        try:
            async with self._calls:
                if operation == "read" and self._breaker.open:
                    raise Unavailable("it failed while this call waited for others")
                async with asyncio.timeout(self._deadline):
                    reply = await self._evaluate(arguments)
        except OutOfMemoryError as error:  # it serves what it holds
            raise Unavailable("out of memory") from error
        except (RedisError, OSError, TimeoutError) as error:
            if counts:
                self._breaker.failed()
            raise Unavailable(type(error).__name__) from error
        if counts:
            self._breaker.succeeded()
        return reply

    async def _evaluate(self, arguments: tuple[str | int | bytes, ...]) -> list[bytes]:
        for _ in range(3):
            try:
                reply: list[bytes] = await self._redis.evalsha(SHA, 0, *arguments)
            except NoScriptError:
                reply = [b"lost"]
            if reply[0] != b"lost":
                return reply
            await self._begin_epoch()
        raise Unavailable("its scripts are lost again and again")

    async def _begin_epoch(self) -> None:
        """A new epoch and the script, both or none, unless another process has just made them."""
        key = f"{self._namespace}:epoch"
        async with self._redis.pipeline(transaction=True) as both:
            await both.watch(key)
            if await both.exists(key) and all(await both.script_exists(SHA)):
                return
            both.multi()  # type: ignore[no-untyped-call]
            both.set(key, secrets.token_hex(8))
            both.script_load(SCRIPT)
            with contextlib.suppress(WatchError):
                await both.execute()

    async def _probe(self) -> None:
        try:
            async with asyncio.timeout(self._deadline):
                await self._redis.ping()
        except (RedisError, OSError, TimeoutError):
            self._breaker.failed()
        else:
            self._breaker.succeeded()
