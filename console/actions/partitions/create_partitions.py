"""create-partitions: monthly partitions ahead of time, with bounds in UTC."""

from __future__ import annotations

from console.actions.foreign_code import refuse_foreign_code
from console.actions.needs import Needs, Right, partitioned
from console.actions.planning import Action, Request, steps_from_query, whole_number
from console.actions.relations import Relation, relation, short
from console.format import one_line
from console.model import Claim, Kind, Parameter, Plan, Source, Step, Trouble
from console.running.summary import counted

MONTHS_AHEAD = 3  # of a table without a policy


async def plan(request: Request) -> Plan:
    """The missing months, table by table; refused if a name is taken or the default partition has their rows."""
    tables = _tables(request)
    months = whole_number(request.given, "months", 0, 60) if request.given["months"] else None
    steps: tuple[Step, ...] = ()
    parents: list[str] = []
    for name, ahead in tables:
        parent = await relation(request.server, name)
        parents.append(parent.name)
        steps += await partitions(request.server, parent, months=ahead if months is None else months)
    claim = Claim(
        "partitions of " + ", ".join(one_line(name) for name, _ in tables),
        tuple(f"partitions of {one_line(name)}" for name in dict.fromkeys(parents)),
        name=short(parents[0]) if len(parents) == 1 else "",
    )
    made = counted(len({step.execution for step in steps}), "partition")
    return Plan(claim, steps, summary=f"{made} for {counted(len(tables), 'table')}")


async def partitions(
    server: Source, parent: Relation, first: str | None = None, last: str | None = None, months: int = 0
) -> tuple[Step, ...]:
    """Steps for what `parent` lacks from `first` to `last`, days in the months meant.

    Without `first` from the current month of UTC, without `last` to `months` after the current one.
    """
    await refuse_foreign_code(server, [parent.name])
    return await steps_from_query(
        server, "create_partitions", {"oid": parent.oid, "first": first, "last": last, "months": months}
    )


def _tables(request: Request) -> list[tuple[str, int]]:
    policies = {policy.table: policy.months_ahead for policy in request.settings.partitions}
    wanted = request.given["table"]
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
    help="Creates missing monthly partitions ahead of time, without blocking reads or writes.",
    plan=plan,
    parameters=(
        Parameter("months", "how many months ahead; empty: as set in the policy"),
        Parameter("table", "only this table; empty: all tables with a partition policy"),
    ),
    key="C",
    row={"table": "parent"},
    needs=Needs(Right.OWN, partitioned),
)
