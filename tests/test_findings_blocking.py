"""What blocked sessions wait for is named, and connections that are used up are blamed on who blocks most of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from console.model import Facts, Frame, Snapshot
from console.rules.findings.blocking import BLOCKING_SESSION, blockers
from console.rules.findings.connections import CONNECTIONS_FULL, full

AT = datetime(2026, 1, 1, tzinfo=UTC)
SESSION: Mapping[str, object] = {
    **dict.fromkeys(("gid", "wait_age", "row", "client_port", "since"), None),
    "row_shared": False,
    "state": "active",
    "xact_age": 9.0,
    "state_age": 9.0,
    "wrote": False,
    "user": "app",
    "application": "shop",
    "client": "10.0.0.1",
    "database": "shop",
    "query": b"",
    "backend_start": "2026",
}
OBJECT = {"tag": "x", "kind": "transactionid", "object": "transaction 7"}
ROW = {"tag": "r", "kind": "tuple", "object": "public.orders", "row": "(0,1)", "mode": "Exclusive"}
HOLDER = {**SESSION, **OBJECT, "pid": 1, "mode": "Exclusive", "granted": True, "state": "idle in transaction"}


def waiter(pid: int) -> dict[str, object]:
    return {**SESSION, **OBJECT, "pid": pid, "mode": "Share", "granted": False, "wait_age": 9.0}


def taken(name: str, *rows: Mapping[str, object]) -> Snapshot:
    columns = tuple(rows[0])
    return Snapshot(name, columns, tuple(tuple(row[column] for column in columns) for row in rows), AT)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_row_for_which_a_single_session_waits_is_named(order: tuple[int, ...]) -> None:
    rows = (HOLDER, waiter(2), {**SESSION, **ROW, "pid": 2, "granted": True})
    queues = taken("lock_queues", *(rows[at] for at in order))
    (found,) = blockers(Frame({"lock_queues": (queues,)}, AT))
    assert "waited for: public.orders row (0,1);" in found.detail
    assert [each.value for each in found.evidence if each.label == "blocked"] == [
        "shop at 10.0.0.1, for public.orders row (0,1)"
    ]


@pytest.mark.parametrize(("database", "fixes"), [("shop", ["rollback-prepared"]), ("billing", [])])
def test_a_prepared_transaction_is_rolled_back_in_its_own_database_only(database: str, fixes: list[str]) -> None:
    prepared = {**HOLDER, "pid": None, "gid": "tx 7", "database": database, "state": None}
    queues = taken("lock_queues", prepared, waiter(2))
    (found,) = blockers(Frame({"lock_queues": (queues,)}, AT, facts=Facts("postgres", 180000, "18.0", database="shop")))
    assert [fix.action for fix in found.fixes] == fixes
    assert ("give that database as target" in found.detail) == (not fixes)


def test_who_blocks_is_worked_out_once_for_all_rules() -> None:
    queues = taken("lock_queues", HOLDER, waiter(2))
    frame = Frame({"lock_queues": (queues,)}, AT)
    assert blockers(frame.of(BLOCKING_SESSION)) is blockers(frame.of(CONNECTIONS_FULL))


@pytest.mark.parametrize(
    ("used", "waiting", "is_blamed", "says"),
    [
        (90, 1, False, "90 of 97 connections are used"),
        (90, 5, False, "90 of 97 connections are used"),
        (90, 40, True, "90 of 97 connections are used"),
        (97, 97, True, "97 of 97 connections are used"),
        (99, 2, False, "all 97 connections and 2 reserved for superusers are used"),
    ],
)
def test_who_blocks_a_few_sessions_is_not_why_connections_are_used_up(
    used: int, waiting: int, is_blamed: bool, says: str
) -> None:
    queues = taken("lock_queues", HOLDER, *map(waiter, range(2, waiting + 2)))
    vitals = taken("vitals", {"used": used, "usable": 97, "waiting": waiting})
    holder = {"application": "shop", "user": "app", "sessions": used, "active": waiting, "waiting": waiting}
    holders = taken("connection_holders", {**holder, "idle_in_transaction": 0, "idle": 0, "median_idle": None})
    readings = {"vitals": (vitals,), "lock_queues": (queues,), "connection_holders": (holders,)}
    (found,) = full(Frame(readings, AT))
    assert found.sentence.startswith(says)
    assert bool(found.blames) is is_blamed
