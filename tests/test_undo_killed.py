"""undo of a run whose console was killed with -9: what had taken effect is taken back, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.actions import action
from console.actions.trail.undo import UNDO
from console.model import Kind, Outcome, Trouble
from console.running.trail.audit import default_trail
from tests.acting import Desk
from tests.killed import killed
from tests.servers import PostgresServer as Cluster

WRITTEN = (
    "SELECT coalesce(string_agg(name || '=' || setting, ' ' ORDER BY name), '') FROM pg_file_settings WHERE name IN "
)
TUNED = "('track_functions', 'log_lock_waits')"
PARTITIONS = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'public.facts'::regclass"
INDEXES = "SELECT count(*) FROM pg_index WHERE indrelid = 'public.facts'::regclass AND indisvalid"


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    desk = Desk(pg, database, default_trail())
    desk.do(
        "CREATE TABLE public.facts (id bigint, day date) PARTITION BY RANGE (day)",
        "CREATE TABLE public.plain (id bigint)",
        "CREATE INDEX plain_id ON public.plain (id)",
    )
    return desk


async def undone(desk: Desk) -> None:
    run = await desk.run(UNDO)
    assert run.outcome is Outcome.DONE, run.message


async def nothing_to_undo(desk: Desk) -> None:
    with pytest.raises(Trouble, match="nothing to undo"):
        await desk.plan(UNDO)


@pytest.mark.parametrize("steps", [1, 2, 3])
async def test_settings_that_were_written_and_not_reloaded_are_as_before(desk: Desk, steps: int) -> None:
    before = desk.ask(WRITTEN + TUNED)
    killed(desk, "apply-tuning", "step", 1 + steps, preset="monitoring", only="track_functions,log_lock_waits")
    assert desk.ask(WRITTEN + TUNED) != before
    await undone(desk)
    assert desk.ask(WRITTEN + TUNED) == before
    with pytest.raises(Trouble, match="itself an undo"):
        await desk.plan(UNDO)


async def test_partitions_whose_commit_was_answered_to_nobody_are_undone(desk: Desk) -> None:
    killed(desk, "create-partitions", "step", 8, table="public.facts", months="2")
    assert desk.ask(PARTITIONS) == 2, "the second month had been committed when its first step was going to be noted"
    await undone(desk)
    assert desk.ask(PARTITIONS) == 0


async def test_a_transaction_of_which_some_steps_are_in_the_trail_is_undone_as_a_whole(desk: Desk) -> None:
    killed(desk, "create-partitions", "step", 2, when="after", table="public.facts", months="2")
    assert desk.ask(PARTITIONS) == 1
    await undone(desk)
    assert desk.ask(PARTITIONS) == 0


@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_had_not_committed_is_not_undone(desk: Desk, when: str) -> None:
    killed(desk, "create-partitions", "commit", 1, when, table="public.facts", months="2")
    assert desk.ask(PARTITIONS) == 0
    await nothing_to_undo(desk)


async def test_a_killed_undo_goes_on_with_what_is_left(desk: Desk) -> None:
    await desk.run(action("create-partitions"), table="public.facts", months="2")
    killed(desk, "undo", "step", 2)
    assert desk.ask(PARTITIONS) == 1
    await undone(desk)
    assert desk.ask(PARTITIONS) == 0


async def test_an_index_is_made_again_when_the_server_says_that_it_is_gone(desk: Desk) -> None:
    killed(desk, "drop-index", "step", 1, index="plain_id")
    assert desk.ask("SELECT to_regclass('public.plain_id') IS NULL")
    await undone(desk)
    assert desk.ask("SELECT to_regclass('public.plain_id') IS NOT NULL")


async def test_what_nobody_knows_is_said_and_no_older_run_is_taken_instead(desk: Desk) -> None:
    await desk.run(action("create-partitions"), table="public.facts", months="0")
    killed(desk, "drop-index", "start", 1, "after", index="plain_id")
    with pytest.raises(Trouble) as told:
        await desk.plan(UNDO)
    assert told.value.kind is Kind.REFUSED
    assert "not known: DROP INDEX CONCURRENTLY public.plain_id" in told.value.sentence
    assert "CREATE INDEX CONCURRENTLY plain_id" in told.value.sentence
    assert desk.ask(PARTITIONS) == 1


async def test_a_reindex_that_was_cut_off_goes_on_with_the_indexes_that_are_left(desk: Desk) -> None:
    desk.do("CREATE INDEX plain_too ON public.plain (id)", "CREATE INDEX plain_third ON public.plain (id)")
    killed(desk, "reindex", "step", 2, "after", table="public.plain")
    made = await desk.plan(action("reindex"), table="public.plain")
    assert [step.sql for step in made.steps] == ["REINDEX INDEX CONCURRENTLY public.plain_too"]
    assert "public.plain_id, public.plain_third" in " ".join(made.notes)
    run = await desk.run(action("reindex"), table="public.plain")
    assert run.outcome is Outcome.DONE
    assert len((await desk.plan(action("reindex"), table="public.plain")).steps) == 3, "it is asked for anew"
