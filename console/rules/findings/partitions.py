"""Partitioned tables that run out of partitions or miss some, by the verdicts of the partitions pane."""

from __future__ import annotations

from collections.abc import Iterable

from console.format import in_words, one_line
from console.model import (
    DEFAULTED,
    RARELY,
    RELATIONS,
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
from console.panes.partitions import PARENTS
from console.rules.findings.wording import counted, number
from console.rules.storage import DAY, DEFAULT_PARTITION_ROWS, PARTITION_RUNWAY_DAYS, PARTITION_VERDICT

RUNNING_OUT = frozenset({"now not covered", "runway critical", "runway short"})
INCOMPLETE = frozenset({"incomplete", "gap"})


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
                "no partition for rows of today: inserts fail now"
                if now
                else f"no partition from {one_line(row['last'])} on, inserts will fail in {left}",
                _fixes(row, frame),
                harm=1000.0 if now else max(0.0, 100.0 - days),
            )


def incomplete(frame: Frame) -> Iterable[Finding]:
    """A finding for each partitioned table with gaps between its partitions, or rows in its default partition."""
    for row in frame.rows("partition_parents"):
        if row["verdict"] in INCOMPLETE:
            missing = one_line(row["gaps_named"] or "some keys have no partition")
            yield _finding("partition-gap", row, f"gaps between its partitions ({missing}): rows there are refused")
        elif frame.level(DEFAULT_PARTITION_ROWS, row["default_rows"]) and row["verdict"] not in RUNNING_OUT:
            rows = counted(int(number(row["default_rows"])), "row")
            yield _finding(
                "partition-gap",
                row,
                f"{rows} in its default partition: they keep a partition for them from being added",
            )


def _finding(rule: str, row: Record, wrong: str, fixes: tuple[Fix, ...] = (), harm: float = 0.0) -> Finding:
    return Finding(
        rule=rule,
        subject=f"partitions of {row['parent']}",
        level=max(PARTITION_VERDICT.level(row["verdict"]), Level.WARNING),
        sentence=f"{one_line(row['parent'])}: {wrong}",
        detail=""
        if fixes or rule != "partition-runway"
        else "f creates them once the configuration has a policy for it, under partitions:",
        evidence=(Evidence("verdict", one_line(row["verdict"]), "partitions", "parents", {"oid": row["oid"]}),),
        fixes=fixes,
        harm=harm,
    )


def _fixes(row: Record, frame: Frame) -> tuple[Fix, ...]:
    table = str(row["parent"])
    if table not in frame.extended:
        return ()
    return (Fix("create-partitions", {"table": table}, "create the missing partitions; reads and writes go on"),)


PARTITION_RUNWAY = Diagnosis(
    "partition-runway",
    "A partitioned table runs out of partitions",
    Urgency.NOW,
    (of_view(PARENTS, RARELY, on_change=RELATIONS),),
    running_out,
    (PARTITION_RUNWAY_DAYS,),
)
PARTITION_GAP = Diagnosis(
    "partition-gap",
    "A partitioned table has gaps, or rows in its default partition",
    Urgency.SOON,
    (of_view(PARENTS, RARELY, on_change=(*RELATIONS, *DEFAULTED)),),
    incomplete,
    (DEFAULT_PARTITION_ROWS,),
)
