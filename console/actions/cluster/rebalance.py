"""rebalance-cluster and cancel-cluster-job: moves shards of a Citus cluster in the background until nodes are even."""

from __future__ import annotations

from dataclasses import replace

from console.actions.cluster.distribution import PLUGIN, PLUGIN_REMEDY, lacks_plugin
from console.actions.needs import Needs
from console.actions.planning import CITUS, Action, Request, steps_from_query, whole_number
from console.format import counted, one_line, safe, size
from console.model import Choice, Claim, Kind, Parameter, Plan, Record, Snapshot, Source, Trouble, number

AUTO, LOGICAL, BLOCKING = "auto", "force_logical", "block_writes"
_TRANSFERS = (
    Choice(AUTO, "online, by logical replication; refuses a table without a key"),
    Choice(LOGICAL, "by logical replication, slowly where a table has no key"),
    Choice(BLOCKING, "writes to a shard wait while it is copied"),
)
_ENDED = frozenset({"finished", "failed", "cancelled", "cancelling"})


async def plan_rebalance(request: Request) -> Plan:
    """citus_rebalance_start with the moves that Citus plans; nothing where it plans none.

    Raises Trouble: USAGE for a strategy or transfer that there is not, REFUSED while a rebalance runs, without the
    rights, and for tables that cannot be moved in that way.
    """
    server, given = request.server, request.parameters
    strategy, transfer = given["strategy"].strip(), given["transfer"].strip()
    if transfer not in {choice.value for choice in _TRANSFERS}:
        raise Trouble(Kind.USAGE, f"transfer must be {AUTO}, {LOGICAL} or {BLOCKING}, not {safe(transfer, 40)}.")
    (facts,) = (await server.fetch("actions/rebalance_facts")).records()
    _check(facts, strategy, transfer)
    moves = await server.fetch("actions/rebalance_moves", {"strategy": strategy})
    if not moves.rows:
        return Plan(Claim("balance of the cluster"), notes=("Citus plans no moves: the nodes are even enough.",))
    what = counted(sum(int(number(moved)) for moved in moves.values("shards")), "shard")
    moved = size(sum(number(moved) for moved in moves.values("size")))
    asked = {"strategy": strategy, "transfer": transfer, "what": f"{what} of {moved}"}
    return Plan(
        Claim("balance of the cluster", name="balance", cluster_wide=True),
        await steps_from_query(server, "rebalance_start", asked),
        notes=(*await _room(server, moves), "Progress: Jobs of the cluster pane. To stop it: cancel-cluster-job."),
        summary=f"{what} of {moved} to other nodes",
        result=f"rebalance of {what} started",
        table=_shown(moves),
    )


def _check(facts: Record, strategy: str, transfer: str) -> None:
    strategies = str(facts["strategies"])
    if strategy and strategy not in strategies.split(", "):
        raise Trouble(Kind.USAGE, f"There is no strategy {safe(strategy, 80)}.", f"Strategies: {safe(strategies)}.")
    if facts["running"] is not None:
        raise Trouble(
            Kind.REFUSED,
            f"A rebalance is running (job {facts['running']}).",
            "Jobs of the cluster pane shows its progress; cancel-cluster-job stops it.",
        )
    if facts["not_own"]:
        raise Trouble(
            Kind.REFUSED,
            f"Citus moves only shards of tables that the role owns, and not {one_line(facts['not_own'])}.",
            "Connect as a superuser, or as a role with the rights of all owners.",
        )
    if transfer != BLOCKING and facts["wal_level"] != "logical":
        raise Trouble(
            Kind.REFUSED,
            f"Moving shards online needs wal_level = logical on all nodes; it is {facts['wal_level']}.",
            f"Set it and restart the nodes, or accept waiting writes: --set transfer={BLOCKING}",
        )
    if transfer != BLOCKING and lacks_plugin(facts):
        raise Trouble(Kind.REFUSED, PLUGIN, f"{PLUGIN_REMEDY} Or accept waiting writes: --set transfer={BLOCKING}")
    if transfer == AUTO and facts["keyless"]:
        raise Trouble(
            Kind.REFUSED,
            f"Shards without a primary key or replica identity cannot be moved online: {one_line(facts['keyless'])}.",
            f"Add a key, or --set transfer={LOGICAL} (updates and deletes fail meanwhile) or {BLOCKING}.",
        )


async def _room(server: Source, moves: Snapshot) -> tuple[str, ...]:
    """A note for each node that receives shards: how much, and how much it has now."""
    nodes = {str(row["node"]): row["size"] for row in (await server.fetch("cluster_nodes")).records()}
    arriving: dict[str, float] = {}
    for row in moves.records():
        arriving[str(row["to"])] = arriving.get(str(row["to"]), 0.0) + number(row["size"])
    return tuple(
        f"{one_line(node)} needs {size(more)} of free disk space, and more for WAL; "
        f"its shards have {size(nodes.get(node))} now."
        for node, more in sorted(arriving.items())
    )


def _shown(moves: Snapshot) -> Snapshot:
    at = moves.index("size")
    return replace(moves, rows=tuple((*row[:at], size(row[at]), *row[at + 1 :]) for row in moves.rows))


async def plan_cancel(request: Request) -> Plan:
    """citus_job_cancel. Raises Trouble: USAGE if job is no number, REFUSED if it has ended."""
    job = whole_number(request.parameters, "job", most=2**63 - 1)
    return Plan(
        Claim(f"background job {job}", cluster_wide=True),
        await steps_from_query(request.server, "cancel_cluster_job", {"job": job}),
        ("Shards that were moved stay where they are; a shard that is being moved stays where it was.",),
        summary=f"cancel background job {job}",
        result=f"background job {job} cancelled",
    )


def _ended(row: Record) -> str:
    return f"the job is {row['state']}" if row.get("job") and row.get("state") in _ENDED else ""


REBALANCE_CLUSTER = Action(
    name="rebalance-cluster",
    title="Rebalance the cluster",
    help="Lists the shards that Citus would move to balance its nodes, and moves them in the background.",
    plan=plan_rebalance,
    parameters=(
        Parameter("strategy", "by_disk_size, by_shard_count or one of your own; empty: the default of the cluster"),
        Parameter("transfer", "how shards are moved", AUTO, choices=lambda: _TRANSFERS),
    ),
    needs=Needs(extension=CITUS, in_words="own all distributed tables"),
)
CANCEL_CLUSTER_JOB = Action(
    name="cancel-cluster-job",
    title="Cancel a job of the cluster",
    help="Cancels a background job of Citus, such as a rebalance; what it has done stays.",
    plan=plan_cancel,
    parameters=(Parameter("job", "number of the job", required=True),),
    row={"job": "job"},
    needs=Needs(extension=CITUS),
    useless=_ended,
)
