"""Tables that need care, and statements that fail in the middle."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.model import Outcome
from console.running.progress import Run
from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster

WRITE = "UPDATE public.t SET n = n WHERE id = 5"
REPACKS = 19  # the first version that rewrites a table online by itself
INVALID = "SELECT count(*) FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)"


@pytest.fixture(name="desk")
def care_desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    """A table with a plain index, a partitioned one, a foreign key."""
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    desk.do(
        "CREATE TABLE public.t (id int PRIMARY KEY, n int, x text) WITH (autovacuum_enabled = off)",
        "INSERT INTO public.t SELECT g, g, repeat('x', 3000) FROM generate_series(1, 1000) g",
        "CREATE INDEX t_n ON public.t (n)",
        "CREATE TABLE public.p (id int, n int) PARTITION BY RANGE (id)",
        "CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE public.p2 PARTITION OF public.p FOR VALUES FROM (10) TO (20)",
        "INSERT INTO public.p SELECT g, g FROM generate_series(0, 19) g",
        "CREATE INDEX p_n ON public.p (n)",
    )
    return desk


def bloat(desk: Desk, rows: int = 5000, width: int = 500, kept: int = 10) -> None:
    """A table public.bloated of which one in `kept` rows is left, where pg_repack or the server can rewrite it."""
    desk.do(
        *(["CREATE EXTENSION pg_repack"] if desk.cluster.major < REPACKS else []),
        "CREATE TABLE public.bloated (id int PRIMARY KEY, x text) WITH (autovacuum_enabled = off)",
        f"INSERT INTO public.bloated SELECT g, repeat('x', {width}) FROM generate_series(1, {rows}) g",
        f"DELETE FROM public.bloated WHERE id % {kept} <> 0",
    )


def done(run: Run) -> None:
    assert run.outcome is Outcome.DONE, run.message


def index_names(desk: Desk, table: str) -> str:
    names = "string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid::regclass::text)"
    return str(desk.ask(f"SELECT {names} FROM pg_index WHERE indrelid = '{table}'::regclass"))
