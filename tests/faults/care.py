"""What somebody should have taken care of: views, versions, passwords."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from unittest.mock import patch

import psycopg
import pytest

from tests.bundled import install
from tests.faults.stage import Stage


@contextmanager
def view_never_filled(stage: Stage) -> Iterator[str]:
    """A materialized view with a refresh policy was created WITH NO DATA."""
    stage.do("CREATE MATERIALIZED VIEW report AS SELECT 1 AS n WITH NO DATA")
    yield "public.report was never filled"
    stage.do("DROP MATERIALIZED VIEW report")


@contextmanager
def version_without_support(stage: Stage) -> Iterator[str]:
    """The last day of support of the server's version is over: the day is changed, not the server."""
    major = stage.desk.cluster.major
    with patch.dict("console.rules.findings.server.END_OF_LIFE", {major: date(2020, 1, 2)}):
        yield f"PostgreSQL {major} has had no fixes since 2020-01-02"


@contextmanager
def clock_an_hour_behind(stage: Stage) -> Iterator[str]:
    """What reads the clock in this database reads an hour less than what the server noted of its sessions."""
    stage.open("before-the-change")
    stage.do(
        "SET allow_system_table_mods = on",
        "ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO right_clock_timestamp",
        "CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE"
        " AS $$ SELECT pg_catalog.right_clock_timestamp() - interval '1 hour' $$",
    )
    yield "59 minutes"
    stage.do(
        "SET allow_system_table_mods = on",
        "DROP FUNCTION pg_catalog.clock_timestamp()",
        "ALTER FUNCTION pg_catalog.right_clock_timestamp() RENAME TO clock_timestamp",
    )


@contextmanager
def role_with_an_md5_password(stage: Stage) -> Iterator[str]:
    """A role whose password was set years ago."""
    stage.do("SET password_encryption = 'md5'; CREATE ROLE old_report LOGIN PASSWORD 'long ago'")
    yield "old_report"
    stage.do("DROP ROLE old_report")


@contextmanager
def extension_of_an_older_version(stage: Stage) -> Iterator[str]:
    """An extension that nobody updated after the server was."""
    stage.do("DROP EXTENSION IF EXISTS pg_stat_statements", "CREATE EXTENSION pg_stat_statements VERSION '1.8'")
    yield "extension pg_stat_statements has version 1.8"


@contextmanager
def index_of_the_schema_dropped(stage: Stage) -> Iterator[str]:
    """Somebody dropped an index that the migrations create."""
    install(stage.desk.cluster, stage.desk.database)
    stage.do("DROP INDEX public.campaigns_brand_idx")
    yield "campaigns_brand_idx (missing index)"


@contextmanager
def block_that_was_damaged(stage: Stage) -> Iterator[str]:
    """The storage returns another byte than was written to the table of a database that is not in the cache."""
    if stage.desk.ask("SELECT current_setting('data_checksums')") != "on":
        pytest.skip("this cluster was created without data checksums")
    name = f"{stage.desk.database}_damaged"
    stage.do(f"CREATE DATABASE {name}_whole TEMPLATE template0")
    with stage.desk.cluster.connect(f"{name}_whole", "postgres") as session:
        session.execute("CREATE TABLE entry AS SELECT g AS id FROM generate_series(1, 100) g")
        row = session.execute("SELECT pg_relation_filenode('entry')").fetchone()
    assert row is not None
    stage.do("CHECKPOINT", f"CREATE DATABASE {name} TEMPLATE {name}_whole STRATEGY file_copy")
    path = stage.desk.ask(
        f"SELECT current_setting('data_directory') || '/base/' || oid || '/' FROM pg_database WHERE datname = '{name}'"
    )
    stage.do(
        f"COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; printf X | dd of={path}{row[0]} bs=1 seek=8000 conv=notrunc'"
    )
    try:
        with contextlib.suppress(psycopg.errors.DataCorrupted), stage.desk.cluster.connect(name, "postgres") as session:
            session.execute("SELECT count(*) FROM entry")
        yield name
    finally:
        stage.do(f"DROP DATABASE {name}", f"DROP DATABASE {name}_whole")
