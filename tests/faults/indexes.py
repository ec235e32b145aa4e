"""Indexes that only cost."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.faults.stage import Stage


@contextmanager
def build_that_failed(stage: Stage) -> Iterator[str]:
    """CREATE UNIQUE INDEX CONCURRENTLY fails on rows that are alike, which are then corrected."""
    stage.do("CREATE TABLE basket (id int); INSERT INTO basket VALUES (1), (1)")
    with contextlib.suppress(psycopg.errors.UniqueViolation):
        stage.do("CREATE UNIQUE INDEX CONCURRENTLY basket_id_once ON basket (id)")
    stage.do("DELETE FROM basket WHERE ctid = '(0,2)'")
    yield "basket_id_once"
    stage.do("DROP TABLE basket")


@contextmanager
def index_that_another_covers(stage: Stage) -> Iterator[str]:
    """An index on the first column of another one."""
    stage.do(
        "CREATE TABLE basket (id int, item int)",
        "CREATE INDEX basket_id ON basket (id)",
        "CREATE INDEX basket_id_item ON basket (id, item)",
    )
    yield "basket_id (covered by basket_id_item)"
    stage.do("DROP TABLE basket")


@contextmanager
def index_without_scans(stage: Stage) -> Iterator[str]:
    """An index that no query uses."""
    stage.do("CREATE TABLE basket (id int)", "CREATE INDEX basket_idle ON basket (id)")
    yield "basket_idle"
    stage.do("DROP TABLE basket")


@contextmanager
def foreign_key_without_an_index(stage: Stage) -> Iterator[str]:
    """Each delete from a table scans another one, which refers to it."""
    stage.do(
        "CREATE TABLE brand (id int PRIMARY KEY)",
        "CREATE TABLE offer (brand int CONSTRAINT offer_brand REFERENCES brand)",
        "INSERT INTO brand SELECT generate_series(1, 100000)",
        "INSERT INTO offer SELECT generate_series(1, 99990)",
        "ANALYZE offer",
        "DELETE FROM brand WHERE id > 99995",
    )
    yield "foreign key offer_brand of public.offer (brand) has no index"
    stage.do("DROP TABLE offer, brand")


@contextmanager
def table_scanned_again_and_again(stage: Stage) -> Iterator[str]:
    """A query filters by a column without an index."""
    stage.do("CREATE TABLE visit (page int)", "INSERT INTO visit SELECT generate_series(1, 100000)", "ANALYZE visit")
    with stage.desk.session() as session:
        for _ in range(50):
            session.execute("SELECT count(*) FROM visit WHERE page = 7")
    yield "table public.visit of"
    stage.do("DROP TABLE visit")
