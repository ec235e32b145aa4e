"""The pane Cache on a real Redis: what it shows, what it costs, and what it reports without one."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis

from console.demo.redis_server import RedisProcess
from console.model import Kind, Level, Trouble, number
from console.opening import sources_for
from console.panes.cache import CACHE, HOT, READS, SERVER
from console.reading.reader import Reader
from console.settings import config
from console.settings.config import Wanted
from console.sources.redis.readings import KINDS, READINGS, SLICE
from console.sources.redis.server import RedisServer
from tests.brands import new_brands, pipeline_schema, service
from tests.command import run
from tests.screens import console, screen_text, until
from tests.servers import PostgresServer


@pytest.fixture
async def source(redis_process: RedisProcess) -> AsyncIterator[RedisServer]:
    """A Redis of the test's own, as the console reads it."""
    server = RedisServer(redis_process.uri)
    yield server
    await server.close()


@pytest.fixture
def admin(redis_process: RedisProcess) -> redis.Redis:
    """A client with all rights."""
    return redis.Redis.from_url(redis_process.uri)


async def test_the_hit_rate_is_that_of_the_services_and_not_of_all_keys(
    any_pg: PostgresServer, source: RedisServer, redis_process: RedisProcess, admin: redis.Redis
) -> None:
    database = pipeline_schema(any_pg)
    uri = any_pg.uri(database, "pipeline_app")
    brands = new_brands(uri, 3)
    async with service(uri, redis_process.uri, "brands") as reader:
        for brand in brands:
            for _ in range(4):
                await reader.cache.get_brand_profile(brand)
        await reader.cache.get_assets(brands[0])
    for _ in range(100):
        admin.get("of another program")
    rows = {row["kind"]: row for row in (await source.fetch("redis_reads")).records()}
    assert (rows["profile"]["reads"], rows["profile"]["hits"], rows["profile"]["hit_percent"]) == (12, 9, 75.0)
    assert (rows["all"]["reads"], rows["all"]["misses"]) == (13, 4)
    assert next(iter((await source.fetch("redis_hot")).records()))["brand"] == brands[0]
    keys = {row["kind"]: row["keys"] for row in (await source.fetch("redis_keys")).records()}
    assert (keys["profile"], keys["assets"], keys["state"]) == (3, 1, 3)
    any_pg.drop_database(database)


def test_kinds_are_those_of_the_library() -> None:
    from console.cache.generations import NAMESPACE, SCRIPT  # noqa: PLC0415
    from console.cache.store import KINDS as STORED  # noqa: PLC0415
    from console.sources.redis import readings  # noqa: PLC0415

    assert KINDS == STORED
    assert readings.NAMESPACE == NAMESPACE
    assert all(f"count(kind, {word!r})" in SCRIPT or word in {"miss", "wait"} for word in readings.RESULTS)


async def test_a_read_scans_a_slice_and_never_asks_for_all_keys(source: RedisServer, admin: redis.Redis) -> None:
    with admin.pipeline(transaction=False) as several:
        for at in range(20_000):
            several.set(f"brands:{uuid.UUID(int=at)}:1:profile:1" if at % 4 else f"other:{at}", b"x")
        several.execute()
    admin.config_resetstat()
    taken = await source.fetch("redis_keys")
    kinds = {row["kind"]: number(row["keys"]) for row in taken.records()}
    assert taken.notes == ("Estimated from 1 % of the keys; each read counts 250 more.",)
    assert sum(kinds.values()) == pytest.approx(20_000, abs=3)
    assert kinds["profile"] == pytest.approx(15_000, rel=0.25)
    sent = admin.info("commandstats")
    assert sent["cmdstat_scan"]["calls"] == 1
    assert "cmdstat_keys" not in sent
    while taken.notes:
        taken = await source.fetch("redis_keys")
    assert {row["kind"]: row["keys"] for row in taken.records()} == {"profile": 15_000, "other": 5_000}
    assert SLICE <= 250


async def test_every_view_is_read_within_a_fixed_number_of_commands(source: RedisServer, admin: redis.Redis) -> None:
    await source.learn()
    admin.config_resetstat()
    for query in READINGS:
        await source.fetch(query)
    sent: dict[str, dict[str, int]] = admin.info("commandstats")
    assert sum(each["calls"] for each in sent.values()) <= 25


async def test_a_redis_without_a_limit_stands_out_and_one_that_evicts_does_not(
    source: RedisServer, admin: redis.Redis
) -> None:
    (limit,) = (column for column in SERVER.columns if column.name == "maxmemory")
    assert limit.rule is not None
    reader = Reader(SERVER)
    (row,) = (await reader.read(source)).records()
    assert limit.rule.level(row[limit.judged]) is Level.WARNING
    admin.config_set("maxmemory", 64 * 2**20)
    admin.config_set("maxmemory-policy", "allkeys-lru")
    (row,) = (await reader.read(source)).records()
    assert limit.rule.level(row[limit.judged]) is Level.OK
    assert row["maxmemory"] == 64 * 2**20
    assert row["memory_judged"] is None
    assert row["evicted_rate"] == 0
    admin.config_set("maxmemory-policy", "noeviction")
    (row,) = (await reader.read(source)).records()
    assert row["memory_judged"] == row["memory_percent"]


@pytest.mark.parametrize(("misses", "earlier", "judged"), [(900, True, None), (1100, True, 0.0), (1100, False, None)])
async def test_few_reads_and_a_new_cache_are_not_judged(
    source: RedisServer, admin: redis.Redis, misses: int, earlier: bool, judged: float | None
) -> None:
    seconds, _ = admin.time()
    admin.hset(f"brands:counts:{seconds // 60}", "profile:miss", misses)
    if earlier:
        admin.hset(f"brands:counts:{seconds // 60 - 7}", "profile:hit", 1)
    rows = {row["kind"]: row for row in (await Reader(READS).read(source)).records()}
    assert (rows["all"]["reads"], rows["all"]["judged"]) == (misses, judged)


async def test_brands_on_the_screen_have_names_and_others_are_not_asked_for(
    any_pg: PostgresServer, admin: redis.Redis, redis_process: RedisProcess
) -> None:
    database = pipeline_schema(any_pg)
    brands = new_brands(any_pg.uri(database, "pipeline_app"), 2)
    seconds, _ = admin.time()
    admin.zadd(f"brands:hot:{seconds // 600}", {brands[0]: 9, brands[1]: 8, "'; DROP TABLE x": 7, str(uuid.uuid4()): 6})
    sources = sources_for(Wanted(any_pg.uri(database), redis=redis_process.uri))
    try:
        reader, source = Reader(HOT, sources.named), sources.of(CACHE, HOT)
        taken = await reader.read(source)
        shown = [(row["brand"],) for row in taken.records()]
        assert set(taken.values("name")) == {None}
        one = await reader.fill(source, shown[:1])
        assert one is not None
        assert [row["name"] for row in one.records()] == ["Brand 1", None, None, None]
        everything = await reader.fill(source, shown)
        assert everything is not None
        assert [row["organization"] for row in everything.records()] == ["Acme", "Acme", None, None]
    finally:
        await sources.close()
        any_pg.drop_database(database)


async def test_text_of_clients_is_data(source: RedisServer, admin: redis.Redis, redis_process: RedisProcess) -> None:
    admin.client_setname("[/b]!x")
    seconds, _ = admin.time()
    admin.zadd(f"brands:hot:{seconds // 600}", {b"\xff\x1b[31m[bold]": 3})
    sources = sources_for(Wanted("host=127.0.0.1 port=1 connect_timeout=1", redis=redis_process.uri))
    async with console("", sources=sources, pane="cache") as (app, pilot):
        for text, presses in (("[31m[bold]", 2), ("[/b]!x", 2)):
            for _ in range(presses):
                await pilot.press("v")
            await until(pilot, lambda text=text: text in screen_text(app))  # type: ignore[misc]
            assert "\x1b" not in screen_text(app)


async def test_a_redis_that_does_not_answer_is_named_without_its_password() -> None:
    server = RedisServer("redis://user:sesame@127.0.0.1:1/0")
    with pytest.raises(Trouble) as caught:
        await server.fetch("redis_server")
    assert caught.value.kind is Kind.UNREACHABLE
    assert caught.value.sentence == "Redis at 127.0.0.1:1 does not answer (Connection refused)."
    assert "sesame" not in f"{caught.value} {server.label}"
    assert server.retry_in > 0
    await server.close()


async def test_a_wrong_password_and_a_missing_right_are_no_outage(
    redis_process: RedisProcess, admin: redis.Redis
) -> None:
    admin.acl_setuser("reader", enabled=True, passwords=["+sesame"], keys=["brands:*"], commands=["+info", "+time"])
    place = redis_process.uri.removeprefix("redis://")
    for password, query, said in (("wrong", "redis_server", "password"), ("sesame", "redis_reads", "exists")):
        server = RedisServer(f"redis://reader:{password}@{place}")
        with pytest.raises(Trouble, match=said) as caught:
            await server.fetch(query)
        assert caught.value.kind is Kind.DENIED
        assert "sesame" not in f"{caught.value} {caught.value.remedy}"
        await server.close()


@pytest.mark.parametrize(
    "uri", ["http://h/0", "redis://:sesame@", "127.0.0.1:6379", "redis://h:sesame/0", "postgresql://h"]
)
def test_an_invalid_uri_is_a_usage_error_that_does_not_repeat_it(uri: str) -> None:
    with pytest.raises(Trouble) as caught:
        RedisServer(uri)
    assert caught.value.kind is Kind.USAGE
    assert uri not in str(caught.value)


async def test_without_redis_py_the_pane_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, redis_process: RedisProcess
) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(Trouble, match=r"pipeline-console\[cache\]") as caught:
        await RedisServer(redis_process.uri).fetch("redis_server")
    assert caught.value.kind is Kind.MISSING


def test_a_target_names_its_redis_and_the_command_line_another(
    any_pg: PostgresServer, redis_process: RedisProcess, tmp_path: Path
) -> None:
    file = tmp_path / "console.yml"
    target = json.dumps({"uri": any_pg.uri(), "redis": redis_process.uri})
    file.write_text(f"default_target: prod\ntargets: {{prod: {target}}}\n")
    file.chmod(0o600)
    done = run(tmp_path, "show", "cache", "--view", "keys", "--config", str(file), "--format", "json")
    assert json.loads(done.out)["rows"] == []
    other = run(tmp_path, "show", "cache", "--config", str(file), "--redis", "redis://127.0.0.1:1")
    assert other.code != 0
    assert "127.0.0.1:1 does not answer" in other.err


def test_without_redis_the_pane_names_the_option(any_pg: PostgresServer, tmp_path: Path) -> None:
    done = run(tmp_path, "show", "cache", "-t", any_pg.uri())
    assert "--redis redis://HOST:6379/0" in done.err


def test_the_pane_has_no_view_of_another_source() -> None:
    assert {CACHE.source_of(view) for view in CACHE.views} == {"redis"}
    assert {view.query for view in CACHE.views} == set(READINGS)
    assert config.load(environ={}).thresholds["brand_hit_percent"].warning == 80
