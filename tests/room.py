"""A database with all that the actions act on, and consoles of clones of it."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console import sql
from console.running.trail.audit import default_trail
from console.settings import config
from console.settings.config import ArchivePolicy, RefreshPolicy
from tests.acting import Desk
from tests.dates import MONTH
from tests.servers import PostgresServer as Cluster
from tests.sql_files import content_in

AGO = {name: f"({MONTH} - interval '{ago} months')::date" for name, ago in (("old", 30), ("new", 0))}
ROOM = (
    "CREATE TABLE public.t (id int PRIMARY KEY, n int, x text)",
    "INSERT INTO public.t SELECT g, g, repeat('x', 3000) FROM generate_series(1, 1000) g",
    "CREATE INDEX t_n ON public.t (n)",
    "CREATE TABLE public.refs (id int PRIMARY KEY)",
    "INSERT INTO public.refs SELECT generate_series(1, 100)",
    "CREATE TABLE public.facts (id int REFERENCES public.refs, day date NOT NULL, note text) PARTITION BY RANGE (day)",
    "CREATE TABLE public.archive (LIKE public.facts) PARTITION BY RANGE (day)",
    *(
        f"DO $$ BEGIN EXECUTE format('CREATE TABLE public.facts_{ago} PARTITION OF public.facts FOR VALUES FROM (%L) "
        f"TO (%L)', ({MONTH} - interval '{ago} months')::date, ({MONTH} - interval '{ago - 1} months')::date); END $$"
        for ago in (30, 26, 0)
    ),
    *(
        f"INSERT INTO public.facts SELECT g, ({MONTH} - interval '{ago} months')::date, 'note' "
        "FROM generate_series(1, 100) g"
        for ago in (30, 26, 0)
    ),
    "CREATE TABLE public.events (id int, at timestamptz NOT NULL, note text, PRIMARY KEY (id, at))",
    "INSERT INTO public.events SELECT g, now() - interval '1 day' * g, 'note' FROM generate_series(0, 99) g",
    "CREATE MATERIALIZED VIEW public.low AS SELECT id, n FROM public.t",
    "CREATE UNIQUE INDEX ON public.low (id)",
    "CREATE MATERIALIZED VIEW public.high AS SELECT count(*) AS n FROM public.low",
)
# Made before its action: a default partition, an archive without partitions.
REST = ("CREATE TABLE public.rest PARTITION OF public.facts DEFAULT",)
PLAIN = ("DROP TABLE public.archive", "CREATE TABLE public.archive (LIKE public.facts)")
AHEAD = (("table", "public.facts"), ("months", "3"))
# The policies as a configuration file says them.
CONFIGURATION = """
archives:
  - {table: public.facts, archive: public.archive, key: day, keep_months: 24}
partitions:
  - {table: public.facts, key: day, months_ahead: 3}
refreshes:
  - {view: public.low}
  - {view: public.high}
"""
# An index pack of the user's.
PACK = """
name: own
title: Of the user's own
indexes:
  t_n_id_idx:
    table: public.t
    definition: USING btree (n, id)
    serves: a question
    size: small
    query: SELECT id FROM public.t WHERE n = 5
  facts_day_idx:
    table: public.facts
    definition: USING btree (day)
    serves: another question
    size: small
    query: SELECT id FROM public.facts WHERE day = '2026-01-01'
"""
PENDING = (
    "-- A column more.\nALTER TABLE public.t ADD COLUMN more int;\nALTER TABLE public.facts ADD COLUMN more int;\n"
)


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of migrations of a console that has but its ledger to apply."""
    whole = tmp_path / "content"
    shutil.copytree(sql.content() / "sql", whole / "sql")
    shutil.copytree(sql.content() / "config", whole / "config")
    for path in (whole / "sql" / "schema").glob("*.sql"):
        if path.name != "0001_ledger.sql":
            path.unlink()
    with content_in(whole, monkeypatch):
        yield whole / "sql" / "schema"


@pytest.fixture
def room(pg: Cluster) -> Iterator[str]:
    """A database with all that the actions act on, to be cloned."""
    name = pg.fresh_database()
    with pg.connect(name) as connection:
        for statement in ROOM:
            connection.execute(statement.encode())
    yield name
    pg.drop_database(name)


@pytest.fixture
def desks(pg: Cluster, room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Desk]]:
    """Makes consoles, each of a clone of the room."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with clones(pg, room) as make:
        yield make


@contextmanager
def clones(server: Cluster, room: str) -> Iterator[Callable[[], Desk]]:
    """Makes consoles, each of a clone of the database `room`, which are dropped after the block."""
    settings = dataclasses.replace(
        config.load(environ={}),
        archives=(ArchivePolicy("public.facts", "public.archive", "day", 24),),
        refreshes=(RefreshPolicy("public.low"), RefreshPolicy("public.high")),
    )
    made: list[Desk] = []

    def make() -> Desk:
        made.append(Desk(server, server.fresh_database(room), default_trail(), settings))
        return made[-1]

    yield make
    for desk in made:
        server.drop_database(desk.database)
