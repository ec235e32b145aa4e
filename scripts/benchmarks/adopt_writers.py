"""Writers of a grown database, in a process of their own: what they wrote, how long it took, what it waited for."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Any, LiteralString, cast

import psycopg

RATE = 50.0  # writes a second in all
SESSIONS = 4
NAME = "bench_adopt writer"
SAMPLES = 0.02  # seconds between two looks at what writers wait for

_WAITS = """
    SELECT a.pid, coalesce(a.wait_event_type || ':' || a.wait_event, 'CPU'),
           (SELECT pg_catalog.min(pg_catalog.left(pg_catalog.regexp_replace(b.query, '\\s+', ' ', 'g'), 90))
              FROM pg_catalog.pg_stat_activity b
             WHERE a.wait_event_type = 'Lock' AND b.pid = ANY (pg_catalog.pg_blocking_pids(a.pid)))
      FROM pg_catalog.pg_stat_activity a WHERE a.application_name = %s AND a.state = 'active'
"""


@dataclass(frozen=True, slots=True)
class Table:
    """How one table is written: single rows, by its keys."""

    name: str
    key: str  # the column that it is partitioned by, or the id itself
    insert: LiteralString  # with %(n)s, a number of its own
    column: str  # is updated, to a number
    type: str
    deletes: bool = True


TABLES = (
    Table(
        "content_analytics",
        "performance_date",
        "(generated_asset_id, performance_date, platform) VALUES (md5('a' || 1 + %(n)s %% 1000)::uuid,"
        " (now() AT TIME ZONE 'UTC')::date - %(n)s::int %% 150, 'web')",
        "likes",
        "bigint",
    ),
    Table(
        "api_usage",
        "request_timestamp",
        "(organization_id, provider_id, request_timestamp) VALUES (md5('o' || 1 + (1 + %(n)s) %% 20)::uuid,"
        " md5('p' || 1 + %(n)s %% 3)::uuid, now() - %(n)s %% 150 * interval '1 day')",
        "units",
        "integer",
    ),
    Table(
        "user_activity_logs",
        "created_at",
        "(organization_id, user_id, created_at) VALUES (md5('o' || 1 + (1 + %(n)s) %% 20)::uuid,"
        " md5('u' || 1 + %(n)s %% 100)::uuid, now() - %(n)s %% 150 * interval '1 day')",
        "entity_id",
        "text",
    ),
    # Not deleted: a grown database has no index behind the keys that refer to it, so each delete reads whole tables.
    Table(
        "content_requests",
        "id",
        "(organization_id, brand_profile_id, requested_by, title) VALUES (md5('o' || 1 + (1 + %(n)s) %% 20)::uuid,"
        " md5('b' || 1 + %(n)s %% 40)::uuid, md5('u' || 1 + %(n)s %% 100)::uuid, 'written meanwhile')",
        "description",
        "text",
        deletes=False,
    ),
)


@dataclass(frozen=True, slots=True)
class Write:
    """One write as its session felt it; times are of the monotonic clock, in seconds."""

    began: float
    took: float
    pid: int
    what: str  # "insert api_usage"


@dataclass(slots=True)
class Written:
    """What all writers did. Checksums are sums of hashes of ids."""

    writes: list[Write] = field(default_factory=list)
    control: list[tuple[float, float]] = field(default_factory=list)  # of a table that nothing happens to
    waits: list[tuple[float, int, str]] = field(default_factory=list)  # when, pid, for what
    failed: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)  # by table: inserted less deleted
    checksums: dict[str, int] = field(default_factory=dict)
    values: dict[str, dict[Any, int]] = field(default_factory=dict)  # by table and id: what was written last


class _Session:
    """One session that writes rows that no other session touches."""

    def __init__(self, target: str, number: int, known: dict[str, list[Any]], written: Written) -> None:
        self._session = psycopg.connect(target, autocommit=True, application_name=NAME)
        self._chance = random.Random(number)
        self._known = known
        self._written = written
        self._number = number

    def write(self, turn: int) -> None:
        """One write."""
        table = TABLES[turn % len(TABLES)]
        rows = self._known[table.name]
        dice = self._chance.random()
        kind = "insert" if dice < 0.5 or not rows else "delete" if dice > 0.85 and table.deletes else "update"
        number = turn * SESSIONS + self._number
        at = self._chance.randrange(len(rows)) if rows else 0
        began = time.monotonic()
        try:
            answer = self._execute(table, kind, number, rows[at] if rows else None)
        except psycopg.Error as error:
            self._written.failed.append(f"{kind} {table.name}: {error}")
            return
        took = time.monotonic() - began
        self._written.writes.append(Write(began, took, self._session.info.backend_pid, f"{kind} {table.name}"))
        if len(answer) != 1:
            self._written.failed.append(f"{kind} {table.name}: {len(answer)} rows instead of one")
            return
        self._remember(table, kind, number, answer[0], at)

    def _execute(self, table: Table, kind: str, number: int, row: Any) -> list[Any]:
        returns = f"RETURNING id, {table.key}, hashtextextended(id::text, 0)"
        where = f"WHERE id = %(id)s AND {table.key} = %(key)s {returns}"
        text = {
            "insert": f"INSERT INTO public.{table.name} {table.insert} {returns}",
            "update": f"UPDATE public.{table.name} SET {table.column} = %(n)s::bigint::{table.type} {where}",
            "delete": f"DELETE FROM public.{table.name} {where}",
        }[kind]
        identity, key = row or (None, None)
        return self._session.execute(text.encode(), {"n": number, "id": identity, "key": key}).fetchall()

    def _remember(self, table: Table, kind: str, number: int, row: Any, at: int) -> None:
        written, name = self._written, table.name
        identity, key, checksum = row
        if kind == "update":
            written.values.setdefault(name, {})[identity] = number
            return
        sign = 1 if kind == "insert" else -1
        written.rows[name] = written.rows.get(name, 0) + sign
        written.checksums[name] = written.checksums.get(name, 0) + sign * checksum
        if kind == "insert":
            self._known[name].append((identity, key))
        else:
            self._known[name].pop(at)
            written.values.get(name, {}).pop(identity, None)


@contextmanager
def writing(target: str) -> Iterator[Written]:
    """Writers at RATE in all, from another process; what they did is there when the context has ended."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_process, args=(target, theirs))
    process.start()
    written = Written()
    try:
        ours.recv()
        yield written
    finally:
        ours.send("stop")
        found = cast("Written", ours.recv())
        process.join()
        for name in Written.__slots__:
            setattr(written, name, getattr(found, name))


def _process(target: str, pipe: Pipe) -> None:
    known = _known(target)
    stop = threading.Event()
    parts = [Written() for _ in range(SESSIONS + 2)]
    threads = [
        threading.Thread(target=_write, args=(target, number, known[number], parts[number], stop))
        for number in range(SESSIONS)
    ]
    threads.append(threading.Thread(target=_control, args=(target, parts[-2], stop)))
    threads.append(threading.Thread(target=_sample, args=(target, parts[-1], stop)))
    for thread in threads:
        thread.start()
    pipe.send("writing")
    pipe.recv()
    stop.set()
    for thread in threads:
        thread.join()
    pipe.send(_merged(parts))


def _known(target: str) -> list[dict[str, list[Any]]]:
    """For each session some rows that are there, which it alone changes."""
    found: list[dict[str, list[Any]]] = [{} for _ in range(SESSIONS)]
    with psycopg.connect(target, autocommit=True) as session:
        session.execute("CREATE TABLE IF NOT EXISTS public.bench_control (id int PRIMARY KEY, n bigint)")
        session.execute("INSERT INTO public.bench_control VALUES (1, 0) ON CONFLICT DO NOTHING")
        for table in TABLES:
            text = f"SELECT id, {table.key} FROM public.{table.name} TABLESAMPLE BERNOULLI (5) LIMIT 20000"
            rows = session.execute(text.encode()).fetchall()
            for number in range(SESSIONS):
                found[number][table.name] = rows[number::SESSIONS]
    return found


def _write(target: str, number: int, known: dict[str, list[Any]], written: Written, stop: threading.Event) -> None:
    session = _Session(target, number, known, written)
    due = time.monotonic() + number / RATE
    for turn in range(10**9):
        if stop.wait(max(0.0, due - time.monotonic())):
            return
        session.write(turn)
        due += SESSIONS / RATE


def _control(target: str, written: Written, stop: threading.Event) -> None:
    with psycopg.connect(target, autocommit=True) as session:
        while not stop.wait(SAMPLES):
            began = time.monotonic()
            session.execute("UPDATE public.bench_control SET n = n + 1 WHERE id = 1")
            written.control.append((began, time.monotonic() - began))


def _sample(target: str, written: Written, stop: threading.Event) -> None:
    with psycopg.connect(target, autocommit=True) as session:
        while not stop.wait(SAMPLES):
            rows = session.execute(_WAITS, (NAME,)).fetchall()
            written.waits += [(time.monotonic(), pid, f"{what} {by or ''}".strip()) for pid, what, by in rows]


def _merged(parts: Sequence[Written]) -> Written:
    whole = Written()
    for part in parts:
        whole.writes += part.writes
        whole.control += part.control
        whole.waits += part.waits
        whole.failed += part.failed
        for name in part.rows:
            whole.rows[name] = whole.rows.get(name, 0) + part.rows[name]
            whole.checksums[name] = whole.checksums.get(name, 0) + part.checksums[name]
        for name, values in part.values.items():
            whole.values.setdefault(name, {}).update(values)
    return whole
