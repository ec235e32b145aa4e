"""partition-table: an ordinary table becomes one of monthly partitions, beside its readers and writers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from console import sql
from console.actions.needs import Needs, Right
from console.actions.others import refuse_code_of_others
from console.actions.partitions import partition_facts
from console.actions.partitions.inbound_keys import NONE, Inbound
from console.actions.partitions.partition_facts import ATTACH, HASH, Facts, Leaf, Way, to_be
from console.actions.planning import Action, Request, steps_from_query, steps_from_rows
from console.actions.relations import Relation, relation, short
from console.format import one_line, safe
from console.model import Claim, Kind, Parameter, Plan, Source, Standalone, Step, Trouble

PATIENCE = 60  # milliseconds that one transaction may wait for its locks in all, while others stand behind it
SHORTEST = 10  # milliseconds for one of them


async def plan(request: Request) -> Plan:
    """What is left to do from the present state on; the way back with abort; the old table's drop with drop-old."""
    table = await relation(request.server, request.given["table"])
    back, drop = (flag(request, name) for name in ("abort", "drop-old"))
    if table.kind == "p":
        note = f"{one_line(table.name)} is partitioned."
        return await afterwards(request, table, drop, otherwise=(note,))
    known = await partition_facts.facts(request, table)
    if back:
        return Plan(Claim(known.name), await abort(request.server, known))
    if known.way == HASH:
        raise Trouble(
            Kind.REFUSED,
            f"partition-by-hash of {one_line(known.name)} has begun.",
            "Run it again to finish it, or this with --set abort=yes to take it back.",
        )
    if drop:
        raise Trouble(Kind.REFUSED, f"{one_line(known.name)} is not partitioned yet: there is no old table to drop.")
    way = await partition_facts.choose(request, known)
    found: tuple[Step, ...] = ()
    if way.again:
        found, known = await abort(request.server, known), known.anew
    found += await (_attach if way.name == ATTACH else _months)(request.server, known, way)
    return Plan(Claim(known.name), found, way.notes, read_back=reader(table, way))


# The two ways


async def _attach(server: Source, known: Facts, way: Way) -> tuple[Step, ...]:
    leaves = await _leaves(server, known, way.bound, way.last)
    upper = leaves[0].lower
    found: tuple[Step, ...] = ()
    if known.widened:
        key = {"oid": known.oid, "handle": list(known.handle), "anew": known.dropped is not None}
        found += await steps_from_query(server, "partition_table_key", key)
    found += await _parent(server, known, way, leaves)
    found += await _indexes(server, known, together=True)
    promise = {**_asked(known), "promised": known.promised, "kept": known.kept, "upper": upper}
    found += await steps_from_query(server, "partition_table_attach", promise)
    swap, _ = await _swap(server, known, way, leaves, {"apply": "", **NONE.asked})
    return (*found, *swap, _analyze(known.name))


async def _months(server: Source, known: Facts, way: Way) -> tuple[Step, ...]:
    return await copy(server, known, way, await _leaves(server, known, way.first, way.last))


async def copy(
    server: Source, known: Facts, way: Way, leaves: tuple[Leaf, ...], inbound: Inbound = NONE
) -> tuple[Step, ...]:
    """The steps that copy a table into `leaves` of a new parent, beside its writers, and put that in its place."""
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
        *await _finish(
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


async def _leaves(server: Source, known: Facts, first: str, last: str) -> tuple[Leaf, ...]:
    asked = {"oid": known.oid, "made": known.made, "dropped": known.dropped, "key_type": known.key_type}
    months = {"first": first, "last": last}
    return to_be(await server.fetch("actions/partition_table_leaves", {**asked, **months}))


async def _parent(server: Source, known: Facts, way: Way, leaves: tuple[Leaf, ...]) -> tuple[Step, ...]:
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


async def _indexes(server: Source, known: Facts, together: bool) -> tuple[Step, ...]:
    asked = {"oid": known.oid, "fresh": known.made is None, "together": together}
    return await steps_from_query(server, "partition_table_indexes", asked)


async def _swap(
    server: Source, known: Facts, way: Way, leaves: tuple[Leaf, ...], more: Mapping[str, object]
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


async def _finish(server: Source, **asked: object) -> tuple[Step, ...]:
    return await steps_from_query(server, "partition_table_finish", {**asked, "patience": PATIENCE // 2})


async def abort(server: Source, known: Facts) -> tuple[Step, ...]:
    """The steps that take back what an interrupted run prepared."""
    asked = {"oid": known.oid, "made": known.made, "patience": _patience(known)}
    return await steps_from_query(server, "partition_table_abort", asked)


# Afterwards


async def afterwards(request: Request, table: Relation, drop: bool, otherwise: tuple[str, ...]) -> Plan:
    """What a run left to do after the swap: proofs of keys and rows, the drop of the old table on demand."""
    records = tuple((await request.server.fetch("actions/partition_table_after", {"oid": table.oid})).records())
    if not records:
        if drop:
            raise Trouble(Kind.REFUSED, f"There is no old table of {one_line(table.name)}.")
        return Plan(Claim(table.name), (), otherwise)
    (row,) = records
    said = str(row["said"])
    old = str(row["name"])
    found = await _finish(
        request.server,
        name=table.name,
        old=old,
        kept=row["oid"],
        source=row["pending"],
        handle=row["handle"],
        leaves=row["leaves"],
        swapped=True,
        compared="after the swap" in said,
        own_keys=[],
        own_definitions=[],
    )
    if found:
        await refuse_code_of_others(request.server, [table.name, old])
    notes = (f"The old table is kept as {one_line(old)}, {row['size']}.", *_proofs(said))
    if not drop or found:
        read = _after_reader(table) if found else None
        return Plan(Claim(table.name), found, notes, read_back=read)
    step = Step(f"DROP TABLE {old}", f"ACCESS EXCLUSIVE on {old}", old, note="the old table, with all its rows")
    return Plan(Claim(old, name=short(old)), (step,), notes, destructive=True)


def _after_reader(table: Relation) -> Callable[[Source], Awaitable[tuple[str, ...]]]:
    async def read(server: Source) -> tuple[str, ...]:
        now = await relation(server, table.name)
        rows = tuple((await server.fetch("actions/partition_table_after", {"oid": now.oid})).records())
        kept = tuple(f"The old table is kept as {one_line(row['name'])}, {row['size']}." for row in rows)
        return (*kept, *(line for row in rows for line in _proofs(str(row["said"]))))

    return read


def reader(table: Relation, way: Way) -> Callable[[Source], Awaitable[tuple[str, ...]]]:
    """What reads, after the run, what became of the old table."""
    if way.name != ATTACH:
        return _after_reader(table)

    async def read(server: Source) -> tuple[str, ...]:
        now = await relation(server, table.name)
        (row,) = (await server.fetch("actions/partition_table_attached", {"oid": now.oid, "old": table.oid})).records()
        what = f"{one_line(row['name'])} is the partition of all that is before {way.bound}"
        return (f"{what}: the same table with about {row['rows']} rows, none of them copied or moved.",)

    return read


def _proofs(said: str) -> tuple[str, ...]:
    return tuple(f"Compared: {one_line(line)}." for line in said.split("\n")[1:] if " UTC" in line)


# Small things


def _asked(known: Facts) -> dict[str, object]:
    return {"oid": known.oid, "key": known.key, "fresh": known.made is None, "patience": _patience(known)}


def _patience(known: Facts) -> int:
    """Milliseconds for each lock: one is taken on the table, and on each that foreign keys or views link to it."""
    return max(SHORTEST, PATIENCE // (1 + known.keys_out + known.keys_in + len(known.views)))


def _later(known: Facts, way: Way) -> bool:
    """Whether the new table gets its owner only in the swap: until then nobody else can make code of his run in it."""
    return way.name != ATTACH and not known.trusted


def _analyze(name: str) -> Step:
    return Step(
        f"ANALYZE {name}",
        f"SHARE UPDATE EXCLUSIVE on {name}",
        name,
        execution=Standalone(3.0),
        note="nothing else ever analyses a partitioned table",
    )


def flag(request: Request, name: str) -> bool:
    """Whether a parameter says yes. Trouble (USAGE) when it says neither yes nor no."""
    text = request.given[name].strip().lower()
    if text not in {"yes", "no"}:
        raise Trouble(Kind.USAGE, f"{name} must be yes or no, not {safe(text, 40)}.")
    return text == "yes"


PARTITION_TABLE = Action(
    name="partition-table",
    title="Partition a table",
    help="Turns an ordinary table into monthly partitions beside its readers and writers, and keeps the old one.",
    plan=plan,
    parameters=(
        Parameter("table", "the table to partition", required=True),
        Parameter("way", "attach (the old table becomes the first partition), copy (into months), or auto", "auto"),
        Parameter("key", "the date or timestamp column; empty: as the policy says"),
        Parameter("drop-old", "yes: drop the table that an earlier run by copy kept", "no"),
        Parameter("abort", "yes: take back what was prepared, while the table is still an ordinary one", "no"),
    ),
    row={"table": "table"},
    needs=Needs(Right.OWN),
)
