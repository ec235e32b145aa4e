"""The finding about a table that is read as a whole names the statement to look at, and proposes no index."""

from __future__ import annotations

from pathlib import Path

from console.model import Finding, Limit
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.settings import config
from console.watching.observer import Observer
from tests.acting import Desk
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.faults import SETTINGS
from tests.faults.indexes import table_scanned_again_and_again
from tests.faults.stage import Stage, sooner
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

OTHERS = ("SELECT count(*) FROM visitor", "SELECT 'visit'", "SELECT 1 AS visits")


async def scans_of(stage: Stage) -> Finding:
    """The finding about the table of the fault."""
    settings = SETTINGS["index-missing"](stage.desk.settings)
    settings = sooner(settings, scans_per_day=Limit(1))
    async with stage.desk.workspace() as workspace:
        observer = Observer(workspace.sources, DIAGNOSES, settings.thresholds)

        async def is_found() -> bool:
            await observer.look(everything=True)
            return any(found.subject == "scans of public.visit" for found in observer.verdict.findings)

        await eventually(is_found)
        (found,) = (each for each in observer.verdict.findings if each.subject == "scans of public.visit")
    return found


async def test_the_statement_that_takes_most_time_on_the_table_is_named(
    pg: Cluster, database: str, sessions: Sessions, tmp_path: Path
) -> None:
    stage = Stage(Desk(pg, database, Trail(tmp_path / "audit.jsonl"), config.load(environ={})), sessions)
    stage.do("CREATE EXTENSION pg_stat_statements", "CREATE TABLE visitor ()")
    with table_scanned_again_and_again(stage):
        for text in OTHERS:
            stage.do(*[text] * 2)
        found = await scans_of(stage)
    assert "SELECT count(*) FROM visit WHERE page = $1" in found.detail
    assert "50 calls" in found.detail
    assert not found.fixes, "no statistics tell by which column it filters"
    assert [(each.pane, each.view) for each in found.evidence] == [("bloat", "tables"), ("slow-queries", "totals")]


async def test_without_pg_stat_statements_the_table_alone_is_named(
    pg: Cluster, database: str, sessions: Sessions, tmp_path: Path
) -> None:
    stage = Stage(Desk(pg, database, Trail(tmp_path / "audit.jsonl"), config.load(environ={})), sessions)
    with table_scanned_again_and_again(stage):
        found = await scans_of(stage)
    assert found.detail.endswith("EXPLAIN of its slow queries shows which columns they filter by")
    assert len(found.evidence) == 1
