"""Sizes and keys of partitioned tables on real servers: the whole with indexes and TOAST, and when a key runs out."""

from __future__ import annotations

import pytest

from console.panes.partitions import PARTITIONS
from tests.servers import PostgresServer as Cluster
from tests.test_pane_storage import number, rows_of, run

PARENTS, PARTS = PARTITIONS.view("parents"), PARTITIONS.view("partitions")
NOW = "extract(epoch FROM (date_trunc('month', now() AT TIME ZONE 'UTC') {}) AT TIME ZONE 'UTC')::bigint * {}"


async def test_a_size_is_the_whole_with_indexes_and_toast(pg: Cluster, database: str) -> None:
    run(
        pg,
        database,
        "CREATE TABLE p (id int, region text, body text, PRIMARY KEY (id, region)) PARTITION BY RANGE (id)",
        "CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (1000)",
        "CREATE TABLE p_2 PARTITION OF p FOR VALUES FROM (1000) TO (MAXVALUE) PARTITION BY LIST (region)",
        "CREATE TABLE p_2_a PARTITION OF p_2 FOR VALUES IN ('a')",
        "ALTER TABLE p ALTER body SET STORAGE external",
        "ALTER TABLE p_1 ALTER body SET STORAGE external",
        "ALTER TABLE p_2_a ALTER body SET STORAGE external",
        "INSERT INTO p SELECT g, 'a', repeat('x', 5000) FROM generate_series(1, 2000) g",
        "VACUUM ANALYZE p",
    )
    parents = await rows_of(pg.uri(database), PARENTS, "parent", reads=2)
    parts = await rows_of(pg.uri(database), PARTS, "partition", reads=2)
    for name, leaves in (("p", ("p_1", "p_2_a")), ("p_2", ("p_2_a",))):
        for column, function in (("size", "pg_total_relation_size"), ("heap", "pg_relation_size")):
            truth = sum(number(pg, database, f"SELECT {function}('{leaf}')") for leaf in leaves)
            assert parents[name][column] == truth, (name, column)
        assert parents[name]["approximate"] == ""
    for leaf in ("p_1", "p_2_a"):
        assert parts[leaf]["size"] == number(pg, database, f"SELECT pg_total_relation_size('{leaf}')")
        assert parts[leaf]["heap"] == number(pg, database, f"SELECT pg_relation_size('{leaf}')")
    assert parts["p_1"]["share"] == pytest.approx(100, abs=1)
    with pg.connect(database) as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE p_1 IN ACCESS EXCLUSIVE MODE")
        row = (await rows_of(pg.uri(database), PARENTS, "parent", reads=2))["p"]
        # without the files of free space and visibility, which no catalog counts
        assert (row["approximate"], row["size"]) == ("≈", pytest.approx(parents["p"]["size"], rel=0.1))


def partitioned(name: str, column: str, key: str, lower: str, upper: str) -> tuple[str, ...]:
    """A table of one partition, whose bounds are SQL expressions."""
    part = f"CREATE TABLE {name}_1 PARTITION OF {name} FOR VALUES FROM (%L) TO (%L)"
    return (
        f"CREATE TABLE {name} ({column}) PARTITION BY RANGE ({key})",
        f"DO $$ BEGIN EXECUTE format('{part}', {lower}, {upper}); END $$",
    )


async def test_a_key_that_is_no_column_of_time_has_a_runway_or_is_unknown(pg: Cluster, database: str) -> None:
    month, later = "(date_trunc('month', now())::date - 31)::text", "(date_trunc('month', now())::date + 125)::text"
    clock = {
        "by_month": ("at timestamptz", "(date_trunc('month', at AT TIME ZONE 'UTC'))"),
        "by_day": ("at timestamp", "((at)::date)"),
    }
    units = {"seconds": 1, "millis": 1000, "micros": 1_000_000}
    other = {
        "shifted": ("at timestamp", "((at + interval '1 year'))", month, later),
        "ids": ("id bigint", "id", "'0'", "'10000000'"),
        "years": ("y int", "y", "'2000'", "'2100'"),
        "words": ("w text", "w", "'a'", "'zz'"),
        "uuids": ("u uuid", "u", "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"),
        "hashed": ("id int", "(id % 10)", "'0'", "'10'"),
    }
    run(
        pg,
        database,
        *(step for name, (column, key) in clock.items() for step in partitioned(name, column, key, month, later)),
        *(
            step
            for name, unit in units.items()
            for step in partitioned(
                name,
                "at bigint",
                "at",
                NOW.format("- interval '1 month'", unit),
                NOW.format("+ interval '4 months'", unit),
            )
        ),
        *(step for name, given in other.items() for step in partitioned(name, *given)),
        "CREATE TABLE open (id bigint) PARTITION BY RANGE (id)",
        "CREATE TABLE open_1 PARTITION OF open FOR VALUES FROM (0) TO (MAXVALUE)",
        "CREATE TABLE regions (region text) PARTITION BY LIST (region)",
        "CREATE TABLE regions_1 PARTITION OF regions FOR VALUES IN ('eu', 'us')",
        "CREATE TABLE days (day date) PARTITION BY LIST (day)",
        "CREATE TABLE days_1 PARTITION OF days FOR VALUES IN ('2026-01-01')",
        "CREATE TABLE by_year (at timestamp) PARTITION BY LIST (extract(year FROM at))",
        "CREATE TABLE by_year_1 PARTITION OF by_year FOR VALUES IN (2026)",
    )
    rows = await rows_of(pg.uri(database), PARENTS, "parent")
    for name in (*clock, *units):
        assert 88 < rows[name]["runway"] < 126, name
        assert rows[name]["verdict"] == "ok", name
    for name in (*other, "days", "by_year"):
        assert (rows[name]["runway"], rows[name]["verdict"]) == (None, "unknown"), name
    for name in ("open", "regions"):
        assert (rows[name]["runway"], rows[name]["verdict"]) == (None, "ok"), name


async def test_an_epoch_that_has_run_out_is_critical(pg: Cluster, database: str) -> None:
    upper = NOW.format("- interval '1 month'", 1000)
    run(pg, database, *partitioned("late", "at bigint", "at", NOW.format("- interval '2 month'", 1000), upper))
    assert (await rows_of(pg.uri(database), PARENTS, "parent"))["late"]["verdict"] == "now not covered"
