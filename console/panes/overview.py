"""Overview: the metrics of the server, each with its level and what it means."""

from __future__ import annotations

import re
from dataclasses import replace

from console.format import show
from console.model import Column, Pane, Record, Rule, Snapshot, Trouble
from console.panes.connections import seen
from console.panes.metrics import METRICS, VITALS, Metric
from console.panes.now_views import FINDINGS, HISTORY, WAITS
from console.rules import server

_ZEROS = re.compile(r"\.0+(?!\d)")  # of a limit: 95.0% is shown as 95%


def metrics(snapshot: Snapshot, **rules: Rule) -> Snapshot:
    """The one row of the query as a row for each metric, worst first, with its level and what it means.

    `rules` are the rules to judge by, by name.
    """
    known = [
        replace(metric, rule=rules.get(metric.rule.name, metric.rule)) if metric.rule else metric
        for metric in METRICS
        if metric.means
    ]
    judged = [
        (metric.level(record), _row(metric, record))
        for record in snapshot.records()
        for metric in known
        if metric.column in record and not (metric.if_known and record[metric.column] is None)
    ]
    judged.sort(key=lambda each: -each[0])  # stable: those of one level stay in the order of the list
    rows = tuple(row for _, row in judged)
    columns = ("sign", "now", "limit", "level", "means", "value", "unit")
    shown = replace(snapshot, columns=columns, rows=rows)
    for record in snapshot.records():
        shown = shown.hiding(visibility(record))
    return shown


def visibility(record: Record) -> Trouble | None:
    """What this role cannot see of the sessions; None when it sees all."""
    used, visible = record.get("used"), record.get("visible")
    if not isinstance(used, int) or not isinstance(visible, int):
        return None
    return seen(visible, used)


def _row(metric: Metric, record: Record) -> tuple[object, ...]:
    value = record[metric.column]
    word = "–" if value is None else metric.level(record).name.lower()
    means = f"{_held(record.get(metric.cause))}{metric.means}"
    return (metric.name, show(value, metric.format), _limit(metric, record), word, means, value, metric.format)


def _held(by: object) -> str:
    return f"Held by {by}. " if by else ""


def _limit(metric: Metric, record: Record) -> str:
    if metric.limit:
        return show(record[metric.limit], metric.format)
    shown = show(metric.rule.limit.warning, metric.format) if metric.rule else ""
    return _ZEROS.sub("", shown)


OVERVIEW = Pane(
    name="overview",
    key="1",
    title="Now",
    printed="vitals",
    help=(
        "What is wrong, worst first: each finding names its root cause, what else that explains, and the action that "
        "fixes it. f opens the plan of that action, Enter leads to the evidence. z acknowledges a finding until it "
        "clears or becomes worse, Z for a time: it is listed last and not counted. Metrics has the metrics of the "
        "server, worst first; rates are measured between two reads, so they appear with the second read. A metric is "
        "at level warning or critical when its value passed the limit. History has the findings that this user's "
        "consoles and `watch` have seen: from when to when, and what was done. S lists what each rule reads, and why a "
        "rule could not be evaluated."
    ),
    views=(
        FINDINGS,
        replace(
            VITALS,
            columns=(
                Column("sign", "metric", "name", width=22),
                Column("now", "now", "text", width=9, help="The value as read, or its rate since the last read."),
                Column(
                    "limit",
                    "limit",
                    "text",
                    width=8,
                    help="From where on it is a warning; for connections, how many are usable.",
                ),
                Column("level", "level", "text", width=8, rule=server.METRIC_LEVEL),
                Column(
                    "means",
                    "what it means",
                    "query",
                    grow=True,
                    explains=True,
                    help="What is measured and why it matters.",
                ),
                Column("value", "value", "rate", extra=True, help="The raw value, in the unit of the next column."),
                Column("unit", "unit", "text", width=9, extra=True),
            ),
            key=("sign",),
            derive=metrics,
            rules=tuple(metric.rule for metric in METRICS if metric.rule and metric.means),
        ),
        WAITS,
        HISTORY,
    ),
)
