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
