"""Drops cached brands: takes the next generation of a brand, and removes keys in slices."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from console.format import one_line
from console.model import Kind, Trouble
from console.sources.redis.readings import NAMESPACE, SLICE
from console.sources.redis.server import READ_SECONDS, RedisServer

if TYPE_CHECKING:
    from redis.asyncio import Redis

BUSY = 0.2  # share of the time in which Redis removes keys, at most


async def next_generation(server: RedisServer, brand: str) -> None:
    """Drop all values of a brand in one step and verify it. Raises Trouble."""
    state = f"{NAMESPACE}:{brand}"

    async def drop(client: Redis) -> bool:
        from console.cache import Generations, Unavailable  # noqa: PLC0415  loads redis-py

        before = await client.hmget(state, ["epoch", "generation"])
        try:
            await Generations(client, deadline=READ_SECONDS).settle(brand)
        except Unavailable as why:
            raise Trouble(Kind.FAILED, f"Redis could not drop brand {brand}: {one_line(why)}.") from None
        after = await client.hmget(state, ["epoch", "generation"])
        is_current = after[0] == await client.get(f"{NAMESPACE}:epoch")  # else the library ignores the state
        return after[1] is None or after != before or not is_current

    if not await server.command(drop):
        raise Trouble(Kind.FAILED, f"The generation of brand {brand} did not change: its cached values are still read.")


async def remove_keys(server: RedisServer, brands: Collection[str], report: Callable[[str], None]) -> int:
    """Remove the values of `brands`, of every generation, slice by slice with pauses; the number of keys removed.

    The states of the brands stay: they hold the generation and the announced changes. Raises Trouble.
    """
    wanted = set(brands)
    cursor = seen = removed = 0
    while True:
        began = time.monotonic()
        cursor, keys = await server.command(_scan_from(cursor))
        doomed = [key for key in keys if _brand(key) in wanted]
        if doomed:
            removed += await server.command(_unlink(doomed))
        seen += len(keys)
        report(f"{seen:,} keys scanned, {removed:,} removed")
        if cursor == 0:
            return removed
        await asyncio.sleep((time.monotonic() - began) * (1 / BUSY - 1))


def _scan_from(cursor: int) -> Callable[[Redis], Any]:
    return lambda client: client.scan(cursor=cursor, match=f"{NAMESPACE}:*", count=SLICE)


def _unlink(keys: Collection[bytes]) -> Callable[[Redis], Any]:
    return lambda client: client.unlink(*keys)


def _brand(key: bytes) -> str:
    """The brand whose value a key holds; empty: it holds none."""
    parts = key.split(b":")
    return parts[1].decode("utf-8", "replace") if len(parts) > 2 else ""
