"""Compares keys, constraints and indexes, by definition and never by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.drift.forms import plain
from console.drift.schema_entries import SchemaEntry
from console.drift.sides import SEARCH, SEARCH_ALONE, Difference, Problem, Remedy, Side


def because(held: Sequence[str]) -> str:
    return f"it needs {', '.join(held)}, which is missing or of another type" if held else ""


def _lacking(wanted: SchemaEntry, problem: Problem, stuck: set[str]) -> Difference:
    held = sorted(stuck & set(wanted.needs))
    return Difference(wanted, problem, "", Remedy.NONE if held else Remedy.ADOPT, because(held))


def constraints(relation: str, want: Side, have: Side, stuck: set[str]) -> Iterator[Difference]:
    (table,) = have.all("relation", relation)
    (meant,) = want.all("relation", relation)
    existing = have.all("constraint", relation)
    for wanted in want.all("constraint", relation):
        alike = [constraint for constraint in existing if constraint.detail == wanted.detail]
        equal = [constraint for constraint in alike if plain(constraint.definition) == plain(wanted.definition)]
        if any(constraint.valid for constraint in equal):
            continue
        if wanted.detail == "key":
            if meant.definition in (table.definition, "table"):
                yield from _key(wanted, alike, table, stuck)
        elif wanted.detail == "unique":
            if not _unique_index(wanted, have):
                yield _online_key(_lacking(wanted, Problem.MISSING_UNIQUE, stuck), table)
        elif equal:
            yield Difference(wanted, Problem.NOT_VALIDATED, "NOT VALID", found_oid=equal[0].oid)
        elif wanted.detail == "foreign key" and (
            other := [constraint for constraint in alike if _refers(constraint) == _refers(wanted)]
        ):
            why = "ON DELETE differs; a second foreign key would apply both actions"
            yield Difference(wanted, Problem.ANOTHER_ACTION, other[0].definition, Remedy.NONE, why)
        else:
            yield _lacking(wanted, Problem(f"missing {wanted.detail}"), stuck)


def _refers(constraint: SchemaEntry) -> str:
    return plain(constraint.definition.split(" ON ")[0].split(" DEFERRABLE")[0])


def _key(
    wanted: SchemaEntry, alike: Sequence[SchemaEntry], table: SchemaEntry, stuck: set[str]
) -> Iterator[Difference]:
    if alike:
        why = "the primary key differs; to replace it, drop it yourself"
        yield Difference(wanted, Problem.ANOTHER_KEY, alike[0].definition, Remedy.NONE, why)
    else:
        yield _online_key(_lacking(wanted, Problem.MISSING_KEY, stuck), table)


def _online_key(difference: Difference, table: SchemaEntry) -> Difference:
    if table.definition.startswith("table by ") and difference.remedy is Remedy.ADOPT:
        why = "on a partitioned table the build locks every partition"
        return Difference(difference.wanted, difference.problem, "", Remedy.NONE, why)
    return difference


def _unique_index(wanted: SchemaEntry, have: Side) -> bool:
    form = f"btree {wanted.definition.removeprefix('UNIQUE ')}"
    return any(
        entry.required and entry.valid and plain(entry.definition) == plain(form)
        for entry in have.all("index", wanted.relation)
    )


def indexes(relation: str, want: Side, have: Side, stuck: set[str]) -> Iterator[Difference]:
    existing = have.all("index", relation)
    for wanted in want.all("index", relation):
        forms = {plain(wanted.definition)}
        if f"{SEARCH[0]}.{SEARCH[1]}" in wanted.needs:
            forms.add(plain(SEARCH_ALONE))
        equal = [
            index for index in existing if plain(index.definition) in forms and (index.required or not wanted.required)
        ]
        if any(index.valid for index in equal):
            continue
        if equal:
            yield Difference(wanted, Problem.INVALID_INDEX, "INVALID", found_oid=equal[0].oid)
        else:
            yield _lacking(wanted, Problem.MISSING_INDEX, stuck)
