"""The cache of brands: real Redis, real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest
import redis

from console.cache import NoSuchBrand
from console.cache.breaker import FAILURES
from console.cache.envelope import LARGEST, VERSION, Unreadable, pack, unpack
from console.cache.generations import CALLS
from console.demo.redis_server import RedisProcess
from tests.brands import Service, fresh_namespace, new_brands, pipeline_schema, pool, rename_asset, service
from tests.command import CHECKOUT
from tests.servers import PostgresServer
from tests.waiting import PATIENCE, eventually


@pytest.fixture(scope="module")
def pipeline_database(any_pg: PostgresServer) -> Iterator[str]:
    """The name of a database with the schema."""
    name = pipeline_schema(any_pg)
    yield name
    any_pg.drop_database(name)


@pytest.fixture
def uri(any_pg: PostgresServer, pipeline_database: str) -> str:
    """The application's connection string, as a service has it."""
    return any_pg.uri(pipeline_database, "pipeline_app")


@pytest.fixture
def brands(uri: str) -> list[str]:
    """New brands with templates and assets."""
    return new_brands(uri, 6)


@pytest.fixture
async def one(uri: str, shared_redis: RedisProcess) -> AsyncIterator[Service]:
    """A process of the pipeline."""
    async with service(uri, shared_redis.uri, fresh_namespace()) as made:
        yield made


async def everything(cache: Any, brand: str) -> tuple[Any, Any, Any]:
    """All that is cached of a brand."""
    return await cache.get_brand_profile(brand), await cache.get_templates(brand), await cache.get_assets(brand)


async def test_a_brand_is_read_once_from_the_database_and_then_from_redis(one: Service, brands: list[str]) -> None:
    first = await everything(one.cache, brands[0])
    assert first[0]["id"] == brands[0]
    assert first[2]
    assert "usage_count" not in first[2][0]
    assert len(one.store.loads) == 3
    assert await everything(one.cache, brands[0].upper()) == first
    assert len(one.store.loads) == 3


async def test_a_burst_of_readers_opens_few_connections(
    uri: str, brands: list[str], redis_process: RedisProcess
) -> None:
    async with service(uri, redis_process.uri, fresh_namespace()) as reader:
        await asyncio.gather(*(reader.cache.get_brand_profile(brand) for _ in range(20) for brand in brands))
        clients = await reader.redis.client_list()
    assert 0 < sum(each["name"] == "brand-cache" for each in clients) <= CALLS


async def test_a_brand_that_does_not_exist_is_known_not_to_exist(one: Service) -> None:
    unknown = uuid.uuid4()
    assert await everything(one.cache, str(unknown)) == (None, [], [])
    assert await one.cache.get_brand_profile(unknown) is None
    assert len(one.store.loads) == 3
    (key,) = [key async for key in one.redis.scan_iter(match=f"*{unknown}:*:profile:*")]
    assert 0 < await one.redis.pttl(key) <= 33_000
    with pytest.raises(NoSuchBrand):
        await one.cache.update_brand_profile(unknown, {"name": "x"})


@pytest.mark.parametrize("hostile", ["", "*", "a:b", "../x", "1; DROP TABLE x", "00000000-0000-0000-0000-00000000000g"])
async def test_what_is_no_uuid_never_becomes_part_of_a_key(one: Service, hostile: str) -> None:
    for call in (one.cache.get_brand_profile, one.cache.get_templates, one.cache.get_assets, one.cache.invalidate):
        with pytest.raises(ValueError, match="UUID"):
            await call(hostile)


async def test_an_update_drops_everything_of_its_brand_and_nothing_of_another(
    one: Service, brands: list[str], uri: str, shared_redis: RedisProcess
) -> None:
    changed, untouched = brands[0], brands[1]
    before = {brand: await everything(one.cache, brand) for brand in (changed, untouched)}
    connections = pool(uri)
    await one.cache.change(changed, partial(rename_asset, connections, changed, "renamed"))
    new = await one.cache.update_brand_profile(changed, {"name": "New name", "settings": {"tone": "warm"}})
    one.forget_loads()
    profile, templates, assets = await everything(one.cache, changed)
    assert profile == new
    assert (profile["name"], profile["settings"]) == ("New name", {"tone": "warm"})
    assert {asset["name"] for asset in assets} == {"renamed"}
    assert templates == before[changed][1]
    assert [kind for kind, _ in one.store.loads] == ["profile", "templates", "assets"]
    assert await everything(one.cache, untouched) == before[untouched]
    assert len(one.store.loads) == 3
    async with connections() as connection:
        rows = await (await connection.execute("SELECT * FROM cache_invalidations")).fetchall()
        assert rows == []
        await connection.close()


async def test_a_wildcard_given_to_del_would_have_removed_nothing(one: Service, brands: list[str]) -> None:
    """The mistake that generations avoid: DEL takes names, not patterns."""
    await everything(one.cache, brands[0])
    assert await one.redis.delete(f"*{brands[0]}*") == 0
    one.forget_loads()
    assert await one.cache.invalidate(brands[0])
    await everything(one.cache, brands[0])
    assert len(one.store.loads) == 3


@pytest.mark.parametrize("changes", [{"id": "x"}, {"organization_id": None}, {"name": "a", "nope": 1}])
async def test_a_column_that_may_not_change_changes_nothing(
    one: Service, brands: list[str], changes: dict[str, object]
) -> None:
    before = await one.cache.get_brand_profile(brands[0])
    with pytest.raises(ValueError, match="no such column"):
        await one.cache.update_brand_profile(brands[0], changes)
    one.forget_loads()
    assert await one.cache.get_brand_profile(brands[0]) == before
    assert one.store.loads  # the failed update dropped it
    assert await one.cache.get_brand_profile(brands[0]) == before
    assert len(one.store.loads) == 1  # and left nothing announced


async def test_a_value_loaded_before_an_update_is_never_stored_after_it(
    one: Service, uri: str, brands: list[str], shared_redis: RedisProcess
) -> None:
    loaded, go = asyncio.Event(), asyncio.Event()

    async def held() -> None:
        loaded.set()
        await go.wait()

    one.store.after_load = held
    slow = asyncio.create_task(one.cache.get_brand_profile(brands[0]))
    await asyncio.wait_for(loaded.wait(), PATIENCE)
    one.store.after_load = None
    await one.cache.update_brand_profile(brands[0], {"name": "v2"})
    joined = asyncio.create_task(one.cache.get_brand_profile(brands[0]))  # must not take what the slow reader loaded
    for _ in range(20):
        await asyncio.sleep(0)
    go.set()
    await slow
    assert (await joined or {})["name"] == "v2"
    assert (await one.cache.get_brand_profile(brands[0]) or {})["name"] == "v2"


READERS = """
import asyncio, json, sys
from tests.brands import service

async def main():
    uri, redis, namespace, brand, count = json.loads(sys.argv[1])
    async with service(uri, redis, namespace, loading=300, wait=300, deadline=60) as one:
        await one.redis.ping()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        values = await asyncio.gather(*(one.cache.get_brand_profile(brand) for _ in range(count)))
        print(json.dumps([len(one.store.loads), sorted({value["id"] for value in values})]), flush=True)

asyncio.run(main())
"""


def test_a_hundred_readers_in_four_processes_make_one_read_of_the_database(
    uri: str, brands: list[str], shared_redis: RedisProcess
) -> None:
    given = json.dumps([uri, shared_redis.uri, fresh_namespace(), brands[0], 25])
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READERS, given],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    for reader in readers:
        assert reader.stdin is not None
        reader.stdin.write("\n")
        reader.stdin.flush()
    answers = [json.loads(reader.communicate(timeout=PATIENCE)[0]) for reader in readers]
    assert [reader.returncode for reader in readers] == [0] * 4
    assert sum(loads for loads, _ in answers) == 1
    assert all(found == [brands[0]] for _, found in answers)


async def test_redis_killed_while_it_is_read_leaves_no_read_unanswered(
    uri: str, brands: list[str], redis_process: RedisProcess
) -> None:
    async with service(uri, redis_process.uri, fresh_namespace()) as one:
        right = {brand: await one.cache.get_brand_profile(brand) for brand in brands}
        reads = [asyncio.create_task(one.cache.get_brand_profile(brand)) for brand in brands * 20]
        await asyncio.sleep(0)
        os.kill(redis_process.pid, signal.SIGKILL)
        reads += [asyncio.create_task(one.cache.get_brand_profile(brand)) for brand in brands * 5]
        assert await asyncio.gather(*reads) == [right[brand] for brand in brands * 25]
        assert one.breaker.open
        changed = await one.cache.update_brand_profile(brands[0], {"name": "without Redis"})
        assert await one.cache.get_brand_profile(brands[0]) == changed
        redis_process.stop()
        redis_process.start(())

        async def served_again() -> bool:
            one.forget_loads()
            assert (await one.cache.get_brand_profile(brands[0]) or {})["name"] == "without Redis"
            return not one.store.loads

        await eventually(served_again)


async def test_what_was_committed_while_redis_hung_is_read_when_it_goes_on(
    uri: str, brands: list[str], redis_process: RedisProcess
) -> None:
    name = fresh_namespace()
    async with (
        service(uri, redis_process.uri, name, deadline=0.3, lease=0.5) as one,
        service(uri, redis_process.uri, name, deadline=0.3, lease=0.5) as other,
    ):
        await other.cache.get_brand_profile(brands[0])
        await other.cache.get_brand_profile(brands[0])
        os.kill(redis_process.pid, signal.SIGSTOP)
        try:
            await one.cache.update_brand_profile(brands[0], {"name": "while it hung"})
        finally:
            os.kill(redis_process.pid, signal.SIGCONT)
        assert (await other.cache.get_brand_profile(brands[0]) or {})["name"] == "while it hung"


async def test_a_redis_without_free_memory_serves_what_it_has_and_stops_no_update(
    uri: str, brands: list[str], redis_process: RedisProcess
) -> None:
    admin = redis.Redis.from_url(redis_process.uri)
    async with service(uri, redis_process.uri, fresh_namespace(), lease=0.2) as one:
        await one.cache.get_brand_profile(brands[0])
        admin.config_set("maxmemory-policy", "noeviction")
        admin.config_set("maxmemory", "1mb")
        one.forget_loads()
        assert await one.cache.get_brand_profile(brands[0])
        assert not one.store.loads
        assert await one.cache.get_brand_profile(brands[1])
        assert len(one.store.loads) == 1
        await one.cache.update_brand_profile(brands[0], {"name": "full"})
        for _ in range(2):
            assert (await one.cache.get_brand_profile(brands[0]) or {})["name"] == "full"
        assert not one.breaker.open
    admin.close()


async def test_a_redis_that_restarts_with_old_values_has_none_that_count(
    uri: str, brands: list[str], redis_process: RedisProcess
) -> None:
    async with service(uri, redis_process.uri, fresh_namespace()) as one:
        await one.cache.get_brand_profile(brands[0])
        await one.redis.save()
        await one.cache.update_brand_profile(brands[0], {"name": "after the snapshot"})
        os.kill(redis_process.pid, signal.SIGKILL)  # and with it the generation of the update
        redis_process.stop()
        redis_process.start(())
        with redis.Redis.from_url(redis_process.uri) as admin:
            assert admin.dbsize() > 0
        assert (await one.cache.get_brand_profile(brands[0]) or {})["name"] == "after the snapshot"
        assert (await one.cache.get_brand_profile(brands[0]) or {})["name"] == "after the snapshot"


GARBAGE = [
    *(b"", b"{", b"null", b"[]", b'{"version":999,"value":{}}', b'{"version":1}', b"\xff\x00"),
    b'{"version":%d,"value":{}}' % VERSION + b" " * LARGEST,
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
async def test_what_another_program_wrote_is_a_miss(one: Service, brands: list[str], garbage: bytes) -> None:
    right = await one.cache.get_brand_profile(brands[0])
    keys = [key async for key in one.redis.scan_iter(match=f"*{brands[0]}:*:profile:{VERSION}")]
    await one.redis.set(keys[0], garbage)
    assert await one.cache.get_brand_profile(brands[0]) == right
    with pytest.raises(Unreadable):
        unpack(garbage)


@pytest.mark.parametrize("value", [None, {}, [], "\u0000'\"\\", {"a": [1.5, 10**30, "\ud7ff", None, True]}])
def test_values_come_back_as_they_were(value: object) -> None:
    assert unpack(pack(value)) == value


async def test_hostile_and_huge_settings_are_values_like_any_other(one: Service, brands: list[str]) -> None:
    hostile = {"tone": "[/b]\x1b[31m \r\n*3\r\n' || redis.call('FLUSHALL')", "nested": [[[[{}]]]], "number": 0.25}
    await one.cache.update_brand_profile(brands[0], {"settings": hostile})
    for _ in range(2):
        assert (await one.cache.get_brand_profile(brands[0]) or {})["settings"] == hostile
    await one.cache.update_brand_profile(brands[0], {"settings": {"x": "y" * LARGEST}})
    one.forget_loads()
    for _ in range(2):
        assert len((await one.cache.get_brand_profile(brands[0]) or {})["settings"]["x"]) == LARGEST
    assert len(one.store.loads) == 2  # too large to be worth its memory


async def test_reads_are_counted_where_every_process_sees_them(one: Service, brands: list[str]) -> None:
    for _ in range(3):
        await one.cache.get_brand_profile(brands[0])
    await one.cache.get_assets(brands[1])
    namespace = one.cache._redis._namespace
    counts = [await one.redis.hgetall(key) async for key in one.redis.scan_iter(match=f"{namespace}:counts:*")]
    total = {name: sum(int(found.get(name, 0)) for found in counts) for found in counts for name in found}
    assert total == {b"profile:miss": 1, b"profile:hit": 2, b"assets:miss": 1}
    keys = [key async for key in one.redis.scan_iter(match=f"{namespace}:hot:*")]
    hot = [await one.redis.zscore(key, brands[0]) for key in keys]
    assert sum(score or 0 for score in hot) == 3


async def test_readers_do_not_wait_for_a_redis_that_is_known_to_be_down(uri: str, brands: list[str]) -> None:
    async with service(uri, "redis://127.0.0.1:1", fresh_namespace()) as one:
        for brand in brands[:FAILURES] * 2:
            assert await one.cache.get_brand_profile(brand)
        assert one.breaker.open
        asked = one.redis.connection_pool
        await one.cache.get_brand_profile(brands[0])
        assert not one.breaker.due
        assert asked is one.redis.connection_pool
