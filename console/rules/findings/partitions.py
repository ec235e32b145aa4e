"""Partitioned tables that run out of partitions or miss some, by the verdicts of the partitions pane."""

from __future__ import annotations

import math
from collections.abc import Iterable

from console.format import in_words, one_line
from console.model import (
    DEFAULTED,
    RARELY,
    RELATIONS,
    SELDOM,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Fix,
    Frame,
    Level,
    Record,
    Urgency,
    of_view,
)
from console.panes.partition_bounds import TIMES
from console.panes.partitions import PARENTS
from console.rules.findings.logged import LOGGED_REFUSED, ask_log, last_logged
from console.rules.findings.wording import counted, number
from console.rules.storage import DAY, DEFAULT_PARTITION_ROWS, PARTITION_RUNWAY_DAYS, PARTITION_VERDICT

RUNNING_OUT = frozenset({"now not covered", "runway critical", "runway short"})
INCOMPLETE = frozenset({"incomplete", "gap"})
EXPRESSION = "(expression)"  # as the query names a key that is no column
SHORTEST_MONTH = 28 * DAY
MOST_MONTHS = 60  # that create-partitions takes
UNPLANNED = "the configuration has no entry for it under partitions, so none are created ahead of time"


def running_out(frame: Frame) -> Iterable[Finding]:
    """A finding for each partitioned table whose new rows soon find no partition, or find none now."""
    for row in frame.rows("partition_parents"):
        if row["verdict"] in RUNNING_OUT:
            days = number(row["runway"])
            left = in_words(days * DAY)
            now = row["verdict"] == "now not covered"
            yield _finding(
                "partition-runway",
                row,
                f"no partition for rows of today: inserts fail now{_refused(frame, row)}"
                if now
                else f"no partition from {one_line(row['last'])} on, inserts will fail in {left}",
                _fixes(row),
                detail="" if row["parent"] in frame.extended else UNPLANNED,
                harm=1000.0 if now else -min(days, 999.0) / 1000,  # what does harm already comes first, however little
            )


def incomplete(frame: Frame) -> Iterable[Finding]:
    """A finding for each partitioned table with gaps between its partitions, or rows in its default partition."""
    for row in frame.rows("partition_parents"):
        if row["verdict"] in INCOMPLETE:
            missing = one_line(row["gaps_named"] or "some keys have no partition")
            refused = f"gaps between its partitions ({missing}): rows there are refused{_refused(frame, row)}"
            yield _finding("partition-gap", row, refused, _filled(row))
        elif frame.level(DEFAULT_PARTITION_ROWS, row["default_rows"]) and row["verdict"] not in RUNNING_OUT:
            rows = counted(int(number(row["default_rows"])), "row")
            yield _finding(
                "partition-gap",
                row,
                f"{rows} in its default partition: they keep a partition for them from being added",
            )


def _finding(
    rule: str, row: Record, wrong: str, fixes: tuple[Fix, ...] = (), *, detail: str = "", harm: float = 0.0
) -> Finding:
    return Finding(
        rule=rule,
        subject=f"partitions of {row['parent']}",
        level=max(PARTITION_VERDICT.level(row["verdict"]), Level.WARNING),
        sentence=f"{one_line(row['parent'])}: {wrong}",
        detail=detail,
        evidence=(Evidence("verdict", one_line(row["verdict"]), "partitions", "parents", {"oid": row["oid"]}),),
        fixes=fixes,
        harm=harm,
    )


def _fixes(row: Record, **given: str) -> tuple[Fix, ...]:
    """Creates partitions where an action can: of ranges of one column that is a time."""
    types = row["types"] if isinstance(row["types"], list) else []
    if row["strategy"] != "range" or row["key"] == EXPRESSION or len(types) != 1 or types[0] not in TIMES:
        return ()
    parameters = {"table": str(row["parent"]), **given}
    return (Fix("create-partitions", parameters, "create the missing partitions; reads and writes go on"),)


def _filled(row: Record) -> tuple[Fix, ...]:
    """Creates what is missing from now until the last gap ends; gaps of the past are left as they are."""
    ahead = [number(stop) - number(row["now"]) for _, stop, _, kind in _segments(row) if kind == "gap" and stop]
    last = max(ahead, default=0.0)
    return _fixes(row, months=str(min(MOST_MONTHS, math.ceil(last / SHORTEST_MONTH)))) if last > 0 else ()


def _refused(frame: Frame, row: Record) -> str:
    """How many statements found no partition, where the log can be read and its last one is of the table."""
    last = last_logged(frame, LOGGED_REFUSED)
    if last is None or not last["m5"] or f'"{str(row["parent"]).partition(".")[2]}"' not in str(last["what"]):
        return ""
    return f", {counted(int(number(last['m5'])), 'statement')} in the last 5 minutes"


def lacks_partitions(frame: Frame) -> bool:
    """Whether rows of a table find no partition, so that the log is worth reading."""
    try:
        return bool(frame.rows_with("partition_parents", "verdict", (INCOMPLETE | {"now not covered"}).__contains__))
    except CannotTell:
        return False


def _segments(row: Record) -> list[tuple[float | None, float | None, float, str]]:
    return list(row["segments"]) if isinstance(row["segments"], tuple) else []


PARTITION_RUNWAY = Diagnosis(
    "partition-runway",
    "A partitioned table runs out of partitions",
    Urgency.NOW,
    (of_view(PARENTS, RARELY, on_change=RELATIONS), ask_log(SELDOM, lacks_partitions)),
    running_out,
    (PARTITION_RUNWAY_DAYS,),
)
PARTITION_GAP = Diagnosis(
    "partition-gap",
    "A partitioned table has gaps, or rows in its default partition",
    Urgency.SOON,
    (of_view(PARENTS, RARELY, on_change=(*RELATIONS, *DEFAULTED)), ask_log(SELDOM, lacks_partitions)),
    incomplete,
    (DEFAULT_PARTITION_ROWS,),
)
