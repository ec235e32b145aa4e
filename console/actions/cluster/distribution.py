"""What a table must change before Citus can distribute it, whether that pays, and with which tables it should lie."""

from __future__ import annotations

from collections.abc import Iterable

from console.actions.planning import Request
from console.actions.relations import Relation
from console.format import counted, one_line, percent, safe, size
from console.model import Kind, Level, Record, Source, Trouble, number
from console.panes.tenant_views import GIGABYTE
from console.reading.thresholds import configured_rules
from console.records import dataclass
from console.rules.storage import HASH_TABLE_GB, TENANT_SHARE_PERCENT

# Minor releases of PostgreSQL since 2026 name the output plugins that may be used, and Citus has one of its own.
PLUGIN = "Citus copies online with an output plugin of its own, which output_plugin_libraries does not allow."
PLUGIN_REMEDY = "On all nodes: add citus to it with ALTER SYSTEM, then SELECT pg_reload_conf();"
NONE = "none"  # of colocate-with: a group of its own


@dataclass(frozen=True, slots=True)
class Distribution:
    """How a table is to be distributed."""

    reference: bool
    column: str  # empty: the tenant column
    companion: str  # the table it is to lie with; empty: the one that fits
    shards: int | None  # of a group of its own; None: citus.shard_count
    online: bool
    only_rehearse: bool
    anyway: bool


async def facts_of(server: Source, table: Relation, wanted: Distribution) -> Record:
    """How the table stands to the cluster. Raises Trouble(REFUSED) if it cannot be distributed in any way."""
    companion = "" if wanted.companion == NONE else wanted.companion
    asked = {"oid": table.oid, "column": wanted.column, "companion": companion}
    (facts,) = (await server.fetch("actions/distribution_facts", asked)).records()
    refusal = _refusal(facts, table, wanted, companion)
    if refusal and not facts["already"]:
        raise Trouble(Kind.REFUSED, *refusal)
    return facts


def _refusal(facts: Record, table: Relation, wanted: Distribution, companion: str) -> tuple[str, str] | None:
    name, by_column = one_line(table.name), not wanted.reference
    column = one_line(wanted.column or "that identifies the tenant")
    reasons = (
        (table.kind not in {"r", "p"}, f"{name} is not a table.", "Citus distributes tables and partitioned tables."),
        (
            facts["partition"],
            f"{name} is a partition.",
            f"Its partitioned table is distributed as a whole: {one_line(facts['parent'] or '')}.",
        ),
        (facts["persistence"] != "p", f"{name} is temporary or unlogged.", "Citus distributes permanent tables."),
        (
            not number(facts["nodes"]),
            "No active node of the cluster holds shards.",
            "SELECT citus_add_node('host', 5432) adds a worker.",
        ),
        (
            facts["rebalance"] is not None,
            f"A rebalance is running (job {facts['rebalance']}), which locks the co-location groups.",
            "Wait for its end in view Jobs of the cluster pane, or cancel-cluster-job.",
        ),
        (not facts["own"], f"Only the owner of {name} may distribute it.", ""),
        (
            by_column and not facts["has_column"],
            f"{name} has no column {column}.",
            "Name another with --set column=…, or copy the table to all nodes with --set as=reference.",
        ),
        (facts["generated"], f"{one_line(facts['column'] or '')} of {name} is generated: Citus refuses that.", ""),
        (
            by_column and companion and not facts["companion"],
            f"{one_line(companion)} is not distributed by a column of that type.",
            "View Groups of the cluster pane lists what is.",
        ),
    )
    found = next(((sentence, remedy) for holds, sentence, remedy in reasons if holds), None)
    return found or (_not_online(facts, name) if wanted.online else None)


def _not_online(facts: Record, name: str) -> tuple[str, str] | None:
    instead = "--set online=no copies it in one transaction, in which writers wait."
    if facts["wal_level"] != "logical":
        return f"Distributing online needs wal_level = logical; it is {facts['wal_level']}.", f"Set it, or {instead}"
    if lacks_plugin(facts):
        return PLUGIN, f"{PLUGIN_REMEDY} Or {instead}"
    if not facts["has_identity"]:
        return (
            f"{name} has no primary key or replica identity, which distributing online needs.",
            f"Add one, or {instead}",
        )
    if facts["has_keys"]:
        return f"Citus cannot distribute {name} online because of its foreign keys.", instead
    return None


def lacks_plugin(facts: Record) -> bool:
    """Whether the server does not allow the output plugin by which Citus copies shards online."""
    allowed = facts["plugins"]
    return allowed is not None and "citus" not in {name.strip() for name in str(allowed).split(",")}


def check(table: Relation, facts: Record, obstacles: Iterable[Record], wanted: Distribution) -> tuple[str, ...]:
    """What to know, as notes. Raises Trouble(REFUSED) with all that must change first, unless it is only rehearsed."""
    found = [(row["blocks"], _sentence(row)) for row in obstacles]
    blocking = [sentence for blocks, sentence in found if blocks]
    if blocking and not wanted.only_rehearse:
        how = "become a reference table" if wanted.reference else f"be distributed by {one_line(facts['column'])}"
        raise Trouble(
            Kind.REFUSED,
            f"Before {one_line(table.name)} can {how}, {counted(len(blocking), 'thing')} must change:\n"
            + "".join(f"- {sentence}\n" for sentence in blocking)
            + "To hear what Citus says of an empty copy: --set only-rehearse=yes",
        )
    return tuple(sentence for _, sentence in found)


def _sentence(row: Record) -> str:
    remedy = safe(row["remedy"] or "")
    return f"{safe(row['sentence'])}." + (f" {remedy}" if remedy else "")


async def worth(request: Request, table: Relation, facts: Record, wanted: Distribution) -> str:
    """Why to distribute it. Raises Trouble(REFUSED) where one server still does, unless it is wanted anyway."""
    if wanted.reference:
        return "A reference table: every node has a copy, every change is made on all of them."
    if number(facts["distributed"]):
        return f"The cluster distributes {counted(int(number(facts['distributed'])), 'table')} already."
    rules = configured_rules((HASH_TABLE_GB, TENANT_SHARE_PERCENT), request.settings.thresholds)
    tables = list((await request.server.fetch("tenant_tables")).records())
    limit = rules["hash_table_gb"].limit.warning * GIGABYTE
    whole = sum(number(row["size"]) for row in tables)
    share = next((row["largest_share"] for row in tables if row["oid"] == table.oid), None)
    sentence = (
        f"The tables of the tenants hold {size(whole)} without indexes; distributing them pays from {size(limit)} on"
    )
    enough = whole >= limit
    if share is not None and rules["tenant_share_percent"].level(share) is Level.CRITICAL:
        sentence += (
            f", and one tenant holds {percent(number(share))} of {one_line(table.name)}, which stays on one node"
        )
        enough = False
    if not enough and not wanted.anyway and not wanted.only_rehearse:
        raise Trouble(
            Kind.REFUSED,
            f"{sentence}.",
            "A larger server or a replica is simpler: docs/scaling.md. Else --set anyway=yes.",
        )
    return f"{sentence}."
