"""No reader of the cache sees a value from before a commit: random interleavings over real servers, with kills."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from console.cache import BrandCache, Generations, Lapsed, PipelineStore, client, mark
from console.cache.store import AsyncConnection
from console.demo.redis_server import RedisProcess
from tests.brands import Pool, fresh_namespace, new_brands, pipeline_schema, pool
from tests.interleaving import ACTOR, GatedConnection, GatedRedis, Scheduler, sleep
from tests.servers import PostgresServer

FEW = 100  # interleavings of the ordinary run; the slow test has the rest of a thousand


@pytest.fixture(scope="module")
def uri(any_pg: PostgresServer) -> Iterator[str]:
    """The application's connection string for a database with the schema."""
    name = pipeline_schema(any_pg)
    yield any_pg.uri(name, "pipeline_app")
    any_pg.drop_database(name)


@dataclass(slots=True)
class World:
    """One brand, whose name is the number of its version, and what was committed of it."""

    brand: str
    connections: Pool
    redis: Any
    scheduler: Scheduler
    namespace: str = field(default_factory=fresh_namespace)
    version: int = 0  # of the transaction under way: only one is at a time
    committed: int = 0
    reads: int = 0
    stale: list[str] = field(default_factory=list)

    def cache(self) -> BrandCache:
        """The cache of one process, every operation of which the scheduler allows."""
        seed = self.scheduler.seed
        choose = random.Random(seed)
        redis: Any = GatedRedis(self.redis, choose, (0.0, 0.0, 0.1, 0.4)[seed % 4])
        return BrandCache(
            Generations(redis, self.namespace, deadline=60.0),
            PipelineStore(self.connect, Jsonb, grace=0 if seed % 3 == 0 else 30),
            clock=lambda: self.scheduler.now,
            sleep=sleep,
        )

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose statements the scheduler allows."""
        async with self.connections() as connection:
            yield GatedConnection(connection, self.commit)

    def commit(self) -> None:
        """Note what has been committed."""
        self.committed = self.version

    async def read(self, cache: BrandCache) -> None:
        """Read the brand some times."""
        for _ in range(3):
            async with ACTOR.get().operation("start"):
                floor = self.committed
            profile = await cache.get_brand_profile(self.brand)
            assert profile is not None
            self.reads += 1
            if int(profile["name"]) < floor:
                self.stale.append(f"{ACTOR.get().name} read {profile['name']} after {floor} was committed")

    async def update(self, cache: BrandCache) -> None:
        """Change the brand."""
        for _ in range(2):
            async with ACTOR.get().operation("start"):
                pass
            try:
                await cache.change(self.brand, self.rename)
            except Lapsed:
                continue

    async def rename(self, announcement: int) -> None:
        """The transaction of a change."""
        async with self.connect() as connection, connection.transaction():
            await mark(connection, announcement)
            self.version += 1
            name = str(self.version)
            await connection.execute("UPDATE brand_profiles SET name = %s WHERE id = %s", (name, self.brand))

    async def lose(self) -> None:
        """Redis evicts keys and forgets scripts."""
        choose = random.Random(self.scheduler.seed)
        for _ in range(3):
            async with ACTOR.get().operation("redis loses keys"):
                keys = sorted([key async for key in self.redis.scan_iter(match=f"{self.namespace}:*", count=1000)])
                if choose.random() < 0.2:
                    await self.redis.script_flush()
                elif keys:
                    await self.redis.delete(choose.choice(keys))


async def play(connections: Pool, redis: Any, brand: str, seed: int) -> World:
    """One interleaving: two readers in one process, one in another, two updaters; in every other, lost keys."""
    world = World(brand, connections, redis, Scheduler(seed))
    async with connections() as connection:
        await connection.execute("UPDATE brand_profiles SET name = '0' WHERE id = %s", (brand,))
        await connection.execute("DELETE FROM cache_invalidations")
    one, other, third, fourth = (world.cache() for _ in range(4))
    results = await world.scheduler.run(
        [lambda: world.read(one), lambda: world.read(one)],
        [lambda: world.read(other)],
        [lambda: world.update(third)],
        [lambda: world.update(fourth)],
        [world.lose] if seed % 2 else [],
    )
    for result in results:
        if result is not None:
            raise result
    return world


async def interleave(uri: str, redis_uri: str, seeds: range) -> int:
    """Play every seed; a failure shows its schedule. Returns how many reads were judged."""
    redis, connections = client(redis_uri, 60.0), pool(uri, 8)
    (brand,) = new_brands(uri, 1)
    reads = 0
    try:
        for seed in seeds:
            world = await play(connections, redis, brand, seed)
            assert not world.stale, f"seed {seed}: {world.stale}\n" + "\n".join(world.scheduler.log)
            reads += world.reads
    finally:
        await redis.aclose()
        await connections.close()  # type: ignore[attr-defined]
    return reads


async def test_no_stale_read_after_a_commit_in_random_interleavings(uri: str, shared_redis: RedisProcess) -> None:
    assert await interleave(uri, shared_redis.uri, range(FEW)) > 3 * FEW


@pytest.mark.slow
async def test_no_stale_read_after_a_commit_in_a_thousand_interleavings(uri: str, shared_redis: RedisProcess) -> None:
    assert await interleave(uri, shared_redis.uri, range(FEW, 1000)) > 3 * (1000 - FEW)
