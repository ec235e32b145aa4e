"""Brands of a real database behind the cache, for its tests."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from redis.asyncio import Redis

from console.cache import BrandCache, Generations, Kind, PipelineStore, client, mark
from console.cache.breaker import Breaker
from console.cache.envelope import Value
from console.demo import cluster, content
from tests.servers import PostgresServer

Pool = Callable[[], AbstractAsyncContextManager[psycopg.AsyncConnection[Any]]]


@dataclass(slots=True)
class Counted:
    """The pipeline's store, which counts what is read from the database."""

    inner: PipelineStore
    loads: list[tuple[Kind, str]] = field(default_factory=list)
    before_load: Callable[[], Any] | None = None  # awaited, as a slow database would be
    after_load: Callable[[], Any] | None = None

    async def load(self, kind: Kind, brand_id: str) -> Value:
        self.loads.append((kind, brand_id))
        if self.before_load is not None:
            await self.before_load()
        value = await self.inner.load(kind, brand_id)
        if self.after_load is not None:
            await self.after_load()
        return value

    async def save_profile(self, brand_id: str, changes: Mapping[str, object], announcement: int) -> Value:
        return await self.inner.save_profile(brand_id, changes, announcement)

    async def announce(self, brand_id: str) -> int:
        return await self.inner.announce(brand_id)

    async def outstanding(self) -> Any:
        return await self.inner.outstanding()

    async def withdraw(self, announcement: int) -> bool:
        return await self.inner.withdraw(announcement)

    async def forget(self, announcement: int) -> None:
        await self.inner.forget(announcement)


@dataclass(slots=True)
class Service:
    """One process of the pipeline: its cache, and what it reads from the database."""

    cache: BrandCache
    store: Counted
    redis: Redis
    breaker: Breaker

    def forget_loads(self) -> None:
        self.store.loads.clear()


def pool(uri: str, size: int = 4) -> Pool:
    """Connections that are kept; as many at a time as `size`."""
    free: list[psycopg.AsyncConnection[Any]] = []
    places = asyncio.Semaphore(size)

    @asynccontextmanager
    async def connection() -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        async with places:
            taken = free.pop() if free else await psycopg.AsyncConnection.connect(uri, autocommit=True)
            try:
                yield taken
            finally:
                if taken.closed:
                    await taken.close()
                else:
                    free.append(taken)

    async def close() -> None:
        while free:
            await free.pop().close()

    connection.close = close  # type: ignore[attr-defined]
    return connection


@asynccontextmanager
async def service(
    uri: str, redis_uri: str, namespace: str, *, deadline: float = 5.0, loading: float = 3.0, **options: Any
) -> AsyncIterator[Service]:
    """A process of the pipeline; its deadline is long, so that a busy machine is not taken for a broken Redis."""
    connections, redis, breaker = pool(uri), client(redis_uri, deadline), Breaker()
    store = Counted(PipelineStore(connections, Jsonb))
    cache = BrandCache(Generations(redis, namespace, deadline, breaker, loading=loading), store, **options)
    try:
        yield Service(cache, store, redis, breaker)
    finally:
        await cache.close()
        await connections.close()  # type: ignore[attr-defined]


def fresh_namespace() -> str:
    """One that no other test uses."""
    return f"test-{secrets.token_hex(4)}"


def pipeline_schema(server: PostgresServer) -> str:
    """The name of a new database with the pipeline's schema and the rights of its application, and no rows."""
    name = server.fresh_database()
    with server.connect(name) as connection:
        connection.execute(cluster.database().encode())
    with server.connect(name, cluster.OWNER) as connection:
        content.install_schema(connection, server.major)
    return name


NEW_BRANDS = """
WITH o AS (INSERT INTO organizations (name) VALUES ('Acme') RETURNING id),
     b AS (INSERT INTO brand_profiles (organization_id, name)
           SELECT o.id, 'Brand ' || n FROM o, generate_series(1, %s) n RETURNING id),
     a AS (INSERT INTO brand_assets (brand_profile_id, name)
           SELECT b.id, 'Asset ' || n FROM b, generate_series(1, 2) n),
     t AS (INSERT INTO content_templates (brand_profile_id, name) SELECT b.id, 'Template' FROM b)
SELECT id::text FROM b ORDER BY id
"""


def new_brands(uri: str, count: int) -> list[str]:
    """The ids of new brands of a new organisation, each with two assets and a template."""
    with psycopg.connect(uri, autocommit=True) as connection:
        return [row[0] for row in connection.execute(NEW_BRANDS, (count,)).fetchall()]


async def rename_asset(connections: Pool, brand: str, name: str, announcement: int) -> None:
    """A change of what is cached that the library has no method for."""
    async with connections() as connection, connection.transaction():
        await mark(connection, announcement)
        await connection.execute("UPDATE brand_assets SET name = %s WHERE brand_profile_id = %s", (name, brand))
