"""Who is blamed for holding VACUUM back or a transaction open, and which action is offered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.model import Facts, Frame, Level, Limit, Snapshot
from console.rules.diagnoses import DIAGNOSES
from console.rules.findings.held import left_open, left_prepared, pins
from console.rules.sessions import IDLE_IN_TRANSACTION_SECONDS
from console.running.trail.audit import Trail
from console.watching.observer import Observer
from tests.acting import Desk
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.faults import SETTINGS, Stage, held
from tests.servers import PostgresServer as Cluster

AT = datetime(2026, 1, 1, tzinfo=UTC)
ROW = {
    "kind": "session",
    "name": "app",
    "pid": 7,
    "backend_start": "2026-01-01",
    "application": "app",
    "user": "u",
    "client": "10.0.0.1",
    "database": "shop",
    "state": "idle in transaction",
    "state_age": 5.0,
    "xact_age": 5.0,
    "query": b"SELECT 1",
    "wrote": False,
    "xmin_age": 10,
    "catalog_xmin_age": None,
    "active": None,
    "relations": None,
    "here": True,
}
SLOT = {"kind": "slot", "name": "s", "database": None, "state": "reserved", "here": None, "active": False}
PREPARED = {"kind": "prepared", "name": "g", "state": "prepared", "wrote": True}


def frame(**given: object) -> Frame:
    row = ROW | given
    taken = Snapshot("held_transactions", tuple(row), (tuple(row.values()),), AT)
    return Frame({"held_transactions": (taken,)}, AT)


@pytest.mark.parametrize(
    ("given", "level", "action"),
    [
        ({"xmin_age": 999_999}, None, ""),
        ({"xmin_age": 1_000_001}, Level.WARNING, "terminate-backend"),
        ({"xmin_age": 50_000_001}, Level.CRITICAL, "terminate-backend"),
        ({"xmin_age": None}, None, ""),  # it only inherits a snapshot
        ({"xmin_age": 2_000_000, "state": "active"}, Level.WARNING, "cancel-backend"),
        ({"xmin_age": 2_000_000, "state": "autovacuum worker"}, Level.WARNING, ""),
        (SLOT | {"xmin_age": None, "catalog_xmin_age": 2_000_000}, Level.WARNING, "drop-slot"),
        (SLOT | {"xmin_age": 2_000_000, "active": True}, Level.WARNING, ""),
        (PREPARED | {"xmin_age": 2_000_000}, Level.WARNING, "rollback-prepared"),
        (PREPARED | {"xmin_age": 2_000_000, "here": False}, Level.WARNING, ""),
        ({"kind": "standby", "state": "walsender", "xmin_age": 2_000_000}, Level.WARNING, ""),
    ],
)
def test_who_holds_an_old_snapshot_is_blamed_and_ended_by_the_action_that_can(
    given: dict[str, object], level: Level | None, action: str
) -> None:
    found = list(pins(frame(**given)))
    assert [one.level for one in found] == ([level] if level else [])
    assert [fix.action for one in found for fix in one.fixes[:1]] == ([action] if action else [])


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ({"state_age": 59.9}, None),
        ({"state_age": 60.0}, Level.WARNING),
        ({"state_age": 301.0, "state": "idle in transaction (aborted)"}, Level.CRITICAL),
        ({"state_age": 301.0, "state": "active"}, None),
    ],
)
def test_a_session_is_reported_once_it_has_been_idle_in_its_transaction(
    given: dict[str, object], level: Level | None
) -> None:
    assert [one.level for one in left_open(frame(**given))] == ([level] if level else [])


LIMIT = "limit-idle-transactions"
SERVER = ("postgres", 180000, "18.0")


@pytest.mark.parametrize(
    ("given", "limit", "facts", "seconds"),
    [
        ({}, Limit(60, 300), Facts(*SERVER, user="dba"), "300"),
        ({}, Limit(0.2), Facts(*SERVER, user="dba"), "1"),
        ({"pooler": "p1"}, Limit(60, 90.5), Facts(*SERVER, user="dba"), "91"),
        ({}, Limit(60, 300), Facts(*SERVER, user="u"), ""),  # the console itself connects as this role
        ({}, Limit(60, 300), Facts(*SERVER, user="dba", assumed_by="u"), ""),
        ({}, Limit(60, 300), Facts(*SERVER, user="dba", standby=True), ""),
        ({}, Limit(60, 300), None, ""),
    ],
)
def test_the_role_can_be_given_the_limit_of_the_rule(
    given: dict[str, object], limit: Limit, facts: Facts | None, seconds: str
) -> None:
    rules = {IDLE_IN_TRANSACTION_SECONDS.name: replace(IDLE_IN_TRANSACTION_SECONDS, limit=limit)}
    (found,) = left_open(replace(frame(state_age=400.0, **given), facts=facts, rules=rules))
    (end, *others) = found.fixes
    assert end.action == "terminate-backend"
    assert [(fix.action, fix.parameters) for fix in others] == (
        [(LIMIT, {"role": "u", "seconds": seconds})] if seconds else []
    )
    assert all(("the user of the pool" in fix.effect) is ("pooler" in given) for fix in others)


def test_a_prepared_transaction_of_another_database_is_reported_with_the_way_to_end_it() -> None:
    (found,) = left_prepared(frame(**PREPARED, xact_age=400.0, here=False))
    assert found.level is Level.CRITICAL
    assert not found.fixes
    assert "give that database as target" in found.detail


async def test_who_only_inherits_a_snapshot_and_the_console_are_not_blamed(
    pg: Cluster, database: str, sessions: Sessions, tmp_path: Path
) -> None:
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    limits = SETTINGS["vacuum-pinned"](desk.settings).thresholds
    async with desk.workspace() as workspace:
        with held.old_transaction_that_wrote(Stage(desk, sessions)):
            verdict = await Observer(workspace.sources, DIAGNOSES, limits).look(everything=True)
    sentences = [one.sentence for one in verdict.findings]
    assert any("checkout-web" in sentence for sentence in sentences)
    assert not any("heir" in sentence or "pipeline-console" in sentence for sentence in sentences)
