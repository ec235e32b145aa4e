"""What a rule says where a server's catalogs lack something that it reads: that it cannot tell, or what it said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from console.model import Diagnosis, Frame, Kind, Level, Snapshot, Trouble
from console.rules.judging import judge
from console.sources.registry import PRIMARY

GONE = Trouble(Kind.UNSUPPORTED, "The server's catalogs lack something of it.")


def misjudged(frame: Frame, rule: Diagnosis) -> list[str]:
    """What goes wrong where one column, rows, or all of one query is not known; `frame` is of a server that has all.

    A rule then cannot tell, or finds what it found, perhaps with fewer details, because it needs nothing of that.
    """
    before, _ = _said(frame, rule)
    found: list[str] = []
    for lacks, other in _lacking(frame, rule):
        try:
            findings, is_judged = _said(other, rule)
        except Exception as why:  # noqa: BLE001  whatever it is, it must not happen
            found.append(f"without {lacks}: {why!r}")
            continue
        if is_judged and findings.keys() != before.keys():
            found.append(f"without {lacks}: {list(findings.values())}")
    return found


def _said(frame: Frame, rule: Diagnosis) -> tuple[dict[tuple[str, str, Level], str], bool]:
    """What the rule found, with its sentence, and whether it could tell."""
    verdict = judge(replace(frame, records={}, made={}), (rule,))
    return {
        (each.rule, each.subject, each.level): each.sentence for each in verdict.findings
    }, rule.name in verdict.judged


def _lacking(frame: Frame, rule: Diagnosis) -> Iterator[tuple[str, Frame]]:
    """The frame without each of what the rule reads, one after the other."""
    for ask in rule.asks:
        kept = frame.readings.get(ask.query, ())
        if not kept or ask.query in frame.skipped or ask.source != PRIMARY:
            continue
        yield ask.query, _with(frame, ask.query, (), GONE)
        if ask.view:  # what a view makes of an unknown column is no reading for a rule
            continue
        partial = tuple(replace(one.hiding(GONE), is_partial=True) for one in kept)
        yield f"rows of {ask.query}", _with(frame, ask.query, partial)
        for column in kept[-1].columns:
            yield f"{ask.query}.{column}", _with(frame, ask.query, tuple(without(one, column) for one in kept))


def _with(frame: Frame, query: str, kept: tuple[Snapshot, ...], why: Trouble | None = None) -> Frame:
    readings = {name: taken for name, taken in frame.readings.items() if name != query}
    if kept:
        return replace(frame, readings={**readings, query: kept})
    return replace(frame, readings=readings, troubles={**frame.troubles, query: why or GONE})


def without(taken: Snapshot, column: str) -> Snapshot:
    """A reading in which no value of a column is known, as the server's reader makes it."""
    rows = tuple(
        tuple(None if name == column else value for name, value in zip(taken.columns, row, strict=True))
        for row in taken.rows
    )
    return replace(taken.hiding(GONE), rows=rows, unknown=(column,))
