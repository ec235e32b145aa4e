"""Statements that cost more than they should."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg

from tests.faults.stage import Stage

SOON = patch("console.rules.statement_history.LEAST_SECONDS", 0.5)  # three readings need no minute
VISITS = "SELECT count(*) FROM visit WHERE page = 7"
READINGS = (
    "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements "
    "WHERE query LIKE '%i.indislive AND c.relkind%LIMIT%' AND query NOT LIKE '%pg_stat_statements%'"
)
PRICE = "CREATE OR REPLACE FUNCTION price() RETURNS int LANGUAGE plpgsql AS 'BEGIN {} RETURN 1; END'"


@contextmanager
def function_that_became_slow(stage: Stage) -> Iterator[str]:
    """A new version of a function makes the statement that calls it slow."""
    stage.do("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    stage.do(PRICE.format(""))
    shop = stage.open("shop")
    for _ in range(3000):
        shop.execute("SELECT price()")
    stage.do(PRICE.format("PERFORM pg_sleep(0.05);"))
    with SOON, repeated(lambda: shop.execute("SELECT price()")):
        yield "SELECT price(): "
    stage.do("DROP FUNCTION price()")


@contextmanager
def index_dropped_under_a_statement(stage: Stage) -> Iterator[str]:
    """The index that a statement uses is dropped."""
    stage.do(
        "CREATE EXTENSION IF NOT EXISTS pg_stat_statements",
        "CREATE TABLE visit (page int)",
        "INSERT INTO visit SELECT generate_series(1, 200000)",
        "CREATE INDEX visit_page ON visit (page)",
        "ANALYZE visit",
    )
    shop = stage.open("shop")
    for _ in range(3000):
        shop.execute(VISITS)
    read, dropped = stage.desk.ask(READINGS), threading.Event()

    def visit() -> None:
        shop.execute(VISITS)
        if not dropped.is_set() and stage.desk.ask(READINGS) > read:  # the console knows the index
            stage.do("DROP INDEX CONCURRENTLY visit_page")
            dropped.set()

    with SOON, repeated(visit):
        yield "index visit_page on public.visit is gone"
    stage.do("DROP TABLE visit")


@contextmanager
def rows_read_one_by_one(stage: Stage) -> Iterator[str]:
    """An application reads the rows of a list with a statement each."""
    stage.do("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    shop = stage.open("shop")
    keys = [(1 + number % 10,) for number in range(500)]
    with SOON, repeated(lambda: read_all(shop, keys)):
        yield "SELECT n FROM item WHERE id = $1: "


def read_all(session: psycopg.Connection[Any], keys: list[tuple[int]]) -> None:
    """A statement for each key, without waiting for the answer to the one before."""
    with session.cursor() as cursor:
        cursor.executemany("SELECT n FROM item WHERE id = %s", keys, returning=True)


@contextmanager
def repeated(call: Callable[[], object]) -> Iterator[None]:
    """Call again and again meanwhile."""
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            call()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
