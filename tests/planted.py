"""A database with indexes that are missing and some that would be useless, and the statements that show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

ROWS = 60_000
TABLES = """
CREATE TABLE orders (id bigserial PRIMARY KEY, customer int, product int, status int, placed timestamptz,
  paid boolean, total numeric, note text);
CREATE TABLE events (id bigserial PRIMARY KEY, account int, kind int, at timestamptz, session uuid, severity int,
  handled boolean, payload text);
CREATE TABLE lines (id bigserial PRIMARY KEY, order_id bigint, sku text, amount int, batch int, comment text);
CREATE TABLE tickets (id bigserial PRIMARY KEY, owner int, team int, opened timestamptz, state text, title text,
  ref int);
CREATE TABLE small (id int PRIMARY KEY, code int);
CREATE INDEX orders_product ON orders (product);
CREATE INDEX tickets_team ON tickets (team, opened);
INSERT INTO orders (customer, product, status, placed, paid, total, note)
  SELECT g % 6000, g % 3000, g % 3, now() - g * interval '1 minute', g % 2 = 0, g % 1000, repeat('n', 60)
    FROM generate_series(1, {rows}) g;
INSERT INTO events (account, kind, at, session, severity, handled, payload)
  SELECT g % 5000, g % 4, now() - g * interval '10 seconds', md5((g / 5)::text)::uuid, g % 20000, g % 10 <> 0,
         repeat('p', 80)
    FROM generate_series(1, {rows}) g;
INSERT INTO lines (order_id, sku, amount, batch, comment)
  SELECT g / 3, 'sku' || g % 7000, g % 100, g % 9000, repeat('c', 60) FROM generate_series(1, {rows}) g;
INSERT INTO tickets (owner, team, opened, state, title, ref)
  SELECT g % 4000, g % 50, now() - g * interval '5 minutes', CASE WHEN g % 200 = 0 THEN 'open' ELSE 'done' END,
         'ticket ' || g, g % 12000 FROM generate_series(1, {rows}) g;
INSERT INTO small SELECT g, g % 50 FROM generate_series(1, 500) g;
"""

# Table and leading columns of an index that is missing, and the statement that wants it.
MISSING: Mapping[tuple[str, tuple[str, ...]], str] = {
    ("orders", ("customer",)): "SELECT total FROM orders WHERE customer = 77",
    ("orders", ("placed",)): "SELECT count(*) FROM orders WHERE placed > now() - interval '2 hours'",
    ("events", ("account", "at")): "SELECT payload FROM events WHERE account = 7 ORDER BY at DESC LIMIT 5",
    ("events", ("session",)): "SELECT payload FROM events WHERE session = 'c81e728d-9d4c-2f63-6f06-7f89cc14862c'",
    ("events", ("severity",)): "UPDATE events SET payload = payload WHERE severity = 19999",
    ("events", ("at",)): "SELECT id, payload FROM events ORDER BY at DESC LIMIT 10",
    ("lines", ("order_id",)): "SELECT l.sku FROM orders o JOIN lines l ON l.order_id = o.id WHERE o.id = 500",
    ("lines", ("sku",)): "DELETE FROM lines WHERE sku = 'sku9999999'",
    ("lines", ("batch",)): "SELECT amount FROM lines WHERE batch = 42 AND amount > 1",
    ("tickets", ("owner",)): "SELECT title FROM tickets WHERE owner = 15 AND state = 'done'",
    ("tickets", ("state",)): "SELECT title FROM tickets WHERE state = 'open'",
    ("tickets", ("ref",)): "SELECT title FROM tickets WHERE ref IN (5, 6, 7)",
}

# Table and columns of an index that would not help, and the statement that seems to want it.
USELESS: Mapping[tuple[str, tuple[str, ...]], str] = {
    ("orders", ("paid",)): "SELECT sum(total) FROM orders WHERE paid",
    ("orders", ("status",)): "SELECT sum(total) FROM orders WHERE status = 1",
    ("orders", ("product",)): "SELECT total FROM orders WHERE product = 5",
    ("events", ("handled",)): "SELECT max(payload) FROM events WHERE handled = true",
    ("events", ("kind",)): "SELECT kind, max(payload) FROM events WHERE kind > 0 GROUP BY kind",
    ("tickets", ("team",)): "SELECT title FROM tickets WHERE team = 4 ORDER BY opened DESC LIMIT 5",
    ("tickets", ("title",)): "SELECT count(title) FROM tickets WHERE title LIKE '%77%'",
    ("small", ("code",)): "SELECT id FROM small WHERE code = 7",
}


def plant(session: psycopg.Connection[Any]) -> None:
    """Make the tables."""
    session.execute(TABLES.format(rows=ROWS).encode())
    session.execute("VACUUM ANALYZE")


def call(session: psycopg.Connection[Any], calls: int = 3) -> None:
    """Run each statement `calls` times, as the role of the session."""
    for text in (*MISSING.values(), *USELESS.values()):
        for _ in range(calls):
            session.execute(text.encode(), prepare=False)


def precision_and_recall(advised: Sequence[tuple[str, tuple[str, ...]]]) -> tuple[float, float]:
    """How many of the advised indexes are missing ones, and how many of the missing ones are advised.

    An index that begins with the columns of a missing one serves it; one of an index that has a missing one's beginning
    does so for its first column.
    """
    wanted = list(MISSING)
    hits = {place for place in wanted if any(_serves(index, place) for index in advised)}
    good = [index for index in advised if any(_serves(index, place) for place in wanted)]
    return len(good) / max(len(advised), 1), len(hits) / len(wanted)


def _serves(index: tuple[str, tuple[str, ...]], place: tuple[str, tuple[str, ...]]) -> bool:
    return index[0] == place[0] and index[1][: len(place[1])] == place[1]
