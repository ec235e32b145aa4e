"""Measures the sample data against a bare COPY of the same rows into the same tables, in one run.

    python -m scripts.benchmarks load postgresql://… [scale]

The URI (or BENCH_URI) names a server where databases may be created; two are, and dropped again. The sample data load
in two sessions and build foreign keys, indexes and the keys of partitioned tables afterwards. Then every row is copied
out, and copied into a second database with the same schema, table by table through the partitioned parents, with keys
and indexes in place. Rows per second of both and their ratio are printed; the goal is a ratio of at least 1. The older
partitions, the first refresh and ANALYZE count for the sample data only, as COPY does none of them.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql as compose
from psycopg.conninfo import make_conninfo

from console.demo import content
from console.sql import migrations

TABLES = """
    SELECT c.relname
      FROM pg_catalog.pg_class AS c
     WHERE c.relnamespace = 'public'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND c.relname NOT IN ('schema_migrations', 'console_refreshes')
     ORDER BY array_position(ARRAY['organizations', 'users', 'brand_profiles', 'brand_guidelines', 'campaigns',
                                   'content_templates', 'social_accounts', 'api_providers', 'content_requests',
                                   'generated_assets'], c.relname::text), c.relname
"""
COLUMNS = """
    SELECT string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)
      FROM pg_catalog.pg_attribute AS a
     WHERE a.attrelid = pg_catalog.to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
"""
MONTHS = """
    SELECT p.parent,
           public.ensure_partitions(p.parent::pg_catalog.regclass, 3, (pg_catalog.now() - interval '33 months')::date)
      FROM pg_catalog.unnest(ARRAY['public.content_analytics', 'public.content_analytics_archive', 'public.api_usage',
                                   'public.user_activity_logs']) AS p (parent)
"""


def main(argv: Sequence[str]) -> None:
    """Print both speeds and their ratio."""
    options = _options(argv)
    uri, scale = options.uri, options.scale
    with database(uri, "bench_sample") as sample, database(uri, "bench_copy") as copied:
        loading = load_sample(sample, scale)
        tables = [row[0] for row in sample.execute(TABLES).fetchall()]
        dump = {table: copy_out(sample, table) for table in tables}
        rows = sum(count for count, _, _ in dump.values())
        copied.execute(MONTHS)
        copied.execute("SET synchronous_commit = off")
        copying = timed(lambda: copy_in(copied, dump))
    print(f"scale {scale}: {rows:,} rows in {len(tables)} tables")
    print(f"sample data  {loading:6.2f} s  {rows / loading:9,.0f} rows/s")
    print(f"bare COPY    {copying:6.2f} s  {rows / copying:9,.0f} rows/s")
    print(f"ratio        {copying / loading:6.2f}")


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks load", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("uri", nargs="?", default=os.environ.get("BENCH_URI"), help="a server; default: BENCH_URI")
    parser.add_argument("scale", nargs="?", default="1")
    options = parser.parse_args(argv)
    if not options.uri:
        parser.error("a server is needed: its URI, or BENCH_URI")
    return options


@contextmanager
def database(uri: str, name: str) -> Iterator[psycopg.Connection]:
    """A connection to a new database with the pipeline schema, which is dropped afterwards."""
    with psycopg.connect(uri, autocommit=True) as server:
        server.execute(compose.SQL("DROP DATABASE IF EXISTS {}").format(compose.Identifier(name)))
        server.execute(compose.SQL("CREATE DATABASE {}").format(compose.Identifier(name)))
        try:
            with psycopg.connect(make_conninfo(uri, dbname=name), autocommit=True) as connection:
                version = (connection.info.server_version // 10000,)
                migrations.apply(connection, migrations.migrations(version))
                yield connection
        finally:
            server.execute(compose.SQL("DROP DATABASE {}").format(compose.Identifier(name)))


def load_sample(connection: psycopg.Connection, scale: str) -> float:
    """Seconds that the sample data take, in two sessions as in the demo."""
    with psycopg.connect(connection.info.dsn, password=connection.info.password, autocommit=True) as other:
        seconds = timed(lambda: content.load_samples((connection, other), float(scale)))
    connection.execute("RESET search_path")
    return seconds


def copy_out(connection: psycopg.Connection, table: str) -> tuple[int, str, list[bytes]]:
    """Number of rows, column list and the rows of a table in COPY's text form."""
    ((columns,),) = connection.execute(COLUMNS, (f"public.{table}",)).fetchall()
    query = f"COPY (SELECT {columns} FROM public.{table}) TO STDOUT"
    with connection.cursor() as cursor:
        with cursor.copy(query.encode()) as copy:
            blocks = [bytes(block) for block in copy]
        return cursor.rowcount, columns, blocks


def copy_in(connection: psycopg.Connection, dump: dict[str, tuple[int, str, list[bytes]]]) -> None:
    """Copy every table in, parents of foreign keys first, each in its own transaction as the sample data do."""
    for table, (_, columns, blocks) in dump.items():
        statement = f"COPY public.{table} ({columns}) FROM STDIN".encode()
        whole = b"".join(blocks)
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for start in range(0, len(whole), 1 << 16):
                copy.write(whole[start : start + (1 << 16)])


def timed(work: Callable[[], object]) -> float:
    """Seconds of wall time that the work took."""
    started = time.monotonic()
    work()
    return time.monotonic() - started
