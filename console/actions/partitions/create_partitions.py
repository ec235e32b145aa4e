"""create-partitions: partitions ahead of time, as long as those there are, with bounds in UTC."""

from __future__ import annotations

from dataclasses import replace

from console.actions.confinement import confined, role_of, run_as
from console.actions.foreign_code import refuse_foreign_code
from console.actions.needs import Needs, Right, partitioned
from console.actions.partitions.partman import left_to_partman
from console.actions.planning import Action, Request, split_notes, steps_from_rows, whole_number
from console.actions.relations import Relation, relation, seen, short
from console.format import counted, one_line
from console.model import Claim, Database, Kind, Parameter, Plan, Step, Trouble

MONTHS_AHEAD = 3  # of a table without a policy


async def plan(request: Request) -> Plan:
    """The missing months, table by table; refused if a name is taken or the default partition has their rows.

    Tables that pg_partman manages are skipped, with a note.
    """
    tables = _tables(request)
    months = whole_number(request.parameters, "months", 0, 60) if request.parameters["months"] else None
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    parents: list[str] = []
    for name, ahead in tables:
        parent = await relation(request.server, name)
        parents.append(parent.name)
        if managed := await left_to_partman(request.server, [parent]):
            notes += managed
            continue
        wanted = ahead if months is None else months
        more, interval_notes = await _missing(request.server, parent, months=wanted)
        steps += more
        notes += interval_notes
        if not (more or interval_notes):
            notes += (f"{one_line(parent.name)} has its partitions for the next {counted(wanted, 'month')}.",)
    claim = Claim(
        "partitions of " + ", ".join(one_line(name) for name, _ in tables),
        tuple(f"partitions of {one_line(name)}" for name in dict.fromkeys(parents)),
        name=short(parents[0]) if len(parents) == 1 else "",
    )
    made = counted(len({step.execution for step in steps}), "partition")
    summary = f"{made} for {counted(len(tables), 'table')}"
    return Plan(claim, steps, notes, summary=summary, result=f"{made} created")


async def partitions(server: Database, parent: Relation, first: str, last: str) -> tuple[Step, ...]:
    """Steps for the months that `parent` lacks from `first` to `last`, days in the months meant."""
    return (await _missing(server, parent, first, last))[0]


async def _missing(
    server: Database, parent: Relation, first: str | None = None, last: str | None = None, months: int = 0
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Steps for what is missing, and notes. Without `first` and `last` from now to `months` ahead."""
    server = await confined(server, parent)
    await refuse_foreign_code(server, [parent.name])
    asked = {"oid": parent.oid, "first": first, "last": last, "months": months}
    rows, notes = split_notes(await server.fetch("actions/create_partitions", asked))
    sides = await seen(server, parent.oid)
    steps = tuple(replace(step, sees=sides) for step in run_as(role_of(server), steps_from_rows(rows)))
    return steps, tuple(map(one_line, notes))


def _tables(request: Request) -> list[tuple[str, int]]:
    policies = {policy.table: policy.months_ahead for policy in request.settings.partitions}
    wanted = request.parameters["table"]
    if wanted:
        return [(wanted, policies.get(wanted, MONTHS_AHEAD))]
    if not policies:
        raise Trouble(
            Kind.USAGE,
            "No table has a partition policy.",
            "Name a table with --set table=…, or add a policy in the configuration.",
        )
    return list(policies.items())


CREATE_PARTITIONS = Action(
    name="create-partitions",
    title="Create partitions",
    help="Creates missing partitions ahead of time, as long as those there are, without blocking reads or writes.",
    plan=plan,
    parameters=(
        Parameter("months", "how many months ahead; empty: as set in the policy"),
        Parameter("table", "only this table; empty: all tables with a partition policy"),
    ),
    row={"table": "parent"},
    needs=Needs(
        Right.OWN,
        partitioned,
        instead="SELECT create_time_partitions(table_name, partition_interval, end_at) creates them on all nodes.",
    ),
)
