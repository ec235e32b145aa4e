"""Statements whose mean since the last reading is over the limit; only the worker's health check judges them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from console.format import count, milliseconds, one_line
from console.model import SELDOM, Ask, CannotTell, Diagnosis, Evidence, Finding, Frame, StatementKey, Urgency
from console.rules.findings.wording import statement
from console.rules.statements import SLOW_QUERY_MS

MOST = 5  # statements of which it makes a finding each
_QUERY = re.compile(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE|MERGE|VALUES|TABLE|EXECUTE)\b", re.IGNORECASE)


def slow(frame: Frame) -> Iterable[Finding]:
    """A finding for each of the slowest queries. Raises CannotTell without two readings of the same counters."""
    frame.rows("statements")
    if not frame.statements.seconds:
        raise CannotTell("Needs two readings of the same counters.")
    found = sorted(_slow(frame), key=lambda each: -each[1])
    heads = {(row["queryid"], row["userid"], row["dbid"]): row for row in frame.rows("statement_heads")}
    named = [(key, mean, calls, heads[key[:3]]) for key, mean, calls in found if key[:3] in heads]
    for key, mean, calls, row in [each for each in named if _QUERY.match(str(each[3]["query"] or ""))][:MOST]:
        yield Finding(
            rule="slow-statement",
            subject=f"slow statement {key[0]} of {row['user']} in {row['database']}",
            level=frame.level(SLOW_QUERY_MS, mean),
            sentence=f"{statement(row)}: {milliseconds(mean)} a call in {count(calls)} calls since the last check",
            detail=f"of {one_line(row['user'])} in {one_line(row['database'])}",
            evidence=(
                Evidence("mean", milliseconds(mean), "slow-queries", "now", {"queryid": key[0], "dbid": key[2]}),
            ),
            harm=mean * calls,
        )


def _slow(frame: Frame) -> Iterator[tuple[StatementKey, float, float]]:
    for key, past in frame.statements.statements.items():
        mean = past.more_ms / past.more_calls if past.more_calls else 0.0
        if frame.level(SLOW_QUERY_MS, mean):
            yield key, mean, past.more_calls


def _any(frame: Frame) -> bool:
    return any(True for _ in _slow(frame))


SLOW_STATEMENT = Diagnosis(
    "slow-statement",
    "A statement takes longer than the limit",
    Urgency.CARE,
    (Ask("statements", every=SELDOM), Ask("statement_heads", every=SELDOM, only_if=_any)),
    slow,
    (SLOW_QUERY_MS,),
)
