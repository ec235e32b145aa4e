"""Boundaries of the rules that find what needs care or soon will, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.model import CannotTell, Facts, Finding, Frame, IndexHistory, Level, Record, Snapshot
from console.rules.findings import (
    activity,
    connections,
    indexes,
    missing_indexes,
    replication,
    running_out,
    server,
    settings,
    views,
)
from console.rules.judging import rank

NOW = datetime(2026, 11, 12, tzinfo=UTC)
GB = 1 << 30


def snapshot(name: str, rows: Sequence[Record], ago: float = 0.0) -> Snapshot:
    columns = tuple(rows[0]) if rows else ()
    return Snapshot(name, columns, tuple(tuple(row.values()) for row in rows), NOW - timedelta(seconds=ago))


def frame(at: datetime = NOW, version: int = 180000, **readings: Sequence[Snapshot]) -> Frame:
    return Frame({name: tuple(taken) for name, taken in readings.items()}, at, facts=Facts("postgres", version, "18.4"))


@pytest.mark.support
@pytest.mark.parametrize(
    ("major", "day", "level"),
    [
        (14, "2026-11-12", Level.WARNING),
        (14, "2026-11-11", Level.NOTICE),
        (14, "2026-05-17", Level.NOTICE),
        (14, "2026-05-15", None),
        (18, "2026-11-12", None),
        (99, "2026-11-12", None),
    ],
)
def test_a_version_without_fixes_is_found_from_its_last_day_on(major: int, day: str, level: Level | None) -> None:
    at = datetime.fromisoformat(day).replace(tzinfo=UTC)
    assert [found.level for found in server.unsupported(frame(at, major * 10000))] == ([level] if level else [])


@pytest.mark.parametrize("major", range(14, 20))
def test_no_other_test_begins_to_fail_on_the_day_on_which_a_version_gets_its_last_fix(major: int) -> None:
    assert list(server.unsupported(frame(datetime(2060, 1, 1, tzinfo=UTC), major * 10000))) == []


@pytest.mark.support
def test_what_fails_comes_before_a_version_without_fixes() -> None:
    (old,) = server.unsupported(frame(datetime(2026, 11, 12, tzinfo=UTC), 140000))
    others = (Finding("invalid-index", "index", Level.WARNING, ""), Finding("z", "z", Level.WARNING, ""))
    assert rank((old, *others)) == (*others, old)


def test_a_line_with_an_error_is_as_bad_as_a_value_that_prevents_the_start() -> None:
    lines: list[Record] = [
        {"seqno": at, "name": name, "verdict": verdict, "error": error, "sourcefile": "/data/x.conf", "sourceline": at}
        for at, name, verdict, error in (
            (7, "work_mem", "error", "setting could not be applied"),
            (8, "port", "needs restart", "setting could not be applied"),
        )
    ]
    errors = (snapshot("settings_file_errors", [{"lines": 2}]),)
    (found,) = settings.files(frame(settings_file_errors=errors, settings_files=(snapshot("settings_files", lines),)))
    assert (found.level, found.subject) == (Level.CRITICAL, "settings x.conf:7")
    assert "the server would not start again: setting could not be applied" in found.sentence


UNUSED: Record = {
    "oid": 7, "index": "public.visit_page", "table": "visit", "verdict": "unused", "size": GB, "reason": "",
    "counted_for": 30 * 86400.0, "is_standby": False, "standbys": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("days", "named"),
    [
        (None, "1 unused index of 1.00 GB, no scans in 30d: public.visit_page"),
        (7, "1 unused index of 1.00 GB, no scans in 30d: public.visit_page (built 7d ago)"),
        (6.9, ""),
    ],
)
def test_whether_a_new_index_is_used_is_asked_after_a_week(days: float | None, named: str) -> None:
    history = IndexHistory(NOW, {}, (), {} if days is None else {7: NOW - timedelta(days=days)})
    seen = replace(frame(indexes=(snapshot("indexes", [UNUSED]),)), indexes=history)
    if named:
        assert [found.sentence for found in indexes.unused(seen)] == [named]
    else:
        with pytest.raises(CannotTell, match="less than 7 days"):
            list(indexes.unused(seen))


def counters(deadlocks: int, ago: float) -> Snapshot:
    rows = [{"oid": 5, "database": "shop", "deadlocks": deadlocks}, {"oid": 6, "database": "idle", "deadlocks": 3}]
    return snapshot("database_counters", rows, ago)


@pytest.mark.parametrize(
    ("before", "ago", "named"), [(2, 60, ["1 deadlock in database shop"]), (3, 60, []), (2, 400, None)]
)
def test_deadlocks_are_counted_within_the_window(before: int, ago: float, named: list[str] | None) -> None:
    seen = frame(database_counters=(counters(before, ago), counters(3, 0)))
    if named is None:
        with pytest.raises(CannotTell, match="second reading"):
            list(activity.deadlocks(seen))
    else:
        assert [found.sentence.split(" in the last")[0] for found in activity.deadlocks(seen)] == named


def sessions(begun: int, backends: int, seconds: float, ago: float) -> Snapshot:
    row = {"oid": 5, "database": "shop", "sessions": begun, "backends": backends, "session_seconds": seconds}
    return snapshot("database_counters", [row], ago)


@pytest.mark.parametrize(
    ("ago", "begun", "backends", "found"),
    [
        (15, 299, 0, False),  # too few in total
        (15, 300, 0, True),
        (15, 400, 101, False),  # an application started and keeps its connections
        (15, 300, -200, True),  # sessions that began earlier ended too
        (60, 1199, 0, False),
        (60, 1200, 0, True),
        (400, 9000, 0, None),
    ],
)
def test_sessions_that_begin_and_end_are_found_from_a_rate_and_a_number_on(
    ago: float, begun: int, backends: int, found: bool | None
) -> None:
    seen = frame(database_counters=(sessions(500, 300, 60.0, ago), sessions(500 + begun, 300 + backends, 75.0, 0)))
    if found is None:
        with pytest.raises(CannotTell, match="second reading"):
            list(connections.churn(seen))
    else:
        assert [each.subject for each in connections.churn(seen)] == (["connection churn shop"] if found else [])


def test_counters_that_an_earlier_version_did_not_read_are_not_compared() -> None:
    with pytest.raises(CannotTell, match="second reading"):
        list(connections.churn(frame(database_counters=(counters(1, 60), sessions(500, 3, 1.0, 0)))))


def test_counters_that_were_reset_cannot_be_compared() -> None:
    with pytest.raises(CannotTell, match="reset"):
        list(activity.deadlocks(frame(database_counters=(counters(9, 60), counters(3, 0)))))


def checkpoints(requested: int, timed: int, wal: int, ago: float) -> Snapshot:
    row = {
        "requested": requested,
        "timed": timed,
        "wal_bytes": wal,
        "max_wal_size": GB,
        "timeout": 300.0,
        "completion_target": 0.9,
    }
    return snapshot("checkpoint_counters", [row], ago)


@pytest.mark.parametrize(
    ("requested", "timed", "written", "found"),
    [
        (3, 0, 9 * GB, 1),
        (2, 0, 9 * GB, 0),  # too few
        (3, 3, 9 * GB, 0),  # as many by time
        (3, 0, GB // 2, 0),  # somebody ran CHECKPOINT: there is not as much WAL
    ],
)
def test_checkpoints_are_found_when_wal_caused_them(requested: int, timed: int, written: int, found: int) -> None:
    counted = (checkpoints(0, 0, 0, 600), checkpoints(requested, timed, written, 0))
    seen = frame(
        checkpoint_counters=counted, max_wal_size_source=(snapshot("max_wal_size_source", [{"fixed": False}], 0),)
    )
    assert len(list(activity.requested(seen))) == found


def test_the_max_wal_size_that_would_do_holds_the_wal_of_one_timeout() -> None:
    row = next(iter(checkpoints(0, 0, 0, 0).records()))
    wanted = activity.needed(row, wal_rate=10 << 20)
    assert wanted / (1 + 0.9) >= 300 * (10 << 20)
    assert wanted % activity.STEP == 0


LAG: dict[str, object] = {
    "paused": None,
    "itself": False,
    "unsent": 0,
    "unflushed": 0,
    "unreplayed": 0,
    "receiver": None,
}


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"unsent": 9, "unflushed": 1}, "not sent"),
        ({"unflushed": 9, "unreplayed": 1}, "not on the standby's disk"),
        ({"unreplayed": 9}, "not replayed"),
        ({"itself": True, "paused": True}, "paused"),
        ({"itself": True, "unreplayed": 9}, "slower"),
        ({"itself": True}, "receives no WAL"),
        ({"itself": True, "receiver": "streaming"}, "waits for WAL"),
    ],
)
def test_a_lag_is_explained_by_the_stage_that_holds_the_wal(row: dict[str, object], word: str) -> None:
    assert word in replication.why(LAG | row)


def sequence(last: int, ago: float) -> Snapshot:
    row = {
        "oid": 7,
        "sequence": "public.ticket_id_seq",
        "column": "ticket.id",
        "type": "integer",
        "last_value": last,
        "last_possible": 2**31 - 1,
        "used_pct": 100 * last / 2**31,
        "hidden": 0,
    }
    return snapshot("sequence_ranges", [row], ago)


def test_how_long_a_sequence_lasts_is_known_from_its_use() -> None:
    seen = frame(sequence_ranges=(sequence(2**31 - 300_000_000, 86_000), sequence(2**31 - 200_000_000, 0)))
    (found,) = running_out.sequences(seen)
    assert (found.level, "enough for 47h" in found.sentence) == (Level.CRITICAL, True)


def test_sequences_that_cannot_be_read_are_unknown_unless_another_one_is_near_its_end() -> None:
    hidden = dict.fromkeys(next(iter(sequence(0, 0).records()))) | {"hidden": 3}
    with pytest.raises(CannotTell, match="3 sequences"):
        list(running_out.sequences(frame(sequence_ranges=(snapshot("sequence_ranges", [hidden]),))))


def test_a_value_given_on_the_command_line_waits_for_no_restart() -> None:
    row = {"name": "shared_buffers", "value": "1", "next_value": "2", "pending_restart": True, "source": "command line"}
    assert list(settings.pending(frame(settings=(snapshot("settings", [row]),)))) == []


VIEW: dict[str, object] = {
    "oid": 1,
    "view": "public.report",
    "busy": False,
    "populated": True,
    "refresh_error": None,
    "data_age": 100.0,
    "logged_view": "report",
    "why": "",
    "verdict": "ok",
    "concurrently": "yes",
}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({}, []),
        ({"data_age": 7100.0}, []),
        ({"data_age": 7300.0}, ["data 2h old"]),
        ({"data_age": None}, ["unknown age"]),
        ({"populated": False}, ["never filled"]),
        ({"populated": False, "busy": True}, []),
        ({"refresh_error": "no room"}, ["no room"]),
        ({"view": "public.other", "populated": False}, []),
    ],
)
def test_a_view_is_judged_by_its_policy(row: dict[str, object], words: list[str]) -> None:
    found = _stale(VIEW | row)
    assert [word in finding.sentence for word, finding in zip(words, found, strict=True)] == [True] * len(words)


def test_a_view_whose_refreshes_are_not_recorded_is_unknown() -> None:
    with pytest.raises(CannotTell, match="console_refreshes"):
        _stale(VIEW | {"data_age": None, "logged_view": None})


def _stale(row: Record) -> list[Finding]:
    taken = (snapshot("matviews", [row]),)
    return list(views.stale(Frame({"matviews": taken}, NOW, refreshes={"public.report": 3600.0})))


def test_runaway_statements_are_unknown_where_sessions_are_hidden() -> None:
    vitals = snapshot("vitals", [{"visible": 1, "used": 9, "active": 0}])
    with pytest.raises(CannotTell, match="hidden"):
        list(activity.runaways(frame(vitals=(vitals,), runaway_statements=())))


SCANNED: Record = {
    "oid": 1,
    "table": "public.visit",
    "size": 200 << 20,
    "rows": 1000.0,
    "scans": 700,
    "rows_read": 700_000,
    "counted_for": 7 * 86400.0,
}
KEY: Record = {
    "oid": 2,
    "table": "public.offer",
    "constraint": "offer_brand",
    "columns": "brand",
    "target": "public.offer",
    "keys": "brand",
    "referenced": "public.brand",
    "size": 200 << 20,
    "deleted": 9,
}


@pytest.mark.parametrize(
    ("scanned", "key", "found"),
    [
        ({}, {"deleted": 0}, ["scans of public.visit"]),
        ({"scans": 699, "rows_read": 699_000}, {"deleted": 0}, []),  # under 100 a day
        ({"rows_read": 629_999}, {"deleted": 0}, []),  # most scans end early
        ({"size": 99 << 20}, {"deleted": 0}, []),
        ({"rows": None}, {"deleted": 0}, []),  # never analysed
        ({"scans": 0}, {}, ["foreign key offer_brand of public.offer"]),
        ({"scans": 0}, {"size": 99 << 20}, []),
        ({"scans": 0}, {"deleted": 0, "size": 99 << 30}, []),
        ({"scans": 0, "counted_for": 7 * 86400.0 - 1}, {}, None),  # counted for less than a week
        ({"scans": 0, "counted_for": 60.0}, {"deleted": 0}, []),  # nothing that would have to be withheld
    ],
)
def test_missing_indexes_are_found_by_size_use_and_time(
    scanned: dict[str, object], key: dict[str, object], found: list[str] | None
) -> None:
    seen = frame(
        sequential_scans=[snapshot("sequential_scans", [{**SCANNED, **scanned}])],
        foreign_keys=[snapshot("foreign_keys", [{**KEY, **key}])],
    )
    if found is None:
        with pytest.raises(CannotTell, match="less than 7 days"):
            list(missing_indexes.missing(seen))
    else:
        assert [each.subject for each in missing_indexes.missing(seen)] == found
