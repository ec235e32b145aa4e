"""After the swap: what is left to do, the comparison of both tables, and what became of the old one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from console.actions.confinement import confined
from console.actions.foreign_code import refuse_foreign_code
from console.actions.partitions.partition_facts import ATTACH, PATIENCE, Way
from console.actions.planning import Request, steps_from_query
from console.actions.relations import Relation, relation, seen, short
from console.format import counted, one_line
from console.model import Claim, Database, Kind, Plan, Record, Source, Step, Trouble


async def afterwards(request: Request, table: Relation, drop: bool, state: str) -> Plan:
    """What is left to do after the swap: foreign keys, the comparison, and on request the drop of the old table.

    `state` is the first note: how the table is partitioned.
    """
    records = tuple((await request.server.fetch("actions/partition_table_after", {"oid": table.oid})).records())
    if not records:
        if drop:
            raise Trouble(Kind.REFUSED, f"{one_line(table.name)} has no old table to drop.")
        return Plan(Claim(table.name), (), (state,))
    (row,) = records
    old = str(row["name"])
    found = await finish(
        request.server,
        name=table.name,
        old=old,
        kept=row["oid"],
        source=row["pending"],
        handle=row["handle"],
        leaves=row["leaves"],
        swapped=True,
        compared=row["after_swap"] is not None,
        own_keys=[],
        own_definitions=[],
    )
    if found:
        await refuse_foreign_code(request.server, [table.name, old])
    notes = (state, f"The old table is kept as {one_line(old)}, {row['size']}.", *_proofs(row))
    if not drop or found:
        read = _after_reader(table) if found else None
        what = f"{counted(len(found), 'step')} left after the swap of {one_line(table.name)}"
        return Plan(Claim(table.name), found, notes, summary=what, result=f"{what} done", read_back=read)
    sees = await seen(request.server, int(str(row["oid"])))
    step = Step(
        f"DROP TABLE {old}", f"ACCESS EXCLUSIVE on {old}", old, note="drops the old table and all its rows", sees=sees
    )
    what = f"{one_line(old)}, {row['size']}"
    return Plan(
        Claim(old, name=short(old)), (step,), notes, summary=f"drop {what}", result=f"{what} dropped", destructive=True
    )


def _after_reader(table: Relation) -> Callable[[Database], Awaitable[tuple[str, ...]]]:
    async def read(server: Database) -> tuple[str, ...]:
        now = await relation(server, table.name)
        server = await confined(server, now)
        rows = tuple((await server.fetch("actions/partition_table_after", {"oid": now.oid})).records())
        kept = tuple(f"The old table is kept as {one_line(row['name'])}, {row['size']}." for row in rows)
        return (*kept, *(line for row in rows for line in _proofs(row)))

    return read


def reader(table: Relation, way: Way) -> Callable[[Database], Awaitable[tuple[str, ...]]]:
    """What reads, after the run, what became of the old table."""
    if way.name != ATTACH:
        return _after_reader(table)

    async def read(server: Database) -> tuple[str, ...]:
        now = await relation(server, table.name)
        server = await confined(server, now)
        (row,) = (await server.fetch("actions/partition_table_attached", {"oid": now.oid, "old": table.oid})).records()
        what = f"{one_line(row['name'])} is the partition for everything before {way.bound}"
        return (f"{what}: the same table with about {counted(int(str(row['rows'])), 'row')}, none copied or moved.",)

    return read


def _proofs(row: Record) -> Iterator[str]:
    """The comparisons that the comment of the old table records, before and after the swap."""
    if isinstance(row["before_swap"], list):
        rows, checksum, at = map(one_line, row["before_swap"])
        yield f"Compared: {counted(int(rows), 'row')} with checksum {checksum} on both sides, in one snapshot, at {at}."
    if isinstance(row["after_swap"], list):
        same, gone, added, at = map(one_line, row["after_swap"])
        yield (
            f"Compared: {counted(int(same), 'row')} the same in both after the swap, at {at}; "
            f"{gone} changed or deleted since, {added} changed or added."
        )


async def finish(server: Source, **asked: object) -> tuple[Step, ...]:
    """The steps after the swap: foreign keys are validated and added to the parent, and both tables compared."""
    return await steps_from_query(server, "partition_table_finish", {**asked, "patience": PATIENCE // 2})
