"""The cache that services use: brands, their templates and their assets, read through Redis.

What holds, and why
-------------------
*No stale value after a commit*: a read that starts after a change was committed never returns what was before it.

A change is *announced* before it is committed and *settled* afterwards, first in the database, then in Redis:

1. a row of cache_invalidations is committed;
2. Redis gets the announcement: from now on the brand is read from the database and nothing of it is stored;
3. one transaction marks the row and makes the change;
4. Redis gets the next generation of the brand and drops the announcement; then the row is deleted.

A value is stored only if the generation is the one that was there before it was loaded and nothing is announced, so a
value that was loaded before the commit is never stored after it. An updater that dies anywhere leaves its row, its
announcement, or both: the brand is read from the database until another process, which compares the two when it meets
either, has settled it. Whether the dead updater's transaction can still commit is decided by its row alone, which the
transaction has locked; deleting it makes the transaction impossible (`Lapsed`). No clock decides that.

*When step 2 fails* because Redis is down, slow or full, the change waits until no process can trust Redis without
having seen the row: each trusts it for `LEASE` seconds after it last looked at cache_invalidations (one statement on an
empty table). Then it is committed. So changes work without Redis, `LEASE` seconds later.

*When Redis loses states* (restart, failover to a replica that lags behind, eviction), a new state is *fresh*: before a
value is stored in it, the announcements of the database are looked at again. See `generations` for restarts.

*One loader*: of all processes that miss a key one gets its lock; the others ask again until it has stored a value, or
until `WAIT`, then they load it themselves. A reader whose answer was lost, or that was cancelled meanwhile, may have
the lock without knowing it: it is given back by its token (`loader_locks`). Within a process, readers join a load until
it has returned, not until it is stored, and take its value only if it could be stored: else it could be older than
their call.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID

from console.cache.envelope import LARGEST, Unreadable, Value, pack, unpack
from console.cache.generations import CacheRead, Generations, Unavailable
from console.cache.loader_locks import LoaderLocks
from console.cache.store import BrandStore, Kind, Lapsed

TTL = 3600.0  # seconds, ± a tenth, so that what was loaded together does not expire together
MISSING_TTL = 30.0  # of a brand that does not exist
LEASE = 2.0  # seconds for which a process trusts Redis after a look at the announcements
WAIT = 2.0  # seconds to wait for another process that loads the same key
ATTEMPTS = 3  # announcements of one change
_PAUSES = (0.002, 0.005, 0.01, 0.02)

Result = TypeVar("Result")
Commit = Callable[[int], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class _Found:
    value: Value


class _Flight:
    """A load that others of this process may join until it has returned."""

    def __init__(self) -> None:
        self.joinable = True
        self.result: asyncio.Future[_Found | None] = asyncio.get_running_loop().create_future()


class BrandCache:
    """Reads through Redis and changes brands. One for each process; it belongs to one event loop."""

    def __init__(
        self,
        generations: Generations,
        store: BrandStore,
        *,
        lease: float = LEASE,
        wait: float = WAIT,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`lease` is the same in all processes that share a Redis; `wait` is for another reader's load."""
        self._redis = generations
        self._store = store
        self._lease = lease
        self._wait = wait
        self._clock = clock
        self._sleep = sleep
        self._trusted_from = float("-inf")
        self._outstanding: set[int] = set()
        self._looking: asyncio.Future[bool] | None = None
        self._flights: dict[tuple[str, Kind], _Flight] = {}
        self._locks = LoaderLocks(generations.release, clock, sleep)

    async def get_brand_profile(self, brand_id: str | UUID) -> dict[str, Value] | None:
        """The row of the brand; None: there is no such brand. Raises ValueError for what is no UUID."""
        profile: dict[str, Value] | None = await self._get(_identity(brand_id), "profile")
        return profile

    async def get_templates(self, brand_id: str | UUID) -> list[dict[str, Value]]:
        """The active templates of the brand, by name; none if there is no such brand."""
        return await self._get(_identity(brand_id), "templates") or []

    async def get_assets(self, brand_id: str | UUID) -> list[dict[str, Value]]:
        """The active assets of the brand, newest first; none if there is no such brand."""
        return await self._get(_identity(brand_id), "assets") or []

    async def update_brand_profile(self, brand_id: str | UUID, changes: Mapping[str, object]) -> dict[str, Value]:
        """Commit changes of the profile and drop what is cached of the brand; the new profile.

        Raises what the store raises: NoSuchBrand, ValueError for an unknown column, the driver's errors.
        """
        brand = _identity(brand_id)
        return await self.change(brand, partial(self._store.save_profile, brand, changes))

    async def change(self, brand_id: str | UUID, commit: Commit[Result]) -> Result:
        """Commit any change of what is cached of a brand: of its templates and assets, or its creation.

        `commit` gets the number of the announcement and makes the change in one transaction that begins with
        `mark(connection, number)`. It is called again if that raises Lapsed.
        """
        brand = _identity(brand_id)
        for attempt in range(1, ATTEMPTS + 1):
            announcement = await self._store.announce(brand)
            try:
                await self._redis.announce(brand, announcement)
            except Unavailable:
                await self._sleep(self._lease * 1.1)
            try:
                result = await commit(announcement)
            except Lapsed:
                await self._settle(brand, announcement)
                if attempt == ATTEMPTS:
                    raise
                continue
            except Exception:
                # Where it is not known whether the transaction was committed, the row stays and decides.
                if await self._store.withdraw(announcement):
                    await self._settle(brand, announcement)
                raise
            if await self._settle(brand, announcement):
                await self._store.forget(announcement)
            return result
        raise AssertionError("unreachable")

    async def invalidate(self, brand_id: str | UUID) -> bool:
        """Drop what is cached of a brand that was changed elsewhere; False: Redis cannot be reached."""
        return await self._settle(_identity(brand_id))

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._locks.close()
        await self._redis.close()

    async def _get(self, brand: str, kind: Kind) -> Value:
        if self._redis.usable:
            with contextlib.suppress(Unavailable):
                found = await self._cached(brand, kind)
                if found is not None:
                    return found.value
        return await self._store.load(kind, brand)

    async def _cached(self, brand: str, kind: Kind) -> _Found | None:
        """The value of Redis or of another reader's load; None: the database must be asked. Raises Unavailable."""
        if not await self._trusted():
            return None
        token, deadline, again = secrets.token_hex(8), self._clock() + self._wait, False
        while True:
            flight = self._flights.get((brand, kind))
            if flight is not None and flight.joinable:
                return await asyncio.shield(flight.result)
            try:
                answer = await self._redis.read(brand, kind, token, again)
            except BaseException:  # a cancelled call may have been granted the lock, too
                self._locks.give_back(brand, kind, token)
                raise
            if answer.state == "lead":
                return _Found(await self._lead(brand, kind, answer))
            if answer.state == "hit":
                return _unpacked(answer.value)
            if answer.state == "open":
                await self._heal(brand, answer.announcements)
                return None
            if self._clock() >= deadline:
                return None
            again = True
            await self._sleep(random.choice(_PAUSES))  # noqa: S311

    async def _lead(self, brand: str, kind: Kind, lead: CacheRead) -> Value:
        flight = _Flight()
        self._flights[brand, kind] = flight
        found: _Found | None = None
        try:
            looked = not lead.fresh or await self._look()
            value = await self._store.load(kind, brand)
            flight.joinable = False
            if await self._keep(brand, kind, lead, looked, value):
                found = _Found(value)
        except BaseException:
            self._locks.give_back(brand, kind, lead.token)
            raise
        finally:
            flight.joinable = False
            if self._flights.get((brand, kind)) is flight:
                del self._flights[brand, kind]
            flight.result.set_result(found)
        return value

    async def _keep(self, brand: str, kind: Kind, lead: CacheRead, looked: bool, value: Value) -> bool:
        try:
            data = pack(value)
        except (TypeError, ValueError, RecursionError):
            data = b""
        seconds = (TTL if value is not None else MISSING_TTL) * random.uniform(0.9, 1.1)  # noqa: S311
        if not data or len(data) > LARGEST:
            seconds = 0
        try:
            return await self._redis.store(brand, kind, lead, value=data, ttl=seconds, looked=looked)
        except Unavailable:
            self._locks.give_back(brand, kind, lead.token)
            return False

    async def _settle(self, brand: str, *announcements: int) -> bool:
        with contextlib.suppress(Unavailable):
            await self._redis.settle(brand, announcements)
            return True
        return False

    async def _trusted(self) -> bool:
        """Whether the announcements were looked at within the lease; looks if they were not."""
        if self._looking is not None and not self._within(self._lease):
            await asyncio.shield(self._looking)
        return self._within(self._lease) or await self._look()

    def _within(self, seconds: float) -> bool:
        return self._clock() < self._trusted_from + seconds

    async def _heal(self, brand: str, announcements: tuple[int, ...]) -> None:
        """Settle announcements that Redis holds and the database no longer: their updater died before settling them."""
        if self._within(self._lease / 20) or not await self._look():
            return
        if over := [number for number in announcements if number not in self._outstanding]:
            await self._redis.settle(brand, over)

    async def _look(self) -> bool:
        """Make Redis know what is announced in the database; False: it cannot. It begins after this call did."""
        if self._looking is not None:
            await asyncio.shield(self._looking)
        if self._looking is not None:
            return await asyncio.shield(self._looking)
        self._looking = asyncio.get_running_loop().create_future()
        done = False
        try:
            done = await self._compare()
        finally:
            self._looking.set_result(done)
            self._looking = None
        return done

    async def _compare(self) -> bool:
        started = self._clock()
        rows = await self._store.outstanding()
        self._outstanding = {row.id for row in rows}
        try:
            for row in rows:
                if row.committed:
                    await self._redis.settle(row.brand_id, (row.id,))
                    await self._store.forget(row.id)
                else:
                    await self._redis.announce(row.brand_id, row.id)
        except Unavailable:
            return False
        self._trusted_from = started
        return True


def _unpacked(data: bytes) -> _Found | None:
    try:
        return _Found(unpack(data))
    except Unreadable:
        return None


def _identity(brand_id: str | UUID) -> str:
    """The one way to write a brand's id: what is no UUID never becomes part of a key."""
    try:
        return str(brand_id if isinstance(brand_id, UUID) else UUID(brand_id))
    except (ValueError, AttributeError, TypeError):
        raise ValueError("the id of a brand is a UUID") from None
