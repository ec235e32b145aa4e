"""Differences between a database and the migrations of the pipeline schema."""

from __future__ import annotations

from collections.abc import Iterable

from console.format import one_line
from console.model import (
    DEFINITIONS,
    RARELY,
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
from console.panes.schema import DRIFT
from console.rules.findings.wording import counted, listed

ADOPT = "adopt-schema"


def drifted(frame: Frame) -> Iterable[Finding]:
    """One finding for all differences of this database."""
    found = frame.rows("drift_catalog")
    if found:
        added = [row for row in found if row["remedy"] == ADOPT]
        named = listed([f"{one_line(row['object'])} ({one_line(row['problem'])})" for row in [*added, *_rest(found)]])
        yield Finding(
            rule="schema-drift",
            subject="schema drift",
            level=Level.WARNING if added else Level.NOTICE,
            sentence=f"the pipeline schema differs in {counted(len(found), 'place')}: {named}",
            evidence=tuple(
                Evidence(
                    one_line(row["object"]), one_line(row["problem"]), "schema", "drift", {"object": row["object"]}
                )
                for row in found[:3]
            ),
            fixes=(Fix(ADOPT, {}, f"add {counted(len(added), 'missing object')} online"),) if added else (),
        )


def _rest(found: Iterable[Record]) -> list[Record]:
    return [row for row in found if row["remedy"] != ADOPT]


SCHEMA_DRIFT = Diagnosis(
    "schema-drift",
    "The database differs from the pipeline schema",
    Urgency.CARE,
    (of_view(DRIFT, 6 * RARELY, on_change=DEFINITIONS),),
    drifted,
)
