"""The test servers themselves: what every other test takes for granted."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from console.demo.redis_server import RedisProcess
from console.model import Kind, Trouble
from console.panes import PANES
from console.rules.diagnoses import DIAGNOSES
from console.watching.asks import merged
from tests.activity import console
from tests.servers import Pooler, PostgresServer, Servers


def test_server_has_what_the_console_looks_at(pg: PostgresServer, database: str) -> None:
    with pg.connect(database) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        row = connection.execute(
            "SELECT current_setting('server_version_num')::int / 10000, current_setting('track_io_timing'), "
            "(SELECT count(*) FROM pg_stat_statements) >= 0"
        ).fetchone()
    assert row == (pg.major, "on", True)


def test_restart_keeps_port_and_data(pg: PostgresServer, database: str) -> None:
    before = pg.port
    pg.restart()
    assert pg.port == before
    with pg.connect(database) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_stopped_server_refuses(any_pg: PostgresServer) -> None:
    any_pg.stop()
    try:
        with pytest.raises(psycopg.OperationalError):
            any_pg.connect()
    finally:
        any_pg.start()


@pytest.mark.every_pooler
def test_pooler_serves_application_and_admin(
    any_pg: PostgresServer, pgbouncer: Callable[[PostgresServer, str], Pooler]
) -> None:
    name = any_pg.fresh_database()
    pooler = pgbouncer(any_pg, name)
    with psycopg.connect(pooler.uri(), autocommit=True, prepare_threshold=None) as client:
        assert client.execute("SELECT current_user, current_database()").fetchone() == ("pipeline_app", name)
    for uri in (pooler.admin_uri, pooler.stats_uri):
        with psycopg.connect(
            uri, autocommit=True, prepare_threshold=None, cursor_factory=psycopg.ClientCursor
        ) as admin:
            modes = {row[0]: row[-5:] for row in admin.execute("SHOW DATABASES").fetchall()}
            assert {name, f"{name}_session"} <= set(modes)


def test_redis_answers(shared_redis: RedisProcess) -> None:
    import redis  # noqa: PLC0415

    with redis.Redis.from_url(shared_redis.uri) as client:
        assert client.ping()


def test_pipeline_is_there_on_every_version(pg: PostgresServer, pg_pipeline: str) -> None:
    with pg.connect(pg_pipeline, "pipeline_app") as connection:
        row = connection.execute("SELECT count(*) FROM public.content_requests").fetchone()
    assert row is not None
    assert row[0] >= 100


async def test_every_query_of_panes_and_rules_runs_on_every_version(pg: PostgresServer, pg_pipeline: str) -> None:
    views = [(pane.source_of(view), view) for pane in PANES for view in pane.views]
    asked = {view.query for source, view in views if source == "postgres"}
    asked |= {ask.query for ask in merged(DIAGNOSES) if ask.source == "postgres"}
    failed: dict[str, str] = {}
    async with console(pg, pg_pipeline) as reading:
        for query in sorted(asked):
            try:
                await reading.fetch(query)
            except Trouble as why:
                if why.kind not in {Kind.UNSUPPORTED, Kind.MISSING}:
                    failed[query] = str(why)
    assert failed == {}


def test_servers_of_one_version_are_different_servers(pg: PostgresServer, pg_servers: Servers) -> None:
    server = pg_servers.new(pg.major, {})
    try:
        query = "SELECT system_identifier FROM pg_control_system()"
        with server.connect() as connection:
            assert connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate").fetchall() == [
                ("postgres",)
            ]
            own = connection.execute(query).fetchone()
        with pg.connect() as connection:
            assert own != connection.execute(query).fetchone()
        assert server.passfile.read_text() != pg.passfile.read_text()
    finally:
        server.stop()


def test_taken_port_is_changed(pg_servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pg_servers, "free_port", lambda: pg_servers[pg_servers.newest].port)
    server = pg_servers.new(pg_servers.newest, {})
    try:
        assert server.port != pg_servers[pg_servers.newest].port
        with server.connect() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()
