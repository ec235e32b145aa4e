"""Standbys that are behind, and why."""

from __future__ import annotations

from collections.abc import Iterable

from console.format import age, one_line, size
from console.model import OFTEN, Ask, Diagnosis, Evidence, Finding, Fix, Frame, Record, Urgency
from console.rules.findings import replicas
from console.rules.findings.wording import number
from console.rules.server import REPLICATION_LAG_BYTES, REPLICATION_LAG_SECONDS

RESUME = Fix("resume-replay", {}, "resume the replay: queries that conflict with it may be cancelled")


def lag(frame: Frame) -> Iterable[Finding]:
    """A finding for each standby that is too far behind, with the stage at which its WAL is.

    A named replica is judged by what it says itself, in findings of its own.
    """
    named = _named(frame)
    for row in frame.rows("replication_lag"):
        if row["pid"] in named:
            continue
        behind = number(row["lag_bytes"])
        level = max(
            frame.level(REPLICATION_LAG_BYTES, behind),
            frame.level(REPLICATION_LAG_SECONDS, row["lag_seconds"] if behind else 0),
        )
        if level:
            name = "this standby" if row["itself"] else f"standby {one_line(row['standby'])}"
            seconds = f" ({age(row['lag_seconds'])})" if row["lag_seconds"] is not None else ""
            yield Finding(
                rule="replication-lag",
                subject=f"standby {row['standby']}",
                level=level,
                sentence=f"{name} is {size(behind)}{seconds} behind: {why(row)}",
                evidence=(Evidence("lag", size(behind), "replication", *_where(row)),),
                fixes=(RESUME,) if row["paused"] else (),
                harm=behind / 2**40,
            )


def _named(frame: Frame) -> set[object]:
    """The WAL senders of the named replicas."""
    if replicas.QUERY in frame.troubles or replicas.QUERY not in frame.readings:
        return set()
    return {row["sender_pid"] for row in frame.rows(replicas.QUERY)} - {None}


def _where(row: Record) -> tuple[str, dict[str, object]]:
    return ("receiver", {}) if row["itself"] else ("senders", {"pid": row["pid"]})


def why(row: Record) -> str:
    """Where the WAL that is missing is held up: the stage with the most of it."""
    if row["paused"]:
        return "its replay is paused"
    if row["itself"]:
        if number(row["unreplayed"]):
            return "it replays slower than it receives, or queries delay the replay"
        return "it receives no WAL" if row["receiver"] is None else "it waits for WAL"
    stages = {
        "the server has not sent it yet (network or sender)": number(row["unsent"]),
        "it was sent and is not on the standby's disk (network or disk)": number(row["unflushed"]),
        "it is on the standby and not replayed (paused, delayed by queries, or slow)": number(row["unreplayed"]),
    }
    return max(stages, key=lambda stage: stages[stage])


def _lags(frame: Frame) -> bool:
    """Whether the metrics show a standby that is too far behind."""
    vitals = frame.row("vitals")
    behind = frame.level(REPLICATION_LAG_BYTES, vitals["lag_bytes"])
    return bool(behind or frame.level(REPLICATION_LAG_SECONDS, vitals["lag_seconds"]))


REPLICATION_LAG = Diagnosis(
    "replication-lag",
    "A standby is behind",
    Urgency.SOON,
    (
        Ask("vitals"),
        Ask("replication_lag", every=2 * OFTEN, only_if=_lags),
        Ask(replicas.QUERY, replicas.SOURCE, OFTEN, optional=True),
    ),
    lag,
    (REPLICATION_LAG_SECONDS, REPLICATION_LAG_BYTES),
)
