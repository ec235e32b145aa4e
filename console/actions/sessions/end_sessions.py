"""cancel-backend, terminate-backend, terminate-idle: sessions, identified by pid and start time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, refuse, steps_from_query
from console.actions.sessions import global_pids
from console.format import counted, decoded, one_line, safe
from console.model import Claim, Kind, Parameter, Plan, Record, Snapshot, Step, Trouble
from console.panes.connections import IDLE_IN_TRANSACTION

HIDDEN = ("backend_start", "query_start", "state_change", "refused", "remedy")  # what only the guards need
CANCELLED, ENDED = ("statement cancelled", "statements cancelled"), ("session terminated", "sessions terminated")
WITHOUT_STATEMENT = frozenset({"idle", *IDLE_IN_TRANSACTION})  # states, as the panes name them
IN_FULL = 5  # sessions that a plan shows with all that is known of them; more are a table
BAD_INTERVAL = {"22007", "22008", "22015"}


async def plan_cancel(request: Request) -> Plan:
    """Cancel what sessions run; refused when one of them is protected or runs nothing."""
    if global_pids.meant(request):
        return await _plan_in_cluster(request, cancel=True)
    found = await _asked(request, cancel=True)
    return await _plan(request, "cancel_sessions", found, "query_start")


async def plan_terminate(request: Request) -> Plan:
    """End sessions; refused when one of them is protected."""
    if global_pids.meant(request):
        return await _plan_in_cluster(request, cancel=False)
    found = await _asked(request, cancel=False)
    return await _plan(request, "terminate_sessions", found, "")


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
    made = await _plan(request, "terminate_sessions", free, "state_change")
    hidden = () if request.server.facts.sees_all_sessions else ("Only sessions visible to this role are listed.",)
    return replace(made, claim=Claim("idle sessions"), notes=(*made.notes, *left, *hidden))


def _idle_since(text: str, idle_for: str) -> str | None:
    """The moment that is meant instead of an age. Raises Trouble(USAGE) if it is none or an age is given as well."""
    moments = _moments(text, "idle-since")
    if len(moments) > 1:
        raise Trouble(Kind.USAGE, f"idle-since must be one timestamp, not {safe(text, 40)}.")
    if moments and idle_for:
        raise Trouble(Kind.USAGE, "Give either idle-for or idle-since.")
    return moments[0] if moments else None


async def _plan_in_cluster(request: Request, cancel: bool) -> Plan:
    pids, started = sessions_meant(request.parameters["pid"], request.parameters["started"], global_pids.MOST)
    found = await global_pids.candidates(request.server, pids, started, cancel)
    steps = await global_pids.signals(request.server, found, cancel)
    return _made(found, steps, cancel)


def _candidates(**given: object) -> dict[str, object]:
    nothing: dict[str, object] = {
        "pids": [],
        "started": [],
        "idle": None,
        "idle_for": None,
        "idle_since": None,
        "application": None,
        "user": None,
        "cancel": False,
    }
    return nothing | given


async def _asked(request: Request, cancel: bool) -> Snapshot:
    pids, started = sessions_meant(request.parameters["pid"], request.parameters["started"])
    parameters = _candidates(pids=pids, started=started, cancel=cancel)
    found = await request.server.fetch("actions/terminate_candidates", parameters)
    for row in found.records():
        refuse(row)
    return found


async def _plan(request: Request, query: str, found: Snapshot, guard: str) -> Plan:
    parameters: dict[str, object] = {
        "pids": list(found.values("pid")),
        "started": list(found.values("backend_start")),
        "moments": list(found.values(guard)) if guard else [None] * len(found.rows),
    }
    return _made(found, await steps_from_query(request.server, query, parameters), query == "cancel_sessions")


def _made(found: Snapshot, steps: tuple[Step, ...], cancel: bool) -> Plan:
    pids = ", ".join(str(pid) for pid in found.values("pid"))
    return Plan(
        Claim(f"session {pids}" if len(found.rows) == 1 else f"sessions {pids}"),
        steps,
        table=_shown(found) if found.rows else None,
        summary=f"{'cancel' if cancel else 'terminate'} {counted(len(found.rows), 'session')}",
        result=counted(len(found.rows), *(CANCELLED if cancel else ENDED)),
        in_full=len(found.rows) <= IN_FULL,
        signals=True,
    )


def _shown(found: Snapshot) -> Snapshot:
    """What a person wants to see of the sessions before they are hit."""
    kept = [at for at, name in enumerate(found.columns) if name not in HIDDEN]
    return replace(
        found,
        columns=tuple(found.columns[at] for at in kept),
        rows=tuple(tuple(decoded(row[at]) for at in kept) for row in found.rows),
    )


def sessions_meant(pid: str, started: str, most: int = 2**31 - 1) -> tuple[list[int], list[str | None]]:
    """Each pid once, with the start of its session where that was given."""
    pids, moments = _pids(pid, most), _moments(started)
    if not moments or 0 in pids:  # 0 stands for prepared transactions, which have no start; the plan refuses them
        return list(dict.fromkeys(pids)), [None] * len(set(pids))
    if len(moments) != len(pids):
        raise Trouble(Kind.USAGE, f"{len(pids)} pids were given, but {len(moments)} start times.")
    pairs = dict.fromkeys(zip(pids, moments, strict=True))
    return [each for each, _ in pairs], [moment for _, moment in pairs]


def _pids(text: str, most: int) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) <= most for part in parts):
        raise Trouble(Kind.USAGE, f"pid must be one or more process IDs separated by commas, not {safe(text, 40)}.")
    return [int(part) for part in parts]


def _moments(text: str, name: str = "started") -> list[str]:
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    try:
        moments = [datetime.fromisoformat(part) for part in parts]
    except ValueError:
        raise Trouble(Kind.USAGE, f"{name} must be a timestamp with time zone, not {safe(text, 40)}.") from None
    if any(moment.tzinfo is None for moment in moments):
        raise Trouble(Kind.USAGE, f"{name} must have a time zone: 2026-11-22 14:00:00.123456+00:00.")
    return [moment.isoformat() for moment in moments]


def _cancel_useless(row: Record) -> str:
    return "no statement is running" if row.get("state") in WITHOUT_STATEMENT else _useless(row)


def _useless(row: Record) -> str:
    return "a prepared transaction has no session" if row.get("pid") == 0 else ""


_PID = Parameter("pid", "process ID of the session, or its global pid; several separated by commas", required=True)
_STARTED = Parameter("started", "start time of the session; a later session with the same pid is not touched")
# A view of a whole cluster has the global pid: its pid is that of another node.
_ROW = {"pid": ("gpid", "blocking_gpid", "pid"), "started": ("blocking_start", "backend_start")}

CANCEL_BACKEND = Action(
    name="cancel-backend",
    title="Cancel a statement",
    help="Cancels the running statement of a session and verifies it. Suggests terminate when cancel has no effect.",
    plan=plan_cancel,
    parameters=(_PID, _STARTED),
    row=_ROW,
    needs=Needs(Right.SIGNAL, primary=False),
    useless=_cancel_useless,
)
TERMINATE_BACKEND = Action(
    name="terminate-backend",
    title="Terminate a session",
    help="Terminates a session and rolls back its transaction. Refused for WAL senders and wraparound vacuums.",
    plan=plan_terminate,
    parameters=(_PID, _STARTED),
    row=_ROW,
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
