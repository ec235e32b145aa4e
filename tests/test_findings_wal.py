"""WAL that cannot be removed, and connections that run out: from when on, whom it names, what it offers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from console.model import Frame, Level, Snapshot
from console.rules.findings.connections import full
from console.rules.findings.disk_space import space
from console.rules.findings.wal import retained
from console.rules.judging import fold
from console.sources.log.entry import LogEntry
from console.sources.log.ring import COUNTS, kind_rows

AT = datetime(2026, 1, 1, tzinfo=UTC)
SLOT = {
    "slot_name": "standby1",
    "slot_type": "physical",
    "database": None,
    "active": False,
    "wal_status": "extended",
    "retained": 0,
    "safe_wal_size": None,
    "inactive_age": 7200.0,
    "invalidation_reason": None,
}
ARCHIVER = {
    "archive_mode": "on",
    "failed_count": 3,
    "last_failed_wal": "0000000100000000000000A1",
    "failing": False,
    "failed_age": 10.0,
    "behind": 100.0,
}


def taken(query: str, row: dict[str, object], seconds: float = 0) -> Snapshot:
    return Snapshot(query, tuple(row), (tuple(row.values()),), AT + timedelta(seconds=seconds))


def frame(slot: dict[str, object], archiver: dict[str, object], before: float | None = None) -> Frame:
    now = taken("slot_retention", SLOT | slot)
    earlier = () if before is None else (taken("slot_retention", SLOT | slot | {"retained": before}, -60),)
    return Frame({"slot_retention": (*earlier, now), "archiver": (taken("archiver", ARCHIVER | archiver),)}, AT)


@pytest.mark.parametrize(
    ("slot", "level", "fixes"),
    [
        ({"retained": 10 * 2**30 - 1}, None, 0),
        ({"retained": 10 * 2**30}, Level.WARNING, 1),
        ({"retained": 100 * 2**30}, Level.CRITICAL, 1),
        ({"retained": 10 * 2**30, "active": True, "inactive_age": None}, Level.WARNING, 0),
        ({"wal_status": "lost", "retained": None}, Level.WARNING, 1),
        ({"wal_status": "unreserved", "retained": 5}, Level.CRITICAL, 1),
    ],
)
def test_a_slot_that_retains_or_has_lost_wal_is_named(slot: dict[str, object], level: Level | None, fixes: int) -> None:
    found = list(retained(frame(slot, {})))
    assert [one.level for one in found] == ([level] if level else [])
    assert all("standby1" in one.sentence for one in found)
    assert sum(len(one.fixes) for one in found) == fixes


def test_the_growth_is_known_from_the_second_reading_on() -> None:
    (found,) = retained(frame({"retained": 20 * 2**30}, {}, before=19 * 2**30))
    assert "inactive for 2h" in found.sentence
    assert "+60.0 GB per hour" in found.sentence


@pytest.mark.parametrize(
    ("safe", "text"),
    [
        (2**30, "1.00 GB more until it is invalidated"),
        (0, "invalidated at the next checkpoint"),
        (-25812400, "invalidated at the next checkpoint"),
        (None, ""),
    ],
)
def test_how_much_more_a_slot_may_retain_is_never_less_than_nothing(safe: int | None, text: str) -> None:
    (found,) = retained(frame({"retained": 20 * 2**30, "safe_wal_size": safe}, {}))
    assert found.detail == "; ".join(filter(None, ("physical slot", text)))


@pytest.mark.parametrize(
    ("archiver", "level"),
    [
        ({"failing": True}, Level.WARNING),
        ({"failing": True, "behind": 1000.0}, Level.CRITICAL),
        ({"failing": True, "behind": 59.0}, None),
        ({"failing": True, "failed_age": 301.0}, None),  # not tried again: nothing waits
        ({"failing": True, "archive_mode": "off"}, None),
        ({}, None),
    ],
)
def test_an_archiver_is_reported_while_its_attempts_fail(archiver: dict[str, object], level: Level | None) -> None:
    found = list(retained(frame({}, archiver)))
    assert [one.level for one in found] == ([level] if level else [])
    assert all("the last attempt failed 10s ago (0000000100000000000000A1)" in one.sentence for one in found)


HOLDER = {
    "application": "leaky",
    "user": "app",
    "sessions": 70,
    "idle": 60,
    "idle_in_transaction": 0,
    "active": 10,
    "waiting": 0,
    "longest_idle": 900.0,
    "median_idle": 300.0,
    "half_idle_since": AT - timedelta(seconds=300),
}


@pytest.mark.parametrize(
    ("used", "holder", "level", "action"),
    [
        (79, {}, None, ""),
        (80, {}, Level.WARNING, "terminate-idle"),
        (95, {}, Level.CRITICAL, "terminate-idle"),
        (95, {"idle": 0, "median_idle": None, "half_idle_since": None}, Level.CRITICAL, ""),
        (95, {"application": ""}, Level.CRITICAL, "terminate-idle"),
        (95, {"user": None}, Level.CRITICAL, ""),
    ],
)
def test_full_connections_name_the_application_and_end_its_idle_sessions(
    used: int, holder: dict[str, object], level: Level | None, action: str
) -> None:
    vitals = taken("vitals", {"used": used, "usable": 100, "waiting": 0})
    holders = taken("connection_holders", HOLDER | holder)
    found = list(full(Frame({"vitals": (vitals,), "connection_holders": (holders,)}, AT)))
    assert [one.level for one in found] == ([level] if level else [])
    assert [fix.action for one in found for fix in one.fixes] == ([action] if action else [])
    assert all(("leaky" if holder.get("application", "leaky") else "app") in one.sentence for one in found)


@pytest.mark.parametrize(
    ("free", "rises", "full"),
    [
        (2 << 30, 1 << 30, "+60.0 GB per hour, its disk is full on 2026-01-01 00:02 UTC"),
        (600 << 30, 1 << 30, "+60.0 GB per hour, its disk is full on 2026-01-01 10:00 UTC"),
        (1 << 60, 1, None),  # in years
        (None, 1 << 30, None),
    ],
)
def test_wal_that_grows_is_named_with_the_moment_at_which_its_disk_is_full(
    free: int | None, rises: int, full: str | None
) -> None:
    read = frame({"retained": 20 << 30}, {}, before=(20 << 30) - rises)
    (found,) = retained(Frame({**read.readings, "host_disks": (taken("host_disks", DISK | {"free": free}),)}, AT))
    assert ("its disk is full" in found.sentence) == (full is not None)
    assert full is None or full in found.sentence
    (without,) = retained(read)
    assert "disk" not in without.sentence


def test_the_error_of_the_archive_command_is_named_where_the_log_can_be_read() -> None:
    failing = frame({}, {"failing": True})
    entry = LogEntry(AT, "LOG", "archive command failed with exit code 1", detail="The command was: false /archive")
    kinds = Snapshot("log_kinds", ("kind", *COUNTS), tuple(kind_rows([(1, entry)], AT)), AT)
    (found,) = retained(Frame({**failing.readings, "log_kinds": (kinds,)}, AT))
    assert found.evidence[0].value.startswith("archive command failed with exit code 1: The command was: false")
    assert "server log" not in found.detail
    (without,) = retained(failing)
    assert "the server log has the archive command's error" in without.detail


@pytest.mark.parametrize(
    ("holder", "other", "given"),
    [
        ({}, {}, {"application": "leaky", "user": "app"}),
        ({"application": ""}, {"user": "batch"}, {"user": "app"}),
        ({"application": ""}, {}, None),  # it would end those of the other application as well
    ],
)
def test_only_idle_sessions_of_the_application_and_role_that_are_named_are_ended(
    holder: dict[str, object], other: dict[str, object], given: dict[str, str] | None
) -> None:
    vitals = taken("vitals", {"used": 95, "usable": 100, "waiting": 0})
    rows = [HOLDER | holder, HOLDER | {"application": "report", "sessions": 5, "idle": 5} | other]
    holders = Snapshot("connection_holders", tuple(HOLDER), tuple(tuple(row.values()) for row in rows), AT)
    (found,) = full(Frame({"vitals": (vitals,), "connection_holders": (holders,)}, AT))
    wanted = [] if given is None else [{**given, "idle-since": str(AT - timedelta(seconds=300))}]
    assert [fix.parameters for fix in found.fixes] == wanted


DISK = {"what": "pg_wal", "mount": "/", "device": "vda", "size": 100 << 30, "free": 2 << 30, "used_percent": 98.0}


@pytest.mark.parametrize(
    ("disk", "slot", "archiver", "held", "root", "level"),
    [
        ({}, {"retained": 40 << 30}, {}, None, "slot standby1", Level.CRITICAL),
        ({"what": "data directory"}, {"retained": 40 << 30}, {}, None, "disk /", Level.CRITICAL),
        ({}, {"retained": 9 << 30}, {}, 90 << 30, "disk /", Level.CRITICAL),
        ({}, {}, {"failing": True, "behind": 7200.0}, 50 << 30, "archiver", Level.CRITICAL),
        ({}, {}, {"failing": True, "behind": 7200.0}, 1 << 30, "disk /", Level.CRITICAL),
        ({}, {}, {"failing": True, "behind": 7200.0}, None, "disk /", Level.CRITICAL),
        ({"used_percent": 92.0}, {"retained": 40 << 30}, {}, None, "slot standby1", Level.WARNING),
    ],
)
def test_a_disk_that_wal_fills_is_a_symptom_of_what_keeps_the_wal(
    disk: dict[str, object],
    slot: dict[str, object],
    archiver: dict[str, object],
    held: int | None,
    root: str,
    level: Level,
) -> None:
    full_disk = frame(slot, archiver)
    wal = {} if held is None else {"wal_directory": (taken("wal_directory", {"what": "pg_wal", "held": held}),)}
    readings = {**full_disk.readings, "host_disks": (taken("host_disks", DISK | disk),), **wal}
    judged = Frame(readings, AT)
    first, *_ = sorted(fold((*retained(judged), *space(judged))), key=lambda found: found.subject != root)
    assert (first.subject, first.level) == (root, level)
    if root != "disk /":
        assert any("of the file system of pg_wal in use" in each for each in first.explains)


GROWTH = DISK | {"used_percent": 50.0}


@pytest.mark.parametrize(
    ("free", "sentence"),  # GB, of an earlier reading each minute, oldest first
    [
        (range(80, 49, -1), "for 50 minutes at the rate of the last 15 minutes"),
        ((*range(80, 51, -1), None, 50), "for 50 minutes at the rate of the last 15 minutes"),  # one was not known
        ((80,) * 15 + (50,) * 16, None),  # a file that was written at once
        (range(50, 81), None),
        ((55, 50), None),  # after a minute
    ],
)
def test_only_a_disk_that_fills_up_steadily_is_said_to_be_full_soon(
    free: Sequence[int | None], sentence: str | None
) -> None:
    ago = range(-60 * (len(free) - 1), 1, 60)
    known = ({"free": None if gb is None else gb << 30} for gb in free)
    disks = (taken("host_disks", GROWTH | each, at) for each, at in zip(known, ago, strict=True))
    found = list(space(Frame({"host_disks": tuple(disks)}, AT)))
    assert [each.sentence.partition(" left, ")[2] for each in found] == ([sentence] if sentence else [])
