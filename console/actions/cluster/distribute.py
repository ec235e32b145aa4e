"""distribute-table: spreads a table over the nodes of a Citus cluster, after a rehearsal and with proof of its rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from console.actions.cluster.distribution import NONE, Distribution, check, facts_of, worth
from console.actions.confinement import confined, role_of, run_as
from console.actions.needs import Needs, Right
from console.actions.planning import CITUS, Action, Request, boolean, steps_from_rows, whole_number
from console.actions.relations import Relation, relation, short
from console.format import counted, one_line, safe, size
from console.model import Choice, Claim, Database, Kind, Parameter, Plan, Record, Step, Trouble, number

DISTRIBUTED, REFERENCE = "distributed", "reference"
_WAYS = (
    Choice(DISTRIBUTED, "each node holds the rows of some tenants"),
    Choice(REFERENCE, "each node holds all rows: for small tables that all tenants share"),
)
EXACT = "{:,.0f}".format
_NO_UNDO = "This cannot be undone: Citus does not undistribute a table with an identity column."


async def plan(request: Request) -> Plan:
    """Rehearse on an empty copy, distribute, compare; what is left of it where the table is distributed already.

    Raises Trouble: USAGE for wrong values, REFUSED where it does not pay or with what must change first.
    """
    wanted = _wanted(request.parameters)
    table = await relation(request.server, request.parameters["table"])
    server = await confined(request.server, table)
    asking = replace(request, server=server)
    facts = await facts_of(server, table, wanted)
    if facts["already"]:
        return await _left(server, table, facts)
    why = await worth(asking, table, facts, wanted)
    asked = _asked(table, facts, wanted)
    obstacles = await server.fetch("actions/distribution_obstacles", asked)
    notes = (why, _group(asked, wanted), *check(table, facts, obstacles.records(), wanted))
    steps = await _rehearsal(server, table, facts, asked)
    if wanted.only_rehearse:
        return Plan(_claim(table), steps, _some(notes), summary=f"rehearse on an empty copy of {one_line(table.name)}",
                    result="Citus accepts the copy; nothing was changed")  # fmt: skip
    return Plan(
        _claim(table),
        (*steps, *await _steps(server, table, asked)),
        _some((*notes, *_warnings(facts, wanted))),
        summary=_summary(table, facts, wanted),
        result=f"{one_line(table.name)} distributed",
        destructive=bool(facts["has_counter"]),
        read_back=_reader(table),
    )


def _wanted(given: Mapping[str, str]) -> Distribution:
    way = given["as"].strip().lower()
    if way not in {DISTRIBUTED, REFERENCE}:
        raise Trouble(Kind.USAGE, f"as must be {DISTRIBUTED} or {REFERENCE}, not {safe(way, 40)}.")
    wanted = Distribution(
        way == REFERENCE,
        given["column"].strip(),
        given["colocate-with"].strip(),
        whole_number(given, "shards", 1, 1024) if given["shards"].strip() else None,
        boolean(given, "online"),
        boolean(given, "only-rehearse"),
        boolean(given, "anyway"),
    )
    if wanted.reference and (wanted.column or wanted.companion or wanted.shards or wanted.online):
        raise Trouble(Kind.USAGE, "A reference table has no column, colocate-with, shards or online.")
    if wanted.shards and wanted.companion not in {"", NONE}:
        raise Trouble(Kind.USAGE, f"It gets as many shards as {safe(wanted.companion, 80)}: leave shards out.")
    return wanted


def _asked(table: Relation, facts: Record, wanted: Distribution) -> dict[str, object]:
    """The parameters of the queries that make the statements."""
    alone = wanted.companion == NONE or wanted.shards is not None or not facts["companion"]
    undo = "" if facts["has_counter"] else "cascade" if facts["has_keys"] else "alone"
    return {
        "oid": table.oid,
        "column": None if wanted.reference else facts["column"],
        "colocation": None if wanted.reference or alone else facts["colocation"],
        "companion": NONE if alone else facts["companion"],
        "shards": wanted.shards,
        "online": wanted.online,
        "undo": undo,
        "estimate": f"{counted(number(facts['rows']), 'row', shown=EXACT)}, {size(facts['size'])}",
        "distribute": True,
        "truncate": not facts["referred_locally"],
    }


async def _rehearsal(server: Database, table: Relation, facts: Record, asked: dict[str, object]) -> tuple[Step, ...]:
    user = one_line(server.facts.user)
    if not facts["may_log_in"]:
        raise Trouble(
            Kind.REFUSED,
            f"Citus connects to the nodes as {user}, the owner of {one_line(table.name)}, who may not log in.",
            f"ALTER ROLE {user} LOGIN; -- for the time being; or give the table another owner.",
        )
    if facts["grants"]:
        raise Trouble(
            Kind.REFUSED,
            f"{user}, the owner of {one_line(table.name)}, may not create its shards, or the schema of the rehearsal.",
            str(facts["grants"]),
        )
    found = await server.fetch("actions/distribution_rehearsal", asked | {"online": False})
    return run_as(role_of(server), steps_from_rows(found))


async def _steps(server: Database, table: Relation, asked: Mapping[str, object]) -> tuple[Step, ...]:
    role = role_of(server)
    if role and asked["online"]:
        raise Trouble(
            Kind.REFUSED,
            f"Distributing {one_line(table.name)} online cannot be confined to the rights of its owner.",
            f"Run it as {one_line(role)}, or with --set online=no.",
        )
    return run_as(role, steps_from_rows(await server.fetch("actions/distribution_steps", asked)))


async def _left(server: Database, table: Relation, facts: Record) -> Plan:
    """Removes the rows that are left on this node, once no table of this node alone refers to them."""
    name, left = one_line(table.name), number(facts["left_here"])
    here = f"{name} is {one_line(facts['already'])} already"
    if not left or facts["referred_locally"]:
        waits = (
            f"; {size(left)} of former rows stay here until the tables that refer to it are distributed" if left else ""
        )
        return Plan(_claim(table), notes=(f"{here}{waits}.",))
    asked = {"oid": table.oid, "column": None, "companion": NONE, "shards": None, "online": False, "undo": "",
             "estimate": size(left), "distribute": False, "truncate": True}  # fmt: skip
    return Plan(
        _claim(table),
        await _steps(server, table, asked),
        notes=(f"{here}.",),
        summary=f"remove {size(left)} of former rows of {name} from this node",
        result=f"{size(left)} of former rows removed",
    )


def _claim(table: Relation) -> Claim:
    return Claim(one_line(table.name), name=short(table.name))


def _some(notes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(note for note in notes if note)


def _group(asked: Mapping[str, object], wanted: Distribution) -> str:
    if wanted.reference:
        return ""
    if asked["companion"] == NONE:
        return "It begins a co-location group of its own; the tables that follow can lie with it."
    return f"Its shards lie with those of {one_line(asked['companion'])}: joins by the tenant stay on a node."


def _warnings(facts: Record, wanted: Distribution) -> tuple[str, ...]:
    undo = _NO_UNDO if facts["has_counter"] else ""
    if facts["has_keys"] and not undo:
        undo = (
            "Undo takes back every table that foreign keys connect with it: Citus undistributes no single one of them."
        )
    waiting = "" if wanted.online else "Writers wait while it is copied. --set online=yes copies without, where it can."
    where = f"The nodes need about {size(facts['size'])} of free disk space, and more for its indexes."
    return _some((undo, "" if wanted.reference else waiting, where))


def _summary(table: Relation, facts: Record, wanted: Distribution) -> str:
    name, nodes = one_line(table.name), counted(int(number(facts["nodes"])), "node")
    if wanted.reference:
        return f"copy {name} ({size(facts['size'])}) to every node"
    return f"distribute {name} ({size(facts['size'])}) by {one_line(facts['column'])} over {nodes}"


def _reader(table: Relation) -> Callable[[Database], Awaitable[tuple[str, ...]]]:
    async def read(server: Database) -> tuple[str, ...]:
        (counts,) = (await server.fetch("actions/distribution_result", {"name": table.name})).records()
        ((rows,),) = (await server.ask("rows of all shards", str(counts["count"]))).rows
        shards, nodes = int(number(counts["shards"])), int(number(counts["nodes"]))
        return (
            f"{counted(number(rows), 'row', shown=EXACT)} in {counted(shards, 'shard')} on {counted(nodes, 'node')}.",
        )

    return read


DISTRIBUTE_TABLE = Action(
    name="distribute-table",
    title="Distribute a table",
    help="Spreads a table over the nodes of a Citus cluster: lists what must change, rehearses, counts the rows.",
    plan=plan,
    parameters=(
        Parameter("table", "the table to distribute", required=True),
        Parameter("as", "distributed by tenant, or a copy on every node", DISTRIBUTED, choices=lambda: _WAYS),
        Parameter("column", "distribution column; empty: the tenant column that most tables use"),
        Parameter("colocate-with", "a table whose shards it lies with; none: a new group; empty: the one that fits"),
        Parameter("shards", "number of shards of a new group; empty: citus.shard_count"),
        Parameter("online", "yes: copy without blocking writes, where the table has no foreign keys", "no"),
        Parameter("only-rehearse", "yes: only distribute an empty copy and drop it", "no"),
        Parameter("anyway", "yes: plan it even if it is not known to be worthwhile", "no"),
    ),
    row={"table": "table"},
    needs=Needs(Right.OWN, extension=CITUS, on_shards=True),
)
