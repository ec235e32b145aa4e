"""Compares a catalog with the expected schema: what is missing or differs, and whether adopt-schema can fix it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.drift import columns
from console.drift.keys import because, constraints, indexes
from console.drift.schema_entries import SchemaEntry
from console.drift.sides import Difference, Problem, Remedy, Side


def compare(expected: Sequence[SchemaEntry], found: Sequence[SchemaEntry]) -> tuple[Difference, ...]:
    """All differences, relation by relation. Additional objects are not drift."""
    want, have = Side.of(expected), Side.of(found)
    differences: list[Difference] = []
    for wanted in want.all("function", ""):
        differences += _function(wanted, have.find("function", "", wanted.name))
    relations = sorted((name for kind, name in want.found if kind == "relation"), key=_views_last)
    other = [difference for name in relations for difference in columns.columns(name, want, have)]
    stuck = {
        f"{difference.wanted.relation}.{difference.wanted.name}" for difference in other if columns.stops(difference)
    }
    for name in relations:
        (wanted,) = want.all("relation", name)
        existing = have.find("relation", name, "")
        differences += _relation(wanted, existing, stuck)
        if existing is None or existing.definition in {"view", "foreign table"}:
            continue
        differences += [difference for difference in other if difference.wanted.relation == name]
        differences += constraints(name, want, have, stuck)
        differences += indexes(name, want, have, stuck)
        differences += _grants(name, want, have)
    return tuple(differences)


def _views_last(name: str) -> tuple[bool, str]:
    return name.startswith("mv_"), name


def _function(wanted: SchemaEntry, existing: SchemaEntry | None) -> Iterator[Difference]:
    if existing is None:
        yield Difference(wanted, Problem.MISSING_FUNCTION)
    elif _words(existing.definition) != _words(wanted.definition):
        why = "existing functions are never replaced"
        yield Difference(wanted, Problem.ANOTHER_FUNCTION, "another definition", Remedy.NONE, why)


def _words(text: str) -> str:
    return " ".join(text.split())


def _relation(wanted: SchemaEntry, existing: SchemaEntry | None, stuck: set[str]) -> Iterator[Difference]:
    what = wanted.definition.split(" by ")[0]
    if existing is None:
        held = sorted(stuck & set(wanted.needs))
        remedy = Remedy.NONE if held else Remedy.ADOPT
        yield Difference(wanted, Problem(f"missing {what}"), "", remedy, because(held))
    elif existing.definition != wanted.definition:
        yield _otherwise(wanted, existing)
    elif existing.required:
        yield Difference(
            wanted, Problem.UNLOGGED, "unlogged", Remedy.NONE, "a crash empties the table; SET LOGGED rewrites it"
        )
    elif what == "materialized view":
        if _words(existing.detail) != _words(wanted.detail):
            why = "to replace the definition, drop the view yourself"
            yield Difference(wanted, Problem.ANOTHER_VIEW, _words(existing.detail), Remedy.NONE, why)
        elif not existing.valid:
            yield Difference(wanted, Problem.NOT_POPULATED, "no rows", found_oid=existing.oid)
    else:
        lacking = [
            option
            for option in _options(wanted)
            if option.split("=")[0] not in {o.split("=")[0] for o in _options(existing)}
        ]
        if lacking:
            yield Difference(wanted, Problem.MISSING_SETTINGS, ", ".join(_options(existing)), found_oid=existing.oid)


def _otherwise(wanted: SchemaEntry, existing: SchemaEntry) -> Difference:
    if existing.definition == "table" and wanted.definition.startswith("table by "):
        return Difference(
            wanted, Problem.NOT_PARTITIONED, existing.definition, Remedy.PARTITION, found_oid=existing.oid
        )
    if wanted.definition == "table" and existing.definition.startswith("table by "):
        return Difference(wanted, Problem.PARTITIONED, existing.definition, Remedy.NONE, "the partitioning is kept")
    return Difference(
        wanted, Problem.ANOTHER_KIND, existing.definition, Remedy.NONE, "existing relations are never replaced"
    )


def _options(entry: SchemaEntry) -> list[str]:
    return [option for option in entry.detail.split(", ") if option] if entry.definition == "table" else []


def _grants(relation: str, want: Side, have: Side) -> Iterator[Difference]:
    held = {(grant.name, grant.definition) for grant in have.all("grant", relation)}
    for wanted in want.all("grant", relation):
        if (wanted.name, wanted.definition) not in held:
            yield Difference(wanted, Problem.MISSING_GRANT)
