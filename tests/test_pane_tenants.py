"""Who has how much: the advice on hash partitions by tenant, and the largest tenants."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from console.model import Limit
from console.panes import pane
from console.reading.reader import Reader
from console.reading.thresholds import configured
from console.settings.config import load
from console.sources.postgres import PostgresServer
from tests.servers import PostgresServer as Cluster

SETTINGS = load(environ={"HOME": "/nonexistent"})
ONE = "00000000-0000-0000-0000-000000000001"

# Tenant 1 has 60 % of `orders`, but the hundred tenants share `visits` evenly.
SCHEMA = """
    CREATE TABLE public.firms (id uuid PRIMARY KEY);
    INSERT INTO public.firms SELECT lpad(g::text, 32, '0')::uuid FROM generate_series(1, 100) g;
    CREATE TABLE public.orders (id int, firm_id uuid REFERENCES public.firms) WITH (autovacuum_enabled = off);
    INSERT INTO public.orders SELECT g, lpad(CASE WHEN g % 10 < 6 THEN 1 ELSE g % 100 + 1 END::text, 32, '0')::uuid
      FROM generate_series(1, 10000) g;
    CREATE TABLE public.visits (id int, firm_id uuid REFERENCES public.firms) WITH (autovacuum_enabled = off);
    INSERT INTO public.visits SELECT g, lpad((g % 100 + 1)::text, 32, '0')::uuid FROM generate_series(1, 20000) g;
    CREATE TABLE public.days (id int, at date, firm_id uuid REFERENCES public.firms) PARTITION BY RANGE (at);
    CREATE TABLE public.days_1 PARTITION OF public.days FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    INSERT INTO public.days SELECT g, '2026-01-05', lpad('7', 32, '0')::uuid FROM generate_series(1, 500) g;
    CREATE TABLE public.others (id int, note text);
    CREATE TABLE public.fresh (id int, firm_id uuid) WITH (autovacuum_enabled = off);
    INSERT INTO public.fresh SELECT g, lpad('7', 32, '0')::uuid FROM generate_series(1, 10) g;
"""


async def rows(uri: str, view: str, gigabytes: float = 100.0) -> dict[str, dict[str, Any]]:
    limits = {**SETTINGS.thresholds, "hash_table_gb": Limit(gigabytes, gigabytes * 5)}
    chosen = configured(pane("partitions"), limits).view(view)
    server = PostgresServer(uri)
    try:
        taken = await Reader(chosen).read(server)
    finally:
        await server.close()
    return {str(row[chosen.key[0] if view == "tenants" else "table"]): dict(row) for row in taken.records()}


@pytest.fixture(name="firms")
def firms_database(pg: Cluster, database: str) -> str:
    """A database of a hundred firms, read by ANALYZE but for one table."""
    with pg.connect(database) as session:
        session.execute(SCHEMA.encode())
        for table in ("orders", "visits", "days"):
            session.execute(f"ANALYZE public.{table}".encode())
    return pg.uri(database)


async def test_a_table_of_moderate_size_is_not_worth_it_however_skewed(firms: str) -> None:
    told = await rows(firms, "hash")
    assert set(told) == {"public.orders", "public.visits", "public.days", "public.fresh"}
    assert told["public.orders"]["verdict"] == "not needed"
    assert told["public.orders"]["reason"].startswith("worth it from 100 GB on")  # its size has a column of its own
    assert told["public.orders"]["tenant_column"] == "firm_id"
    assert told["public.visits"]["tenants"] == 100


async def test_past_the_configured_size_the_skew_decides(firms: str) -> None:
    told = await rows(firms, "hash", gigabytes=1e-5)
    assert told["public.visits"]["verdict"] == "worth it"
    assert told["public.orders"]["verdict"] == "too skewed"
    assert 55 < told["public.orders"]["largest_share"] < 65
    assert told["public.days"]["verdict"] == "partitioned"
    assert told["public.fresh"]["verdict"] == "unknown"
    assert "analyze" in told["public.fresh"]["reason"]


async def test_the_largest_tenant_is_told_with_its_share_of_all_tables(firms: str) -> None:
    told = await rows(firms, "tenants")
    first = next(iter(told))
    assert first == ONE
    # 6,000 of 10,000 orders, 200 of 20,000 visits, none of 500 days
    assert told[first]["rows"] == pytest.approx(6200, rel=0.1)
    assert told[first]["share"] == pytest.approx(100 * 6200 / 30500, rel=0.1)
    assert told[first]["mostly"] == "public.orders"


async def test_a_role_that_may_not_read_the_tables_is_told_that_the_skew_is_unknown(pg: Cluster, firms: str) -> None:
    name = f"tenants_{secrets.token_hex(4)}"
    with pg.connect("postgres") as session:
        session.execute(f"CREATE ROLE {name}".encode())
    plain = f"{firms}&options=-c%20role%3D{name}"
    try:
        told = await rows(plain, "hash", gigabytes=1e-5)
        assert told["public.visits"]["verdict"] == "unknown"
        assert "pg_read_all_data" in told["public.visits"]["reason"]
        assert await rows(plain, "tenants") == {}
    finally:
        with pg.connect("postgres") as session:
            session.execute(f"DROP ROLE {name}".encode())


async def test_a_database_without_tenants_has_nothing_to_advise(pg: Cluster, database: str) -> None:
    assert await rows(pg.uri(database), "hash") == {}
