"""Measures the dashboard and the search query with the index pack and without, by size of tenant, in one run.

    python -m scripts.benchmarks queries postgresql://… [--requests 300000] [--output docs/query-benchmarks.md]

The URI (or BENCH_URI) names a server where databases may be created; one is made with the sample data's requests
(power-law tenants) and dropped again. The queries are those of the demo's workload. They are measured

- with the index pack;
- with the index of the foreign key alone (dashboard: also with the naive partial index), and
- with no index but the primary key.

Without the pack there is no search column either: the search then computes to_tsvector for each row of the tenant.
By one process a query, so that time is work; without any index also with parallel workers, as the server has it set.
Statements are prepared after five executions, as the driver does by itself.

Fails unless both are at least 100 times faster with the pack than without, by one process, at the median for each size
of tenant, and unless the dashboard's plan reads its index in order without a Sort and the search's reads an index:
the GIN index or, for a word that many of the newest requests have, the one of the newest requests.
(For a tenant with a handful of open requests the server may prefer to sort these.)
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql as compose
from psycopg.conninfo import make_conninfo

from console import sql
from console.actions.indexes import index_pack
from console.demo.content import install_schema, parts
from scripts.benchmarks.query_report import GOAL, Report, Tenants, misses, section

Connection = psycopg.Connection[tuple[Any, ...]]

TABLE = "public.content_requests"
DASHBOARD_INDEX, SEARCH_INDEX, KEY_INDEX = (
    "content_requests_dashboard_idx",
    "content_requests_search_idx",
    "content_requests_organization_idx",
)
NAIVE = f"""
    CREATE INDEX naive_idx ON {TABLE} (organization_id, status, priority DESC)
     WHERE status IN ('pending', 'processing', 'review')
"""
PER_ROW = """(setweight(to_tsvector('english', coalesce(r.title, '')), 'A')
              || setweight(to_tsvector('english', coalesce(r.description, '')), 'B')
              || setweight(to_tsvector('english', coalesce(r.content_brief, '')), 'C'))"""
INDEXES = """
    SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = 'public.content_requests'::regclass AND NOT i.indisprimary
"""
TENANTS = """
    SELECT organization_id, count(*), count(*) FILTER (WHERE status IN ('pending', 'processing', 'review'))
      FROM public.content_requests GROUP BY 1 ORDER BY 2 DESC, 1
"""


@dataclass(frozen=True, slots=True)
class Queries:
    """The texts that are measured."""

    dashboard: str
    search: str
    per_row: str
    words: tuple[str, ...]


def main(argv: Sequence[str]) -> None:
    """Measure, write the section, fail when a goal is missed."""
    options = _options(argv)
    queries = read_queries()
    with database(options.uri) as (target, session):
        fill(session, options.requests)
        build = build_indexes(session)
        with psycopg.connect(target, autocommit=True) as reader:
            tenants = pick(reader)
            reader.execute("SET max_parallel_workers_per_gather = 0")
            shapes = check_shapes(reader, queries, tenants)
            packed = dashboards(reader, queries, tenants, 40) | searches(reader, queries.search, queries, tenants, 15)
            drop(session, keep={KEY_INDEX})
            keyed = dashboards(reader, queries, tenants, 10) | searches(reader, queries.per_row, queries, tenants, 1)
            session.execute(NAIVE)
            session.execute(f"ANALYZE {TABLE}".encode())
            naive = dashboards(reader, queries, tenants, 20)
            drop(session, keep=set())
            bare = dashboards(reader, queries, tenants, 5) | searches(reader, queries.per_row, queries, tenants, 1)
            reader.execute("RESET max_parallel_workers_per_gather")
            helped = dashboards(reader, queries, tenants, 5) | searches(reader, queries.per_row, queries, tenants, 1)
            version = reader.info.parameter_status("server_version") or ""
    text = section(Report(options.requests, version, tenants, build, shapes, packed, naive, keyed, bare, helped))
    if options.output:
        Path(options.output).write_text(text, encoding="utf-8")
    print(text)
    if missed := misses(tenants, packed, bare):
        raise SystemExit(f"Less than {GOAL} times faster: {', '.join(missed)}.")


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks queries", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("uri", nargs="?", default=os.environ.get("BENCH_URI"), help="a server; default: BENCH_URI")
    parser.add_argument("--requests", type=int, default=300_000)
    parser.add_argument("--output", help="a file for the section, as Markdown")
    options = parser.parse_args(argv)
    if not options.uri:
        parser.error("a server is needed: its URI, or BENCH_URI")
    return options


def read_queries() -> Queries:
    """The workload's queries, with parameters in the place of its dice."""
    folder = sql.content() / "sql" / "demo"

    def text(name: str) -> str:
        lines = (folder / f"{name}.pgbench").read_text(encoding="utf-8").splitlines()
        body = "\n".join(line for line in lines if not line.startswith(("--", "\\")))
        return re.sub(r"\(SELECT p\.organization_id FROM demo\.pick AS p WHERE p\.n = :n\)", "%(tenant)s", body)

    search = text("search")
    array = re.search(r"\(ARRAY\[(.*?)\]::text\[\]\)\[:word\]", search, re.DOTALL)
    if array is None:
        raise SystemExit("search.pgbench has no list of words any more")
    words = tuple(re.findall(r"'([^']*)'", array[1]))
    search = search.replace(array[0], "%(words)s")
    return Queries(text("dashboard"), search, search.replace("r.search_vector", PER_ROW), words)


@contextmanager
def database(uri: str) -> Iterator[tuple[str, Connection]]:
    """A new database with the pipeline schema, dropped at the end."""
    name = compose.Identifier("bench_queries")
    with psycopg.connect(uri, autocommit=True) as admin:
        admin.execute(compose.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        admin.execute(compose.SQL("CREATE DATABASE {}").format(name))
        try:
            target = make_conninfo(uri, dbname="bench_queries")
            with psycopg.connect(target, autocommit=True) as session:
                install_schema(session, session.info.server_version // 10000)
                yield target, session
        finally:
            admin.execute(compose.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def fill(session: Connection, requests: int) -> None:
    """Organisations, brands and so many requests of the sample data, without what hangs on the requests."""
    known = {part.name: part.text for part in parts()}
    drop(session, keep=set())
    session.execute(f"SET demo.scale = {requests / 3000:.6f}".encode())
    session.execute(sql.load("demo/session").text.encode())
    session.execute(known["prepare"])
    session.execute(known["organizations"])
    session.execute(known["content"].split(b";\n\n")[0])
    session.execute("RESET search_path")
    session.execute("VACUUM (ANALYZE)")


def build_indexes(session: Connection) -> dict[str, tuple[float, int]]:
    """The pack's indexes of the table: seconds to build and bytes of each."""
    built: dict[str, tuple[float, int]] = {}
    for index in index_pack.load(index_pack.BUNDLED).entries:
        if index.table == TABLE:
            began = time.monotonic()
            session.execute(f"CREATE INDEX {index.name} ON {index.table} {index.definition}".encode())
            size = session.execute("SELECT pg_relation_size(%s::text::regclass)", (f"public.{index.name}",)).fetchone()
            built[index.name] = time.monotonic() - began, size[0] if size else 0
    session.execute(f"VACUUM (ANALYZE) {TABLE}".encode())
    return built


def drop(session: Connection, keep: set[str]) -> None:
    """All indexes of the table but its key and those of `keep`."""
    for (name,) in session.execute(INDEXES).fetchall():
        if name not in keep:
            session.execute(compose.SQL("DROP INDEX public.{}").format(compose.Identifier(name)))


def pick(reader: Connection) -> tuple[Tenants, ...]:
    """The largest tenant, some in the middle by rank, some of the smallest."""
    rows = [row for row in reader.execute(TENANTS).fetchall() if row[2]]
    middle = len(rows) // 2
    sizes = (("largest", rows[:1]), ("median", rows[middle - 2 : middle + 3]), ("small", rows[-5:]))
    return tuple(
        Tenants(
            size, tuple(row[0] for row in some), *(round(statistics.mean(row[at] for row in some)) for at in (1, 2))
        )
        for size, some in sizes
    )


# Measuring


def dashboards(reader: Connection, queries: Queries, tenants: Sequence[Tenants], times: int) -> dict[Any, list[float]]:
    """Milliseconds of the dashboard, by size of tenant."""
    return {
        (some.size, ""): [
            clocked(reader, queries.dashboard, {"tenant": some.ids[at % len(some.ids)]}) for at in range(times + 1)
        ][1:]
        for some in tenants
    }


def searches(
    reader: Connection, text: str, queries: Queries, tenants: Sequence[Tenants], times: int
) -> dict[Any, list[float]]:
    """Milliseconds of the search, by size of tenant and words."""
    return {
        (some.size, words): [
            clocked(reader, text, {"tenant": some.ids[at % len(some.ids)], "words": words}) for at in range(times)
        ]
        for some in tenants
        for words in queries.words
    }


def clocked(reader: Connection, text: str, parameters: Mapping[str, object]) -> float:
    """Milliseconds from sending the query to having its last row."""
    began = time.perf_counter()
    reader.execute(text.encode(), parameters).fetchall()
    return (time.perf_counter() - began) * 1000


def check_shapes(reader: Connection, queries: Queries, tenants: Sequence[Tenants]) -> list[str]:
    """How the server answers both queries for each size; SystemExit when not from their indexes."""
    misses = []
    for some in tenants:
        ordered = shape(reader, queries.dashboard, {"tenant": some.ids[0]})
        wanted = f"Index Scan using {DASHBOARD_INDEX}" if some.size == "largest" else DASHBOARD_INDEX
        if wanted not in ordered or (some.size == "largest" and "Sort" in ordered):
            raise SystemExit(f"The dashboard of the {some.size} tenant does not read its index in order: {ordered}")
        misses.append(f"dashboard, {some.size}: {ordered}")
        for words in queries.words:
            found = shape(reader, queries.search, {"tenant": some.ids[0], "words": words})
            if SEARCH_INDEX not in found and "Seq Scan" in found:
                raise SystemExit(f"The search of the {some.size} tenant for {words!r} does not use an index: {found}")
        misses.append(f"search, {some.size}: {found}")
    return misses


def shape(reader: Connection, text: str, parameters: Mapping[str, object]) -> str:
    """The nodes of the plan, outermost first."""
    rows = reader.execute(f"EXPLAIN (COSTS off) {text}".encode(), parameters).fetchall()
    nodes = [str(row[0]).strip().removeprefix("->").strip() for row in rows if "->" in row[0] or row is rows[0]]
    return " > ".join(nodes)
