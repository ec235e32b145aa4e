"""Verdicts of the panes: pure functions of a row, each on both sides of its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from console.format import decoded
from console.model import Level, Rule, Snapshot
from console.panes import (
    activity,
    bloat,
    connections,
    indexes,
    io,
    locks,
    partition_bounds,
    partition_coverage,
    slow_queries,
    views,
)
from console.panes.derived import APPROXIMATE, largest, listed, with_size
from console.panes.metrics import METRICS, Metric
from console.panes.pooler_rows import compare_defaults, flags, judge_pools, pooled, sessions
from console.panes.tenant_views import advise
from console.panes.vacuum_views import judge_age, progress
from console.rules import RULES

MB, GB, DAY = 1 << 20, 1 << 30, 86_400.0
Row = Mapping[str, object]


def one(row: Row) -> Snapshot:
    """A snapshot of one row."""
    return Snapshot("q", tuple(row), (tuple(row.values()),), datetime(2026, 1, 1, tzinfo=UTC))


POOL: Row = {
    **dict.fromkeys(("cl_waiting", "maxwait", "maxwait_us", "current_connections", "max_connections"), 0),
    **dict.fromkeys(("sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login", "paused", "disabled"), 0),
    "pool_size": 5,
}


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({}, "ok"),
        ({"sv_active": 5}, "ok"),
        ({"cl_waiting": 1, "sv_active": 4}, "waiting"),
        ({"cl_waiting": 1, "sv_active": 5}, "full"),
        *(({"cl_waiting": 1, "sv_active": 4, name: 1}, "full") for name in ("sv_idle", "sv_used", "sv_login")),
        ({"cl_waiting": 1, "sv_active": 4, "sv_tested": 1}, "full"),
        ({"cl_waiting": 1, "sv_active": 1, "pool_size": 0}, "waiting"),
        ({"cl_waiting": 1, "current_connections": 10, "max_connections": 10}, "full"),
        ({"cl_waiting": 1, "current_connections": 9, "max_connections": 10}, "waiting"),
        ({"cl_waiting": 1, "current_connections": 10, "max_connections": 0}, "waiting"),
        ({"cl_waiting": 1, "current_connections": 10, "max_connections": None}, "waiting"),
        ({"cl_waiting": 1, "sv_active": 5, "paused": 1}, "paused"),
        ({"disabled": 1}, "disabled"),
        ({"paused": 1, "disabled": 1}, "paused"),
    ],
)
def test_a_pool_is_full_by_its_own_size_or_by_the_limit_of_its_database(row: Row, verdict: str) -> None:
    assert judge_pools(one({**POOL, **row})).values("verdict") == (verdict,)


def test_waits_of_the_pooler_have_their_fraction() -> None:
    assert judge_pools(one({**POOL, "maxwait": 2, "maxwait_us": 250_000})).values("maxwait") == (2.25,)
    row = {"wait": 1, "wait_us": 500_000, "addr": "::1", "port": 7, "client_addr": None, "client_port": None}
    row |= {"local_port": 6432}
    for state, waits, busy in (("waiting", 1.5, None), ("waiting_cancel_req", 1.5, None), ("active", None, 1.5)):
        found = sessions(one({**row, "state": state}))
        assert (found.values("wait_seconds"), found.values("busy_seconds")) == ((waits,), (busy,))
        assert found.values("address") == ("::1:7",)
        assert found.values("behind") == (None,)


def test_rows_of_the_admin_console_are_no_pools() -> None:
    assert not pooled({"database": "pgbouncer"})
    assert not pooled({"name": "pgbouncer"})
    assert pooled({"database": "app", "name": "app"})
    assert flags(one({"paused": 1, "disabled": 0, "port": 1})).rows == ((True, False, 1),)
    assert compare_defaults(one({"value": "1", "default": "2"})).values("changed") == (True,)
    assert compare_defaults(one({"value": "1", "default": "1"})).values("changed") == (False,)


TABLE: Row = {
    "size": 100 * MB, "heap_size": 100 * MB, "dead_pct": 0.0, "bloat_reason": None, "autovacuum": True,
    **dict.fromkeys(("bloat", "bloat_pct", "heap_bloat", "heap_bloat_pct", "toast_bloat", "toast_bloat_pct"), 0),
    **dict.fromkeys(("toast_size", "toast_dead", "toast_dead_pct"), 0),
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({}, "ok"),
        ({"dead_pct": 9.99}, "ok"),
        ({"dead_pct": 10.0}, "dead tuples"),
        ({"dead_pct": 20.0}, "many dead tuples"),
        ({"dead_pct": 20.0, "heap_size": 50 * MB}, "many dead tuples"),
        ({"dead_pct": 20.0, "heap_size": 50 * MB - 100}, "ok"),
        ({"toast_dead_pct": 20.0, "toast_dead": 5200}, "many dead tuples"),
        ({"toast_dead_pct": 20.0, "toast_dead": 5100}, "ok"),
        *(
            ({part: space, f"{part}_pct": share}, verdict)
            for part in ("bloat", "heap_bloat", "toast_bloat")
            for space, share, verdict in (
                (10 * MB, 14.9, "ok"),
                (10 * MB, 15.0, "bloat"),
                (10 * MB - 1, 90.0, "ok"),
                (10 * MB, 40.0, "heavy bloat"),
            )
        ),
        ({"bloat": 50 * MB, "bloat_pct": 50.0, "dead_pct": 15.0}, "dead tuples"),
        ({"bloat": None, "heap_bloat": None, "bloat_reason": "no statistics"}, "unknown"),
        ({"bloat": None, "heap_bloat": None}, "not read yet"),
        ({"bloat": None, "heap_bloat": None, "size": 10 * MB - 1}, "ok"),
        ({"toast_bloat": None, "toast_size": 10 * MB}, "unknown"),
        ({"toast_bloat": None, "toast_size": 10 * MB - 1}, "ok"),
        ({"autovacuum": False}, "autovacuum off"),
        ({"autovacuum": False, "bloat": 20 * MB, "bloat_pct": 20.0}, "bloat"),
    ],
)
def test_dead_tuples_and_bloat_are_judged_where_they_take_ten_megabytes(row: Row, verdict: str) -> None:
    assert bloat.judge_table({**TABLE, **row}) == verdict


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({}, "ok"),
        ({"bloat": 10 * MB, "bloat_pct": 15.0}, "bloat"),
        ({"bloat": 10 * MB - 1, "bloat_pct": 90.0}, "ok"),
        ({"bloat": 10 * MB, "bloat_pct": 40.0}, "heavy bloat"),
        ({"bloat": None, "bloat_reason": "no statistics"}, "unknown"),
        ({"bloat": None}, "not read yet"),
        ({"bloat": None, "size": 10 * MB - 1}, "ok"),
    ],
)
def test_the_bloat_of_an_index_is_judged_where_it_takes_ten_megabytes(row: Row, verdict: str) -> None:
    assert bloat.judge_index({**TABLE, **row}) == verdict


AGES: Row = {"limit_pct": 0.0, "mxid_limit_pct": 0.0, "freeze_pct": 0.0, "mxid_freeze_pct": 0.0}


@pytest.mark.parametrize("kind", ["", "mxid_"])
@pytest.mark.parametrize(
    ("limit", "freeze", "verdict"),
    [
        (0.0, 99.9, "ok"),
        (0.0, 100.0, "freeze due"),
        (0.0, 150.0, "freeze overdue"),
        (49.9, 0.0, "ok"),
        (50.0, 0.0, "wraparound near"),
        (50.0, 150.0, "wraparound near"),
    ],
)
def test_the_older_of_both_kinds_of_ids_decides(kind: str, limit: float, freeze: float, verdict: str) -> None:
    assert judge_age({**AGES, f"{kind}limit_pct": limit, f"{kind}freeze_pct": freeze}) == verdict


def test_the_time_left_of_a_vacuum_follows_its_rate() -> None:
    row = {"heap_blks_total": 1000, "heap_blks_scanned": 400, "blocks_rate": 100.0}
    assert progress(one(row)).values("left") == (6.0,)
    assert progress(one({**row, "blocks_rate": 0.0})).values("left") == (None,)
    assert progress(one({**row, "blocks_rate": None})).values("left") == (None,)


INDEX: Row = {
    "needed": None, "covered_by": None, "valid": True, "building": False, "scans": 0, "last_use_age": None,
    "counted_for": 7 * DAY,
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({}, "unused"),
        ({"counted_for": 7 * DAY - 1}, "not yet known"),
        ({"counted_for": None}, "not yet known"),
        ({"scans": 1}, "in use"),
        ({"scans": 1, "counted_for": 1.0}, "in use"),
        ({"needed": "a primary key"}, "needed"),
        ({"needed": "a primary key", "scans": 5}, "in use"),
        ({"covered_by": "other"}, "redundant"),
        ({"covered_by": "other", "scans": 5}, "redundant"),
        ({"valid": False}, "invalid"),
        ({"valid": False, "building": True}, "building"),
        ({"valid": None}, "not read yet"),
        ({"valid": False, "covered_by": "other"}, "invalid"),
        ({"counted_for": 30 * DAY, "built_age": 7 * DAY - 1}, "not yet known"),
        ({"counted_for": 30 * DAY, "built_age": 7 * DAY}, "unused"),
        ({"counted_for": 30 * DAY, "built_age": None}, "unused"),
        ({"counted_for": 7 * DAY, "built_age": 30 * DAY}, "unused"),  # the counters were reset since
        ({"counted_for": None, "built_age": 30 * DAY}, "not yet known"),
    ],
)
def test_an_index_is_unused_only_after_a_week_of_counting(row: Row, verdict: str) -> None:
    assert indexes.judge({**INDEX, **row})[0] == verdict


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"scans": 5, "built_age": 8 * DAY}, "built 8d ago"),
        ({"scans": 5, "last_use_age": 60.0, "built_age": 8 * DAY}, "last scan 1m ago; built 8d ago"),
        ({"scans": 5}, ""),
        ({"counted_for": 30 * DAY, "built_age": 8 * DAY}, "no scans since it was built 8d ago"),
    ],
)
def test_the_reason_of_a_verdict_says_when_an_index_was_built(row: Row, reason: str) -> None:
    assert indexes.judge({**INDEX, **row})[1] == reason


ON_REPLICAS: Row = {
    "replica_scans": 0,
    "replica_last_use_age": None,
    "replica_counted_for": 30 * DAY,
    "replica_users": "",
    "replica_unread": "",
    "replica_counted": "near (counted for 30d)",
    "replicas_read": 1,
}


@pytest.mark.parametrize(
    ("row", "verdict", "reason"),
    [
        ({}, "unused", "no scans in"),
        ({"replica_scans": 3, "replica_users": "near"}, "in use", "scanned on near only"),
        ({"replica_scans": 3, "replica_users": "near", "scans": 1}, "in use", ""),
        ({"replica_scans": 3, "replica_users": "near", "replica_last_use_age": 60.0}, "in use", "; last scan 1m ago"),
        ({"replica_unread": "replica far: gone"}, "not yet known", "no scans here, but replica far: gone"),
        ({"replica_unread": "replica far: gone", "scans": 1}, "in use", ""),
        ({"replica_unread": "replica far: gone", "needed": "unique"}, "needed", "not scanned, but unique"),
        ({"replica_scans": None, "replica_unread": None}, "not yet known", "were not asked yet"),
        ({"replica_counted_for": DAY}, "not yet known", "no scans in 24h"),
        ({"replica_counted_for": None}, "not yet known", "since an unknown time"),
        ({"covered_by": "other", "replica_scans": 9}, "redundant", "covered by other"),
    ],
)
def test_an_index_is_unused_only_if_no_replica_can_use_it(row: Row, verdict: str, reason: str) -> None:
    found = indexes.judge({**INDEX, **ON_REPLICAS, **row})
    assert found[0] == verdict
    assert reason in found[1]


def test_whose_scans_are_counted_is_a_note() -> None:
    row = {**INDEX, "estimated_size": 1, "total": 1, "is_standby": False, "standbys": 1, "standby_names": "walreceiver"}
    (_, note) = indexes.indexes(one(row)).notes
    assert "1 standby is connected (walreceiver) and not named" in note
    assert indexes.indexes(one({**row, **ON_REPLICAS})).notes[1:] == ("with the scans on near (counted for 30d)",)
    (_, note) = indexes.indexes(one({**row, **ON_REPLICAS, "standbys": 3})).notes
    assert "2 standbys are connected and not named" in note
    unread = {"replicas_read": 0, "replica_counted": "", "replica_unread": "replica far: gone"}
    assert indexes.indexes(one({**row, **ON_REPLICAS, **unread})).notes[1:] == ("scans are missing: replica far: gone",)


VIEW: Row = {
    "standby": False, "may_refresh": True, "owner": "o", "has_key": True, "has_unique": True, "populated": True,
    "refresh_error": None, "busy": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "verdict", "concurrently"),
    [
        ({}, "ok", "yes"),
        ({"has_key": False}, "blocks reads", "no"),
        ({"has_key": False, "has_unique": False}, "blocks reads", "no"),
        ({"populated": False}, "not populated", "no"),
        ({"refresh_error": "x"}, "refresh failed", "yes"),
        ({"busy": True}, "refreshing", "yes"),
        ({"standby": True}, "ok", "no"),
        ({"may_refresh": False}, "ok", "no"),
        ({"refresh_error": "x", "busy": True}, "refresh failed", "yes"),
        ({"populated": False, "refresh_error": "x"}, "not populated", "no"),
    ],
)
def test_a_view_is_refreshed_concurrently_only_where_nothing_prevents_it(
    row: Row, verdict: str, concurrently: str
) -> None:
    found = views.judge({**VIEW, **row})
    assert found[:2] == (verdict, concurrently)
    assert bool(found[2]) is (concurrently == "no" or bool(row.get("refresh_error")))


def test_a_view_is_refreshed_after_those_that_it_reads() -> None:
    order = views.refresh_order({"c": ["b", "a"], "b": ["a"], "a": [], "alone": []})
    assert order == {"a": 1, "b": 2, "c": 3, "alone": 1}
    assert set(views.refresh_order({"x": ["y"], "y": ["x"]})) == {"x", "y"}


TENANT: Row = {
    "rows": 1000, "counted_for": 30.44 * DAY, "grown": 0, "size": 200 * GB, "largest_share": 24.0, "partitioned": None,
    "by_tenant": False, "unseen": False, "known": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({}, "worth it"),
        ({"size": 100 * GB}, "worth it"),
        ({"size": 100 * GB - 1}, "not needed"),
        ({"largest_share": 49.9}, "worth it"),
        ({"largest_share": 50.0}, "too skewed"),
        ({"largest_share": None}, "worth it"),
        ({"known": False}, "unknown"),
        ({"unseen": True, "size": 0}, "unknown"),
        ({"partitioned": "range"}, "partitioned"),
        ({"size": 50 * GB, "grown": 100}, "near"),  # 5 GB a month, 50 GB missing
        ({"size": 50 * GB, "grown": 80}, "not needed"),
        ({"size": 50 * GB, "grown": 100, "counted_for": DAY - 1}, "not needed"),
        ({"size": 50 * GB, "grown": None}, "not needed"),
    ],
)
def test_hash_partitions_are_worth_it_by_size_and_skew(row: Row, verdict: str) -> None:
    assert advise(one({**TENANT, **row})).values("verdict") == (verdict,)


def test_growth_is_bytes_a_month_at_the_present_size_of_a_row() -> None:
    (growth,) = advise(one({**TENANT, "grown": 100})).values("growth")
    assert growth == pytest.approx(20 * GB)
    assert advise(one({**TENANT, "grown": -100})).values("growth") == (0.0,)


NOW = datetime(2026, 6, 15, tzinfo=UTC).timestamp()
TYPES = ("timestamp with time zone",)


def month(first: int, last: int, year: int = 2026) -> str:
    """The bound of a partition."""
    return f"FOR VALUES FROM ('{year}-{first:02}-01 00:00:00+00') TO ('{year}-{last:02}-01 00:00:00+00')"


def parent(*texts: str, **more: object) -> Row:
    """A table that is partitioned by range of a time."""
    return {
        "bounds": list(texts), "bound_rows": [0.0] * len(texts), "types": list(TYPES), "strategy": "range",
        "now": NOW, "default_oid": None, "default_rows": None, "children": len(texts), "detaching": False,
        "clock": True, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "runway", "verdict"),
    [
        (parent(month(6, 7), month(7, 8)), 47.0, "ok"),
        (parent(month(6, 7), month(7, 8), now=NOW + 16 * DAY), 31.0, "ok"),
        (parent(month(6, 7), month(7, 8), now=NOW + 17 * DAY), 30.0, "runway short"),
        (parent(month(6, 7), now=NOW + 9 * DAY), 7.0, "runway short"),
        (parent(month(6, 7), now=NOW + 10 * DAY), 6.0, "runway critical"),
        (parent(month(6, 7), now=NOW + 16 * DAY), 0.0, "now not covered"),
        (parent(month(5, 6), month(7, 8)), 0.0, "now not covered"),
        (parent(month(4, 5), month(6, 7), month(7, 8)), 47.0, "gap"),
        (parent(month(6, 7), month(8, 9)), 16.0, "runway short"),
        (parent(month(6, 7, 2025)), 0.0, "now not covered"),
        (parent(month(5, 6, 2025)), None, "ended"),
        (parent("FOR VALUES FROM ('2026-06-01 00:00:00+00') TO (MAXVALUE)"), None, "ok"),
        (parent("FOR VALUES FROM (MINVALUE) TO ('2026-08-01 00:00:00+00')"), 47.0, "ok"),
        (parent(month(6, 7), month(7, 8), default_oid=1, default_rows=1.0), 47.0, "rows in default"),
        (parent(month(6, 7), month(7, 8), default_oid=1, default_rows=0.0), 47.0, "ok"),
        (parent(month(6, 7), month(7, 8), detaching=True), 47.0, "detach pending"),
        (parent(month(6, 7), month(7, 8), astray="x"), 47.0, "month detached"),
        (parent(), None, "no partitions"),
        (parent(month(6, 7), month(7, 8), clock=False), None, "unknown"),
        (parent("FOR VALUES FROM (0) TO (99)", types=["integer"]), None, "unknown"),
        (parent("FOR VALUES IN ('a')", types=["text"], strategy="list"), None, "ok"),
        (parent("FOR VALUES IN ('2026-06-01')", types=["date"], strategy="list"), None, "unknown"),
        (parent("FOR VALUES IN ('a')", types=["text"], strategy="list", clock=False), None, "unknown"),
        (parent("FOR VALUES FROM (0) TO (MAXVALUE)", types=["integer"]), None, "ok"),
        *(
            (parent(f"FOR VALUES FROM ({NOW:.0f}{more}) TO ({NOW + 47 * DAY:.0f}{more})", types=["bigint"]), 47.0, "ok")
            for more in ("", "000", "000000", "000000000")
        ),
        (parent(f"FOR VALUES FROM ({NOW:.0f}) TO ({NOW + 47 * DAY:.0f}1)", types=["bigint"]), None, "unknown"),
    ],
)
def test_the_runway_of_a_table_ends_with_the_last_bound_without_a_gap(
    row: Row, runway: float | None, verdict: str
) -> None:
    known = partition_coverage.coverage(row)
    assert known.runway == (None if runway is None else pytest.approx(runway))
    assert partition_coverage.judge(row, known) == verdict


@pytest.mark.parametrize(
    ("bounds", "share"),
    [
        (["FOR VALUES WITH (modulus 4, remainder 0)", "FOR VALUES WITH (modulus 4, remainder 1)"], "50%"),
        ([f"FOR VALUES WITH (modulus 3, remainder {at})" for at in range(3)], "100%"),
        (["FOR VALUES WITH (modulus 2, remainder 0)", "FOR VALUES WITH (modulus 4, remainder 1)"], "75%"),
    ],
)
def test_hash_partitions_are_complete_with_every_remainder(bounds: list[str], share: str) -> None:
    row = parent(*bounds, strategy="hash", types=["uuid"])
    known = partition_coverage.coverage(row)
    assert known.first == f"{share} of keys"
    assert partition_coverage.judge(row, known) == ("ok" if share == "100%" else "incomplete")


def test_bounds_are_read_as_the_server_writes_them() -> None:
    span = partition_bounds.parse_range("FOR VALUES FROM (1, 'it''s, b') TO (MAXVALUE, MINVALUE)", ("integer", "text"))
    assert span == (((0, 1.0), (0, "it's, b")), (partition_bounds.HIGHEST, partition_bounds.LOWEST))
    assert partition_bounds.bound_text(span[0], ("integer", "text")) == "1, it's, b"
    assert partition_bounds.parse_range("DEFAULT", TYPES) is None
    assert partition_bounds.list_values("FOR VALUES IN ('a, b', NULL, 3)") == 3
    for text, value in (("a, b)", "a, b)"), ("it''s", "it's"), ("", ""), ("MINVALUE", "MINVALUE")):
        span = partition_bounds.parse_range(f"FOR VALUES FROM ('{text}') TO ('c')", ("text",))
        assert span == (((0, value),), ((0, "c"),))
    old, far = partition_bounds.parse_range("FOR VALUES FROM ('0001-01-01 BC') TO ('infinity')", ("date",)) or ((), ())
    assert (old, far) == ((partition_bounds.LOWEST,), (partition_bounds.HIGHEST,))
    for text, shown in (("2026-01-01", "2026-01-01"), ("2026-01-01 06:30:00", "2026-01-01 06:30")):
        found = partition_bounds.parse_range(f"FOR VALUES FROM ('{text}') TO (MAXVALUE)", TYPES)
        assert found is not None
        assert partition_bounds.bound_text(found[0], TYPES) == shown


def test_sizes_are_exact_where_they_are_known() -> None:
    shown = with_size(
        Snapshot(
            "q",
            ("exact_size", "estimated_size"),
            ((0, 8192), (None, 8192), (None, None)),
            datetime(2026, 1, 1, tzinfo=UTC),
        )
    )
    assert shown.values("size") == (0, 8192, None)
    assert shown.values("approximate") == ("", APPROXIMATE, "")


def test_a_note_says_when_rows_were_left_out() -> None:
    assert largest(one({"total": 1}), "tables") == ""
    assert "2" in largest(one({"total": 2}), "tables")
    assert largest(one({"total": None}), "tables") == ""
    assert [listed("abc"), listed("abcd")] == ["a, b, c", "a, b, c and 1 more"]


def test_the_step_of_a_run_is_shown_with_how_many_there_are() -> None:
    assert activity.with_progress(one({"step": 3, "steps": 12})).values("progress") == ("3 of 12",)


SESSION: Row = {
    "pid": 1, "state": "active", "age": 5.0, "query": b"select 1", "application": "a", "user": "u", "database": "d",
}  # fmt: skip


def many(*rows: Row) -> Snapshot:
    """A snapshot of several rows."""
    columns = tuple(rows[0])
    return Snapshot("q", columns, tuple(tuple(row.values()) for row in rows), datetime(2026, 1, 1, tzinfo=UTC))


def test_who_blocks_whom_is_counted_once_for_each_session() -> None:
    shown = connections.sessions(
        many(queued(SESSION), queued({**SESSION, "pid": 2}, [1, 1]), queued({**SESSION, "pid": 3}, [1, 2]))
    )
    assert shown.values("blocks") == (2, 1, 0)
    assert shown.values("blockers") == (0, 1, 2)


def test_a_session_is_called_by_its_application_and_where_there_are_several_by_its_database() -> None:
    alone = many(SESSION, {**SESSION, "application": ""}, {**SESSION, "application": None, "user": None})
    assert connections.who(alone) == ["a", "u", None]
    assert connections.who(many(SESSION, {**SESSION, "database": None})) == ["a", "a"]
    assert connections.who(many(SESSION, {**SESSION, "database": "e"})) == ["a@d", "a@e"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"caf\xc3", "caf"),
        (b"\xe6\x9d", ""),
        (b"caf\xe9 x", "caf\\xe9 x"),
        ("plain", "plain"),
        (None, None),
    ],
)
def test_a_query_text_that_is_cut_or_in_another_encoding_is_readable(text: object, shown: object) -> None:
    assert decoded(text) == shown


LOCK: Row = {
    "pid": 0, "gid": None, "wait_age": None, "xact_age": None, "query": None, "state": "active", "wants": None,
    "wanted_row": None, "holds": None, "application": "a", "user": "u", "database": "d",
}  # fmt: skip


def queued(row: Row, by: Sequence[int] = ()) -> Row:
    """A row with what the query reads of the lock that a session waits for, which those of `by` hold."""
    return {
        "holder_id": row["pid"], **row, "leader_pid": None, "lock_id": row["pid"] if by else None, "place": 1,
        "wanted_mode": 64, "holders": list(by), "held_modes": [64] * len(by),
    }  # fmt: skip


def tree(*rows: Row) -> list[tuple[object, object, object]]:
    """Each line of the tree: what is in its first column, its root, and how many wait for it."""
    shown = locks.tree(many(*rows))
    return list(zip(shown.values("tree"), shown.values("root"), shown.values("blocks"), strict=True))


def test_the_root_that_blocks_most_is_first_with_its_nearest_waiters_below() -> None:
    assert tree(
        queued({**LOCK, "pid": 1, "xact_age": 50.0}),
        queued({**LOCK, "pid": 2, "wait_age": 3.0}, [1]),
        queued({**LOCK, "pid": 10, "xact_age": 5.0}),
        queued({**LOCK, "pid": 11, "wait_age": 1.0}, [10]),
        queued({**LOCK, "pid": 12, "wait_age": 2.0}, [10, 11]),
        queued({**LOCK, "pid": 13, "wait_age": 0.5}, [12]),
    ) == [
        ("10", "10", 3),
        ("└12", "10", 1),
        ("·└13", "10", 0),
        ("└11", "10", 2),
        ("1", "1", 1),
        ("└2", "1", 0),
    ]


def test_a_prepared_transaction_and_a_deadlock_are_roots_too() -> None:
    assert tree(
        queued({**LOCK, "pid": 0, "gid": "g", "holder_id": -1}), queued({**LOCK, "pid": 5, "wait_age": 1.0}, [-1])
    ) == [
        ("0", "g", 1),
        ("└5", "g", 0),
    ]
    assert tree(
        queued({**LOCK, "pid": 1, "wait_age": 1.0}, [2]),
        queued({**LOCK, "pid": 2, "wait_age": 9.0}, [1]),
    ) == [("2", "2", 1), ("└1", "2", 1)]


STATEMENT: Row = {
    "queryid": 1, "total_ms": 30.0, "all_ms": 120.0, "hits": 9, "blocks": 12, "ms_rate": None, "known": 2,
    "counted_from": NOW, "evictions": 0, "block_rate": 1.0, "last_run": 1.0,
    **dict.fromkeys(("call_rate", "mean_now", "row_rate", "hit_now", "read_rate", "temp_rate", "wal_rate"), 1.0),
}  # fmt: skip


def test_statements_have_their_share_and_the_heaviest_come_first_until_there_are_rates() -> None:
    other = {**STATEMENT, "queryid": 2, "total_ms": 60.0, "blocks": 0}
    found = slow_queries.judged(many(STATEMENT, other))
    assert found.values("queryid") == (2, 1)
    assert (found.values("share"), found.values("hit")) == ((50.0, 25.0), (None, 75.0))
    rated = slow_queries.judged(many({**STATEMENT, "ms_rate": 1.0}, {**other, "ms_rate": 0.5}))
    assert rated.values("queryid") == (1, 2)
    ran_later = slow_queries.judged(many({**STATEMENT, "ms_rate": 0.0}, {**other, "ms_rate": 0.0, "last_run": 2.0}))
    assert ran_later.values("queryid") == (2, 1)
    assert slow_queries.judged(one({**STATEMENT, "all_ms": 0.0})).values("share") == (None,)
    # Since it was summed up, one of them went on: no share is above the whole.
    assert slow_queries.judged(one({**STATEMENT, "all_ms": 20.0})).values("share") == (100.0,)


def test_the_hit_ratio_of_a_statement_is_judged_where_enough_blocks_are_read() -> None:
    for blocks, rate, judged in ((12, 1999.0, (None, None)), (100_000, 2000.0, (1.0, 0.009))):
        found = slow_queries.judged(one({**STATEMENT, "blocks": blocks, "block_rate": rate}))
        assert (found.values("hit_now_judged")[0], found.values("hit_judged")[0]) == judged
    for view in slow_queries.SLOW_QUERIES.views:  # a mark has its reason in the view that is open
        assert not [column.name for column in view.columns if column.rule and column.name in OTHER[view.name]]


OTHER = {"now": {"mean_ms", "hit", "temp_bytes"}, "totals": {"mean_now", "hit_now", "temp_rate"}}


def test_statements_that_may_not_be_told_apart_have_no_rates() -> None:
    found = slow_queries.judged(many({**STATEMENT, "ms_rate": 1.0}, {**STATEMENT, "queryid": None, "ms_rate": 5.0}))
    assert found.values("ms_rate") == (1.0, None)
    assert found.values("call_rate") == (1.0, None)
    (hidden,) = found.hidden
    assert "1 statement of other users" in hidden.sentence
    for evictions, said in ((0, False), (3, True)):
        notes = slow_queries.judged(one({**STATEMENT, "evictions": evictions})).notes
        assert any("evicted 3 times" in note for note in notes) is said
    assert any("1 of 2 statements" in note for note in slow_queries.judged(one(STATEMENT)).notes)
    assert not any("statements, " in note for note in slow_queries.judged(one({**STATEMENT, "known": 1})).notes)


IO_ROW: Row = {
    "backend_type": "client backend", "object": "relation", "hits": 3, "lookups": 4, "fsync_rate": 2.0, "timed": True,
    "counted_from": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "hit", "own", "noted"),
    [
        ({}, 75.0, 2.0, False),
        ({"lookups": 0}, None, 2.0, False),
        ({"lookups": None}, None, 2.0, False),
        ({"backend_type": "checkpointer"}, 75.0, None, False),
        ({"timed": False}, 75.0, 2.0, True),
        ({"timed": False, "object": "wal"}, 75.0, 2.0, False),
    ],
)
def test_fsyncs_of_clients_are_told_from_those_of_the_checkpointer(
    row: Row, hit: float | None, own: float | None, noted: bool
) -> None:
    found = io.counters(one({**IO_ROW, **row}))
    assert (found.values("hit"), found.values("backend_fsync_rate")) == ((hit,), (own,))
    assert any("track_io_timing" in note for note in found.notes) is noted


def test_the_summary_counts_what_ordinary_roles_may_use() -> None:
    rows = ({"state": "idle in transaction", "sessions": 30, "usable": 97}, {"state": "hidden", "sessions": 10,
            "usable": 97})  # fmt: skip
    found = connections.summed(many(*rows))
    assert found.values("state") == ("idle in tx", "hidden")
    assert any("40 of 97" in note and "41%" in note for note in found.notes)
    (hidden,) = found.hidden
    assert "30 of 40" in hidden.sentence
    assert not connections.summed(many({**rows[0], "usable": 0})).notes


@pytest.mark.parametrize(
    ("row", "level"),
    [
        ({"used": 79, "usable": 100}, Level.OK),
        ({"used": 80, "usable": 100}, Level.WARNING),
        ({"used": 95, "usable": 100}, Level.CRITICAL),
        ({"used": 80, "usable": 0}, Level.OK),
        ({"used": None, "usable": 100}, Level.OK),
    ],
)
def test_connections_are_judged_by_their_share(row: Row, level: Level) -> None:
    assert metric("used").level(row) is level


@pytest.mark.parametrize(
    ("row", "level"),
    [
        ({"hit_percent": 94.9, "block_rate_recent": 2000.0}, Level.WARNING),
        ({"hit_percent": 95.0, "block_rate_recent": 2000.0}, Level.OK),
        ({"hit_percent": 10.0, "block_rate_recent": 1999.0}, Level.OK),
        ({"hit_percent": 10.0, "block_rate_recent": None}, Level.WARNING),
        ({"hit_percent": None, "block_rate_recent": 5000.0}, Level.OK),
    ],
)
def test_the_cache_is_judged_where_enough_blocks_are_read(row: Row, level: Level) -> None:
    assert metric("hit_percent").level(row) is level


@pytest.mark.parametrize(
    ("row", "level"),
    [
        ({"waiting": 5, "waiting_long": 0}, Level.OK),
        ({"waiting": 5, "waiting_long": 1}, Level.WARNING),
        ({"waiting": 5, "waiting_long": 10}, Level.CRITICAL),
        ({"waiting": 5}, Level.WARNING),
    ],
)
def test_waits_are_judged_once_they_have_lasted(row: Row, level: Level) -> None:
    assert metric("waiting").level(row) is level


def metric(column: str) -> Metric:
    """The metric of that column."""
    (found,) = (each for each in METRICS if each.column == column)
    return found


@pytest.mark.parametrize("rule", [rule for rule in RULES if isinstance(rule, Rule)], ids=lambda rule: rule.name)
def test_a_limit_belongs_to_what_is_bad(rule: Rule) -> None:
    """WARNING and CRITICAL from a limit on; of values that are bad when low, under it."""
    limits = [(rule.limit.warning, Level.WARNING)]
    limits += [(rule.limit.critical, Level.CRITICAL)] if rule.limit.critical is not None else []
    for limit, level in limits:
        step = abs(limit) / 1e6 or 1e-9
        better, worse = (limit, limit - step) if rule.limit.below else (limit - step, limit)
        assert rule.level(worse) >= level
        assert rule.level(better) < level
    assert rule.level(None) is rule.level("x") is rule.level(True) is Level.OK
    if rule.limit.critical is not None:
        assert (rule.limit.critical < rule.limit.warning) is rule.limit.below
