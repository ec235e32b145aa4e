"""partition-table: converts an ordinary table to monthly partitions, online."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from console import sql
from console.actions.confinement import confined, role_of, run_as
from console.actions.needs import Needs, Right
from console.actions.partitions import partition_facts
from console.actions.partitions.inbound_keys import NONE, Inbound
from console.actions.partitions.partition_facts import ATTACH, HASH, PATIENCE, Leaf, TableFacts, Way, new_leaves
from console.actions.partitions.partition_swapped import afterwards, finish, reader
from console.actions.planning import Action, Request, boolean, steps_from_query, steps_from_rows
from console.actions.relations import Relation, relation
from console.format import one_line
from console.model import Claim, Kind, Parameter, Plan, Source, Standalone, Step, Trouble

ABORTED = "preparations of the interrupted run removed"
SHORTEST = 10  # milliseconds for one of them


async def plan(request: Request) -> Plan:
    """What is left to do from the present state on; the way back with abort; the old table's drop with drop-old."""
    table = await relation(request.server, request.parameters["table"])
    server = await confined(request.server, table)
    made = await _plan(replace(request, server=server), table)
    return replace(made, steps=run_as(role_of(server), made.steps))


async def _plan(request: Request, table: Relation) -> Plan:
    back, drop = (boolean(request.parameters, name) for name in ("abort", "drop-old"))
    if table.kind == "p":
        return await afterwards(request, table, drop, f"{one_line(table.name)} is partitioned.")
    known = await partition_facts.facts(request, table)
    if back:
        undoing = f"remove the preparations for partitioning {one_line(known.name)}"
        return Plan(Claim(known.name), await abort(request.server, known), summary=undoing, result=ABORTED)
    if known.way == HASH:
        raise Trouble(
            Kind.REFUSED,
            f"A run of partition-by-hash on {one_line(known.name)} is unfinished.",
            "Run partition-by-hash again to finish it, or this action with --set abort=yes to undo it.",
        )
    if drop:
        raise Trouble(Kind.REFUSED, f"{one_line(known.name)} is not partitioned yet, so there is no old table to drop.")
    way = await partition_facts.choose_way(request, known)
    found: tuple[Step, ...] = ()
    if way.again:
        found, known = await abort(request.server, known), known.from_start
    found += await (_attach if way.name == ATTACH else _months)(request.server, known, way)
    return Plan(
        Claim(known.name),
        found,
        way.notes,
        summary=f"partition {one_line(known.name)} by month",
        result=f"{one_line(known.name)} partitioned",
        read_back=reader(table, way),
    )


# The two ways


async def _attach(server: Source, known: TableFacts, way: Way) -> tuple[Step, ...]:
    leaves = await _leaves(server, known, way.bound, way.last)
    upper = leaves[0].lower
    found: tuple[Step, ...] = ()
    if known.widened:
        key = {"oid": known.oid, "handle": list(known.handle), "from_start": known.dropped is not None}
        found += await steps_from_query(server, "partition_table_key", key)
    found += await _parent(server, known, way, leaves)
    found += await _indexes(server, known, together=True)
    promise = {**_asked(known), "promised": known.promised, "kept": known.kept, "upper": upper}
    found += await steps_from_query(server, "partition_table_attach", promise)
    swap, _ = await _swap(server, known, way, leaves, {"apply": "", **NONE.asked})
    return (*found, *swap, _analyze(known.name))


async def _months(server: Source, known: TableFacts, way: Way) -> tuple[Step, ...]:
    return await copy(server, known, way, await _leaves(server, known, way.first, way.last))


async def copy(
    server: Source, known: TableFacts, way: Way, leaves: tuple[Leaf, ...], inbound: Inbound = NONE
) -> tuple[Step, ...]:
    """The steps that copy a table online into `leaves` of a new parent, which then replaces it."""
    asked = {**_asked(known), "handle": list(known.handle), "rows": known.rows}
    snapshot = await server.fetch("actions/partition_table_copy", asked)
    moves, parts = steps_from_rows(snapshot), snapshot.values("group")
    copied = parts.index("copy") + 1
    apply = moves[parts.index("apply")].sql
    swap, old = await _swap(server, known, way, leaves, {"apply": apply, **inbound.asked})
    return (
        *await _parent(server, known, way, leaves),
        *moves[:copied],
        *await _indexes(server, known, together=False),
        *moves[copied:],
        *swap,
        *await finish(
            server,
            name=known.name,
            old=old,
            kept=known.oid,
            source=known.oid,
            handle=list(known.handle),
            leaves=[leaf.name for leaf in leaves],
            swapped=False,
            compared=False,
            own_keys=list(inbound.own_keys),
            own_definitions=list(inbound.own_definitions),
        ),
    )


async def _leaves(server: Source, known: TableFacts, first: str, last: str) -> tuple[Leaf, ...]:
    asked = {"oid": known.oid, "made": known.made, "dropped": known.dropped, "key_type": known.key_type}
    months = {"first": first, "last": last}
    return new_leaves(await server.fetch("actions/partition_table_leaves", {**asked, **months}))


async def _parent(server: Source, known: TableFacts, way: Way, leaves: tuple[Leaf, ...]) -> tuple[Step, ...]:
    missing = [leaf for leaf in leaves if not leaf.made]
    return await steps_from_query(
        server,
        "partition_table_parent",
        {
            "oid": known.oid,
            "key": known.key,
            "way": way.name,
            "hashed": way.name == HASH,
            "bound": way.mark,
            "made": known.made is not None,
            "handle": list(known.handle),
            "later": _later(known, way),
            "leaves": [leaf.name for leaf in missing],
            "lowers": [leaf.lower for leaf in missing],
            "uppers": [leaf.upper for leaf in missing],
        },
    )


async def _indexes(server: Source, known: TableFacts, together: bool) -> tuple[Step, ...]:
    asked = {"oid": known.oid, "fresh": known.made is None, "together": together}
    return await steps_from_query(server, "partition_table_indexes", asked)


async def _swap(
    server: Source, known: TableFacts, way: Way, leaves: tuple[Leaf, ...], more: Mapping[str, object]
) -> tuple[tuple[Step, ...], str]:
    """The steps of the swap, and the name that the old table will have."""
    (fingerprint,) = (await server.fetch("actions/partition_table_fingerprint", {"oid": known.oid})).rows[0]
    query = sql.load("actions/partition_table_fingerprint").statement
    snapshot = await server.fetch(
        "actions/partition_table_swap",
        {
            **_asked(known),
            "way": way.name,
            "upper": leaves[0].lower,
            "leaves": [leaf.name for leaf in leaves],
            "later": _later(known, way),
            "has_no_null": known.has_no_null,
            "widened": known.widened,
            **more,
            "fingerprint": fingerprint,
            "fingerprint_query": query.replace("%(oid)s", str(known.oid)).partition("\n")[2],
        },
    )
    return steps_from_rows(snapshot), str(snapshot.values("old")[0])


async def abort(server: Source, known: TableFacts) -> tuple[Step, ...]:
    """The steps that undo what an interrupted run prepared."""
    asked = {"oid": known.oid, "made": known.made, "patience": _patience(known)}
    return await steps_from_query(server, "partition_table_abort", asked)


# Small things


def _asked(known: TableFacts) -> dict[str, object]:
    return {"oid": known.oid, "key": known.key, "fresh": known.made is None, "patience": _patience(known)}


def _patience(known: TableFacts) -> int:
    """Milliseconds for each lock: one is taken on the table, and on each that foreign keys or views link to it."""
    return max(SHORTEST, PATIENCE // (1 + known.keys_out + known.keys_in + len(known.views)))


def _later(known: TableFacts, way: Way) -> bool:
    """Whether the new table gets its owner only in the swap: until then nobody else can make code of his run in it."""
    return way.name != ATTACH and not known.trusted


def _analyze(name: str) -> Step:
    return Step(
        f"ANALYZE {name}",
        f"SHARE UPDATE EXCLUSIVE on {name}",
        name,
        execution=Standalone(3.0),
        note="autovacuum does not analyze partitioned tables",
    )


PARTITION_TABLE = Action(
    name="partition-table",
    title="Partition a table",
    help="Converts an ordinary table to monthly partitions online, and keeps the old table.",
    plan=plan,
    parameters=(
        Parameter("table", "the table to partition", required=True),
        Parameter(
            "way", "attach (the table becomes the first partition), copy (rows are copied into months) or auto", "auto"
        ),
        Parameter("key", "partition key, a date or timestamp column; empty: as set in the policy"),
        Parameter("drop-old", "yes: drop the old table that an earlier run kept", "no"),
        Parameter("abort", "yes: undo an unfinished run, as long as the table has not been swapped", "no"),
    ),
    row={"table": "table"},
    needs=Needs(
        Right.OWN,
        instead="Distribute a table that is partitioned: create_distributed_table() spreads its partitions.",
    ),
)
