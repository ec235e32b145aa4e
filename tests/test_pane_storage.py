"""The storage panes on real servers: bloat, indexes, partitions, materialized views."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import sql

from console.model import Level, Limit, Pane, Snapshot, View
from console.panes.bloat import BLOAT
from console.panes.indexes import INDEXES
from console.panes.partitions import PARTITIONS, timeline
from console.panes.vacuum import VACUUM
from console.panes.views import VIEWS
from console.reading.arrange import arrange
from console.reading.reader import Reader, keys
from console.reading.thresholds import configured
from console.settings import config
from console.sources.postgres import PostgresServer
from console.workspace import Workspace
from tests.dates import MONTH
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

STORAGE: tuple[Pane, ...] = (BLOAT, INDEXES, PARTITIONS, VIEWS)
OF_SERVER = [(pane, view) for pane in STORAGE for view in pane.views if not view.source]
EVERY_VIEW = [pytest.param(pane, view, id=f"{pane.name}-{view.name}") for pane, view in OF_SERVER]
EVIL = '"; DROP--[/b][@click=app.quit]\n\x1b]0;x\x07%s%(oid)s' + "'" * 21

Rows = dict[str, dict[str, Any]]
JUDGED = configured(INDEXES, {"index_counted_days": Limit(0)})  # without waiting for a week of counting


async def snapshot_of(uri: str, view: View, reads: int = 1) -> Snapshot:
    """The view as the screen shows it: read, looked up, filtered."""
    server = PostgresServer(uri)
    try:
        reader = Reader(view)
        for _ in range(reads):
            taken = await reader.read(server)
        taken = await reader.fill(server, keys(taken, view.key)) or taken
        return arrange(taken, view, view.sort)
    finally:
        await server.close()


async def rows_of(uri: str, view: View, name: str, reads: int = 1) -> Rows:
    """Rows by the text of column `name`, without the schema."""
    taken = await snapshot_of(uri, view, reads)
    return {str(row[name]).removeprefix("public."): row for row in taken.records()}


async def row_when(uri: str, view: View, key: str, name: str, holds: Callable[[dict[str, Any]], object]) -> Any:
    """The row once `holds` of it: a server publishes what a session counted a moment later."""
    row: dict[str, Any] = {}

    async def so() -> object:
        row.update((await rows_of(uri, view, key))[name])
        return holds(row)

    await eventually(so)
    return row


@contextmanager
def role(pg: Cluster, database: str) -> Iterator[tuple[str, str]]:
    """A role without rights, and a URI that reads as it."""
    name = f"plain_{secrets.token_hex(4)}"
    with pg.connect(database) as connection:
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
        try:
            yield name, f"{pg.uri(database)}&options=-c%20role%3D{name}"
        finally:
            connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(name)))


def run(pg: Cluster, database: str, *statements: str) -> None:
    with pg.connect(database) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def number(pg: Cluster, database: str, query: str) -> float:
    with pg.connect(database) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return float(row[0])


@pytest.mark.parametrize(("pane", "view"), EVERY_VIEW)
async def test_every_view_reads_and_shows_its_columns_and_details(
    pg: Cluster, database: str, pane: Pane, view: View
) -> None:
    name = sql.Identifier(EVIL[:63])
    with pg.connect(database) as connection:
        for statement in (
            "CREATE TABLE {0} (id int PRIMARY KEY, {0} text, up int REFERENCES {0}); CREATE INDEX ON {0} ({0});",
            "CREATE MATERIALIZED VIEW public.m AS SELECT * FROM {0};",
            "CREATE TABLE p ({0} date) PARTITION BY RANGE ({0});",
            "CREATE TABLE q PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
            "INSERT INTO {0} (id) VALUES (1)",
            "CREATE TABLE one ({0} int REFERENCES {0}); CREATE TABLE two ({0} int REFERENCES {0})",
            "INSERT INTO one SELECT 1 FROM generate_series(1, 9); ANALYZE one",
        ):
            connection.execute(sql.SQL(statement).format(name))
    taken = await snapshot_of(pg.uri(database), view, reads=2)
    assert {column.name for column in view.columns} <= set(taken.columns)
    assert pane.view(view.name) is view
    if view.name not in ("vacuum", "unused", "redundant", "invalid"):
        assert taken.rows
    if view.detail and taken.rows:
        server = PostgresServer(pg.uri(database))
        for key in keys(taken, view.key)[:3]:
            details = await server.fetch(view.detail, dict(zip(view.key, key, strict=True)))
            assert details.columns == ("item", "value")
        await server.close()


LAYOUTS = {
    "narrow": "SELECT g AS a, g AS b FROM generate_series(1, 60000) g",
    "padded": "SELECT g > 5 AS z,"
    " g::bigint AS b, 1::smallint AS c, g AS a, now() AS e FROM generate_series(1, 30000) g",
    "texts": "SELECT g::bigint AS a, repeat('x', 20 + g % 80) AS b, g AS c, md5(g::text) AS d, now() AS e"
    " FROM generate_series(1, 30000) g",
    "nulls": "SELECT g AS a,"
    " CASE WHEN g % 3 = 0 THEN g::bigint END AS b, CASE WHEN g % 2 = 0 THEN md5(g::text) END AS c,"
    " 1 AS d, 1 AS e, 1 AS f, 1 AS h, 1 AS i, NULL::int AS j FROM generate_series(1, 30000) g",
    "empty": f"SELECT g AS a, {', '.join(f'NULL::int AS n{at}' for at in range(20))} FROM generate_series(1, 30000) g",
    "dropped": "SELECT g AS a, 'gone'::text AS gone, md5(g::text) AS b FROM generate_series(1, 30000) g",
    "wide": "SELECT g AS a, repeat(md5(g::text), 10 + g % 20) AS b FROM generate_series(1, 8000) g",
}


async def test_table_bloat_is_estimated_within_the_stated_error(pg: Cluster, database: str) -> None:
    for name, select in LAYOUTS.items():
        run(
            pg,
            database,
            f"CREATE TABLE {name} WITH (autovacuum_enabled = off) AS {select}",
            *(["ALTER TABLE dropped DROP COLUMN gone", "VACUUM FULL dropped"] if name == "dropped" else []),
            f"VACUUM ANALYZE {name}",
        )
    view = BLOAT.view("tables")
    fresh = await rows_of(pg.uri(database), view, "table", reads=4)
    for name in LAYOUTS:
        assert fresh[name]["bloat_pct"] <= 6, name
        run(pg, database, f"DELETE FROM {name} WHERE a % 5 < 3", f"VACUUM ANALYZE {name}")
    bloated = await rows_of(pg.uri(database), view, "table", reads=4)
    for name in LAYOUTS:
        before = number(pg, database, f"SELECT pg_relation_size('{name}')")
        run(pg, database, f"VACUUM FULL {name}")
        truth = before - number(pg, database, f"SELECT pg_relation_size('{name}')")
        assert 0.93 <= bloated[name]["bloat"] / truth <= 1.18, name


async def test_index_bloat_is_estimated_with_deduplication(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "CREATE TABLE t WITH (autovacuum_enabled = off) AS SELECT g AS id, g % 50 AS few, md5(g::text) AS word,"
        " CASE WHEN g % 4 = 0 THEN g END AS rare, g::numeric AS amount, (g % 50)::numeric AS few_amounts"
        " FROM generate_series(1, 100000) g",
        *(f"CREATE INDEX i_{name} ON t ({name})" for name in ("id", "few", "word", "rare", "amount", "few_amounts")),
        "CREATE INDEX i_pair ON t (few, id)",
        "CREATE INDEX i_expression ON t (upper(word))",
        "VACUUM ANALYZE t",
    )
    view = BLOAT.view("indexes")
    names = ["id", "few", "word", "rare", "amount", "few_amounts", "pair", "expression"]
    fresh = await rows_of(pg.uri(database), view, "index", reads=5)
    for name in names:
        assert fresh[f"i_{name}"]["bloat_pct"] <= 8, name
    run(pg, database, "DELETE FROM t WHERE id % 5 < 3", "VACUUM ANALYZE t")
    bloated = await rows_of(pg.uri(database), view, "index", reads=5)
    for name in names:
        before = number(pg, database, f"SELECT pg_relation_size('i_{name}')")
        run(pg, database, f"REINDEX INDEX i_{name}")
        truth = before - number(pg, database, f"SELECT pg_relation_size('i_{name}')")
        assert 0.93 <= bloated[f"i_{name}"]["bloat"] / truth <= 1.18, name


async def test_vacuum_pays_the_dead_rows_and_leaves_the_bloat(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "CREATE TABLE t WITH (autovacuum_enabled = off) AS"
        " SELECT g AS id, repeat('x', 700) AS b FROM generate_series(1, 60000) g",
    )
    run(pg, database, "VACUUM ANALYZE t")  # another session: the first reported its counters when it ended
    run(pg, database, "DELETE FROM t WHERE id % 2 = 0")
    view = BLOAT.view("tables")
    row = await row_when(pg.uri(database), view, "table", "t", lambda row: row["dead"])
    assert row["dead"] == 30000
    assert row["dead_pct"] == pytest.approx(50, abs=1)
    assert row["debt_pct"] > 100
    assert row["verdict"] == "many dead tuples"
    assert row["autovacuum"] is False

    def paid(row: dict[str, Any]) -> bool:
        if row["dead"]:
            run(pg, database, "VACUUM ANALYZE t")  # again: it passes over a page that is being written
        return not row["dead"]

    row = await row_when(pg.uri(database), view, "table", "t", paid)
    assert row["bloat_pct"] == pytest.approx(50, abs=5)
    assert row["verdict"] == "heavy bloat"


async def test_a_role_without_rights_is_told_that_bloat_is_unknown(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "CREATE TABLE t AS SELECT g AS id, md5(g::text) AS b FROM generate_series(1, 5000) g",
        "CREATE INDEX i ON t (b)",
        "CREATE TABLE never AS SELECT 1 AS id",
        "VACUUM ANALYZE t",
    )
    with role(pg, database) as (name, uri):
        taken = await snapshot_of(uri, BLOAT.view("tables"))
        row = next(row for row in taken.records() if row["table"] == "public.t")
        assert row["bloat"] is None
        assert row["bloat_reason"] == "no right to read its statistics"
        assert row["verdict"] == "unknown"
        assert any("GRANT pg_read_all_data" in note for note in taken.notes)
        for _, view in OF_SERVER:
            await snapshot_of(uri, view)
        run(pg, database, f"GRANT SELECT ON t TO {name}")
        assert (await rows_of(uri, BLOAT.view("tables"), "table", reads=4))["t"]["bloat"] is not None
    rows = await rows_of(pg.uri(database), BLOAT.view("tables"), "table", reads=4)
    assert rows["never"]["bloat_reason"] == "never analysed"


async def test_an_empty_table_has_no_bloat_though_it_was_never_analysed(pg: Cluster, database: str) -> None:
    run(pg, database, "CREATE TABLE empty (id int, body text)", "CREATE TABLE filled AS SELECT 1 AS id")
    rows = await rows_of(pg.uri(database), BLOAT.view("tables"), "table", reads=4)
    assert (rows["empty"]["bloat"], rows["empty"]["bloat_reason"], rows["empty"]["verdict"]) == (0, "", "ok")
    assert (rows["filled"]["bloat"], rows["filled"]["bloat_reason"]) == (None, "never analysed")


async def test_dead_tuples_of_a_catalog_are_a_share_of_all_its_rows(pg: Cluster, database: str) -> None:
    body = "$$ SELECT 1 $$ LANGUAGE sql"
    run(pg, database, *(f"CREATE FUNCTION f{n}() RETURNS int AS {body}; DROP FUNCTION f{n}" for n in range(20)))
    view, name = BLOAT.view("tables"), "pg_catalog.pg_proc"
    row = await row_when(pg.uri(database), view, "table", name, lambda row: row["dead"])
    assert 0 < row["dead_pct"] <= 100 * row["dead"] / row["reltuples"] < 5


async def test_dead_tuples_are_a_share_of_all_rows_after_a_reset_of_the_counters(pg: Cluster, database: str) -> None:
    run(pg, database, "CREATE TABLE t WITH (autovacuum_enabled = off) AS SELECT generate_series(1, 10000) AS id")
    run(pg, database, "VACUUM ANALYZE t")
    run(pg, database, "SELECT pg_stat_reset()")
    run(pg, database, "DELETE FROM t WHERE id <= 100")
    row = await row_when(pg.uri(database), BLOAT.view("tables"), "table", "t", lambda row: row["dead"])
    assert (row["dead"], row["dead_pct"]) == (100, 1)


async def test_index_verdicts(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int, d int UNIQUE, r int4range)",
        "ALTER TABLE t ADD EXCLUDE USING gist (r WITH &&)",
        "CREATE TABLE child (id int, t_id int REFERENCES t (id))",
        "CREATE INDEX narrow ON t (a)",
        "CREATE INDEX wide ON t (a, c)",
        "CREATE INDEX other_class ON t (b text_pattern_ops)",
        "CREATE INDEX plain_text ON t (b, c)",
        'CREATE INDEX other_collation ON t (b COLLATE "C")',
        "CREATE INDEX partial ON t (a) WHERE c > 5",
        "CREATE INDEX partial_wide ON t (a, b) WHERE   c>5",
        "CREATE INDEX descending ON t (a DESC)",
        "CREATE INDEX with_more ON t (a) INCLUDE (d)",
        "CREATE INDEX expression ON t (lower(b))",
        "CREATE INDEX expression_wide ON t (lower(b), a)",
        "CREATE INDEX other_expression ON t (upper(b), c)",
        "CREATE INDEX twin_one ON t (c, d)",
        "CREATE INDEX twin_two ON t (c, d)",
        "CREATE INDEX like_key ON t (id)",
        "CREATE UNIQUE INDEX unique_again ON t (id)",
        "CREATE UNIQUE INDEX needed_unique ON t (a, b, c)",
        "CREATE INDEX hashed ON t USING hash (a)",
        "CREATE INDEX lonely ON child (id)",
        "CREATE INDEX supporting ON child (t_id)",
        "CREATE TABLE twice (t_id int REFERENCES t (id), a int)",
        "CREATE INDEX one_of_two ON twice (t_id) INCLUDE (a)",
        "CREATE INDEX two_of_two ON twice (t_id DESC)",
        "CREATE TABLE p (k int, v int) PARTITION BY RANGE (k)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
        "CREATE INDEX p_v ON p (v)",
        "CREATE TABLE ident (k int NOT NULL, v int NOT NULL)",
        "CREATE UNIQUE INDEX ident_k ON ident (k)",
        "ALTER TABLE ident REPLICA IDENTITY USING INDEX ident_k",
    )
    rows = await rows_of(pg.uri(database), JUDGED.view("all"), "index")
    told = {name: (row["verdict"], row["reason"]) for name, row in rows.items()}
    assert told["narrow"][0] == "redundant"
    assert told["twin_two"] == ("redundant", "covered by twin_one")
    assert told["twin_one"][0] == "unused"
    assert told["like_key"] == ("redundant", "covered by t_pkey")
    assert told["unique_again"] == ("redundant", "covered by t_pkey")
    assert told["partial"] == ("redundant", "covered by partial_wide")
    assert told["expression"] == ("redundant", "covered by expression_wide")
    for name in ("other_class", "plain_text", "other_collation", "partial_wide", "descending", "with_more", "hashed"):
        assert told[name][0] == "unused", name
    for name in ("expression_wide", "other_expression", "lonely"):
        assert told[name][0] == "unused", name
        assert told[name][1].startswith("no scans in "), name
    assert told["supporting"] == (
        "needed",
        "not scanned, but the only index supporting the foreign key child_t_id_fkey",
    )
    assert {told["one_of_two"][0], told["two_of_two"][0]} == {"unused"}
    assert told["t_pkey"] == ("needed", "not scanned, but primary key")
    assert told["t_d_key"] == ("needed", "not scanned, but unique constraint")
    assert told["t_r_excl"] == ("needed", "not scanned, but exclusion constraint")
    assert told["needed_unique"] == ("needed", "not scanned, but unique")
    assert told["ident_k"] == ("needed", "not scanned, but replica identity")
    assert told["p1_v_idx"] == ("needed", "not scanned, but part of a partitioned index")
    assert set(await rows_of(pg.uri(database), JUDGED.view("redundant"), "index")) == {
        name for name, (verdict, _) in told.items() if verdict == "redundant"
    }
    young = await rows_of(pg.uri(database), INDEXES.view("all"), "index")
    assert {name: row["verdict"] for name, row in young.items()} == {
        name: "not yet known" if verdict == "unused" else verdict for name, (verdict, _) in told.items()
    }
    assert not await rows_of(pg.uri(database), INDEXES.view("unused"), "index")
    # Dropping what covered it frees an index from its verdict, although the answer was kept.
    server = PostgresServer(pg.uri(database))
    reader = Reader(JUDGED.view("all"))
    await reader.read(server)
    run(pg, database, "DROP INDEX expression_wide")

    async def is_unused() -> bool:
        taken = await reader.read(server)
        return {row["index"]: row["verdict"] for row in taken.records()}["public.expression"] == "unused"

    await eventually(is_unused)
    await server.close()


async def test_an_index_in_use_and_an_invalid_one(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "CREATE TABLE t AS SELECT g AS id, g % 2 AS twice FROM generate_series(1, 20000) g",
        "CREATE INDEX used ON t (id)",
        "ANALYZE t",
        "SELECT * FROM t WHERE id = 5",
    )
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(pg, database, "CREATE UNIQUE INDEX CONCURRENTLY broken ON t (twice)")
    await row_when(pg.uri(database), INDEXES.view("all"), "index", "used", lambda row: row["scans"])
    rows = await rows_of(pg.uri(database), INDEXES.view("all"), "index")
    assert rows["used"]["verdict"] == "in use"
    assert (rows["used"]["last_use_age"] is not None) is (pg.major >= 16)
    assert rows["broken"]["verdict"] == "invalid"
    assert set(await rows_of(pg.uri(database), INDEXES.view("invalid"), "index")) == {"broken"}
    taken = await snapshot_of(pg.uri(database), INDEXES.view("all"))
    assert any(note.startswith("scans counted") for note in taken.notes)


async def test_foreign_keys_that_lead_no_index(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "CREATE TABLE up (id int PRIMARY KEY, a int, b int, UNIQUE (a, b))",
        "CREATE TABLE bare (x int CONSTRAINT bare_fk REFERENCES up)",
        "CREATE TABLE led (x int CONSTRAINT led_fk REFERENCES up, y int)",
        "CREATE INDEX ON led (x, y)",
        "CREATE TABLE trails (x int CONSTRAINT trails_fk REFERENCES up, y int)",
        "CREATE INDEX ON trails (y, x)",
        "CREATE TABLE pair (b int, a int, CONSTRAINT pair_fk FOREIGN KEY (a, b) REFERENCES up (a, b))",
        "CREATE INDEX ON pair (b, a)",
        "CREATE TABLE filtered (x int CONSTRAINT filtered_fk REFERENCES up, y int)",
        "CREATE INDEX ON filtered (x) WHERE y > 0",
        "CREATE TABLE filled (x int CONSTRAINT filled_fk REFERENCES up)",
        "CREATE INDEX ON filled (x) WHERE x IS NOT NULL",
    )
    rows = await rows_of(pg.uri(database), INDEXES.view("missing"), "constraint")
    assert set(rows) == {"bare_fk", "trails_fk", "filtered_fk"}
    assert rows["bare_fk"]["remedy"] == "CREATE INDEX CONCURRENTLY ON public.bare (x)"
    assert (rows["bare_fk"]["target"], rows["bare_fk"]["keys"]) == ("public.bare", "x")


PARENTS = ("good", "dates", "plain", "short", "over", "ended", "holed", "spilled", "endless", "empty")
KINDS = {"dates": "date", "plain": "timestamp"}
MONTHS = MONTH + " + {} * interval '1 month'"


def monthly(parent: str, first: int, last: int, kind: str = "timestamptz") -> str:
    """Monthly UTC partitions around the server's now, from month `first` to month `last`, both included."""
    zone = "|| '+00'" if kind == "timestamptz" else ""
    return f"""DO $$ BEGIN FOR i IN {first}..{last} LOOP EXECUTE format('CREATE TABLE {parent}_%s PARTITION OF {parent}
      FOR VALUES FROM (%L) TO (%L)', replace(i::text, '-', 'm'),
      ({MONTHS.format("i")})::text {zone}, ({MONTHS.format("(i + 1)")})::text {zone}); END LOOP; END $$"""


async def test_runway_gaps_and_default_rows(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        *(f"CREATE TABLE {name} (at {KINDS.get(name, 'timestamptz')}) PARTITION BY RANGE (at)" for name in PARENTS),
        *(monthly(name, -2, 6, KINDS.get(name, "timestamptz")) for name in ("good", "dates", "plain")),
        monthly("short", -1, 0),
        monthly("over", -4, -1),
        monthly("ended", -20, -15),
        monthly("holed", -4, -3),
        monthly("holed", -1, 6),
        monthly("spilled", -1, 6),
        "CREATE TABLE spilled_rest PARTITION OF spilled DEFAULT",
        "INSERT INTO spilled VALUES ('2001-01-01')",
        "CREATE TABLE endless_all PARTITION OF endless FOR VALUES FROM (MINVALUE) TO (MAXVALUE)",
    )
    run(pg, database, "ANALYZE spilled_rest")  # another session: the first reported its counters when it ended
    taken = await snapshot_of(pg.uri(database), PARTITIONS.view("parents"))
    rows: Rows = {str(row["parent"]).removeprefix("public."): row for row in taken.records()}
    truth = number(pg, database, f"SELECT extract(epoch FROM {MONTHS.format(7)} - now() AT TIME ZONE 'UTC') / 86400")
    for name in ("good", "dates", "plain"):
        assert rows[name]["runway"] == pytest.approx(truth, abs=0.01), name
        assert (rows[name]["verdict"], rows[name]["gaps"], rows[name]["children"]) == ("ok", 0, 9)
    assert rows["short"]["verdict"] in ("runway short", "runway critical")
    assert rows["short"]["runway"] < 31
    assert (rows["over"]["verdict"], rows["over"]["runway"]) == ("now not covered", 0)
    assert (rows["ended"]["verdict"], rows["ended"]["runway"]) == ("ended", None)
    assert (rows["holed"]["verdict"], rows["holed"]["gaps"]) == ("gap", 1)
    assert rows["holed"]["gaps_named"].count("…") == 1
    assert (rows["spilled"]["verdict"], rows["spilled"]["default_rows"]) == ("rows in default", 1)
    assert (rows["endless"]["verdict"], rows["endless"]["runway"]) == ("ok", None)
    assert rows["empty"]["verdict"] == "no partitions"
    lines = {line.parent: line for line in timeline(taken)}
    kinds = [segment.kind for segment in lines["public.holed"].segments]
    assert kinds == ["past", "past", "gap", "past", "current", *["future"] * 6]
    assert lines["public.spilled"].segments[-1].kind == "default"
    current = next(segment for segment in lines["public.good"].segments if segment.kind == "current")
    assert current.start is not None
    assert current.end is not None
    assert current.start <= lines["public.good"].now < current.end


async def test_bounds_are_read_in_utc_whatever_the_time_zone(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "SET timezone = 'Asia/Tokyo'",
        "CREATE TABLE t (at timestamptz) PARTITION BY RANGE (at)",
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2026-02-01 00:00+00')",
        "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM ('2026-02-01 09:00+09') TO ('2026-03-01 00:00-05')",
        f"ALTER DATABASE \"{database}\" SET timezone = 'America/New_York'",
    )
    row = (await rows_of(pg.uri(database), PARTITIONS.view("parents"), "parent"))["t"]
    assert (row["first"], row["last"], row["gaps"]) == ("2026-01-01", "2026-03-01 05:00", 0)


async def test_other_strategies(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "CREATE TABLE whole (id int) PARTITION BY HASH (id)",
        "CREATE TABLE whole_0 PARTITION OF whole FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
        "CREATE TABLE whole_1 PARTITION OF whole FOR VALUES WITH (MODULUS 4, REMAINDER 1)",
        "CREATE TABLE whole_3 PARTITION OF whole FOR VALUES WITH (MODULUS 4, REMAINDER 3)",
        "CREATE TABLE part (id int) PARTITION BY HASH (id)",
        "CREATE TABLE part_0 PARTITION OF part FOR VALUES WITH (MODULUS 4, REMAINDER 0)",
        "CREATE TABLE kinds (k text) PARTITION BY LIST (k)",
        "CREATE TABLE kinds_1 PARTITION OF kinds FOR VALUES IN ('a, b', 'it''s', NULL)",
        "CREATE TABLE numbers (n bigint, m int) PARTITION BY RANGE (n, m)",
        "CREATE TABLE numbers_1 PARTITION OF numbers FOR VALUES FROM (-10, MINVALUE) TO (0, 5)",
        "CREATE TABLE numbers_2 PARTITION OF numbers FOR VALUES FROM (0, 5) TO (100, 0)",
        "CREATE TABLE numbers_3 PARTITION OF numbers FOR VALUES FROM (200, 0) TO (300, 0)",
        "CREATE TABLE expressions (at timestamptz) PARTITION BY RANGE ((at AT TIME ZONE 'UTC'))",
        "CREATE TABLE expressions_1 PARTITION OF expressions FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
        "CREATE TABLE far (d date) PARTITION BY RANGE (d)",
        "CREATE TABLE far_1 PARTITION OF far FOR VALUES FROM ('0044-03-15 BC') TO ('20000-01-01')",
    )
    rows = await rows_of(pg.uri(database), PARTITIONS.view("parents"), "parent")
    assert (rows["whole"]["verdict"], rows["part"]["verdict"]) == ("ok", "incomplete")
    assert (rows["kinds"]["verdict"], rows["kinds"]["first"]) == ("ok", "3 values")
    assert (rows["numbers"]["verdict"], rows["numbers"]["gaps_named"]) == ("gap", "100, 0 … 200, 0")
    assert rows["numbers"]["runway"] is None
    assert rows["expressions"]["key"] == "(expression)"
    assert (rows["far"]["verdict"], rows["far"]["runway"]) == ("ok", None)


async def seconds_of_all(uri: str) -> float:
    """How long it takes to read every view of the panes of storage, with the details of its first rows."""
    started = time.monotonic()
    for _, view in OF_SERVER:
        taken = await snapshot_of(uri, view)
        if view.detail:
            server = PostgresServer(uri)
            for key in keys(taken, view.key)[:8]:
                await server.fetch(view.detail, dict(zip(view.key, key, strict=True)))
            await server.close()
    return time.monotonic() - started


async def test_nothing_waits_behind_an_exclusive_lock(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "CREATE TABLE t AS SELECT g AS id, md5(g::text) AS b FROM generate_series(1, 5000) g",
        "CREATE INDEX i ON t (b)",
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM t",
        "CREATE TABLE p (at timestamptz) PARTITION BY RANGE (at)",
        monthly("p", -1, 3),
        "VACUUM ANALYZE t, m",
    )
    unlocked = await seconds_of_all(pg.uri(database))
    free = await rows_of(pg.uri(database), BLOAT.view("tables"), "table", reads=3)
    assert (free["t"]["approximate"], free["t"]["size"]) == ("", number(pg, database, "SELECT pg_relation_size('t')"))
    with pg.connect(database) as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE t, p IN ACCESS EXCLUSIVE MODE")
        blocker.execute("REFRESH MATERIALIZED VIEW m")
        blocker.execute("ALTER INDEX i SET (fillfactor = 80)")
        blocker.execute("DROP INDEX i")
        assert await seconds_of_all(pg.uri(database)) < 10 + 2 * unlocked
        rows = await rows_of(pg.uri(database), BLOAT.view("tables"), "table")
        assert rows["t"]["approximate"] == "≈"
        assert rows["t"]["size"] == free["t"]["size"]
        index = (await rows_of(pg.uri(database), INDEXES.view("all"), "index"))["i"]
        assert index["approximate"] == "≈"
        parent = (await rows_of(pg.uri(database), PARTITIONS.view("parents"), "parent"))["p"]
        assert parent["verdict"] == "ok"


async def test_why_a_view_cannot_be_refreshed_concurrently(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        *(
            f"CREATE MATERIALIZED VIEW {name} AS SELECT 1 AS id, 2 AS x"
            for name in ("fine", "bare", "partial", "expression")
        ),
        "CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS id WITH NO DATA",
        "CREATE MATERIALIZED VIEW above AS SELECT f.* FROM (SELECT * FROM fine) f JOIN bare USING (id)",
        "CREATE UNIQUE INDEX ON fine (id)",
        "CREATE UNIQUE INDEX ON unfilled (id)",
        "CREATE UNIQUE INDEX ON partial (id) WHERE x > 0",
        "CREATE UNIQUE INDEX ON expression ((id + 1))",
    )
    rows = await rows_of(pg.uri(database), VIEWS.view("materialized"), "view")
    assert {name: (row["concurrently"], row["verdict"]) for name, row in rows.items()} == {
        "fine": ("yes", "ok"),
        "bare": ("no", "blocks reads"),
        "partial": ("no", "blocks reads"),
        "expression": ("no", "blocks reads"),
        "unfilled": ("no", "not populated"),
        "above": ("no", "blocks reads"),
    }
    assert rows["bare"]["why"] == "it has no unique index"
    assert rows["partial"]["why"].startswith("its unique index is partial")
    assert rows["unfilled"]["why"].startswith("it is not populated")
    assert (rows["above"]["refresh_order"], rows["fine"]["refresh_order"]) == (2, 1)
    assert rows["fine"]["data_age"] is None
    with pg.connect(database) as connection:
        for name, row in rows.items():  # the server agrees
            if row["concurrently"] == "no":
                with pytest.raises((psycopg.errors.ObjectNotInPrerequisiteState, psycopg.errors.FeatureNotSupported)):
                    connection.execute(f"REFRESH MATERIALIZED VIEW CONCURRENTLY {name}".encode())
            else:
                connection.execute(f"REFRESH MATERIALIZED VIEW CONCURRENTLY {name}".encode())
    with role(pg, database) as (name, uri):
        assert (await rows_of(uri, VIEWS.view("materialized"), "view"))["fine"]["why"] == "only postgres may refresh it"
        if pg.major >= 17:
            run(pg, database, f"GRANT MAINTAIN ON fine TO {name}")
            assert (await rows_of(uri, VIEWS.view("materialized"), "view"))["fine"]["concurrently"] == "yes"


RECORD = (
    "INSERT INTO console_refreshes (schema_name, view_name, started_at, finished_at, seconds, is_concurrent, error)"
    " VALUES ('public', 'mv_monthly_brand_performance',"
)


async def test_the_age_of_data_is_told_from_the_record_of_refreshes(pg: Cluster, pg_servers: Any) -> None:
    database = pg.fresh_database(template=pg_servers.pipeline_template(pg))
    try:
        run(
            pg,
            database,
            "TRUNCATE console_refreshes",
            f"{RECORD} now() - interval '1 hour', now() - interval '59 minutes', 60, true, NULL)",
            f"{RECORD} now() - interval '5 minutes', now() - interval '4 minutes', 60, true, 'no')",
            "REFRESH MATERIALIZED VIEW mv_monthly_brand_performance",
        )
        view = VIEWS.view("materialized")
        row = (await rows_of(pg.uri(database), view, "view"))["mv_monthly_brand_performance"]
        assert row["data_age"] == pytest.approx(3600, abs=60)
        assert (row["refresh_seconds"], row["was_concurrent"], row["verdict"]) == (60, True, "refresh failed")
        with role(pg, database) as (_, uri):
            assert (await rows_of(uri, view, "view"))["mv_monthly_brand_performance"]["data_age"] is None
    finally:
        pg.drop_database(database)


async def test_the_age_of_data_has_a_bar_against_the_schedule_of_the_configuration(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "CREATE MATERIALIZED VIEW daily AS SELECT 1 AS n",
        "CREATE MATERIALIZED VIEW other AS SELECT 1 AS n",
    )
    settings = replace(config.load(environ={}), refreshes=(config.RefreshPolicy("public.daily", "week"),))
    view = VIEWS.view("materialized")
    async with Workspace(settings, config.Wanted(pg.uri(database))) as workspace:
        taken = await Reader(view, workspace.sources.named).read(workspace.sources.postgres)
    assert dict(zip(taken.values("view"), taken.values("schedule"), strict=True)) == {
        "public.daily": 7 * 86_400.0,
        "public.other": None,
    }
    assert next(column.bar for column in view.columns if column.name == "data_age") == "schedule"


async def test_wraparound_judges_age_against_the_forced_vacuum(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "CREATE TABLE t (id int) WITH (autovacuum_freeze_max_age = 100000, autovacuum_enabled = off)",
        *["INSERT INTO t VALUES (1)"] * 5,
    )
    rows = await rows_of(pg.uri(database), VACUUM.view("wraparound"), "name")
    row, all_of_it = rows["t"], rows[database]
    assert row["xid_age"] >= 5
    assert row["freeze_pct"] == pytest.approx(row["xid_age"] / 1000)
    assert all_of_it["kind"] == "database"
    assert all_of_it["limit_pct"] == pytest.approx(100 * all_of_it["xid_age"] / 2**31)
    assert row["verdict"] == "ok"


async def test_a_running_vacuum_is_shown_with_its_progress(pg: Cluster, database: str) -> None:
    run(pg, database, "CREATE TABLE t AS SELECT g AS id, repeat('x', 500) AS b FROM generate_series(1, 20000) g")
    server = PostgresServer(pg.uri(database))
    reader = Reader(VACUUM.view("running"))
    with pg.connect(database) as slow, ThreadPoolExecutor(1) as pool:
        slow.execute("SET vacuum_cost_delay = '50ms'; SET vacuum_cost_limit = 1")
        done = pool.submit(slow.execute, "VACUUM t")
        row: dict[str, object] = {}
        while not done.done() and row.get("phase") != "scanning heap":
            row = next(iter((await reader.read(server)).records()), {})
        slow.cancel()
        with pytest.raises(psycopg.errors.QueryCanceled):
            done.result()
    await server.close()
    assert (row["table"], row["kind"], row["database"]) == ("public.t", "manual", database)
    assert row["size"] == number(pg, database, "SELECT pg_relation_size('t')")
    assert isinstance(row["scanned_pct"], float)
    assert row["index_rounds"] == 0


async def test_exact_bloat_needs_pgstattuple_and_says_so(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 5000) g",
        "DELETE FROM t WHERE id <= 1000",
    )
    oid = int(number(pg, database, "SELECT 't'::regclass::oid"))
    server = PostgresServer(pg.uri(database))
    detail = BLOAT.view("tables").detail
    without = await server.fetch(detail, {"oid": oid})
    assert ("exact", "CREATE EXTENSION pgstattuple gives exact figures") in without.rows
    run(pg, database, 'CREATE SCHEMA "my ""tools"', 'CREATE EXTENSION pgstattuple SCHEMA "my ""tools"')
    exact: dict[Any, Any] = dict((await server.fetch(detail, {"oid": oid})).rows)  # type: ignore[arg-type]
    await server.close()
    assert str(exact["exact dead"]).startswith("1000 rows")


def test_severity_is_said_where_it_matters() -> None:
    """Each critical verdict has the colour of one."""
    rules = {
        (pane.name, view.name, column.name): column.rule
        for pane in STORAGE
        for view in pane.views
        for column in view.columns
    }

    def level(pane: str, view: str, column: str, value: object) -> Level:
        rule = rules[pane, view, column]
        assert rule is not None
        return rule.level(value)

    assert level("bloat", "tables", "verdict", "many dead tuples") is Level.CRITICAL
    assert level("indexes", "all", "verdict", "invalid") is Level.CRITICAL
    assert level("partitions", "parents", "runway", 30.0) is Level.WARNING
    assert level("partitions", "parents", "runway", 6.9) is Level.CRITICAL
    assert level("partitions", "parents", "runway", 90.0) is Level.OK
    assert level("views", "materialized", "verdict", "not populated") is Level.CRITICAL


async def test_of_thousands_the_largest_are_shown_and_the_screen_says_so(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        """DO $$ BEGIN FOR i IN 1..260 LOOP
             EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a int, b int)', i);
             EXECUTE format('CREATE INDEX ON t%s (a)', i);
           END LOOP; END $$""",
        "INSERT INTO t260 SELECT g, g, g FROM generate_series(1, 5000) g",
        "ANALYZE t260",
    )
    taken = await snapshot_of(pg.uri(database), INDEXES.view("all"))
    assert "500 of 520 indexes, largest first" in taken.notes
    assert len(taken.rows) == 500
    assert {row[taken.index("table")] for row in taken.rows[:2]} == {"t260"}
