"""Jobs without a server: occurrences, back-off, kinds and their parameters, commands, and the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from console.jobs import commands
from console.jobs.backoff import LONGEST, pause
from console.jobs.job import Rejected
from console.jobs.kinds import CHECKS, KINDS, Checks, Task, assignment
from console.jobs.occurrences import DAILY, HOURLY, MONTHLY, WEEKLY, Period, next_occurrence, occurrence
from console.model import Trouble
from console.rules.diagnoses import DIAGNOSES
from console.settings import config
from console.settings.jobs import JobWindow, RecurringJob
from console.worker.checking import CHECKED


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "every", "after", "expected"),
    [
        ("2026-01-31 02:00", MONTHLY, "2026-01-31 02:00", "2026-02-28 02:00"),
        ("2026-01-31 02:00", MONTHLY, "2026-02-28 02:00", "2026-03-31 02:00"),  # no drift to the 28th
        ("2026-01-31 02:00", MONTHLY, "2026-03-31 02:00", "2026-04-30 02:00"),
        ("2024-01-31 02:00", MONTHLY, "2024-01-31 02:00", "2024-02-29 02:00"),
        ("2024-02-29 00:00", Period(months=12), "2024-02-29 00:00", "2025-02-28 00:00"),
        ("2024-02-29 00:00", Period(months=12), "2027-06-01 00:00", "2028-02-29 00:00"),
        ("2026-01-31 02:00", MONTHLY, "2026-01-31 01:59:59.999999", "2026-01-31 02:00"),
        ("2026-01-31 02:00", MONTHLY, "2020-01-01 00:00", "2026-01-31 02:00"),  # the clock was far ahead
        ("2000-01-02 03:00", WEEKLY, "2026-11-28 12:00", "2026-11-29 03:00"),
        ("2000-01-01 00:05", HOURLY, "2026-11-28 23:05", "2026-11-29 00:05"),
        ("2000-01-01 00:15", DAILY, "2026-11-28 00:14", "2026-11-28 00:15"),
        ("2000-01-01 00:15", DAILY, "2026-12-31 00:15", "2027-01-01 00:15"),
        ("2026-11-21 01:00", DAILY, "2026-11-28 00:30", "2026-11-28 01:00"),  # slept a week: one, and not late
        ("2026-01-31 00:00", Period(1, 1, 60), "2026-01-31 00:00", "2026-03-01 00:01"),
        ("9999-11-30 00:00", MONTHLY, "9999-11-30 00:00", "9999-12-30 00:00"),
    ],
)
def test_the_next_occurrence_is_the_first_one_to_come(first: str, every: Period, after: str, expected: str) -> None:
    assert next_occurrence(at(first), every, at(after)) == at(expected)


def test_occurrences_are_counted_in_utc_whatever_the_zone_of_the_first_one() -> None:
    berlin = timezone(timedelta(hours=1))
    first = datetime(2026, 2, 1, 0, 30, tzinfo=berlin)  # 31 January in UTC
    assert [occurrence(first, MONTHLY, n).day for n in range(4)] == [31, 28, 31, 30]


@pytest.mark.parametrize(
    ("every", "words"),
    [
        (HOURLY, "hour"),
        (DAILY, "day"),
        (WEEKLY, "week"),
        (MONTHLY, "month"),
        (Period(months=3), "3 months"),
        (Period(days=30), "30 days"),
        (Period(seconds=1800.0), "30 minutes"),
        (Period(1, 3, 60.0), "1 month 3 days 1 minute"),
    ],
)
def test_a_period_is_called_as_people_call_it(every: Period, words: str) -> None:
    assert every.words == words


@pytest.mark.parametrize("every", [Period(), Period(months=1, days=-1), Period(seconds=-60)])
def test_a_period_that_does_not_advance_has_no_next_occurrence(every: Period) -> None:
    with pytest.raises(ValueError, match="longer than nothing"):
        next_occurrence(at("2026-01-01"), every, at("2026-01-01"))


def test_after_the_last_year_there_is_no_next_occurrence() -> None:
    with pytest.raises((OverflowError, ValueError)):
        next_occurrence(at("9999-12-31"), MONTHLY, at("9999-12-31"))


@pytest.mark.parametrize(
    ("attempt", "chance", "seconds"),
    [(1, 0.0, 15.0), (1, 1.0, 30.0), (2, 1.0, 60.0), (4, 0.5, 180.0), (20, 1.0, LONGEST), (10_000, 0.0, LONGEST / 2)],
)
def test_pauses_grow_with_jitter_up_to_an_hour(attempt: int, chance: float, seconds: float) -> None:
    assert pause(attempt, 30.0, chance) == seconds


@pytest.mark.parametrize(
    ("text", "table", "verb", "of"),
    [
        ("VACUUM content_requests", "", "VACUUM", "content_requests"),
        ("vacuum analyze public.content_requests;", "", "VACUUM ANALYZE", "public.content_requests"),
        ("VACUUM (ANALYZE) t", "", "VACUUM ANALYZE", "t"),
        ("VACUUM ANALYZE", "t", "VACUUM ANALYZE", "t"),
        ("ANALYZE t", "", "ANALYZE", "t"),
        ("REINDEX TABLE CONCURRENTLY t", "", "REINDEX", "t"),
        ("REINDEX t", "", "REINDEX", "t"),
        ('ANALYZE public."Odd ""name"""', "", "ANALYZE", 'public."Odd ""name"""'),
        ("VACUUM größe", "", "VACUUM", "größe"),
    ],
)
def test_a_command_names_one_verb_and_one_table(text: str, table: str, verb: str, of: str) -> None:
    assert commands.parse(text, table) == commands.TableCommand(verb, of)


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE feature_flags",
        "VACUUM users; DROP TABLE feature_flags",
        "VACUUM users, feature_flags",
        "VACUUM FULL users",
        "VACUUM (FULL) users",
        "VACUUM users -- and more",
        "VACUUM users /* and more */",
        "ANALYZE users (email)",
        "REINDEX DATABASE pipeline",
        "VACUUM a.b.c",
        "VACUUM 'users'",
        'VACUUM "users',
        "VACUUMusers",
        "",
        ";",
        "VACUUM users\x00",
        "EXPLAIN ANALYZE DELETE FROM users",
        "SELECT 1",
    ],
)
def test_any_other_command_is_rejected(text: str) -> None:
    with pytest.raises(Rejected):
        assignment("maintenance", {"command": text})


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (
            "partition_maintenance",
            {"tables": ["api_usage", "user_activity_logs"], "months_ahead": 3},
            (
                Task("create-partitions", {"table": "api_usage", "months": "3"}, "table"),
                Task("create-partitions", {"table": "user_activity_logs", "months": "3"}, "table"),
            ),
        ),
        ("partition_maintenance", {}, (Task("create-partitions", {"table": "", "months": ""}),)),
        ("refresh_views", {"view": "v"}, (Task("refresh-views", {"view": "v"}, "view"),)),
        (
            "archive",
            {"older_than": "2 years"},
            (Task("archive-analytics", {"table": "", "older-than": "2 years"}),),
        ),
        ("maintenance", {"command": "VACUUM t"}, (Task("vacuum-table", {"table": "t", "analyze": "no"}, "table"),)),
        ("maintenance", {"command": "REINDEX t"}, (Task("reindex", {"table": "t"}, "table"),)),
        ("capacity_sample", {}, (Task("sample-capacity", {}),)),
        (
            "performance_monitoring",
            {
                "checks": ["table_bloat", "connection_count"],
                "thresholds": {"slow_query_time": 1000, "bloat_ratio": 15, "connection_usage": 80},
            },
            Checks(
                ("bloat", "vacuum-overdue", "connections-full"),
                {"slow_query_ms": 1000.0, "bloat_percent": 15.0, "connection_usage_percent": 80.0},
            ),
        ),
    ],
)
def test_a_kind_is_actions_with_checked_parameters(
    kind: str, given: Mapping[str, object], expected: tuple[Task, ...] | Checks
) -> None:
    assert assignment(kind, given) == expected


@pytest.mark.parametrize(
    ("kind", "given", "named"),
    [
        ("drop_everything", {}, "drop_everything"),
        ("partition_maintenance", {"table": "t"}, "table"),
        ("partition_maintenance", {"tables": [1]}, "tables"),
        ("partition_maintenance", {"tables": ["t"] * 1 + [""]}, "tables"),
        ("partition_maintenance", {"tables": [f"t{n}" for n in range(101)]}, "100"),
        ("partition_maintenance", {"months_ahead": True}, "months_ahead"),
        ("partition_maintenance", {"months_ahead": 0}, "months_ahead"),
        ("partition_maintenance", {"months_ahead": "3"}, "months_ahead"),
        ("maintenance", {}, "command"),
        ("maintenance", {"command": 1}, "command"),
        ("maintenance", {"sql": "VACUUM t"}, "sql"),
        ("refresh_views", {"view": {"a": 1}}, "view"),
        ("performance_monitoring", {"checks": ["weather"]}, "weather"),
        ("performance_monitoring", {"thresholds": {"cpu": 1}}, "cpu"),
        ("performance_monitoring", {"thresholds": {"bloat_ratio": "15"}}, "bloat_ratio"),
        ("performance_monitoring", {"thresholds": [15]}, "thresholds"),
        ("capacity_sample", {"table": "t"}, "it takes no parameters"),
    ],
)
def test_anything_else_is_rejected_with_what_is_wrong(kind: str, given: Mapping[str, object], named: str) -> None:
    with pytest.raises(Rejected, match=named):
        assignment(kind, given)


def test_every_check_evaluates_rules_that_exist() -> None:
    assert {rule for rules in CHECKS.values() for rule in rules} <= set(CHECKED)
    assert len(CHECKED) == len(DIAGNOSES) + 1


def test_the_bundled_recurring_jobs_are_jobs_that_a_worker_runs() -> None:
    for job in config.load(environ={}).jobs.recurring:
        assert job.kind in KINDS
        assert assignment(job.kind, job.parameters)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{name: a, kind: archive, every: week, on: '31'}", "has no such day"),
        ("{name: a, kind: archive, every: month, on: '32'}", "has no such day"),
        ("{name: a, kind: archive, every: day, on: mon}", "has no such day"),
        ("{name: a, kind: archive, every: year}", "must be one of"),
        ("{name: a, kind: archive, every: day, at: '24:00'}", "must be a time of day"),
        ("{name: a, kind: archive, every: day, parameters: [1]}", "no mapping"),
        ("{name: a, kind: archive, every: day, parameters: {day: 2026-01-01}}", "quote it"),
        ("{name: a, kind: archive, every: day, window: {from: '01:00'}}", "is missing"),
        ("{name: a, kind: archive, every: day}, {name: a, kind: archive, every: day}", "two jobs of one name"),
    ],
)
def test_a_recurring_job_of_the_configuration_that_is_wrong_is_named(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "console.yml"
    file.write_text(f"jobs: {{recurring: [{text}]}}\n")
    with pytest.raises(Trouble, match=wrong):
        config.load(str(file), environ={})


def test_a_recurring_job_of_the_configuration_is_read(tmp_path: Path) -> None:
    file = tmp_path / "console.yml"
    file.write_text(
        "jobs:\n  others: [render]\n  recurring:\n"
        "    - {name: a, kind: archive, every: month, on: 31, at: '02:30', priority: 2, max_attempts: 3,\n"
        "       parameters: {older_than: 2 years}, window: {from: '22:00', until: '05:00'}}\n"
    )
    jobs = config.load(str(file), environ={}).jobs
    assert jobs.others == ("render",)
    assert jobs.lease_seconds == 60
    expected = RecurringJob("a", "archive", "month", 150, 31, {"older_than": "2 years"}, 2, 3, JobWindow(1320, 300))
    assert jobs.recurring == (expected,)


@pytest.mark.parametrize(
    ("period", "seconds", "advances"),
    [
        (MONTHLY, 28 * 86_400, True),
        (Period(months=1, days=1, seconds=1.0), 29 * 86_400 + 1, True),
        (HOURLY, 3600, True),
        (Period(), 0, False),
        (Period(days=1, seconds=-1.0), 86_399, False),
    ],
)
def test_a_period_lasts_at_least_as_long_as_its_shortest_month(period: Period, seconds: float, advances: bool) -> None:
    assert (period.least, period.advances) == (seconds, advances)
