"""Bloat of TOAST on real servers: estimate, exact figures, verdicts, and the size from which there is a verdict."""

from __future__ import annotations

from typing import Any

import pytest

from console.model import Limit
from console.panes.bloat import BLOAT
from console.reading.thresholds import configured
from console.sources.postgres import PostgresServer
from tests.servers import PostgresServer as Cluster
from tests.test_pane_storage import number, role, rows_of, run, snapshot_of
from tests.waiting import eventually

TABLES = BLOAT.view("tables")
OFF = "WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false)"
TOAST = "(SELECT reltoastrelid FROM pg_class WHERE oid = '{}'::regclass)"


def documents(name: str, chars: int, rows: int) -> tuple[str, ...]:
    """Statements that fill a table whose texts of `chars` characters are all out of line, uncompressed."""
    return (
        f"CREATE TABLE {name} (id int PRIMARY KEY, body text) {OFF}",
        f"ALTER TABLE {name} ALTER body SET STORAGE external",
        f"INSERT INTO {name} SELECT g, repeat('x', {chars}) FROM generate_series(1, {rows}) g",
    )


def settled(pg: Cluster, database: str, name: str) -> bool:
    """Vacuum a table and its TOAST. Returns whether the statistics count no dead row.

    Before 15 they can lag behind, and VACUUM passes over a page that another process reads or writes at that moment.
    """
    run(pg, database, f"VACUUM ANALYZE {name}")
    dead = "SELECT sum(pg_stat_get_dead_tuples(oid)) FROM (VALUES ('{0}'::regclass::oid), ({1})) AS relation (oid)"
    return number(pg, database, dead.format(name, TOAST.format(name))) == 0


async def test_bloat_of_toast_is_part_of_the_table_and_never_overstated(pg: Cluster, database: str) -> None:
    for name, chars in (("filled", 1996 * 3), ("half", 2900), ("mixed", 4800)):
        run(pg, database, *documents(name, chars, 6000), f"VACUUM ANALYZE {name}")
    fresh = await rows_of(pg.uri(database), TABLES, "table", reads=4)
    for name in ("filled", "half", "mixed"):
        assert fresh[name]["toast_bloat"] == 0, name
        assert fresh[name]["verdict"] == "autovacuum off", name
        run(pg, database, f"DELETE FROM {name} WHERE id % 10 <> 0")
        await eventually(lambda name=name: settled(pg, database, name))  # type: ignore[misc]
    bloated = await rows_of(pg.uri(database), TABLES, "table", reads=4)
    for name, least in (("filled", 0.98), ("half", 0.9), ("mixed", 0.95)):
        row = bloated[name]
        toast, heap = (
            number(pg, database, f"SELECT pg_relation_size({of})") for of in (TOAST.format(name), f"'{name}'")
        )
        assert (row["toast_size"], row["size"], row["heap_size"]) == (toast, toast + heap, heap)
        run(pg, database, f"VACUUM FULL {name}")
        truth = toast - number(pg, database, f"SELECT pg_relation_size({TOAST.format(name)})")
        assert least <= row["toast_bloat"] / truth <= 1.001, name
        assert row["bloat"] == row["heap_bloat"] + row["toast_bloat"]
        assert row["bloat_pct"] == pytest.approx(100 * row["bloat"] / row["size"])
        assert row["verdict"] == "heavy bloat"


async def test_the_details_show_exact_figures_of_toast_too(pg: Cluster, database: str) -> None:
    run(pg, database, *documents("doc", 4800, 2000), "DELETE FROM doc WHERE id % 10 <> 0")
    await eventually(lambda: settled(pg, database, "doc"))
    oid = int(number(pg, database, "SELECT 'doc'::regclass::oid"))
    toast = f"pg_toast.pg_toast_{oid}"
    server = PostgresServer(pg.uri(database))
    before: dict[Any, Any] = dict((await server.fetch(TABLES.detail, {"oid": oid})).rows)  # type: ignore[arg-type]
    assert f"pgstattuple_approx('{toast}')" in before["TOAST table"]
    run(pg, database, "CREATE EXTENSION pgstattuple", "DELETE FROM doc WHERE id <= 100")
    exact: dict[Any, Any] = dict((await server.fetch(TABLES.detail, {"oid": oid})).rows)  # type: ignore[arg-type]
    await server.close()
    assert exact["TOAST table"] == toast
    assert exact["exact dead"].startswith("10 rows")
    assert exact["TOAST exact dead"].startswith("30 chunks")
    free = "SELECT pg_size_pretty(sum(approx_free_space)::bigint) FROM pgstattuple_approx('{}')"
    with pg.connect(database) as connection:
        row = connection.execute(free.format(toast).encode()).fetchone()
    assert row is not None
    assert exact["TOAST exact free"].startswith(f"{row[0]}, ")
    assert " of " in exact["exact free with TOAST"]


async def test_a_large_toast_table_that_was_never_vacuumed_is_unknown(pg: Cluster, database: str) -> None:
    run(pg, database, *documents("doc", 4800, 3000), "ANALYZE doc")
    row = (await rows_of(pg.uri(database), TABLES, "table", reads=4))["doc"]
    assert (row["toast_bloat"], row["verdict"]) == (None, "unknown")


async def test_dead_chunks_are_dead_tuples_of_the_table(pg: Cluster, database: str) -> None:
    run(pg, database, *documents("doc", 4800, 5000), "VACUUM ANALYZE doc")
    run(pg, database, "UPDATE doc SET body = body || 'y'")

    async def counted() -> bool:
        row = (await rows_of(pg.uri(database), TABLES, "table", reads=4))["doc"]
        return bool(row["toast_dead"] == 15000 and row["verdict"] == "many dead tuples")

    await eventually(counted)


async def test_from_which_size_on_bloat_is_judged_is_configured_and_shown(pg: Cluster, database: str) -> None:
    run(pg, database, *documents("doc", 4800, 1000), "DELETE FROM doc WHERE id % 10 <> 0")
    run(pg, database, "VACUUM ANALYZE doc")  # another session: the first one has sent its counters when it ended
    taken = await snapshot_of(pg.uri(database), TABLES, reads=4)
    row = next(row for row in taken.records() if row["table"] == "public.doc")
    assert (row["verdict"], row["below_floor"]) == ("autovacuum off", True)
    run(pg, database, "ALTER TABLE doc RESET (autovacuum_enabled)")
    taken = await snapshot_of(pg.uri(database), TABLES, reads=4)
    row = next(row for row in taken.records() if row["table"] == "public.doc")
    assert (row["verdict"], row["below_floor"]) == ("ok", True)
    assert any("under 10.0 MB (bloat_bytes)" in note for note in taken.notes)
    lower = configured(BLOAT, {"bloat_bytes": Limit(1 << 20)}).view("tables")
    assert (await rows_of(pg.uri(database), lower, "table", reads=4))["doc"]["verdict"] == "heavy bloat"


async def test_the_index_of_a_toast_table_is_estimated(pg: Cluster, database: str) -> None:
    run(pg, database, *documents("doc", 4800, 5000), "DELETE FROM doc WHERE id % 10 <> 0", "VACUUM ANALYZE doc")
    oid = int(number(pg, database, "SELECT 'doc'::regclass::oid"))
    rows = await rows_of(pg.uri(database), BLOAT.view("indexes"), "index", reads=4)
    row = rows[f"pg_toast.pg_toast_{oid}_index"]
    run(pg, database, "VACUUM FULL doc")
    truth = row["size"] - number(
        pg, database, f"SELECT pg_relation_size(indexrelid) FROM pg_index WHERE indrelid = {TOAST.format('doc')}"
    )
    assert 0.93 <= row["bloat"] / truth <= 1.18


async def test_which_statistics_are_hidden_is_a_field(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "CREATE TABLE hidden AS SELECT g AS id, md5(g::text) AS b FROM generate_series(1, 100) g",
        "CREATE TABLE policed AS SELECT g AS id, md5(g::text) AS b FROM generate_series(1, 100) g",
        "ALTER TABLE policed ENABLE ROW LEVEL SECURITY",
        "CREATE TABLE seen AS SELECT g AS id, md5(g::text) AS b FROM generate_series(1, 100) g",
        "CREATE TABLE never (id int, b text)",
        "VACUUM ANALYZE hidden, policed, seen",
    )
    with role(pg, database) as (name, uri):
        run(pg, database, f"GRANT SELECT ON seen, policed, never TO {name}")
        rows = await rows_of(uri, TABLES, "table", reads=4)
    assert {table: rows[table]["bloat_hidden"] for table in ("hidden", "policed", "seen", "never")} == {
        "hidden": True,
        "policed": True,
        "seen": False,
        "never": False,
    }
