"""The doctor of the poolers: why clients wait, room on the servers, what versions and settings mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from console.model import CannotTell, Evidence, Finding, Frame, Level, PoolHistory, Record, Snapshot
from console.panes.pooler_groups import DOCTOR
from console.rules.findings.pool_doctor import COLUMNS, doctor_rows

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
POOLS: list[Record] = [
    {"pooler": "p1", "database": "shop", "user": "app"},
    {"pooler": "p1", "database": "shop", "user": "job"},
    {"pooler": "p2", "database": "shop", "user": "app"},
]
ENTRY = {"host": "db1", "port": 5432, "pool_size": 20, "reserve_pool_size": 5, "max_connections": 0}
ADMIN: Record = {**ENTRY, "pooler": "p1", "name": "pgbouncer", "database": "pgbouncer", "pool_size": 2}


def entry(pooler: str, name: str = "shop", **changed: object) -> Record:
    """A row of SHOW DATABASES."""
    return {**ENTRY, "pooler": pooler, "name": name, "database": name, **changed}


def setting(key: str, value: str, default: str = "", *, restart: bool = False, pooler: str = "p1") -> Record:
    """A row of SHOW CONFIG."""
    changeable = "no" if restart else "yes"
    return {"pooler": pooler, "key": key, "value": value, "default": default, "changeable": changeable}


def doctor(*findings: Finding, usable: int = 97, version: str = "1.26.1", **reads: list[Record]) -> list[Record]:
    """The rows of the doctor about some reads."""
    known: dict[str, list[Record]] = {
        "pooler_pools": POOLS,
        "pooler_databases": [entry("p1"), entry("p2"), ADMIN],
        "pooler_config": [setting("pool_mode", "transaction", "session")],
        "pooler_version": [{"pooler": "p1", "version": f"PgBouncer {version}"}],
        "vitals": [{"usable": usable}],
        **reads,
    }
    readings = {
        name: (Snapshot(name, tuple(rows[0]), tuple(tuple(row.values()) for row in rows), NOON),)
        for name, rows in known.items()
        if rows
    }
    return [dict(zip(COLUMNS, row, strict=True)) for row in doctor_rows(Frame(readings, NOON), findings, PoolHistory())]


def topic(rows: list[Record], name: str) -> list[Record]:
    return [row for row in rows if row["topic"] == name]


def identity(row: Record) -> list[object]:
    return [row[name] for name in DOCTOR.key]


@pytest.mark.parametrize(
    ("usable", "entries", "level", "text"),
    [
        (97, [entry("p1"), entry("p2"), ADMIN], "ok", "75 connections, of 97 "),
        (70, [entry("p1"), entry("p2")], "warning", "75 connections, of 70 "),
        (70, [entry("p1", max_connections=30), entry("p2")], "ok", "55 connections, of 70 "),
        (97, [entry("p1", "unused")], "ok", "25 connections, of 97 "),
    ],
)
def test_pools_of_all_poolers_and_users_are_added_up(usable: int, entries: list[Record], level: str, text: str) -> None:
    (row,) = topic(doctor(usable=usable, pooler_databases=entries), "room")
    assert (row["subject"], row["level"]) == ("db1:5432", level)
    assert str(row["text"]).startswith(f"pools may open {text}that the server has for ordinary roles: ")


def test_pools_before_several_servers_are_compared_with_none() -> None:
    rows = topic(doctor(usable=10, pooler_databases=[entry("p1"), entry("p2", host="db2")]), "room")
    assert [(row["subject"], row["level"]) for row in rows] == [("db1:5432", "ok"), ("db2:5432", "ok")]
    assert not [row for row in rows if "ordinary roles" in str(row["text"])]


def test_a_wait_is_shown_by_its_cause_with_those_who_hold_the_connections() -> None:
    cause = Evidence("cause", "held by idle in transaction", "pooler", "doctor")
    holder = Evidence("web at 10.0.0.4:5000", "9.0s", "pooler", "servers", {"remote_pid": 1})
    finding = Finding("pool-exhausted", "pool", Level.CRITICAL, "2 clients wait", "pid 1", (cause, holder))
    rows = doctor(finding, Finding("other", "x", Level.CRITICAL, "something else"))
    older = replace(finding, sentence="2 clients wait for 9s", evidence=(cause, replace(holder, value="9.2s")))
    assert [identity(row) for row in doctor(older)] == [identity(row) for row in rows], "ages make no other row"
    (wait,), (held,) = topic(rows, "waits"), topic(rows, "holders")
    assert (wait["level"], wait["subject"]) == ("critical", "held by idle in transaction")
    assert wait["text"] == "2 clients wait; pid 1"
    assert (held["subject"], held["text"]) == ("web at 10.0.0.4:5000", "holds a server connection, 9.0s")
    (calm,) = topic(doctor(), "waits")
    assert calm["level"] == "ok"


@pytest.mark.parametrize(
    ("version", "most", "text"),
    [
        ("1.18.0", "", "1.21 and later have them"),
        ("1.21.0", "0", "max_prepared_statements = 0: no prepared"),
        ("1.24.1", "200", "max_prepared_statements = 200 for each"),
    ],
)
def test_prepared_statements_depend_on_the_version(version: str, most: str, text: str) -> None:
    config = [setting("max_prepared_statements", most)] if most else [setting("pool_mode", "transaction")]
    (row,) = topic(doctor(version=version, pooler_config=config), "prepared")
    assert (row["pooler"], row["subject"]) == ("p1", version)
    assert text in str(row["text"])


def test_known_vulnerabilities_settings_that_need_a_restart_and_further_processes_are_named() -> None:
    config = [
        setting("listen_port", "6432", "6432", restart=True),
        setting("listen_addr", "*", "", restart=True),
        setting("so_reuseport", "1", "0", restart=True),
        setting("pool_mode", "transaction", "session"),
    ]
    rows = doctor(version="1.25.2", pooler_config=config)
    assert "CVE-2026-107350" in {row["subject"] for row in topic(rows, "CVE")}
    (restart,) = topic(rows, "restart")
    assert restart["text"] == (
        "need a restart: listen_port, listen_addr, so_reuseport; not at their defaults: listen_addr, so_reuseport"
    )
    assert topic(rows, "processes")
    assert not topic(doctor(), "CVE")
    assert not topic(doctor(), "processes")


def test_without_a_reading_of_the_pools_nothing_is_said() -> None:
    with pytest.raises(CannotTell):
        doctor(pooler_pools=[])
