"""Services that read brands through the cache, as part of the demo: `python -m console.demo.readers CONNINFO REDIS`.

A few brands get most of the reads; from time to time a brand is changed.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from console.cache import BrandCache, Generations, PipelineStore, client
from console.sources.postgres import DriverError
from console.sources.postgres.client import application_connection

NAME = "pipeline-services"
READERS = 4
PAUSE = 0.1  # seconds between two reads of a reader, on average
CHANGES = 0.002  # of all reads
SKEW = 1.2  # the n-th brand is read 1 / n**SKEW as often as the first


async def serve(conninfo: str, redis: str) -> None:
    """Read until stopped, or until the connection to the database is lost: then the supervisor starts it again."""
    connection = await application_connection(conninfo, NAME)
    turn = asyncio.Lock()

    @asynccontextmanager
    async def connect() -> AsyncIterator[Any]:
        async with turn:
            yield connection

    cache = BrandCache(Generations(client(redis)), PipelineStore(connect, json.dumps))
    try:
        found = await (await connection.execute("SELECT id::text FROM public.brand_profiles ORDER BY id")).fetchall()
        brands = [row[0] for row in found]
        weights = [1 / rank**SKEW for rank in range(1, len(brands) + 1)]
        await asyncio.gather(*(_read(cache, brands, weights) for _ in range(READERS)))
    finally:
        await cache.close()
        await connection.close()


async def _read(cache: BrandCache, brands: list[str], weights: list[float]) -> None:
    reads = (cache.get_brand_profile, cache.get_templates, cache.get_assets)
    while True:
        await asyncio.sleep(random.expovariate(1 / PAUSE))
        (brand,) = random.choices(brands, weights)  # noqa: S311
        if random.random() < CHANGES:  # noqa: S311
            await cache.update_brand_profile(brand, {"is_active": True})
        else:
            await random.choices(reads, (6, 2, 2))[0](brand)  # noqa: S311


if __name__ == "__main__":
    try:
        asyncio.run(serve(*sys.argv[1:3]))
    except (KeyboardInterrupt, DriverError) as end:
        sys.exit(type(end).__name__)
