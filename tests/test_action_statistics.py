"""reset-statements and set-autovacuum: counters that begin again, and parameters of one table that can be undone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from console.actions.maintenance.set_autovacuum import SET_AUTOVACUUM
from console.actions.statistics.reset_statements import RESET_STATEMENTS
from console.actions.trail.undo import UNDO
from console.model import Kind, Outcome, Plan, Trouble
from console.running.trail.audit import Trail, default_trail
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster

CALLS = "SELECT calls FROM pg_stat_statements WHERE queryid = {} AND dbid = {}"


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    return Desk(pg, database, Trail(tmp_path / "audit.jsonl"))


@pytest.fixture
def counted(desk: Desk) -> Desk:
    """A desk in whose database statements are counted."""
    desk.do("CREATE EXTENSION pg_stat_statements", "CREATE TABLE item (id int)")
    desk.do("SELECT count(*) FROM item", "SELECT count(*) FROM item", "SELECT max(id) FROM item")
    return desk


def queryid(desk: Desk, text: str) -> str:
    return str(
        desk.ask(
            "SELECT max(queryid) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid "
            f"WHERE d.datname = current_database() AND query = '{text}'"
        )
        or ""
    )


async def test_one_statement_begins_again_and_the_others_keep_their_counters(counted: Desk) -> None:
    first, second = (queryid(counted, text) for text in ("SELECT count(*) FROM item", "SELECT max(id) FROM item"))
    run = await counted.run(RESET_STATEMENTS, queryid=first)
    assert run.outcome is Outcome.DONE, run.message
    assert not run.plan.destructive
    assert queryid(counted, "SELECT count(*) FROM item") == ""
    assert queryid(counted, "SELECT max(id) FROM item") == second
    with pytest.raises(Trouble, match=f"no statement with queryid {first}"):
        await counted.plan(RESET_STATEMENTS, queryid=first)


async def test_all_statements_begin_again_after_a_word_was_typed(counted: Desk) -> None:
    plan = await counted.plan(RESET_STATEMENTS)
    assert (plan.destructive, plan.claim.typed) == (True, "statements")
    run = await counted.run(RESET_STATEMENTS)
    assert run.outcome is Outcome.DONE, run.message
    assert queryid(counted, "SELECT max(id) FROM item") == ""


async def test_a_function_of_the_same_name_is_never_called(counted: Desk) -> None:
    for arguments in ("", "bigint", "int, int, bigint"):
        counted.do(
            f"CREATE FUNCTION pg_stat_statements_reset({arguments}) RETURNS void LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'trapped'; END $$"
        )
    for given in (queryid(counted, "SELECT max(id) FROM item"), ""):
        run = await counted.run(RESET_STATEMENTS, queryid=given)
        assert run.outcome is Outcome.DONE, run.message


async def test_without_the_right_the_grant_is_named_and_a_wrong_number_is_a_usage_error(counted: Desk) -> None:
    mine = Desk(counted.cluster, counted.database, counted.trail, user="pipeline_app")
    with pytest.raises(Trouble, match="lacks EXECUTE on pg_stat_statements_reset") as caught:
        await mine.plan(RESET_STATEMENTS)
    assert "GRANT EXECUTE ON FUNCTION" in caught.value.remedy
    for wrong in ("x", "1.5", "0", "99999999999999999999"):
        with pytest.raises(Trouble) as caught:
            await counted.plan(RESET_STATEMENTS, queryid=wrong)
        assert caught.value.kind is Kind.USAGE


def options(desk: Desk, toast: bool = False) -> str:
    part = "(SELECT reltoastrelid FROM pg_class WHERE relname = 'event')" if toast else "'event'::regclass"
    return str(desk.ask(f"SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = {part}"))


def shown(plan: Plan) -> dict[object, tuple[object, object]]:
    assert plan.table is not None
    return {row["parameter"]: (row["now"], row["new"]) for row in plan.table.records()}


async def test_parameters_are_set_shown_and_restored_by_undo(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    desk = replace(desk, trail=default_trail())
    desk.do("CREATE TABLE event (id int, body text) WITH (fillfactor = 80, autovacuum_vacuum_threshold = 100)")
    before = options(desk)
    given: dict[str, Any] = {
        "table": "event",
        "enabled": "no",
        "vacuum_threshold": "5000",
        "vacuum_scale_factor": "0.01",
    }
    plan = await desk.plan(SET_AUTOVACUUM, **given)
    assert shown(plan) == {
        "autovacuum_enabled": ("on (server)", "false"),
        "autovacuum_vacuum_threshold": ("100", "5000"),
        "autovacuum_vacuum_scale_factor": ("0.2 (server)", "0.01"),
    }
    assert plan.steps[0].lock == "SHARE UPDATE EXCLUSIVE on public.event"
    run = await desk.run(SET_AUTOVACUUM, **given)
    assert run.outcome is Outcome.DONE, run.message
    assert set(options(desk).split(", ")) == {
        *("fillfactor=80", "autovacuum_vacuum_threshold=5000", "autovacuum_vacuum_scale_factor=0.01"),
        "autovacuum_enabled=false",
    }
    assert not (await desk.plan(SET_AUTOVACUUM, **given)).steps, "nothing is left to set"
    undone = await desk.run(UNDO)
    assert undone.outcome is Outcome.DONE, undone.message
    assert set(options(desk).split(", ")) == set(before.split(", "))


async def test_a_parameter_that_is_reset_follows_the_server(desk: Desk) -> None:
    desk.do("CREATE TABLE event (id int) WITH (autovacuum_enabled = off, autovacuum_freeze_max_age = 200000)")
    plan = await desk.plan(SET_AUTOVACUUM, table="event", enabled="reset", freeze_max_age="reset")
    assert shown(plan) == {
        "autovacuum_enabled": ("off", "on (server)"),
        "autovacuum_freeze_max_age": ("200000", "200000000 (server)"),
    }
    run = await desk.run(SET_AUTOVACUUM, table="event", enabled="reset", analyze_threshold="10")
    assert run.outcome is Outcome.DONE, run.message
    assert set(options(desk).split(", ")) == {"autovacuum_freeze_max_age=200000", "autovacuum_analyze_threshold=10"}


async def test_toast_has_parameters_of_its_own(desk: Desk) -> None:
    desk.do("CREATE TABLE event (id int, body text)")
    run = await desk.run(SET_AUTOVACUUM, table="event", toast="yes", vacuum_scale_factor="0.05")
    assert run.outcome is Outcome.DONE, run.message
    assert options(desk, toast=True) == "autovacuum_vacuum_scale_factor=0.05"
    assert options(desk) == "None"
    desk.do("CREATE TABLE narrow (id int)", "CREATE TABLE parted (id int) PARTITION BY RANGE (id)")
    for given, why in (
        ({"table": "narrow", "toast": "yes", "enabled": "no"}, "has no TOAST table"),
        ({"table": "parted", "enabled": "no"}, "is no table that autovacuum processes by itself"),
    ):
        with pytest.raises(Trouble, match=why) as caught:
            await desk.plan(SET_AUTOVACUUM, **given)
        assert caught.value.kind is Kind.REFUSED


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("vacuum_scale_factor", "101", "from 0 to 100, or reset"),
        ("vacuum_threshold", "1.5", "a whole number"),
        ("vacuum_cost_limit", "0", "from 1 to 10000"),
        ("freeze_max_age", "10", "from 100000"),
        ("vacuum_scale_factor", "0.1, fillfactor = 10", "a number"),
        ("enabled", "maybe", "yes, no or reset"),
    ],
)
async def test_values_that_postgresql_would_refuse_are_usage_errors(
    desk: Desk, name: str, value: str, said: str
) -> None:
    desk.do("CREATE TABLE event (id int)")
    with pytest.raises(Trouble, match=said) as caught:
        await desk.plan(SET_AUTOVACUUM, table="event", **{name: value})
    assert caught.value.kind is Kind.USAGE


async def test_only_the_owner_sets_it_and_something_must_be_set(desk: Desk) -> None:
    desk.do("CREATE TABLE event (id int)")
    mine = Desk(desk.cluster, desk.database, desk.trail, user="pipeline_app")
    with pytest.raises(Trouble, match="Only the owner of"):
        await mine.plan(SET_AUTOVACUUM, table="event", enabled="no")
    with pytest.raises(Trouble, match="at least one value"):
        await desk.plan(SET_AUTOVACUUM, table="event")
    with pytest.raises(psycopg.errors.InvalidParameterValue):  # what the action checks is what the server accepts
        desk.do("ALTER TABLE event SET (autovacuum_vacuum_scale_factor = 101)")
