"""Builds indexes online, whatever the table is: plain, or partitioned to any depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from console.actions.confinement import roles_of, run_as
from console.actions.indexes.index_definition import exact, loose
from console.actions.indexes.index_meaning import same_meaning
from console.actions.planning import steps_from_rows
from console.format import one_line
from console.model import Database, Record, Snapshot, Step
from console.records import dataclass


@dataclass(frozen=True, slots=True)
class IndexToBuild:
    """An index that should be there, and valid."""

    table: int  # oid
    name: str  # in the schema of its table
    definition: str  # what stands behind the table: USING btree (a, b DESC) INCLUDE (c) WHERE d
    unique: bool = False
    note: str = ""  # what it is for
    comment: str = ""  # what is said of it in the database


@dataclass(frozen=True, slots=True)
class Build:
    """The steps that build indexes, and what is skipped."""

    steps: tuple[Step, ...]
    left: tuple[str, ...] = ()  # a sentence for each index that is skipped
    present: tuple[IndexToBuild, ...] = ()  # exist already, under any name
    planned: tuple[IndexToBuild, ...] = ()  # what the steps build


async def build(server: Database, wanted: Sequence[IndexToBuild]) -> Build:
    """The steps from the present state to all of `wanted`; none for those that exist and are valid.

    Plain tables: CREATE INDEX CONCURRENTLY. Partitioned ones: the index of the parent alone, one CONCURRENTLY for each
    partition without an equal one, each attached. What an interrupted build left is dropped and rebuilt.
    """
    found = await server.fetch("actions/index_definitions", {"oid": [index.table for index in wanted]})
    equal = [(k, oid) for k, index in enumerate(wanted, 1) for oid in await _equal(server, index, found)]
    parameters: dict[str, object] = {
        "tables": [index.table for index in wanted],
        "names": [index.name for index in wanted],
        "definitions": [index.definition for index in wanted],
        "uniques": [index.unique for index in wanted],
        "notes": [index.note for index in wanted],
        "comments": [index.comment for index in wanted],
        "equal_to": [k for k, _ in equal],
        "equal": [oid for _, oid in equal],
    }
    snapshot = await server.fetch("actions/build_indexes", parameters)
    at = snapshot.index("skipped")
    skipped = {int(str(row["k"])): one_line(row["skipped"]) for row in snapshot.records() if row["skipped"]}
    planned = {int(str(row["k"])) for row in snapshot.records()}
    rows = replace(snapshot, rows=tuple(row for row in snapshot.rows if not row[at]))
    roles = await roles_of(server, [index.table for index in wanted])
    return Build(
        tuple(
            confined
            for row, step in zip(rows.records(), steps_from_rows(rows), strict=True)
            for confined in run_as(roles.get(wanted[int(str(row["k"])) - 1].table, ""), [step])
        ),
        tuple(skipped.values()),
        tuple(index for k, index in enumerate(wanted, 1) if k not in planned),
        tuple(index for k, index in enumerate(wanted, 1) if k in planned and k not in skipped),
    )


async def _equal(server: Database, index: IndexToBuild, found: Snapshot) -> list[int]:
    """Indexes of the table and of its partitions that are defined as wanted.

    Of the same name it is enough that the definitions agree loosely, or mean the same on the columns of this table; the
    text of that index then stands for the wanted definition.
    """
    same = [row for row in found.records() if row["root"] == index.table and row["is_unique"] == index.unique]
    texts = {exact(index.definition)}
    for row in same:
        if row["table"] == index.table and row["name"] == index.name and await _agrees(server, index, row):
            texts.add(exact(str(row["definition"])))
    return [int(str(row["oid"])) for row in same if exact(str(row["definition"])) in texts]


async def _agrees(server: Database, index: IndexToBuild, row: Record) -> bool:
    definition = str(row["definition"])
    if loose(definition) == loose(index.definition):
        return True
    return await same_meaning(server, str(row["qualified"]), index.definition, definition)
