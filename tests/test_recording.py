"""The recording behind the frames: a pane is recorded again without changing what was recorded of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.demo.cluster import OWNER
from console.panes import PANES
from console.sources import replay
from tests import recording
from tests.servers import PostgresServer

NAMES = ("postgres", "pgbouncer")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the recordings that may be written."""
    for name in NAMES:
        (tmp_path / f"{name}.json").write_bytes((recording.FOLDER / f"{name}.json").read_bytes())
    monkeypatch.setattr(recording, "FOLDER", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_written_as_it_was_read(folder: Path, name: str) -> None:
    before = (folder / f"{name}.json").read_text()
    loaded = recording.load(name)
    replay.save(folder / f"{name}.json", loaded.facts, loaded.reads)
    assert (folder / f"{name}.json").read_text() == before


async def test_recording_a_pane_replaces_its_queries_alone(any_pg: PostgresServer, pipeline: str, folder: Path) -> None:
    before, pooler = recording.load("postgres"), (folder / "pgbouncer.json").read_bytes()
    [pane] = [pane for pane in PANES if pane.name == "connections"]
    own = {view.query for view in pane.views}
    await recording.record(any_pg.uri(pipeline, OWNER), "host=127.0.0.1 port=1", [pane])
    after = recording.load("postgres")
    assert after.facts == before.facts
    changed = {query for query in after.reads if after.reads[query] != before.reads.get(query)}
    assert changed <= own | {query for query in after.reads if query not in before.reads} | lookups(pane.name)
    assert changed & own
    assert (folder / "pgbouncer.json").read_bytes() == pooler


def lookups(name: str) -> set[str]:
    """The queries by which a pane looks up what its rows name."""
    [pane] = [pane for pane in PANES if pane.name == name]
    return {lookup.query for view in pane.views for lookup in view.lookups}
