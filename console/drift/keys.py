"""Compares keys, constraints and indexes, by definition and never by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.drift.forms import plain
from console.drift.schema_entries import SchemaEntry
from console.drift.sides import SEARCH, SEARCH_ALONE, Difference, Remedy, Side


def because(held: Sequence[str]) -> str:
    return f"it needs {', '.join(held)}, which is missing or of another type" if held else ""


def _lacking(wanted: SchemaEntry, problem: str, stuck: set[str]) -> Difference:
    held = sorted(stuck & set(wanted.needs))
    return Difference(wanted, problem, "", Remedy.NONE if held else Remedy.ADOPT, because(held))


def constraints(relation: str, want: Side, have: Side, stuck: set[str]) -> Iterator[Difference]:
    (table,) = have.all("relation", relation)
    (meant,) = want.all("relation", relation)
    there = have.all("constraint", relation)
    for wanted in want.all("constraint", relation):
        alike = [one for one in there if one.detail == wanted.detail]
        equal = [one for one in alike if plain(one.definition) == plain(wanted.definition)]
        if any(one.valid for one in equal):
            continue
        if wanted.detail == "key":
            if meant.definition in (table.definition, "table"):
                yield from _key(wanted, alike, table, stuck)
        elif wanted.detail == "unique":
            if not _unique_index(wanted, have):
                yield _online_key(_lacking(wanted, "missing unique", stuck), table)
        elif equal:
            yield Difference(wanted, "not validated", "NOT VALID", found_oid=equal[0].oid)
        elif wanted.detail == "foreign key" and (other := [one for one in alike if _refers(one) == _refers(wanted)]):
            why = "ON DELETE differs; a second foreign key would apply both actions"
            yield Difference(wanted, "another action", other[0].definition, Remedy.NONE, why)
        else:
            yield _lacking(wanted, f"missing {wanted.detail}", stuck)


def _refers(one: SchemaEntry) -> str:
    return plain(one.definition.split(" ON ")[0].split(" DEFERRABLE")[0])


def _key(
    wanted: SchemaEntry, alike: Sequence[SchemaEntry], table: SchemaEntry, stuck: set[str]
) -> Iterator[Difference]:
    if alike:
        why = "the primary key differs; to replace it, drop it yourself"
        yield Difference(wanted, "another key", alike[0].definition, Remedy.NONE, why)
    else:
        yield _online_key(_lacking(wanted, "missing key", stuck), table)


def _online_key(one: Difference, table: SchemaEntry) -> Difference:
    if table.definition.startswith("table by ") and one.remedy is Remedy.ADOPT:
        why = "on a partitioned table the build locks every partition"
        return Difference(one.wanted, one.problem, "", Remedy.NONE, why)
    return one


def _unique_index(wanted: SchemaEntry, have: Side) -> bool:
    form = f"btree {wanted.definition.removeprefix('UNIQUE ')}"
    return any(
        one.required and one.valid and plain(one.definition) == plain(form)
        for one in have.all("index", wanted.relation)
    )


def indexes(relation: str, want: Side, have: Side, stuck: set[str]) -> Iterator[Difference]:
    there = have.all("index", relation)
    for wanted in want.all("index", relation):
        forms = {plain(wanted.definition)}
        if f"{SEARCH[0]}.{SEARCH[1]}" in wanted.needs:
            forms.add(plain(SEARCH_ALONE))
        equal = [one for one in there if plain(one.definition) in forms and (one.required or not wanted.required)]
        if any(one.valid for one in equal):
            continue
        if equal:
            yield Difference(wanted, "invalid index", "INVALID", found_oid=equal[0].oid)
        else:
            yield _lacking(wanted, "missing index", stuck)
