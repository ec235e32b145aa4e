"""What statements usually cost is known to the next console."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from console.running.trail.audit import Trail
from console.settings.config import load
from console.watching import state
from console.workspace import Workspace
from tests.acting import Desk
from tests.servers import PostgresServer
from tests.waiting import eventually


@pytest.fixture
def desk(pg: PostgresServer, database: str, tmp_path: Path) -> Desk:
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"), load(environ={}))
    desk.do("CREATE EXTENSION pg_stat_statements", "SELECT 1")
    return desk


def file(workspace: Workspace) -> Path:
    return state.state_file(workspace.trail.path.parent, workspace.wanted.target)


async def test_the_next_console_begins_with_what_the_last_one_learned(desk: Desk) -> None:
    async with desk.workspace() as first:
        following = asyncio.create_task(first.baselines.follow())
        await first.observer.look()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        assert file(first).stat().st_mode & 0o777 == 0o600
        assert first.observer.statements.statements
    async with desk.workspace() as second:
        following = asyncio.create_task(second.baselines.follow())
        await eventually(lambda: second.observer.statements.at)
        assert second.observer.statements == first.observer.statements
        assert second.observer.indexes == first.observer.indexes
        following.cancel()


async def test_the_readings_of_check_stay(desk: Desk) -> None:
    async with desk.workspace() as workspace:
        observer = workspace.observer
        await observer.look()
        state.save(file(workspace), state.State(observer.windows(), *observer.learned))
        before = state.load(file(workspace))
        held = observer.indexes
        following = asyncio.create_task(workspace.baselines.follow())
        await eventually(lambda: observer.indexes is not held)
        await observer.look(everything=True)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        after = state.load(file(workspace))
        assert after.indexes != before.indexes
        assert after.readings == before.readings


async def test_a_folder_that_cannot_be_written_is_a_note_of_the_findings(desk: Desk) -> None:
    async with desk.workspace() as workspace:
        (workspace.trail.path.parent / "rules").write_text("in the way")
        following = asyncio.create_task(workspace.baselines.follow())
        await workspace.observer.look()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        taken = await workspace.sources.named("rules").fetch("findings")
        assert any("rules" in note for note in taken.notes[1:]), taken.notes
