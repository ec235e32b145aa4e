"""Brand profiles, templates and assets in Redis, for the services of the pipeline; independent of the console.

    pool = psycopg_pool.AsyncConnectionPool(uri, kwargs={"autocommit": True})
    cache = BrandCache(Generations(client("redis://localhost")), PipelineStore(pool.connection, Jsonb))

    profile = await cache.get_brand_profile(brand_id)
    await cache.update_brand_profile(brand_id, {"settings": {"tone": "warm"}})

It needs redis-py (pip install pipeline-console[cache]), the table cache_invalidations of the pipeline's schema, and
nothing else. Without Redis it reads from the database. docs/cache.md says what it guarantees; `brand_cache` says why.
"""

from __future__ import annotations

from console.cache.brand_cache import LEASE, BrandCache
from console.cache.generations import NAMESPACE, Generations, Unavailable, client
from console.cache.store import Announcement, BrandStore, Kind, Lapsed, NoSuchBrand, PipelineStore, mark

__all__ = [
    "LEASE",
    "NAMESPACE",
    "Announcement",
    "BrandCache",
    "BrandStore",
    "Generations",
    "Kind",
    "Lapsed",
    "NoSuchBrand",
    "PipelineStore",
    "Unavailable",
    "client",
    "mark",
]
