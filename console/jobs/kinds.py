"""The kinds of jobs that a worker runs, and what each does: actions with checked parameters, or checks. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from console.format import one_line
from console.jobs import commands
from console.jobs.job import Rejected
from console.records import dataclass

Given = Mapping[str, object]

MOST_TABLES = 100
CHECKS: Mapping[str, tuple[str, ...]] = {  # of performance_monitoring → the rules that it evaluates
    "slow_queries": ("slow-statement",),
    "index_usage": ("unused-index", "redundant-index", "invalid-index"),
    "table_bloat": ("bloat", "vacuum-overdue"),
    "connection_count": ("connections-full",),
}
LIMITS: Mapping[str, str] = {  # threshold of performance_monitoring → the limit that it sets
    "slow_query_time": "slow_query_ms",  # milliseconds a call
    "bloat_ratio": "bloat_percent",
    "connection_usage": "connection_usage_percent",
}


@dataclass(frozen=True, slots=True)
class Task:
    """One action with its parameters."""

    action: str
    parameters: Mapping[str, str]
    names: str = ""  # the parameter that names a table or view, which must exist before it is planned; empty: none


@dataclass(frozen=True, slots=True)
class Checks:
    """Rules to evaluate, under limits that replace those of the configuration."""

    rules: tuple[str, ...]
    limits: Mapping[str, float]  # limit → the value from which on it is a warning


Assignment = tuple[Task, ...] | Checks


def assignment(kind: str, given: Given) -> Assignment:
    """What a job of this kind does. Raises Rejected for an unknown kind and for parameters it does not take."""
    if kind not in KINDS:
        raise Rejected(f"The kind {one_line(kind)[:80]!r} is not known: {', '.join(KINDS)}.")
    return KINDS[kind](given)


def _partition_maintenance(given: Given) -> Assignment:
    _only(given, "tables", "months_ahead")
    months = str(_whole(given, "months_ahead", 1, 120)) if "months_ahead" in given else ""
    tables = _texts(given, "tables")
    return tuple(
        Task("create-partitions", {"table": table, "months": months}, "table" if table else "")
        for table in tables or ("",)
    )


def _refresh_views(given: Given) -> Assignment:
    _only(given, "view", "views")
    views = (*_texts(given, "view"), *_texts(given, "views"))
    return tuple(Task("refresh-views", {"view": view}, "view" if view else "") for view in views or ("",))


def _archive(given: Given) -> Assignment:
    _only(given, "table", "older_than")
    tables = _texts(given, "table")
    older = _text(given, "older_than")
    return tuple(
        Task("archive-analytics", {"table": table, "older-than": older}, "table" if table else "")
        for table in tables or ("",)
    )


def _maintenance(given: Given) -> Assignment:
    _only(given, "command", "table")
    text = _text(given, "command")
    if not text:
        raise Rejected(f"It names no command: {commands.ACCEPTED}.")
    command = commands.parse(text, _text(given, "table"))
    action, more = {
        "VACUUM": ("vacuum-table", {"analyze": "no"}),
        "VACUUM ANALYZE": ("vacuum-table", {"analyze": "yes"}),
        "ANALYZE": ("analyze-table", {}),
        "REINDEX": ("reindex", {}),
    }[command.verb]
    return (Task(action, {"table": command.table, **more}, "table"),)


def _performance_monitoring(given: Given) -> Assignment:
    _only(given, "checks", "thresholds")
    names = _texts(given, "checks") or tuple(CHECKS)
    for name in names:
        if name not in CHECKS:
            raise Rejected(f"There is no check {one_line(name)[:80]!r}: {', '.join(CHECKS)}.")
    thresholds = given.get("thresholds", {})
    if not isinstance(thresholds, Mapping):
        raise Rejected("thresholds must be an object of numbers.")
    _only(thresholds, *LIMITS, what="threshold")
    limits = {LIMITS[str(name)]: _number(thresholds, str(name)) for name in thresholds}
    return Checks(tuple(rule for name in dict.fromkeys(names) for rule in CHECKS[name]), limits)


def _capacity_sample(given: Given) -> Assignment:
    _only(given)
    return (Task("sample-capacity", {}),)


KINDS: Mapping[str, Callable[[Given], Assignment]] = {
    "partition_maintenance": _partition_maintenance,
    "performance_monitoring": _performance_monitoring,
    "maintenance": _maintenance,
    "refresh_views": _refresh_views,
    "archive": _archive,
    "capacity_sample": _capacity_sample,
}


# Parameters


def _only(given: Given, *known: str, what: str = "parameter") -> None:
    for name in given:
        if name not in known:
            accepted = ", ".join(known) or f"it takes no {what}s"
            raise Rejected(f"There is no {what} {one_line(name)[:80]!r}: {accepted}.")


def _text(given: Given, name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise Rejected(f"{name} must be text.")
    return value


def _texts(given: Given, name: str) -> tuple[str, ...]:
    """One text or a list of texts; an empty one stands for none."""
    value = given.get(name, [])
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
        raise Rejected(f"{name} must be a name, or a list of names.")
    if len(found) > MOST_TABLES:
        raise Rejected(f"{name} has more than {MOST_TABLES} names.")
    return tuple(dict.fromkeys(found))


def _number(given: Given, name: str) -> float:
    value = given[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e12:
        raise Rejected(f"{name} must be a number that is not negative.")
    return float(value)


def _whole(given: Given, name: str, least: int, most: int) -> int:
    value = given[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Rejected(f"{name} must be a whole number from {least} to {most}.")
    return value
