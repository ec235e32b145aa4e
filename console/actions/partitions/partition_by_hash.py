"""partition-by-hash: a table of many tenants becomes one of hash partitions, for those who need it."""

from __future__ import annotations

from dataclasses import replace

from console.actions.needs import Needs, Right
from console.actions.others import refuse_code_of_others
from console.actions.partitions import partition_facts
from console.actions.partitions.inbound_keys import Inbound, inbound, unproven
from console.actions.partitions.partition_facts import HASH, Facts, Leaf, Way, carried, to_be
from console.actions.partitions.partition_table import abort, afterwards, copy, flag, reader
from console.actions.planning import Action, Request, whole
from console.actions.relations import Relation, relation, short
from console.format import one_line, safe, size
from console.model import Claim, Kind, Parameter, Plan, Record, Source, Step, Transaction, Trouble
from console.panes.tenant_views import ADVICE, advise
from console.reading.thresholds import configured_rules

NAME = "partition-by-hash"
NEEDED = ("worth it", "near")
MOST_OWN = 16  # partitions of a table that refers to itself: 65 ms in the swap, which grows with their square


async def plan(request: Request) -> Plan:
    """What is left to do from the present state on; the way back with abort; the old table's drop with drop-old."""
    table = await relation(request.server, request.given["table"])
    back, drop, anyway = (flag(request, name) for name in ("abort", "drop-old", "anyway"))
    modulus = whole(request.given, "modulus", 2, 64)
    let_go = _let_go(request)
    if table.kind == "p":
        return await _afterwards(request, table, drop)
    advice = await _advice(request, table)
    key = _key(request, table, advice)
    known = await partition_facts.facts(request, table, key)
    if back:
        return Plan(Claim(known.name), await abort(request.server, known))
    if drop:
        raise Trouble(Kind.REFUSED, f"{one_line(known.name)} is not partitioned yet: there is no old table to drop.")
    because = _needed(known, advice, anyway)
    keys = await _possible(request.server, known, let_go)
    if keys.own_keys and modulus > MOST_OWN:
        raise Trouble(
            Kind.REFUSED,
            f"{one_line(known.name)} refers to itself: that takes {modulus**2} constraints for {modulus} partitions.",
            f"--set modulus={MOST_OWN} at most keeps the swap short.",
        )
    return await _planned(request, _tenant_first(known), modulus, keys, because)


async def _planned(request: Request, known: Facts, modulus: int, keys: Inbound, because: str) -> Plan:
    again = known.made is not None and (known.differs or known.bound != str(modulus))
    begun = known.made is not None and not again
    notes = (
        "It goes on where an earlier run ended." if begun else because,
        *_notes(known, modulus, request.server.facts.major),
        *keys.notes,
    )
    way = Way(HASH, "", "", str(modulus), (*notes, *carried(known)), again)
    found: tuple[Step, ...] = () if begun else keys.checks
    if again:
        found, known = (*await abort(request.server, known), *found), known.anew
    moves = await copy(request.server, known, way, await _leaves(request.server, known, modulus), keys)
    swap = next(at for at, step in enumerate(moves) if step.execution == Transaction("swap"))
    found = (*found, *moves[:swap], *(keys.checks if begun else ()), *moves[swap:], *keys.proofs)
    read = reader(Relation(known.oid, known.name, "r"), way)
    claim = Claim(known.name, name=short(known.name))
    return Plan(claim, found, way.notes, destructive=keys.drops, read_back=read)


async def _afterwards(request: Request, table: Relation, drop: bool) -> Plan:
    (now,) = (await request.server.fetch("actions/partition_by_hash_present", {"oid": table.oid})).records()
    by = f"{one_line(table.name)} is partitioned by {now['strategy']} of {one_line(now['key'])} already"
    if now["strategy"] != "hash":
        raise Trouble(Kind.REFUSED, f"{by}.", "Both at once would take partitions of partitions, which no plan makes.")
    proofs = await unproven(request.server, table.oid)
    rest = await afterwards(request, table, drop and not proofs, otherwise=())
    if rest.destructive:
        return rest
    return replace(rest, steps=(*rest.steps, *proofs), notes=(f"{by}, into {now['children']}.", *rest.notes))


# Whether, and by what


async def _advice(request: Request, table: Relation) -> Record | None:
    rules = configured_rules(ADVICE.rules, request.settings.thresholds)
    told = advise(await request.server.fetch("tenant_tables"), **rules)
    return next((row for row in told.records() if row["oid"] == table.oid), None)


def _key(request: Request, table: Relation, advice: Record | None) -> str:
    key = request.given["key"] or ("" if advice is None else str(advice["tenant_column"]))
    if not key:
        raise Trouble(
            Kind.REFUSED,
            f"{one_line(table.name)} has no column by which tenants could be told apart.",
            "Name one with --set key=….",
        )
    return key


def _needed(known: Facts, advice: Record | None, anyway: bool) -> str:
    """Why it is done. Trouble (REFUSED) with the adviser's reason when it need not be."""
    if advice is not None and advice["tenant_column"] == known.key:
        verdict, reason = str(advice["verdict"]), safe(advice["reason"])
    else:
        verdict, reason = "unknown", f"{one_line(known.key)} is not the column by which tables refer to tenants"
    told = f"Is partitioning {one_line(known.name)} by hash worth it? {verdict}: {reason}."
    begun = known.made is not None and known.way == HASH
    if verdict not in NEEDED and not anyway and not begun:
        raise Trouble(Kind.REFUSED, told, "--set anyway=yes plans it all the same.")
    return told


async def _possible(server: Source, known: Facts, let_go: bool) -> Inbound:
    """What becomes of the foreign keys to it. Trouble (REFUSED) when it cannot be partitioned by that key."""
    if known.made is not None and known.way != HASH:
        raise Trouble(
            Kind.REFUSED,
            f"partition-table of {one_line(known.name)} has begun.",
            "Run that again to finish it, or this with --set abort=yes to take it back.",
        )
    if known.no_copy:
        raise Trouble(Kind.REFUSED, f"{one_line(known.name)} cannot be copied: {one_line(known.no_copy)}.")
    await refuse_code_of_others(server, known.read)
    asked = {"oid": known.oid, "key": known.key}
    (row,) = (await server.fetch("actions/partition_by_hash_key", asked)).records()
    if row["refused"]:
        raise Trouble(Kind.REFUSED, safe(row["refused"]), "Give it to them, or choose another key with --set key=….")
    return await inbound(server, known.oid, known.key, let_go)


def _tenant_first(known: Facts) -> Facts:
    """With a primary key that begins with the tenant where it did not hold it: what reads one tenant is served too."""
    rest = tuple(name for name in known.handle if name != known.key)
    return replace(known, handle=(known.key, *rest)) if known.widened else known


async def _leaves(server: Source, known: Facts, modulus: int) -> tuple[Leaf, ...]:
    asked = {"oid": known.oid, "made": known.made, "dropped": known.dropped, "modulus": modulus}
    return to_be(await server.fetch("actions/partition_by_hash_leaves", asked))


def _notes(known: Facts, modulus: int, major: int) -> tuple[str, ...]:
    moved = f"A row that is referred to can no longer change its {one_line(known.key)}."
    if major < 15:
        moved += (
            " Before PostgreSQL 15 such a change is a deletion there: ON DELETE CASCADE then deletes what refers to it."
        )
    return (
        f"{modulus} partitions by hash of {one_line(known.key)}, one for each remainder; the number cannot grow later.",
        f"Copying needs about {size(known.bytes)} more room; how much is free cannot be seen from SQL.",
        *((moved,) if known.keys_in else ()),
        "The old table is kept, without foreign keys, until a later run with --set drop-old=yes drops it.",
    )


def _let_go(request: Request) -> bool:
    text = request.given["references"].strip().lower()
    if text not in {"keep", "drop"}:
        raise Trouble(Kind.USAGE, f"references must be keep or drop, not {safe(text, 40)}.")
    return text == "drop"


PARTITION_BY_HASH = Action(
    name=NAME,
    title="Partition by hash",
    help="Turns a table of many tenants into hash partitions beside its readers and writers, where that is worth it.",
    plan=plan,
    parameters=(
        Parameter("table", "the table to partition", required=True),
        Parameter("key", "the column of the tenant; empty: the one by which most tables refer to a common one"),
        Parameter("modulus", "how many partitions, from 2 to 64", "8"),
        Parameter("references", "drop: foreign keys of other tables that cannot hold the key are dropped", "keep"),
        Parameter("anyway", "yes: plan it though it is not needed, or not known to be", "no"),
        Parameter("drop-old", "yes: drop the table that an earlier run kept", "no"),
        Parameter("abort", "yes: take back what was prepared, while the table is still an ordinary one", "no"),
    ),
    row={"table": "table"},
    needs=Needs(Right.OWN),
)
