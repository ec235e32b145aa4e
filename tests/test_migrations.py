"""Migrations: what is pending, what is refused, and that each leaves all or nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from console.demo.cluster import OWNER
from console.model import Kind, Trouble
from console.sql import content, migrations
from console.sql.migrations import Applied, Migration
from tests.servers import Pooler, PostgresServer

LEDGER = content() / "sql" / "schema" / "0001_ledger.sql"


def folder(path: Path, **files: str) -> str:
    """A folder with the ledger and the given migrations."""
    path.mkdir(exist_ok=True)
    shutil.copy(LEDGER, path)
    for name, text in files.items():
        (path / f"{name.removeprefix('m')}.sql").write_text(text, encoding="utf-8")
    return str(path)


def plain(version: int, text: str = "-- x\n", name: str = "") -> Migration:
    """A migration as it would be read from a file."""
    return Migration(version, name or f"{version:04}_x", "x", text, text, frozenset({text}))


def test_every_bundled_migration_has_a_help_line_and_they_are_numbered_without_gaps() -> None:
    known = migrations.migrations((18,))
    assert [m.version for m in known] == list(range(1, len(known) + 1))
    assert all(m.help for m in known)


def test_what_is_not_in_the_ledger_is_pending_in_order() -> None:
    known = (plain(1), plain(2), plain(3))
    assert migrations.pending(known, [Applied(2, "0002_x", "-- x\n")]) == (known[0], known[2])


def test_an_edited_file_is_refused_by_name() -> None:
    with pytest.raises(Trouble, match=r"Edited after .* 0002_colours") as caught:
        migrations.pending([plain(1), plain(2, name="0002_colours")], [Applied(2, "0002_colours", "other")])
    assert caught.value.kind is Kind.FAILED


def test_a_missing_file_is_refused_by_name() -> None:
    with pytest.raises(Trouble, match="0007_gone"):
        migrations.pending([plain(1)], [Applied(1, "0001_x", "-- x\n"), Applied(7, "0007_gone", "y")])


def test_a_variant_for_another_server_version_is_no_edit(tmp_path: Path) -> None:
    where = folder(tmp_path / "a", m0002_keys="-- Keys.\nSELECT 1;\n")
    (tmp_path / "a" / "0002_keys.18.sql").write_text("-- Keys.\nSELECT 2;\n", encoding="utf-8")
    old, new = migrations.migrations((17,), where)[1], migrations.migrations((18,), where)[1]
    assert (old.text, new.text) == ("-- Keys.\nSELECT 1;\n", "-- Keys.\nSELECT 2;\n")
    assert migrations.pending([new], [Applied(2, old.name, old.checksum)]) == ()


def test_names_without_a_number_and_numbers_used_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="notes is not named"):
        migrations.migrations((18,), folder(tmp_path / "a", notes="-- x\n"))
    with pytest.raises(Trouble, match="0001_ledger and 0001_twice"):
        migrations.migrations((18,), folder(tmp_path / "b", m0001_twice="-- x\n"))


def test_all_apply_once_and_the_ledger_says_so(pg: PostgresServer, database: str) -> None:
    known = migrations.migrations((pg.major,))
    seen: list[str] = []
    with pg.connect(database, OWNER) as connection:
        assert migrations.read_ledger(connection) == ()
        assert migrations.apply(connection, known, lambda one: seen.append(one.name)) == known
        assert migrations.apply(connection, known) == ()
        rows = connection.execute(
            "SELECT version, name, checksum, applied_by, seconds >= 0, applied_at <= clock_timestamp(), server_version"
            " FROM public.schema_migrations ORDER BY version"
        ).fetchall()
    assert seen == [one.name for one in known]
    assert [row[:3] for row in rows] == [(one.version, one.name, one.checksum) for one in known]
    assert all(row[3:6] == (OWNER, True, True) and row[6].startswith(str(pg.major)) for row in rows)


def test_an_edited_file_stops_a_run_before_anything_is_done(pg: PostgresServer, database: str, tmp_path: Path) -> None:
    first = folder(tmp_path / "a", m0002_one="-- One.\nCREATE TABLE public.one ();\n")
    second = folder(
        tmp_path / "b",
        m0002_one="-- One.\nCREATE TABLE public.uno ();\n",
        m0003_two="-- Two.\nCREATE TABLE public.two ();\n",
    )
    with pg.connect(database, OWNER) as connection:
        migrations.apply(connection, migrations.migrations((pg.major,), first))
        with pytest.raises(Trouble, match="0002_one"):
            migrations.apply(connection, migrations.migrations((pg.major,), second))
        assert connection.execute("SELECT to_regclass('public.two')").fetchall() == [(None,)]


def test_a_failing_migration_leaves_nothing_and_what_ran_before_stays(
    pg: PostgresServer, database: str, tmp_path: Path
) -> None:
    known = migrations.migrations(
        (pg.major,), folder(tmp_path / "a", m0002_bad="-- Bad.\nCREATE TABLE public.half ();\nSELECT 1 / 0;\n")
    )
    with pg.connect(database, OWNER) as connection:
        with pytest.raises(Trouble, match="0002_bad failed and changed nothing: division by zero") as caught:
            migrations.apply(connection, known)
        assert (caught.value.kind, caught.value.sqlstate) == (Kind.FAILED, "22012")
        assert [row.version for row in migrations.read_ledger(connection)] == [1]
        assert connection.execute("SELECT to_regclass('public.half')").fetchall() == [(None,)]
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        assert connection.execute(locks).fetchall() == [(0,)]


def before(major: int, version: int) -> tuple[Migration, ...]:
    """The bundled migrations up to a version."""
    return tuple(each for each in migrations.migrations((major,)) if each.version <= version)


def test_rows_of_two_organizations_stop_no_migration_and_no_new_one_comes(pg: PostgresServer, database: str) -> None:
    known = migrations.migrations((pg.major,))
    request: LiteralString = (
        "INSERT INTO public.content_requests (organization_id, brand_profile_id, requested_by, title)"
        " SELECT o.id, b.id, u.id, 'mixed' FROM public.organizations o, public.brand_profiles b, public.users u"
        " WHERE o.name = 'a'"
    )
    with pg.connect(database, OWNER) as connection:
        migrations.apply(connection, before(pg.major, 14))
        connection.execute("INSERT INTO public.organizations (name) VALUES ('a'), ('b')")
        connection.execute(
            "INSERT INTO public.brand_profiles (organization_id, name)"
            " SELECT id, 'x' FROM public.organizations WHERE name = 'b'"
        )
        connection.execute(
            "INSERT INTO public.users (organization_id, username)"
            " SELECT id, 'x' FROM public.organizations WHERE name = 'a'"
        )
        connection.execute(request)
        migrations.apply(connection, known)
        rules = dict(
            connection.execute(
                "SELECT conname, convalidated FROM pg_constraint WHERE conrelid = 'public.content_requests'::regclass"
                " AND contype = 'f' AND conname ~ 'brand|user|requested'"
            ).fetchall()
        )
        assert rules == {
            "content_requests_brand_of_organization_fkey": False,
            "content_requests_brand_profile_id_fkey": True,
            "content_requests_user_of_organization_fkey": True,
        }
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute(request)


def test_an_index_that_a_killed_build_left_invalid_is_named(pg: PostgresServer, database: str) -> None:
    known = migrations.migrations((pg.major,))
    with pg.connect(database, OWNER) as connection, pg.connect(database) as superuser:
        migrations.apply(connection, before(pg.major, 19))
        mark: LiteralString = (
            "UPDATE pg_index SET indisvalid = %s WHERE indexrelid = 'public.brand_assets_newest_idx'::regclass"
        )
        superuser.execute(mark, (False,))
        with pytest.raises(Trouble, match=r"brand_assets_newest_idx.*repair-invalid-indexes"):
            migrations.apply(connection, known)
        superuser.execute(mark, (True,))
        applied = [each.version for each in migrations.apply(connection, known)]
        assert applied == [each.version for each in known if each.version >= 20]


def test_a_file_that_asks_for_it_runs_outside_a_transaction(pg: PostgresServer, database: str, tmp_path: Path) -> None:
    where = folder(
        tmp_path / "a",
        m0002_table="-- Table.\nCREATE TABLE public.t (a int);\n",
        m0003_index="-- Index.\n-- transaction: no\nCREATE INDEX CONCURRENTLY t_idx ON public.t (a);\n",
    )
    with pg.connect(database, OWNER) as connection:
        assert len(migrations.apply(connection, migrations.migrations((pg.major,), where))) == 3
        valid = connection.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.t_idx'::regclass"
        ).fetchall()
    assert valid == [(True,)]


def test_of_two_runners_at_once_one_works_and_the_other_is_told_who(pg: PostgresServer, database: str) -> None:
    known = migrations.migrations((pg.major,))
    refusals: list[Trouble] = []

    with pg.connect(database, OWNER) as first, pg.connect(database, OWNER) as second:

        def meanwhile(_: Migration) -> None:
            with pytest.raises(Trouble) as caught:
                migrations.apply(second, known)
            refusals.append(caught.value)

        assert migrations.apply(first, known, meanwhile) == known
        assert migrations.apply(second, known) == ()
        assert {refusal.kind for refusal in refusals} == {Kind.BUSY}
        assert f"(pid {first.info.backend_pid})" in refusals[0].sentence


def test_a_lock_in_the_way_is_busy_and_bounded(pg: PostgresServer, database: str, tmp_path: Path) -> None:
    first = folder(tmp_path / "a", m0002_table="-- Table.\nCREATE TABLE public.t (a int);\n")
    second = folder(
        tmp_path / "b",
        m0002_table="-- Table.\nCREATE TABLE public.t (a int);\n",
        m0003_alter="-- Alter.\nSET LOCAL lock_timeout = '50ms';\nALTER TABLE public.t ADD b int;\n",
    )
    with pg.connect(database, OWNER) as connection, pg.connect(database, OWNER) as reader:
        migrations.apply(connection, migrations.migrations((pg.major,), first))
        with reader.transaction():
            reader.execute("SELECT * FROM public.t")
            with pytest.raises(Trouble, match="0003_alter") as caught:
                migrations.apply(connection, migrations.migrations((pg.major,), second))
        assert caught.value.kind is Kind.BUSY
        assert len(migrations.apply(connection, migrations.migrations((pg.major,), second))) == 1


def test_a_pooled_connection_is_refused(
    any_pg: PostgresServer, pgbouncer: Callable[[PostgresServer, str], Pooler]
) -> None:
    database = any_pg.fresh_database()
    pooler = pgbouncer(any_pg, database)
    with (
        psycopg.connect(pooler.uri(), autocommit=True, prepare_threshold=None) as connection,
        pytest.raises(Trouble, match="pooler") as caught,
    ):
        migrations.apply(connection, migrations.migrations((any_pg.major,)))
    assert caught.value.kind is Kind.UNSUPPORTED
    pooler.stop()
    any_pg.drop_database(database)


def test_a_connection_that_would_not_commit_is_refused(any_pg: PostgresServer) -> None:
    with psycopg.connect(any_pg.uri()) as connection, pytest.raises(ValueError, match="autocommit"):
        migrations.apply(connection, ())
