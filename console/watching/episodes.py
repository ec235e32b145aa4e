"""The history of findings, in the store: from when to when each was there, whom it concerned, and what would fix it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from console.model import Finding, Level
from console.records import dataclass
from console.rules.judging import GAP, Identity
from console.watching.store import Store, as_moment, as_text

if TYPE_CHECKING:
    import sqlite3  # long to load, and not every command opens the store

MOST = 10_000  # episodes that are kept of all targets; the oldest are dropped
SHOWN = 1_000  # episodes of one target
LONGEST = 2_000  # characters of a text that is kept

# Or one whose end nobody saw, if the finding was there before: it has lasted, and a clock was set forward meanwhile.
_LASTING = (
    "SELECT id, seen_at, level, harm FROM episodes WHERE target = ? AND rule = ? AND subject = ? "
    "AND (ended_at IS NULL OR watched = 0 AND seen_at >= ?) ORDER BY id DESC LIMIT 1"
)
_COLUMNS = "rule, subject, level, sentence, began_at, seen_at, ended_at, watched, details"


@dataclass(frozen=True, slots=True)
class Episode:
    """One time that a finding was there."""

    rule: str
    subject: str
    level: Level  # the worst
    sentence: str  # when it was worst
    began: datetime
    seen: datetime  # the last time
    ended: datetime | None  # None: it is still there
    watched: bool  # whether its end was seen; else it ended some time after `ended`
    explains: tuple[str, ...]
    evidence: tuple[tuple[str, str], ...]  # labels and values
    fixes: tuple[tuple[str, Mapping[str, str]], ...]  # actions with their parameters


def follow(store: Store, target: str, present: Sequence[Finding], ended: Sequence[Identity], at: datetime) -> None:
    """Keep what is there at `at` and what has ended since. Raises Trouble if the store cannot be written."""
    with store.transaction() as database:
        for finding in present:
            _see(database, target, finding, at)
        for identity in ended:
            database.execute(
                "UPDATE episodes SET ended_at = ?, seen_at = ?, watched = 1 "
                "WHERE target = ? AND rule = ? AND subject = ? AND ended_at IS NULL",
                (as_text(at), as_text(at), target, *identity),
            )
        database.execute(
            "UPDATE episodes SET ended_at = seen_at WHERE target = ? AND ended_at IS NULL AND seen_at < ?",
            (target, as_text(at - GAP)),
        )
        database.execute(
            "DELETE FROM episodes WHERE id <= (SELECT id FROM episodes ORDER BY id DESC LIMIT 1 OFFSET ?)", (MOST,)
        )


def load(store: Store, target: str) -> tuple[Episode, ...]:
    """The newest episodes of a target, newest first. Raises Trouble if the store cannot be read."""
    if not store.exists:
        return ()
    query = f"SELECT {_COLUMNS} FROM episodes WHERE target = ? ORDER BY began_at DESC LIMIT ?"  # noqa: S608  a constant
    with store.transaction() as database:
        return tuple(map(_episode, database.execute(query, (target, SHOWN)).fetchall()))


def _see(database: sqlite3.Connection, target: str, finding: Finding, at: datetime) -> None:
    """Begin an episode, or keep that it goes on; what is kept of it is its worst moment."""
    identity = (target, finding.rule, finding.subject)
    began = finding.since or at
    before = database.execute(_LASTING, (*identity, as_text(began))).fetchone()
    if before is not None and (at - as_moment(before[1]) > GAP and began > as_moment(before[1])):
        database.execute("UPDATE episodes SET ended_at = seen_at WHERE id = ?", before[:1])  # that was another time
        before = None
    known = (int(finding.level), finding.sentence[:LONGEST], finding.harm, _details(finding))
    if before is None:
        database.execute(
            "INSERT INTO episodes (target, rule, subject, began_at, seen_at, level, sentence, harm, details, watched) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (*identity, as_text(began), as_text(at), *known),
        )
    elif (finding.level, finding.harm) > (before[2], before[3]):
        database.execute(
            "UPDATE episodes SET ended_at = NULL, seen_at = ?, level = ?, sentence = ?, harm = ?, details = ? "
            "WHERE id = ?",
            (as_text(at), *known, before[0]),
        )
    else:
        database.execute("UPDATE episodes SET ended_at = NULL, seen_at = ? WHERE id = ?", (as_text(at), before[0]))


def _details(finding: Finding) -> str:
    return json.dumps(
        {
            "explains": [text[:LONGEST] for text in finding.explains],
            "evidence": [(each.label, each.value[:LONGEST]) for each in finding.evidence],
            "fixes": [(fix.action, dict(fix.parameters)) for fix in finding.fixes],
        }
    )


def _episode(row: tuple[str, str, int, str, str, str, str | None, int, str]) -> Episode:
    rule, subject, level, sentence, began, seen, ended, watched, details = row
    kept = json.loads(details)
    return Episode(
        rule,
        subject,
        Level(level),
        sentence,
        as_moment(began),
        as_moment(seen),
        as_moment(ended) if ended else None,
        bool(watched),
        tuple(kept["explains"]),
        tuple((label, value) for label, value in kept["evidence"]),
        tuple((action, parameters) for action, parameters in kept["fixes"]),
    )
