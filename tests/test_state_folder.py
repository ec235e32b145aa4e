"""The folder of the audit trail fills up, becomes read-only or is removed during a run: what is done is recorded."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from console.model import Batches, Claim, Outcome, Plan, Standalone, Step, Trouble
from console.running.progress import Run, StepProgress
from console.running.runner import REWRITTEN, UNRECORDED, Runner
from console.running.trail import history
from console.running.trail.audit import Trail
from console.running.trail.run_recorder import RunRecorder
from console.sources.postgres import ActingSession, PostgresServer
from console.watching.watcher import FORGETS
from tests.servers import PostgresServer as Cluster
from tests.test_watch import watching
from tests.waiting import wait

MOVE = """WITH moved AS (
  DELETE FROM public.made WHERE id IN (SELECT id FROM public.made LIMIT 200) RETURNING 1
) SELECT count(*)::int AS moved, count(*) > 0 AS more FROM moved"""
STEPS = (
    Step("CREATE TABLE public.made (id int)", undo="DROP TABLE public.made"),
    Step("INSERT INTO public.made SELECT generate_series(1, 1000)", execution=Standalone()),
    Step("VACUUM public.made", execution=Standalone()),
    Step(MOVE, execution=Batches(1000)),
    Step("CREATE TABLE public.last ()", undo="DROP TABLE public.last"),
)


async def run(pg: Cluster, trail: Trail, at: int, harm: Callable[[], object]) -> Run:
    """A run on a database of its own, in which `harm` is done when the step `at` begins."""
    uri, done = pg.uri(pg.fresh_database()), list[int]()

    def watch(run: Run) -> None:
        if run.steps[at].status == "running" and not done:
            done.append(at)
            harm()

    server = PostgresServer(uri)
    try:
        await server.connect()
        return await Runner(ActingSession(uri), server, trail, watch).run(Plan(Claim("public.made"), STEPS))
    finally:
        await server.close()


def emptied(trail: Trail) -> None:
    trail.path.write_bytes(b"")


def replaced(trail: Trail) -> None:
    trail.path.rename(trail.path.with_suffix(".1"))


def removed(trail: Trail) -> None:
    shutil.rmtree(trail.path.parent)


@pytest.mark.parametrize("at", range(len(STEPS)))
@pytest.mark.parametrize("harm", [emptied, replaced, removed])
async def test_what_was_recorded_in_a_trail_that_is_gone_is_recorded_again(
    any_pg: Cluster, tmp_path: Path, harm: Callable[[Trail], None], at: int
) -> None:
    trail = Trail(tmp_path / "state" / "audit.jsonl")
    done = await run(any_pg, trail, at, lambda: harm(trail))
    assert (done.outcome, done.notes) == (Outcome.DONE, [REWRITTEN])
    (past,) = history.runs(trail.entries())
    assert [each.sql for each in past.planned] == [step.sql for step in STEPS]
    assert [each.sql for each in past.finished] == [step.sql for step in STEPS]
    assert past.undo == ("DROP TABLE public.last", "DROP TABLE public.made")


async def test_a_statement_is_sent_once_the_trail_has_its_run_again(
    any_pg: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail, execute, recorded = Trail(tmp_path / "state" / "audit.jsonl"), ActingSession.execute, list[object]()

    async def look(session: ActingSession, statement: str, parameters: Mapping[str, object] | None = None) -> int:
        if statement == STEPS[2].sql:
            recorded.extend(entry["event"] for entry in trail.entries())
        return await execute(session, statement, parameters)

    monkeypatch.setattr(ActingSession, "execute", look)
    await run(any_pg, trail, 2, lambda: removed(trail))
    assert recorded == ["start", "commit", "step", "step"]


@pytest.mark.parametrize("at", range(len(STEPS)))
async def test_nothing_more_is_done_once_the_trail_is_read_only(any_pg: Cluster, tiny: Path, at: int) -> None:
    trail = Trail(tiny / "state" / "audit.jsonl")

    def remount(mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", tiny], check=True)

    done = await run(any_pg, trail, at, lambda: remount("ro"))
    remount("rw")
    assert done.outcome is (Outcome.STOPPED if at else Outcome.REFUSED)
    assert "cannot be written (Read-only file system)" in done.message
    assert "Make it writable" in done.message
    assert done.notes == [UNRECORDED]
    assert [each.status for each in done.steps[at + 1 :]] == ["pending"] * (len(STEPS) - at - 1)


def test_watch_says_at_once_that_it_can_keep_nothing(any_pg: Cluster, tiny: Path, tmp_path: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", tiny], check=True)
    with watching(tmp_path, any_pg.uri("postgres"), XDG_STATE_HOME=str(tiny)) as watch:
        wait(lambda: any(FORGETS in each for each in watch.errors))
        (said,) = (each for each in watch.errors if FORGETS in each)
        assert "Read-only file system. Make it writable for your user, or give XDG_STATE_HOME a folder that is." in said
        watch.end()


def fill(folder: Path, last: Path) -> Path:
    """A file that takes all room of a small file system; `last` is filled up to the end of a page."""
    with last.open("a") as file:
        file.write("\n" * (-last.stat().st_size % os.statvfs(folder).f_bsize))
    filler = folder / "filler"
    filler.write_bytes(bytes(os.statvfs(folder).f_bavail * os.statvfs(folder).f_bsize))
    return filler


async def test_a_run_stops_once_the_disk_of_the_trail_is_full(any_pg: Cluster, tiny: Path) -> None:
    trail = Trail(tiny / "state" / "audit.jsonl")
    done = await run(any_pg, trail, 2, lambda: fill(tiny, trail.path) and None)
    assert (done.outcome, done.notes) == (Outcome.STOPPED, [UNRECORDED])
    assert "No space left" in done.message
    assert "Make room" in done.message
    assert [each.status for each in done.steps] == ["done", "done", "done", "pending", "pending"]
    (past,) = history.runs(trail.entries())
    assert [each.sql for each in past.finished] == [step.sql for step in STEPS[:2]]


def test_what_a_full_disk_kept_out_of_the_trail_is_written_once_there_is_room(tiny: Path) -> None:
    trail = Trail(tiny / "state" / "audit.jsonl")
    recorder = RunRecorder(trail, {"run": "a"})
    recorder.write("start", {"sql": ["VACUUM"]})
    step = StepProgress(Step("VACUUM"))
    filler = fill(tiny, trail.path)
    size = trail.path.stat().st_size
    with pytest.raises(Trouble, match="No space left"):
        recorder.steps([step], waits=False, synced=False)
    assert trail.path.stat().st_size == size, "no half entry stays"
    filler.unlink()
    recorder.write("end", {})
    assert [entry["event"] for entry in trail.entries()] == ["start", "step", "end"]
