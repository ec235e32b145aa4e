"""Every monitoring query on a cluster whose ages, counters and catalog values are near the ends of their types."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from console.model import Kind, Snapshot, Trouble, View
from console.panes import PANES
from console.reading.reader import Reader, keys
from console.sources.postgres import PostgresServer as Reading
from tests.servers import PostgresServer, Servers

VIEWS = [
    pytest.param(view, id=f"{pane.name}-{view.name}")
    for pane in PANES
    for view in pane.views
    if pane.source_of(view) == "postgres"
]
OLD = 2_100_000_000  # transactions; the server refuses writes from about 2,144 million on
LARGEST = 2**31 - 1

# Catalog values as a production server can have them after years, planted where no statement would make them quickly.
PLANTED = f"""
SET allow_system_table_mods = on;
CREATE TABLE public.old (id bigint PRIMARY KEY, body text);
CREATE TABLE public.parent (id bigint, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE public.child PARTITION OF public.parent FOR VALUES FROM ('-infinity') TO ('infinity');
CREATE MATERIALIZED VIEW public.summary AS SELECT count(*) FROM public.old;
INSERT INTO public.old SELECT g, repeat('x', 100) FROM generate_series(1, 1000) g;
ANALYZE public.old;
UPDATE pg_catalog.pg_class
   SET relfrozenxid = (((pg_catalog.pg_current_xact_id()::text::bigint - {OLD}) % 4294967296 + 4294967296) % 4294967296)
                      ::text::xid,
       relminmxid = '2194967297'::xid, relpages = {LARGEST}, reltuples = 3e38
 WHERE relname IN ('old', 'child', 'summary') OR oid = (SELECT reltoastrelid FROM pg_catalog.pg_class
                                                         WHERE oid = 'public.old'::regclass);
UPDATE pg_catalog.pg_class SET relpages = {LARGEST}, reltuples = 3e38 WHERE relname IN ('old_pkey', 'child_pkey');
UPDATE pg_catalog.pg_database
   SET datfrozenxid = (((pg_catalog.pg_current_xact_id()::text::bigint - {OLD}) % 4294967296 + 4294967296) % 4294967296)
                      ::text::xid, datminmxid = '2194967297'::xid
 WHERE datname = pg_catalog.current_database();
"""


@pytest.fixture(scope="module")
def aged(pg: PostgresServer, pg_servers: Servers) -> Iterator[str]:
    """The URI of a superuser's session on a server of its own that is that old."""
    server = pg_servers.new(pg.major, {"autovacuum": "off", "shared_preload_libraries": "pg_stat_statements"})
    name = server.fresh_database()
    with server.connect(name) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        for statement in PLANTED.split(";\n"):
            connection.execute(statement.encode())
    try:
        yield server.uri(name)
    finally:
        server.stop()


async def read(uri: str, view: View) -> Snapshot:
    """Two reads, so that rates are taken, then all lookups and the details of the first rows."""
    source = Reading(uri)
    try:
        reader = Reader(view)
        await reader.read(source)
        taken = await reader.read(source)
        taken = await reader.fill(source, keys(taken, view.key)) or taken
        if view.detail:
            for key in keys(taken, view.key)[:5]:
                await source.fetch(view.detail, dict(zip(view.key, key, strict=True)))
        return taken
    finally:
        await source.close()


@pytest.mark.pg(">= 14")
@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_reads_values_at_the_ends_of_their_types(view: View, aged: str) -> None:
    try:
        snapshot = await read(aged, view)
    except Trouble as why:
        if why.kind not in {Kind.MISSING, Kind.UNSUPPORTED}:
            raise
        return
    assert not [note for note in snapshot.notes if "out of range" in note or "overflow" in note]
