"""cancel-backend, terminate-backend, terminate-idle: sessions that still are and do what was seen of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, refuse, steps_from_query
from console.actions.sessions import global_pids
from console.actions.sessions.meant import (
    CANCELLED_IN,
    IDLE_SINCE,
    PID,
    STARTED,
    STATEMENT,
    TRANSACTION,
    Meant,
    asked_of,
    moments,
    sessions_meant,
)
from console.format import counted, decoded, one_line, safe
from console.model import Claim, Kind, Parameter, Plan, Record, Signals, Snapshot, Step, Trouble
from console.panes.connections import IDLE_IN_TRANSACTION

# What only the guards need.
HIDDEN = ("backend_start", "query_start", "idle_since", "xact_start", "refused", "remedy", "gone")
CANCELLED = Signals("statement cancelled", "statements cancelled", "The statement that was seen has ended")
IN_TRANSACTION = replace(CANCELLED, gone="What was seen has ended")
ENDED = Signals("session terminated", "sessions terminated", "The session that was seen has ended")
OF_TRANSACTION = replace(ENDED, gone="The transaction that was seen has ended")
OF_IDLE = replace(ENDED, gone="No session has stayed idle")
WITHOUT_STATEMENT = frozenset({"idle", *IDLE_IN_TRANSACTION})  # states, as the panes name them
IN_FULL = 5  # sessions that a plan shows with all that is known of them; more are a table
BAD_INTERVAL = {"22007", "22008", "22015"}


async def plan_cancel(request: Request) -> Plan:
    """Cancel what sessions run; refused when one of them is protected or runs nothing, or all run something else."""
    if global_pids.meant(request):
        return await _plan_in_cluster(request, cancel=True)
    return await _plan_meant(request, cancel=True)


async def plan_terminate(request: Request) -> Plan:
    """End sessions; refused when one of them is protected, or what was seen of all of them has ended."""
    if global_pids.meant(request):
        return await _plan_in_cluster(request, cancel=False)
    return await _plan_meant(request, cancel=False)


async def plan_terminate_idle(request: Request) -> Plan:
    """Terminate the sessions that have been idle for long; notes list those that this role may not terminate."""
    given = request.parameters
    since = _idle_since(given["idle-since"], given["idle-for"])
    parameters = _candidates(
        idle=None if since else given["older-than"],
        idle_for=given["idle-for"] or None,
        idle_since=since,
        application=given["application"] or None,
        user=given["user"] or None,
    )
    try:
        found = await request.server.fetch("actions/terminate_candidates", parameters)
    except Trouble as why:
        if why.sqlstate not in BAD_INTERVAL:
            raise
        values = " and ".join(safe(given[name], 40) for name in ("older-than", "idle-for") if given[name])
        raise Trouble(
            Kind.USAGE, f"older-than and idle-for must be intervals such as '10 minutes', not {values}."
        ) from None
    left = tuple(one_line(row["refused"]) for row in found.records() if row["refused"])
    free = replace(found, rows=tuple(row for row in found.rows if not row[found.index("refused")]))
    made = await _plan(request, free, OF_IDLE)
    hidden = () if request.server.facts.sees_all_sessions else ("Only sessions visible to this role are listed.",)
    return replace(made, claim=Claim("idle sessions"), notes=(*made.notes, *left, *hidden))


def _idle_since(text: str, idle_for: str) -> str | None:
    """The moment that is meant instead of an age. Raises Trouble(USAGE) if it is none or an age is given as well."""
    found = moments(text, "idle-since")
    if len(found) > 1:
        raise Trouble(Kind.USAGE, f"idle-since must be one timestamp, not {safe(text, 40)}.")
    if found and idle_for:
        raise Trouble(Kind.USAGE, "Give either idle-for or idle-since.")
    return found[0] if found else None


async def _plan_in_cluster(request: Request, cancel: bool) -> Plan:
    sessions = sessions_meant(request.parameters, global_pids.MOST)
    found, ended = _there(await global_pids.candidates(request.server, sessions, cancel))
    steps = await global_pids.signals(request.server, found, cancel)
    return _made(found, steps, _signals(sessions, cancel), ended)


def _candidates(**given: object) -> dict[str, object]:
    nothing: dict[str, object] = {
        **asked_of(()),
        "idle": None,
        "idle_for": None,
        "idle_since": None,
        "application": None,
        "user": None,
        "cancel": False,
    }
    return nothing | given


async def _plan_meant(request: Request, cancel: bool) -> Plan:
    sessions = sessions_meant(request.parameters)
    parameters = _candidates(**asked_of(sessions), cancel=cancel)
    found, ended = _there(await request.server.fetch("actions/terminate_candidates", parameters))
    return await _plan(request, found, _signals(sessions, cancel), ended, cancel=cancel)


def _there(found: Snapshot) -> tuple[Snapshot, tuple[str, ...]]:
    """Those that still are what was seen, and why the others are not. Raises Trouble(REFUSED) for any other reason.

    It is refused as well where none is left.
    """
    rows = list(found.records())
    for row in sorted(rows, key=lambda row: row["gone"] is True):
        if not row["gone"] or all(each["gone"] for each in rows):
            refuse(row)
    kept = tuple(row for row in found.rows if not row[found.index("gone")])
    return replace(found, rows=kept), tuple(one_line(row["refused"]) for row in rows if row["gone"])


def _signals(sessions: Sequence[Meant], cancel: bool) -> Signals:
    if cancel:
        return IN_TRANSACTION if any(each.transaction for each in sessions) else CANCELLED
    if all(each.transaction for each in sessions):
        return OF_TRANSACTION
    return OF_IDLE if all(each.idle_since for each in sessions) else ENDED


async def _plan(
    request: Request, found: Snapshot, signals: Signals, notes: tuple[str, ...] = (), *, cancel: bool = False
) -> Plan:
    parameters: dict[str, object] = {
        "pids": list(found.values("pid")),
        "started": list(found.values("backend_start")),
        "transactions": list(found.values("xact_start")),
    }
    if cancel:
        query, parameters["statements"] = "cancel_sessions", list(found.values("query_start"))
    else:
        query, parameters["moments"] = "terminate_sessions", list(found.values("idle_since"))
        parameters["open"] = global_pids.open_transactions(found)
    return _made(found, await steps_from_query(request.server, query, parameters), signals, notes)


def _made(found: Snapshot, steps: tuple[Step, ...], signals: Signals, notes: tuple[str, ...]) -> Plan:
    pids, count = ", ".join(str(pid) for pid in found.values("pid")), len(found.rows)
    return Plan(
        Claim(f"session {pids}" if count == 1 else f"sessions {pids}"),
        steps,
        notes,
        table=_shown(found) if found.rows else None,
        summary=f"{'cancel' if signals.single == CANCELLED.single else 'terminate'} {counted(count, 'session')}",
        in_full=count <= IN_FULL,
        signals=replace(signals, sessions=count),
    )


def _shown(found: Snapshot) -> Snapshot:
    """What a person wants to see of the sessions before they are hit."""
    kept = [at for at, name in enumerate(found.columns) if name not in HIDDEN]
    return replace(
        found,
        columns=tuple(found.columns[at] for at in kept),
        rows=tuple(tuple(decoded(row[at]) for at in kept) for row in found.rows),
    )


def _cancel_useless(row: Record) -> str:
    return "no statement is running" if row.get("state") in WITHOUT_STATEMENT else _useless(row)


def _useless(row: Record) -> str:
    return "a prepared transaction has no session" if row.get("pid") == 0 else ""


# A view of a whole cluster has the global pid: its pid is that of another node.
_ROW = {"pid": ("gpid", "blocking_gpid", "pid"), "started": ("blocking_start", "backend_start")}

CANCEL_BACKEND = Action(
    name="cancel-backend",
    title="Cancel a statement",
    help="Cancels the running statement of a session and verifies it. Suggests terminate when cancel has no effect.",
    plan=plan_cancel,
    parameters=(PID, STARTED, STATEMENT, CANCELLED_IN),
    row={**_ROW, STATEMENT.name: "statement_start"},
    needs=Needs(Right.SIGNAL, primary=False),
    useless=_cancel_useless,
)
TERMINATE_BACKEND = Action(
    name="terminate-backend",
    title="Terminate a session",
    help="Terminates a session and rolls back its transaction. Refused for WAL senders and wraparound vacuums.",
    plan=plan_terminate,
    parameters=(PID, STARTED, TRANSACTION, IDLE_SINCE),
    row={**_ROW, TRANSACTION.name: "transaction_start", IDLE_SINCE.name: "idle_since"},
    needs=Needs(Right.SIGNAL, primary=False),
    useless=_useless,
)
TERMINATE_IDLE = Action(
    name="terminate-idle",
    title="Terminate idle sessions",
    help="Terminates sessions idle in a transaction for too long, or idle at all; skips sessions that become active.",
    plan=plan_terminate_idle,
    parameters=(
        Parameter("older-than", "minimum time idle in a transaction, such as '10 minutes'", default="15 minutes"),
        Parameter("idle-for", "also sessions idle for this long, in a transaction or not; empty: none"),
        Parameter("idle-since", "instead: only sessions idle since this timestamp or earlier, outside a transaction"),
        Parameter("application", "only sessions with this application_name; empty: all"),
        Parameter("user", "only sessions of this role; empty: all"),
    ),
    needs=Needs(Right.SIGNAL, primary=False),
)
