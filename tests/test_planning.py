"""Forms of actions: what a person gives is read whole or refused, and rows of a query become steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console.actions.indexes.index_safety import danger
from console.actions.partitions.partition_facts import PATIENCE
from console.actions.partitions.partition_table import SHORTEST
from console.actions.planning import Action, boolean, complete, split_notes, steps_from_rows, whole_number
from console.actions.relations import short
from console.actions.sessions.meant import Meant, sessions_meant
from console.actions.trail.undo import undo_lock_timeout
from console.model import Batches, Claim, Export, Kind, Parameter, Plan, Snapshot, Standalone, Transaction, Trouble


async def _no_plan(_: object) -> Plan:
    return Plan(Claim("x"))


ACTION = Action(
    "touch",
    "Touch",
    "Touches.",
    _no_plan,
    (Parameter("table", "which", required=True), Parameter("mode", "how", "quick"), Parameter("more", "what else")),
)


def test_parameters_are_known_given_where_required_and_filled_with_defaults() -> None:
    assert complete(ACTION, {"table": "t"}) == {"table": "t", "mode": "quick", "more": ""}
    assert complete(ACTION, {"table": "t", "mode": ""}) == {"table": "t", "mode": "", "more": ""}
    for given in ({}, {"table": ""}, {"mode": "x"}, {"table": "t", "tabel": "u"}):
        with pytest.raises(Trouble) as wrong:
            complete(ACTION, given)
        assert wrong.value.kind is Kind.USAGE


@pytest.mark.parametrize(("text", "value"), [("yes", True), (" YES ", True), ("no", False), ("No", False)])
def test_yes_and_no_are_read(text: str, value: bool) -> None:
    assert boolean({"x": text}, "x") is value


@pytest.mark.parametrize("text", ["", "y", "true", "1", "yes please", "\x1b[2J"])
def test_nothing_else_means_yes_or_no(text: str) -> None:
    with pytest.raises(Trouble) as wrong:
        boolean({"x": text}, "x")
    assert wrong.value.kind is Kind.USAGE
    assert "\x1b" not in wrong.value.sentence


@pytest.mark.parametrize(("text", "value"), [("2", 2), (" 5 ", 5), ("8", 8)])
def test_a_whole_number_is_read_within_its_bounds(text: str, value: int) -> None:
    assert whole_number({"x": text}, "x", 2, 8) == value


@pytest.mark.parametrize("text", ["", "1", "9", "-3", "+3", "3.0", "3e0", "٣", "0x3", "three", "3 4"])
def test_what_is_no_whole_number_within_its_bounds_is_wrong_usage(text: str) -> None:
    with pytest.raises(Trouble) as wrong:
        whole_number({"x": text}, "x", 2, 8)
    assert wrong.value.kind is Kind.USAGE


def rows(*records: dict[str, object]) -> Snapshot:
    """A snapshot with the columns of the first record."""
    columns = tuple(records[0])
    return Snapshot("q", columns, tuple(tuple(one.values()) for one in records), datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("columns", "execution"),
    [
        ({}, Transaction("")),
        ({"group": "a"}, Transaction("a")),
        ({"group": None}, Transaction("")),
        ({"transaction": True, "group": "a"}, Transaction("a")),
        ({"transaction": None}, Transaction("")),
        ({"transaction": False}, Standalone(None)),
        ({"transaction": False, "lock_timeout": None}, Standalone(None)),
        ({"transaction": False, "lock_timeout": 0}, Standalone(0.0)),
        ({"transaction": False, "lock_timeout": 3, "again": "SELECT 1"}, Standalone(3.0, "SELECT 1")),
        ({"repeat": True, "total": 5}, Batches(5)),
        ({"repeat": True, "total": None}, Batches(0)),
        ({"repeat": False}, Transaction("")),
        ({"file": "/f", "manifest": "SELECT 2", "query": "SELECT 3"}, Export("/f", "SELECT 2", "SELECT 3")),
        ({"file": None, "manifest": None}, Transaction("")),
    ],
)
def test_a_row_says_how_its_step_is_run(columns: dict[str, object], execution: object) -> None:
    (step,) = steps_from_rows(rows({"sql": "SELECT 0", "lock": None, "undo": "SELECT 9", **columns}))
    assert step.execution == execution
    assert (step.sql, step.lock, step.undo) == ("SELECT 0", "", "SELECT 9")


def test_a_row_that_refuses_ends_the_plan_with_its_remedy() -> None:
    with pytest.raises(Trouble) as why:
        steps_from_rows(rows({"sql": "SELECT 0", "refused": None}, {"sql": "", "refused": "No\x1b."}))
    assert (why.value.kind, why.value.sentence) == (Kind.REFUSED, "No␛.")
    steps, notes = split_notes(rows({"sql": "SELECT 0", "notice": None}, {"sql": None, "notice": "a note"}))
    assert (len(steps.rows), notes) == (1, ("a note",))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("public.t", "t"),
        ('"my.schema".t', "t"),
        ('"a""b."."c.d"', '"c.d"'),
        ("t", "t"),
        ('public."x\ny"', '"x y"'),
    ],
)
def test_a_short_name_is_the_name_without_its_schema(name: str, shown: str) -> None:
    assert short(name) == shown


START = "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("pid", "started", "meant"),
    [
        ("1", "", [Meant(1)]),
        (" 1 , 2", "", [Meant(1), Meant(2)]),
        ("1,1", "", [Meant(1)]),
        ("1,2", f"{START},{START}", [Meant(1, START), Meant(2, START)]),
        ("1,2", f",{START}", [Meant(1), Meant(2, START)]),
        ("1,1", f"{START},{START}", [Meant(1, START)]),
        ("1", "2026-01-01 02:00:00+02:00", [Meant(1, "2026-01-01T02:00:00+02:00")]),
        ("0,5", START, [Meant(0), Meant(5)]),
        ("2147483647", "", [Meant(2147483647)]),
    ],
)
def test_sessions_are_meant_by_pid_and_start(pid: str, started: str, meant: object) -> None:
    assert sessions_meant({"pid": pid, "started": started}) == meant


def test_a_statement_and_a_transaction_are_those_of_the_pid_at_the_same_place() -> None:
    given = {"pid": "1,2", "started": f"{START},{START}", "statement": f"{START},", "transaction": f",{START}"}
    assert sessions_meant(given) == [Meant(1, START, START), Meant(2, START, None, START)]


@pytest.mark.parametrize(
    ("pid", "started"),
    [("", ""), ("x", ""), ("-1", ""), ("1,", ""), ("2147483648", ""), ("1,2", START), ("1", f"{START},{START}"),
     ("1", "soon"), ("1", "2026-01-01 00:00:00")],
)  # fmt: skip
def test_what_names_no_session_is_wrong_usage(pid: str, started: str) -> None:
    with pytest.raises(Trouble) as wrong:
        sessions_meant({"pid": pid, "started": started})
    assert wrong.value.kind is Kind.USAGE


@pytest.mark.parametrize(
    ("statement", "seconds"),
    [
        ("CREATE INDEX CONCURRENTLY i ON public.t (a)", 0.0),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON public.t (a)", 0.0),
        ("DROP INDEX CONCURRENTLY public.i", 0.0),
        ("ALTER TABLE public.t DETACH PARTITION public.p CONCURRENTLY", 3.0),
        ("VACUUM public.t", None),
    ],
)
def test_an_undo_waits_for_locks_as_its_statement_needs(statement: str, seconds: float | None) -> None:
    assert undo_lock_timeout(statement) == seconds


TYPES = {
    "id": "integer", "big": "bigint", "n": "numeric", "at": "timestamp with time zone", "day": "date",
    "t": "text", "v": "character varying(20)", "w": "character varying(4000)", "m": "money", "j": "jsonb",
}  # fmt: skip


@pytest.mark.parametrize(
    ("definition", "code"),
    [
        ("(at DESC)", ""),
        ("(at) WHERE at > now()", "42P17"),
        ("(at) WHERE at > CURRENT_DATE", "42P17"),
        ("(at) WHERE t = 'now()'", ""),
        ("(gen_random_uuid())", "42P17"),
        ("((at::date))", "42P17"),
        ("(date(at))", "42P17"),
        ("((at AT TIME ZONE 'UTC')::date)", ""),
        ("(date_trunc('day', at))", "42P17"),
        ("(extract(year FROM at))", "42P17"),
        ("(to_char(at, 'YYYY'))", "42P17"),
        ("((day::text))", ""),
        ("((id + id))", "22003"),
        ("((id * 2))", ""),
        ("((id::bigint + id))", ""),
        ("((big + big))", ""),
        ("((m::numeric))", "42P17"),
        ("(id) INCLUDE (t)", "54000"),
        ("(id) INCLUDE (w)", "54000"),
        ("(id) INCLUDE (j)", "54000"),
        ("(id) INCLUDE (v, n)", ""),
    ],
)
def test_a_definition_that_the_server_would_refuse_is_refused_with_its_code(definition: str, code: str) -> None:
    said = danger(definition, TYPES)
    assert (f"({code})" in said) if code else not said, said
    if code == "54000":
        assert not danger(definition, TYPES, "a CHECK keeps it short")


def test_locks_of_one_transaction_share_its_patience() -> None:
    assert 0 < SHORTEST < PATIENCE
    assert timedelta(milliseconds=PATIENCE) < timedelta(seconds=0.2), "shorter than the session's lock_timeout"
