"""When an index was built is known to commands as well: the rules saw it appear, in whichever process."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.actions.indexes.drop_and_repair import DROP_INDEX
from console.cli import main
from console.model import IndexHistory
from console.running.trail.audit import Trail
from console.watching import state
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster


@pytest.fixture(name="desk")
def a_console_that_saw_an_index(pg: Cluster, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Eight days ago its rules saw orders_note appear."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    desk = Desk(pg, database, Trail(tmp_path / "pipeline-console" / "audit.jsonl"))
    desk.do("CREATE TABLE orders (id int PRIMARY KEY, note text)", "CREATE INDEX orders_note ON orders (note)")
    with desk.session() as session:
        ((oid,),) = session.execute("SELECT 'orders_note'::regclass::oid::bigint").fetchall()
    then = datetime.now(UTC) - timedelta(days=8)
    seen = IndexHistory(then, {}, (), {oid: then})
    state.save(state.state_file(desk.trail.path.parent, desk.uri), state.State(indexes=seen))
    return desk


def test_show_says_when_an_index_was_built(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "indexes", "--view", "all", "--format", "json", "-t", desk.uri]) == 0
    rows = {row["index"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["public.orders_note"]["built_age"] == pytest.approx(8 * 86_400, abs=600)
    assert rows["public.orders_pkey"]["built_age"] is None


async def test_the_plan_to_drop_an_index_says_how_it_was_used_since(desk: Desk) -> None:
    desk.do("SET enable_seqscan = off; SELECT FROM orders WHERE note = 'a'")
    plan = await desk.plan(DROP_INDEX, index="orders_note")
    (note,) = (note for note in plan.notes if note.startswith("orders_note is "))
    assert note.startswith("orders_note is in use (1 scan): ")
    assert note.endswith("built 8d ago.")
