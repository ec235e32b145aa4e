"""partition-by-hash: converts a multi-tenant table to hash partitions, if it is large enough to benefit."""

from __future__ import annotations

from dataclasses import replace

from console.actions.confinement import confined, role_of, run_as
from console.actions.foreign_code import refuse_foreign_code
from console.actions.needs import Needs, Right
from console.actions.partitions import partition_facts
from console.actions.partitions.inbound_keys import Inbound, inbound, unproven
from console.actions.partitions.partition_facts import HASH, Leaf, TableFacts, Way, carried_over, new_leaves
from console.actions.partitions.partition_swapped import afterwards, reader
from console.actions.partitions.partition_table import ABORTED, abort, copy
from console.actions.planning import Action, Request, boolean, refuse, whole_number
from console.actions.relations import Relation, relation, short
from console.format import counted, one_line, safe, size
from console.model import Claim, Kind, Parameter, Plan, Record, Source, Step, Transaction, Trouble
from console.panes.tenant_views import ADVICE, advise
from console.reading.thresholds import configured_rules

NAME = "partition-by-hash"
NEEDED = ("worth it", "near")
MOST_OWN = 16  # partitions of a table that refers to itself: 65 ms in the swap, which grows with their square


async def plan(request: Request) -> Plan:
    """What is left to do from the present state on; the way back with abort; the old table's drop with drop-old."""
    table = await relation(request.server, request.parameters["table"])
    server = await confined(request.server, table)
    made = await _plan(replace(request, server=server), table)
    return replace(made, steps=run_as(role_of(server), made.steps))


async def _plan(request: Request, table: Relation) -> Plan:
    back, drop, anyway = (boolean(request.parameters, name) for name in ("abort", "drop-old", "anyway"))
    modulus = whole_number(request.parameters, "modulus", 2, 64)
    drop_keys = _drops_keys(request)
    if table.kind == "p":
        return await _afterwards(request, table, drop)
    advice = await _advice(request, table)
    key = _key(request, table, advice)
    known = await partition_facts.facts(request, table, key)
    if back:
        undoing = f"remove the preparations for partitioning {one_line(known.name)}"
        return Plan(Claim(known.name), await abort(request.server, known), summary=undoing, result=ABORTED)
    if drop:
        raise Trouble(Kind.REFUSED, f"{one_line(known.name)} is not partitioned yet, so there is no old table to drop.")
    because = _needed(known, advice, anyway)
    keys = await _possible(request.server, known, drop_keys)
    if keys.own_keys and modulus > MOST_OWN:
        raise Trouble(
            Kind.REFUSED,
            f"{one_line(known.name)} references itself, which takes {counted(modulus**2, 'constraint')} for "
            f"{counted(modulus, 'partition')}.",
            f"Use --set modulus={MOST_OWN} or less to keep the swap short.",
        )
    return await _planned(request, _tenant_first(known), modulus, keys, because)


async def _planned(request: Request, known: TableFacts, modulus: int, keys: Inbound, because: str) -> Plan:
    again = known.made is not None and (known.differs or known.bound != str(modulus))
    begun = known.made is not None and not again
    notes = (
        "Resumes an interrupted run." if begun else because,
        *_notes(known, modulus, request.server.facts.major),
        *keys.notes,
    )
    way = Way(HASH, "", "", str(modulus), (*notes, *carried_over(known)), again)
    found: tuple[Step, ...] = () if begun else keys.checks
    if again:
        found, known = (*await abort(request.server, known), *found), known.from_start
    moves = await copy(request.server, known, way, await _leaves(request.server, known, modulus), keys)
    swap = next(at for at, step in enumerate(moves) if _swaps(step))
    found = (*found, *moves[:swap], *(keys.checks if begun else ()), *moves[swap:], *keys.proofs)
    read = reader(Relation(known.oid, known.name, "r"), way)
    claim = Claim(known.name, name=short(known.name))
    name, many = one_line(known.name), counted(modulus, "hash partition")
    return Plan(
        claim,
        found,
        way.notes,
        summary=f"{name} to {many}",
        result=f"{name} partitioned by hash",
        destructive=keys.drops,
        read_back=read,
    )


def _swaps(step: Step) -> bool:
    return isinstance(step.execution, Transaction) and step.execution.group == "swap"


async def _afterwards(request: Request, table: Relation, drop: bool) -> Plan:
    (now,) = (await request.server.fetch("actions/partition_by_hash_present", {"oid": table.oid})).records()
    by = f"{one_line(table.name)} is already partitioned by {now['strategy']} ({one_line(now['key'])})"
    if now["strategy"] != "hash":
        raise Trouble(
            Kind.REFUSED,
            f"{by}.",
            "Partitioning it by hash as well would need sub-partitions, which this action does not support.",
        )
    proofs = await unproven(request.server, table.oid)
    rest = await afterwards(
        request, table, drop and not proofs, f"{by}, into {counted(int(str(now['children'])), 'partition')}."
    )
    return rest if rest.destructive else replace(rest, steps=(*rest.steps, *proofs))


# Whether, and by what


async def _advice(request: Request, table: Relation) -> Record | None:
    rules = configured_rules(ADVICE.rules, request.settings.thresholds)
    verdicts = advise((await request.server.fetch("tenant_tables")).in_full(), **rules)
    return next((row for row in verdicts.records() if row["oid"] == table.oid), None)


def _key(request: Request, table: Relation, advice: Record | None) -> str:
    key = request.parameters["key"] or ("" if advice is None else str(advice["tenant_column"]))
    if not key:
        raise Trouble(
            Kind.REFUSED,
            f"{one_line(table.name)} has no column that identifies the tenant.",
            "Name one with --set key=….",
        )
    return key


def _needed(known: TableFacts, advice: Record | None, anyway: bool) -> str:
    """The reason to partition. Raises Trouble(REFUSED) with the verdict of the partitions pane if there is none."""
    if advice is not None and advice["tenant_column"] == known.key:
        verdict, reason = str(advice["verdict"]), safe(advice["reason"])
    else:
        verdict, reason = "unknown", f"{one_line(known.key)} is not the tenant column of the schema"
    sentence = f"Is partitioning {one_line(known.name)} by hash worth it? {verdict}: {reason}."
    begun = known.made is not None and known.way == HASH
    if verdict not in NEEDED and not anyway and not begun:
        raise Trouble(Kind.REFUSED, sentence, "Use --set anyway=yes to plan it nevertheless.")
    return sentence


async def _possible(server: Source, known: TableFacts, drop_keys: bool) -> Inbound:
    """What becomes of the foreign keys to it. Raises Trouble(REFUSED) if it cannot be partitioned by that key."""
    if known.made is not None and known.way != HASH:
        raise Trouble(
            Kind.REFUSED,
            f"A run of partition-table on {one_line(known.name)} is unfinished.",
            "Run partition-table again to finish it, or this action with --set abort=yes to undo it.",
        )
    if known.no_copy:
        raise Trouble(Kind.REFUSED, f"{one_line(known.name)} cannot be copied: {one_line(known.no_copy)}.")
    await refuse_foreign_code(server, known.read)
    asked = {"oid": known.oid, "key": known.key}
    (row,) = (await server.fetch("actions/partition_by_hash_key", asked)).records()
    refuse(row)
    return await inbound(server, known.oid, known.key, drop_keys)


def _tenant_first(known: TableFacts) -> TableFacts:
    """With a primary key that begins with the tenant where it did not hold it: what reads one tenant is served too."""
    rest = tuple(name for name in known.handle if name != known.key)
    return replace(known, handle=(known.key, *rest)) if known.widened else known


async def _leaves(server: Source, known: TableFacts, modulus: int) -> tuple[Leaf, ...]:
    asked = {"oid": known.oid, "made": known.made, "dropped": known.dropped, "modulus": modulus}
    return new_leaves(await server.fetch("actions/partition_by_hash_leaves", asked))


def _notes(known: TableFacts, modulus: int, major: int) -> tuple[str, ...]:
    moved = f"Referenced rows can no longer change their {one_line(known.key)}."
    if major < 15:
        moved += (
            " Before PostgreSQL 15 such an update acts as a delete, so ON DELETE CASCADE would delete referencing rows."
        )
    return (
        f"{counted(modulus, 'partition')} by hash of {one_line(known.key)}; the number cannot be changed later.",
        f"Copying needs about {size(known.bytes)} of free disk space, which cannot be checked from SQL.",
        *((moved,) if known.keys_in else ()),
        "The old table is kept, without foreign keys, until you run this action with --set drop-old=yes.",
    )


def _drops_keys(request: Request) -> bool:
    text = request.parameters["references"].strip().lower()
    if text not in {"keep", "drop"}:
        raise Trouble(Kind.USAGE, f"references must be keep or drop, not {safe(text, 40)}.")
    return text == "drop"


PARTITION_BY_HASH = Action(
    name=NAME,
    title="Partition by hash",
    help="Converts a multi-tenant table to hash partitions online, if it is large enough to benefit.",
    plan=plan,
    parameters=(
        Parameter("table", "the table to partition", required=True),
        Parameter("key", "tenant column; empty: the one that most tables use"),
        Parameter("modulus", "number of partitions, from 2 to 64", "8"),
        Parameter("references", "drop: drop foreign keys of other tables that cannot include the key", "keep"),
        Parameter("anyway", "yes: plan it even if it is not known to be worthwhile", "no"),
        Parameter("drop-old", "yes: drop the old table that an earlier run kept", "no"),
        Parameter("abort", "yes: undo an unfinished run, as long as the table has not been swapped", "no"),
    ),
    row={"table": "table"},
    needs=Needs(
        Right.OWN,
        instead="Its shards are such partitions: alter_distributed_table(…, shard_count => …) changes their number.",
    ),
)
