"""Compares a catalog with the expected schema: what is missing or differs, and whether adopt-schema can fix it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.drift import columns
from console.drift.keys import because, constraints, indexes
from console.drift.schema_entries import SchemaEntry
from console.drift.sides import Difference, Remedy, Side


def compare(expected: Sequence[SchemaEntry], found: Sequence[SchemaEntry]) -> tuple[Difference, ...]:
    """All differences, relation by relation. Additional objects are not drift."""
    want, have = Side.of(expected), Side.of(found)
    differences: list[Difference] = []
    for wanted in want.all("function", ""):
        differences += _function(wanted, have.one("function", "", wanted.name))
    relations = sorted((name for kind, name in want.found if kind == "relation"), key=_views_last)
    other = [one for name in relations for one in columns.columns(name, want, have)]
    stuck = {f"{one.wanted.relation}.{one.wanted.name}" for one in other if columns.stops(one)}
    for name in relations:
        (wanted,) = want.all("relation", name)
        there = have.one("relation", name, "")
        differences += _relation(wanted, there, stuck)
        if there is None or there.definition in {"view", "foreign table"}:
            continue
        differences += [one for one in other if one.wanted.relation == name]
        differences += constraints(name, want, have, stuck)
        differences += indexes(name, want, have, stuck)
        differences += _grants(name, want, have)
    return tuple(differences)


def _views_last(name: str) -> tuple[bool, str]:
    return name.startswith("mv_"), name


def _function(wanted: SchemaEntry, there: SchemaEntry | None) -> Iterator[Difference]:
    if there is None:
        yield Difference(wanted, "missing function")
    elif _words(there.definition) != _words(wanted.definition):
        why = "existing functions are never replaced"
        yield Difference(wanted, "another function", "another definition", Remedy.NONE, why)


def _words(text: str) -> str:
    return " ".join(text.split())


def _relation(wanted: SchemaEntry, there: SchemaEntry | None, stuck: set[str]) -> Iterator[Difference]:
    what = wanted.definition.split(" by ")[0]
    if there is None:
        held = sorted(stuck & set(wanted.needs))
        remedy = Remedy.NONE if held else Remedy.ADOPT
        yield Difference(wanted, f"missing {what}", "", remedy, because(held))
    elif there.definition != wanted.definition:
        yield _otherwise(wanted, there)
    elif there.required:
        yield Difference(
            wanted, "unlogged", "unlogged", Remedy.NONE, "a crash empties the table; SET LOGGED rewrites it"
        )
    elif what == "materialized view":
        if _words(there.detail) != _words(wanted.detail):
            why = "to replace the definition, drop the view yourself"
            yield Difference(wanted, "another view", _words(there.detail), Remedy.NONE, why)
        elif not there.valid:
            yield Difference(wanted, "not populated", "no rows", found_oid=there.oid)
    else:
        lacking = [
            one for one in _options(wanted) if one.split("=")[0] not in {o.split("=")[0] for o in _options(there)}
        ]
        if lacking:
            yield Difference(wanted, "missing settings", ", ".join(_options(there)), found_oid=there.oid)


def _otherwise(wanted: SchemaEntry, there: SchemaEntry) -> Difference:
    if there.definition == "table" and wanted.definition.startswith("table by "):
        return Difference(wanted, "not partitioned", there.definition, Remedy.PARTITION, found_oid=there.oid)
    if wanted.definition == "table" and there.definition.startswith("table by "):
        return Difference(wanted, "partitioned", there.definition, Remedy.NONE, "the partitioning is kept")
    return Difference(wanted, "another kind", there.definition, Remedy.NONE, "existing relations are never replaced")


def _options(entry: SchemaEntry) -> list[str]:
    return [one for one in entry.detail.split(", ") if one] if entry.definition == "table" else []


def _grants(relation: str, want: Side, have: Side) -> Iterator[Difference]:
    held = {(one.name, one.definition) for one in have.all("grant", relation)}
    for wanted in want.all("grant", relation):
        if (wanted.name, wanted.definition) not in held:
            yield Difference(wanted, "missing grant")
