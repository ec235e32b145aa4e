"""vacuum-table, analyze-table, reindex: routine maintenance of tables and indexes, online."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, boolean, steps_from_query, steps_from_rows
from console.actions.relations import INDEXES, TABLES, Relation, claim, find
from console.format import counted, one_line
from console.model import Claim, Kind, Outcome, Parameter, Plan, Step, Trouble
from console.running.trail import history
from console.running.trail.audit import default_trail

FRESH = timedelta(days=1)  # how long an index counts as rebuilt by a run that was cut off
_REINDEX = "REINDEX INDEX CONCURRENTLY "


async def plan_vacuum(request: Request) -> Plan:
    """VACUUM of tables, a partitioned one partition by partition."""
    tables = await find(request.server, request.parameters["table"], TABLES)
    made: tuple[Step, ...] = ()
    for table in tables:
        parameters: dict[str, object] = {
            "oid": table.oid,
            "analyze": boolean(request.parameters, "analyze"),
            "freeze": boolean(request.parameters, "freeze"),
        }
        made += await steps_from_query(request.server, "vacuum_table", parameters)
    vacuumed = counted(len(made), "table")
    return Plan(claim(tables), made, summary=f"VACUUM of {vacuumed}", result=f"{vacuumed} vacuumed")


async def plan_analyze(request: Request) -> Plan:
    """ANALYZE of tables, a partitioned one with its partitions."""
    tables = await find(request.server, request.parameters["table"], TABLES)
    made: tuple[Step, ...] = ()
    for table in tables:
        made += await steps_from_query(request.server, "analyze_table", {"oid": table.oid})
    analyzed = counted(len(tables), "table")
    return Plan(claim(tables), made, summary=f"ANALYZE of {analyzed}", result=f"{analyzed} analyzed")


async def plan_reindex(request: Request) -> Plan:
    """REINDEX CONCURRENTLY index by index; what an interrupted one left is dropped first."""
    wanted = request.parameters["index"] or request.parameters["table"]
    if not wanted:
        raise Trouble(Kind.USAGE, "reindex needs --set index=… or --set table=…: what to rebuild.")
    found: tuple[Relation, ...] = await find(request.server, wanted, INDEXES if request.parameters["index"] else TABLES)
    return await rebuilt(request, REINDEX.name, claim(found), [relation.oid for relation in found])


async def rebuilt(request: Request, action: str, what: Claim, oids: list[int] | None, broken: bool = False) -> Plan:
    """The plan that rebuilds indexes: those of `oids` (indexes or tables), or all invalid ones of the database.

    With `broken`, only the invalid ones of `oids`. Raises Trouble(REFUSED) if all of them must be skipped.
    """
    snapshot = await request.server.fetch("actions/reindex", {"oid": oids, "broken": broken or oids is None})
    left = tuple(one_line(row["skipped"]) for row in snapshot.records() if row["skipped"])
    at, sql, bad = map(snapshot.index, ("skipped", "sql", "broken"))
    rows = [row for row in snapshot.rows if not row[at]]
    built = _built(request, action, what.subject)
    going_on = [row for row in rows if row[bad] or row[sql] not in built]
    made = steps_from_rows(
        replace(snapshot, rows=tuple(going_on or rows))
    )  # all of them: it had only not said that it was done
    if left and not made:
        raise Trouble(Kind.REFUSED, " ".join(left))
    done = one_line(", ".join(str(row[sql]).removeprefix(_REINDEX) for row in rows if row not in going_on))
    if done and going_on:
        left += (f"Already rebuilt by the interrupted run: {done}. Run the action once more to rebuild them again.",)
    rebuilding = counted(len(going_on or rows), "index", "indexes")
    return Plan(what, made, left, summary=f"rebuild {rebuilding}", result=f"{rebuilding} rebuilt")


def _built(request: Request, action: str, subject: str) -> set[str]:
    """What interrupted runs of the same plan finished since the last complete one."""
    facts = request.server.facts
    here = (facts.label, facts.database, facts.user)
    built: set[str] = set()
    for past in reversed(history.runs(default_trail().entries())):
        if (past.where, past.action, past.subject) != (here, action, subject):
            continue
        if past.status not in {history.UNFINISHED, Outcome.STOPPED.value} or abs(datetime.now(UTC) - past.at) > FRESH:
            break
        built |= {step.sql for step in past.finished if step.sql.startswith(_REINDEX)}
    return built


_TABLE = Parameter("table", "name, with its schema if ambiguous; several separated by commas", required=True)

VACUUM_TABLE = Action(
    name="vacuum-table",
    title="Vacuum a table",
    help="VACUUM without blocking reads or writes, a partitioned table partition by partition; verifies that it ran.",
    plan=plan_vacuum,
    parameters=(
        _TABLE,
        Parameter("analyze", "yes or no: also update planner statistics", default="yes"),
        Parameter("freeze", "yes or no: freeze all rows, to prevent transaction ID wraparound", default="no"),
    ),
    row={"table": "table"},
    needs=Needs(Right.MAINTAIN, on_shards=True),
)
ANALYZE_TABLE = Action(
    name="analyze-table",
    title="Analyze a table",
    help="Updates planner statistics; also of partitioned tables themselves, which autovacuum does not analyze.",
    plan=plan_analyze,
    parameters=(_TABLE,),
    row={"table": "table"},
    needs=Needs(Right.MAINTAIN, on_shards=True),
)
REINDEX = Action(
    name="reindex",
    title="Rebuild indexes",
    help="REINDEX CONCURRENTLY of an index or all indexes of a table; drops indexes left from an interrupted run.",
    plan=plan_reindex,
    parameters=(
        Parameter("index", "index, with its schema if ambiguous; several separated by commas"),
        Parameter("table", "rebuild all indexes of this table"),
    ),
    row={"index": "index", "table": "table"},
    needs=Needs(Right.BUILD, on_shards=True),
)
