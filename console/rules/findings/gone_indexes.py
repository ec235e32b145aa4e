"""Indexes that went away before a statement became slow, of the tables that its text names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from console.format import decoded, moment, one_line
from console.model import Evidence, Fix, Frame, GoneIndex, Record
from console.rules.findings.wording import listed

BEFORE = timedelta(days=1)  # at most, for which an index was gone when the statement became slow


def gone(frame: Frame, statement: Record, slow_since: datetime) -> tuple[GoneIndex, ...]:
    """The indexes of tables that a row of statement_heads names; none of a statement in another database."""
    if frame.facts is None or statement["database"] != frame.facts.database:
        return ()
    text = str(decoded(statement["query"]) or "")
    return tuple(
        each
        for each in frame.indexes.gone
        if each.seen <= slow_since
        and slow_since - each.missed <= BEFORE
        and has_table(text, each.index.schema, each.index.table)
    )


def has_table(text: str, schema: str, table: str) -> bool:
    """Whether the text of a statement names a table, with its schema or without any."""
    schema, table = (rf'(?:"{re.escape(name)}"|{re.escape(name)})' for name in (schema, table))
    return bool(re.search(rf'(?<![\w$".])(?:{schema}\s*\.\s*)?{table}(?![\w$"])', text, re.IGNORECASE))


def named(indexes: Sequence[GoneIndex]) -> str:
    """What a sentence adds about them; empty: there are none."""
    if not indexes:
        return ""
    names = listed([f"{one_line(each.index.name)} on {one_line(each.index.target)}" for each in indexes])
    return f"; index {names} is gone" if len(indexes) == 1 else f"; indexes {names} are gone"


def advice(indexes: Sequence[GoneIndex]) -> str:
    """What to do about a statement that became slow since they are gone."""
    if not indexes:
        return "compare its plan: data, statistics, a dropped index, or a wait"
    lacking = [one_line(each.index.name) for each in indexes if not each.index.columns]
    if not lacking:
        return (
            "compare its plan: it may have used the index" if len(indexes) == 1 else "compare its plan with the indexes"
        )
    again = listed(lacking)
    return f"build {again} by hand: create-index makes none that is unique, of expressions, partial or with INCLUDE"


def evidence(index: GoneIndex) -> Evidence:
    """Between which readings it went away."""
    when = f"{one_line(index.index.name)}, dropped between {moment(index.seen)} and {moment(index.missed)}"
    return Evidence("index gone", when, "indexes", "all")


def fixes(indexes: Sequence[GoneIndex]) -> tuple[Fix, ...]:
    """Plans of the same indexes, without those of expressions, with a predicate or INCLUDE, or unique."""
    return tuple(
        Fix(
            "create-index",
            {"table": each.index.target, "columns": each.index.columns, "method": each.index.method},
            f"build {one_line(each.index.name)} again without blocking reads or writes",
        )
        for each in indexes
        if each.index.columns
    )
