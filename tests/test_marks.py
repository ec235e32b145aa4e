"""What differs between a mark and what is shown, on the command line and in every pane."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from console.panes import pane
from console.past.recorder import HeardAnswer, ReadingRecorder
from console.past.segment import Stream
from console.past.store import store_of
from tests.activity import console as reading_session
from tests.command import run
from tests.servers import PostgresServer as Cluster

KEPT = (("indexes", "all"), ("settings", "overrides"), ("bloat", "tables"))


async def keep(cluster: Cluster, database: str, home: Path) -> str:
    """Keep what the views in KEPT read now, as a console does; the moment after it."""
    recorder = ReadingRecorder(store_of(home / ".local" / "state" / "pipeline-console", cluster.uri(database)))
    async with reading_session(cluster, database) as server:
        for name, view in KEPT:
            query = pane(name).view(view).query
            answer = await server.fetch(query)
            recorder.write([HeardAnswer(Stream("postgres", query), answer, time.time(), server.facts)])
    recorder.close()
    return datetime.now(UTC).isoformat()


def since(home: Path, cluster: Cluster, database: str, moment: str, name: str, view: str) -> dict[str, Any]:
    options = ("--view", view, "--since", moment, "--format", "json", "-t", cluster.uri(database))
    done = run(home, "show", name, *options)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


async def test_show_since_names_what_came_went_and_changed(pg: Cluster, database: str, tmp_path: Path) -> None:
    with pg.connect(database) as session:
        session.execute("CREATE TABLE orders (id int PRIMARY KEY, note text); CREATE INDEX gone_soon ON orders (note)")
        session.execute(f"ALTER DATABASE \"{database}\" SET work_mem = '8MB'")
        moment = await keep(pg, database, tmp_path)
        session.execute("DROP INDEX gone_soon; CREATE INDEX came_later ON orders (note, id)")
        session.execute("INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 1000) AS n; ANALYZE orders")
        session.execute(f"ALTER DATABASE \"{database}\" SET work_mem = '64MB'")
    indexes, overrides, tables = [
        await asyncio.to_thread(since, tmp_path, pg, database, moment, *view) for view in KEPT
    ]
    found = {(row["difference"], str(row["index"]).rpartition(".")[2]) for row in indexes["rows"]}
    assert found >= {("new", "came_later"), ("gone", "gone_soon")}
    (override,) = [row for row in overrides["rows"] if row["database"] == database]
    assert (override["difference"], override["value"]) == ("changed", "8MB → 64MB")
    (orders,) = [row for row in tables["rows"] if str(row["table"]).endswith("orders")]
    assert (orders["difference"], orders["live"]) == ("changed", 1000)
    assert tables["notes"][0].startswith("Since ")


def test_a_mark_of_which_nothing_was_kept_is_no_difference(tmp_path: Path, any_pg: Cluster) -> None:
    done = run(tmp_path, "show", "settings", "--since", "-5m", "-t", any_pg.uri("postgres"))
    assert (done.code, done.out) == (1, "")
    assert "Nothing of this target was kept." in done.err
