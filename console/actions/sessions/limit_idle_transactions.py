"""limit-idle-transactions: how long sessions of a role may be idle in a transaction before the server ends them.

For the role in all databases: how long an application forgets a transaction is a trait of it, not of a database, and
it is one value to find and to take back. What the role has for one database goes before that, so the plan names it.
"""

from __future__ import annotations

from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, steps_from_rows, whole_number
from console.format import one_line
from console.model import Claim, Parameter, Plan, Record

SETTING = "idle_in_transaction_session_timeout"
RESET = "reset"  # the value that stands for none of its own
MOST = 7 * 86_400  # seconds
MEANS = (
    "A session that is idle in a transaction for longer is ended, and its transaction rolled back: its client gets an"
    " error at its next statement."
)
NEW_SESSIONS = "Sessions that are connected now keep what they have until they connect again."
POOLED = (
    "Behind PgBouncer the role is that of the server connections: all clients of its pools are limited, once"
    " pooler-reconnect has replaced the connections."
)


async def plan_limit_idle_transactions(request: Request) -> Plan:
    """ALTER ROLE … SET or RESET. Raises Trouble: USAGE for the seconds, REFUSED for the own role and without rights."""
    given = _given(request)
    role = request.parameters["role"]
    found = await request.server.fetch("actions/limit_idle_transactions", {"role": role, "given": given})
    steps = steps_from_rows(found)
    [row] = found.records()
    name = one_line(role)
    limit = f"{SETTING} of {name}"
    return Plan(
        Claim(f"settings of role {name}", name=name, cluster_wide=True),
        steps if row["differs"] else (),
        _notes(row, name, given, request.pooler is not None) if row["differs"] else (),
        summary=f"reset {limit}" if given is None else f"{limit}: {given}",
        result=f"{limit} reset" if given is None else f"{limit} set to {given}",
    )


def _given(request: Request) -> str | None:
    """The value as the server keeps it; None: it is reset."""
    if request.parameters["seconds"].strip().lower() == RESET:
        return None
    return f"{whole_number(request.parameters, 'seconds', 1, MOST)}s"


def _notes(row: Record, name: str, given: str | None, pooled: bool) -> tuple[str, ...]:
    overrides = row["overrides"] if isinstance(row["overrides"], list) else []
    own = f"{name} has a value of its own in a database, which goes before this one: " if overrides else ""
    notes = (
        "" if given is None else MEANS,
        NEW_SESSIONS,
        f"{own}{', '.join(map(one_line, overrides))}." if overrides else "",
        f"{name} is a superuser: sessions of administrators are limited, too." if row["superuser"] else "",
        "" if row["logs_in"] else f"{name} has NOLOGIN: its members do not get the setting.",
        POOLED if pooled else "",
    )
    return tuple(filter(None, notes))


LIMIT_IDLE_TRANSACTIONS = Action(
    name="limit-idle-transactions",
    title="Limit idle transactions of a role",
    help="Lets the server end sessions of a role that are idle in a transaction for too long, or resets that. New "
    "sessions only.",
    plan=plan_limit_idle_transactions,
    parameters=(
        Parameter("role", "name of the role", required=True),
        Parameter(
            "seconds", f"how long they may be idle in a transaction; {RESET}: no limit of its own", default="300"
        ),
    ),
    row={"role": "user"},
    needs=Needs(Right.ALTER_ROLES),
)
