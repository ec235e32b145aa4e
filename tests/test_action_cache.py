"""invalidate-brand and flush-tenant on a real Redis and a real pipeline database."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from console.actions import action
from console.demo.redis_server import RedisProcess
from console.model import Kind, Outcome, Trouble
from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.brands import Service, new_brands, pipeline_schema, service
from tests.servers import PostgresServer

INVALIDATE, FLUSH = action("invalidate-brand"), action("flush-tenant")


@pytest.fixture(scope="module")
def database(any_pg: PostgresServer) -> Iterator[str]:
    """The name of a database with the schema."""
    name = pipeline_schema(any_pg)
    yield name
    any_pg.drop_database(name)


@pytest.fixture
def desk(any_pg: PostgresServer, database: str, redis_process: RedisProcess, tmp_path: Path) -> Desk:
    """A console with a Redis of the test's own."""
    return Desk(any_pg, database, Trail(tmp_path / "audit.jsonl"), redis=redis_process.uri)


@pytest.fixture
async def reader(any_pg: PostgresServer, database: str, redis_process: RedisProcess) -> AsyncIterator[Service]:
    """A service that reads brands through it."""
    async with service(any_pg.uri(database, "pipeline_app"), redis_process.uri, "brands") as reader:
        yield reader


async def read_all(reader: Service, brands: list[str]) -> int:
    """Read everything of the brands; how many reads the database got."""
    reader.forget_loads()
    for brand in brands:
        await reader.cache.get_brand_profile(brand)
        await reader.cache.get_templates(brand)
        await reader.cache.get_assets(brand)
    return len(reader.store.loads)


async def test_invalidating_a_brand_shows_what_was_changed_elsewhere_and_drops_nothing_else(
    desk: Desk, reader: Service, any_pg: PostgresServer, database: str
) -> None:
    changed, other = new_brands(any_pg.uri(database), 2)
    await read_all(reader, [changed, other])
    desk.do(f"UPDATE brand_profiles SET name = 'by hand' WHERE id = '{changed}'")
    assert (await reader.cache.get_brand_profile(changed) or {})["name"] != "by hand"
    run = await desk.run(INVALIDATE, brand=changed.upper())
    assert run.outcome is Outcome.DONE, run.message
    assert (await reader.cache.get_brand_profile(changed) or {})["name"] == "by hand"
    assert await read_all(reader, [changed]) == 2
    assert await read_all(reader, [other]) == 0


async def test_flushing_a_tenant_removes_its_keys_and_nothing_else_without_keys_or_flushall(
    desk: Desk, reader: Service, any_pg: PostgresServer, database: str, redis_process: RedisProcess
) -> None:
    uri = any_pg.uri(database)
    mine, others = new_brands(uri, 3), new_brands(uri, 2)
    await read_all(reader, mine + others)
    with psycopg.connect(uri) as connection:
        query = "SELECT organization_id::text FROM brand_profiles WHERE id = %s"
        (organization,) = connection.execute(query, (mine[0],)).fetchall()[0]
    with redis.Redis.from_url(redis_process.uri) as admin:
        with admin.pipeline(transaction=False) as several:
            for number in range(3000):
                several.set(f"of another program:{number}", b"x")
            for generation in range(40):  # of the past
                several.set(f"brands:{mine[0]}:{generation}:profile:1", b"x")
            several.execute()
        admin.config_resetstat()
        run = await desk.run(FLUSH, organization=organization)
        assert run.outcome is Outcome.DONE, run.message
        assert run.steps[0].rows == 3
        sent = admin.info("commandstats")
        assert not {"cmdstat_keys", "cmdstat_flushall", "cmdstat_flushdb"} & set(sent)
        assert sent["cmdstat_scan"]["calls"] >= 6
        left = [key for brand in mine for key in admin.scan_iter(f"brands:{brand}:*")]
        assert left == []
        assert admin.dbsize() >= 3000
    assert await read_all(reader, others) == 0
    assert await read_all(reader, mine) == 9


async def test_a_flush_leaves_a_change_that_is_being_made_announced(
    desk: Desk, reader: Service, any_pg: PostgresServer, database: str, redis_process: RedisProcess
) -> None:
    uri = any_pg.uri(database)
    (brand,) = new_brands(uri, 1)
    await read_all(reader, [brand])
    organization = desk.ask(f"SELECT organization_id::text FROM brand_profiles WHERE id = '{brand}'")
    announcement = await reader.store.announce(brand)
    await reader.cache._redis.announce(brand, announcement)
    run = await desk.run(FLUSH, organization=organization)
    assert run.outcome is Outcome.DONE, run.message
    with redis.Redis.from_url(redis_process.uri) as admin:
        assert admin.hget(f"brands:{brand}", f"o:{announcement}") == b"1"
    await reader.store.withdraw(announcement)


@pytest.mark.parametrize("hostile", ["*", "x", "a:b", "'; DROP TABLE x"])
async def test_an_invalid_uuid_is_a_usage_error(desk: Desk, hostile: str) -> None:
    for wanted, name in ((INVALIDATE, "brand"), (FLUSH, "organization")):
        with pytest.raises(Trouble) as caught:
            await desk.plan(wanted, **{name: hostile})
        assert caught.value.kind is Kind.USAGE


async def test_an_organization_without_brands_is_nothing_to_do(desk: Desk) -> None:
    assert (await desk.plan(FLUSH, organization=str(uuid.uuid4()))).steps == ()


async def test_without_redis_the_plan_names_the_option(any_pg: PostgresServer, tmp_path: Path) -> None:
    alone = Desk(any_pg, "postgres", Trail(tmp_path / "audit.jsonl"))
    with pytest.raises(Trouble, match="--redis") as caught:
        await alone.plan(INVALIDATE, brand=str(uuid.uuid4()))
    assert caught.value.kind is Kind.MISSING


async def test_a_redis_that_is_down_fails_the_run_and_its_password_is_nowhere(
    any_pg: PostgresServer, tmp_path: Path
) -> None:
    trail = Trail(tmp_path / "audit.jsonl")
    desk = Desk(any_pg, "postgres", trail, redis="redis://:sesame@127.0.0.1:1/0")
    run = await desk.run(INVALIDATE, brand=str(uuid.uuid4()))
    assert run.outcome is Outcome.FAILED
    assert "127.0.0.1:1 does not answer" in run.message
    assert "sesame" not in f"{run.message} {run.plan} {trail.path.read_text()}"
