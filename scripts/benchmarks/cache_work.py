"""What the benchmark of the cache runs: readers of brands over the database, the library and cashews."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from psycopg.types.json import Jsonb

from console.cache import BrandCache, Generations, Kind, PipelineStore, client
from tests.brands import Counted, fresh_namespace, pool

READERS = 16
BRANDS = 200
SKEW = 1.2  # the n-th brand is read 1 / n**SKEW as often as the first
PAUSE = 0.005  # seconds between two reads of a reader, on average
KINDS: Mapping[Kind, int] = {"profile": 6, "templates": 2, "assets": 2}  # how often each is read
Read = Callable[[Kind, str], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Subject:
    """One way to read brands."""

    name: str
    read: Read
    update: Callable[[str, str], Awaitable[object]]  # of the name of a brand, with what drops it from the cache
    store: Counted


@dataclass(frozen=True, slots=True)
class Measured:
    """The reads of one run."""

    seconds: Sequence[float]  # of each read that was answered
    late: Sequence[float]  # of those that began after the fault
    failed: int
    loads: int
    elapsed: float
    processor: float  # seconds that the process of the readers took of it

    @property
    def processor_each(self) -> float:
        """Microseconds of processor time that the readers' process took for a read."""
        return 1_000_000 * self.processor / max(1, len(self.seconds))

    @property
    def per_second(self) -> float:
        """Reads per second of all readers."""
        return len(self.seconds) / self.elapsed


def percentile(seconds: Sequence[float], share: float) -> float:
    """The time in milliseconds that this share of the reads did not exceed."""
    ordered = sorted(seconds)
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


@asynccontextmanager
async def database_alone(uri: str) -> AsyncIterator[Subject]:
    """Every read asks PostgreSQL."""
    connections = pool(uri, READERS)
    store = Counted(PipelineStore(connections, Jsonb))
    yield Subject("database alone", store.load, lambda brand, name: rename(connections, brand, name), store)
    await connections.close()  # type: ignore[attr-defined]


@asynccontextmanager
async def library(uri: str, redis: str, namespace: str = "") -> AsyncIterator[Subject]:
    """Reads through `console/cache`."""
    connections = pool(uri, READERS)
    store = Counted(PipelineStore(connections, Jsonb))
    cache = BrandCache(Generations(client(redis), namespace or fresh_namespace()), store)
    reads: Mapping[Kind, Callable[[str], Awaitable[Any]]] = {
        "profile": cache.get_brand_profile,
        "templates": cache.get_templates,
        "assets": cache.get_assets,
    }
    yield Subject(
        "console/cache",
        lambda kind, brand: reads[kind](brand),
        lambda brand, name: cache.update_brand_profile(brand, {"name": name}),
        store,
    )
    await cache.close()
    await connections.close()  # type: ignore[attr-defined]


@asynccontextmanager
async def cashews(uri: str, redis: str, prefix: str = "") -> AsyncIterator[Subject]:
    """Reads through cashews, with its locks and tags as its documentation has them. Raises ImportError."""
    logging.getLogger("cashews").setLevel(logging.CRITICAL)  # it logs a traceback for each command that fails
    connections, cache = pool(uri, READERS), import_module("cashews").Cache()
    prefix = prefix or fresh_namespace()
    cache.setup(redis)
    store = Counted(PipelineStore(connections, Jsonb))

    @cache(ttl="1h", key=prefix + ":{brand}:{kind}", tags=[prefix + ":{brand}"], lock=True)  # type: ignore[untyped-decorator]
    async def read(kind: Kind, brand: str) -> Any:
        return await store.load(kind, brand)

    async def update(brand: str, name: str) -> None:
        await rename(connections, brand, name)
        await cache.delete_tags(f"{prefix}:{brand}")

    yield Subject("cashews", read, update, store)
    await cache.close()
    await connections.close()  # type: ignore[attr-defined]


async def rename(connections: Any, brand: str, name: str) -> None:
    """Commit a change of a brand."""
    async with connections() as connection:
        await connection.execute("UPDATE brand_profiles SET name = %s WHERE id = %s", (name, brand))


async def measure(
    subject: Subject,
    brands: Sequence[str],
    seconds: float,
    *,
    pause: float = 0.0,
    fault: Callable[[], None] | None = None,
) -> Measured:
    """READERS read for that long; `fault` happens when half of the time is over."""
    subject.store.loads.clear()
    found: list[tuple[float, float]] = []
    failures: list[Exception] = []
    began, used = time.monotonic(), time.process_time()
    weights = [1 / rank**SKEW for rank in range(1, len(brands) + 1)]

    async def read_on() -> None:
        while (start := time.monotonic()) < began + seconds:
            (kind,), (brand,) = random.choices(list(KINDS), [*KINDS.values()]), random.choices(brands, weights)
            try:
                await subject.read(kind, brand)
            except Exception as why:  # noqa: BLE001  counted: a read that was not answered
                failures.append(why)
            else:
                found.append((start, time.monotonic() - start))
            if pause:
                await asyncio.sleep(random.expovariate(1 / pause))

    async def fail() -> None:
        await asyncio.sleep(seconds / 2)
        if fault:
            fault()

    await asyncio.gather(fail(), *(read_on() for _ in range(READERS)))
    late = [took for start, took in found if start >= began + seconds / 2]
    elapsed, used = time.monotonic() - began, time.process_time() - used
    return Measured([took for _, took in found], late, len(failures), len(subject.store.loads), elapsed, used)


async def cold_loads(name: str, uri: str, redis: str, brands: Sequence[str]) -> float:
    """Reads of the database for one cold key, on average, by 100 readers in four processes."""
    given = json.dumps([name, uri, redis, fresh_namespace(), [*brands]])
    command = (sys.executable, "-m", "scripts.benchmarks.cache_work", given)
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    processes = [await asyncio.create_subprocess_exec(*command, **pipes) for _ in range(4)]  # type: ignore[arg-type]
    loads = 0
    for line in ("", *brands):  # all processes read a brand at once; first they warm up
        for each in processes:
            assert each.stdin is not None
            each.stdin.write(f"{line}\n".encode())
        for each in processes:
            assert each.stdout is not None
            loads += int(await each.stdout.readline())
    for each in processes:
        assert each.stdin is not None
        each.stdin.close()
        await each.wait()
    return loads / len(brands)


async def read_cold(name: str, uri: str, redis: str, namespace: str, brands: Sequence[str]) -> None:
    """One of the processes: for each line it gets, 25 readers read the brand; prints the reads of the database."""
    async with MAKES[name](uri, redis, namespace) as subject:
        await warm_up(subject, brands)
        while line := await asyncio.to_thread(sys.stdin.readline):
            subject.store.loads.clear()
            if brand := line.strip():
                await asyncio.gather(*(subject.read("profile", brand) for _ in range(25)))
            print(len(subject.store.loads), flush=True)


async def warm_up(subject: Subject, brands: Sequence[str]) -> None:
    """Read until the connections are open and no read asks the database, for 30 s at most."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        subject.store.loads.clear()
        await asyncio.gather(*(subject.read("assets", brand) for brand in brands))
        if not subject.store.loads:
            break
        await asyncio.sleep(1)


async def stale_reads(subject: Subject, brands: Sequence[str]) -> int:
    """After how many updates a read returns the former value, if a load was under way when it was committed."""
    stale, name = 0, fresh_namespace()
    for brand in brands:
        loaded, go = asyncio.Event(), asyncio.Event()

        async def held(loaded: asyncio.Event = loaded, go: asyncio.Event = go) -> None:
            loaded.set()
            await go.wait()

        subject.store.after_load = held
        slow = asyncio.ensure_future(subject.read("profile", brand))
        await loaded.wait()
        subject.store.after_load = None
        await subject.update(brand, name)
        go.set()
        await slow
        stale += (await subject.read("profile", brand))["name"] != name
    return stale


MAKES: Mapping[str, Callable[..., AbstractAsyncContextManager[Subject]]] = {
    "console/cache": library,
    "cashews": cashews,
}
if __name__ == "__main__":
    asyncio.run(read_cold(*json.loads(sys.argv[1])))
