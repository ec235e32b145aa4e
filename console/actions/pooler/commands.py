"""pooler-disable, -enable, -kill, -reconnect, wait-close, kill-client: single commands of PgBouncer's admin console."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from console.actions.planning import Action, Request, whole_number
from console.actions.pooler.chosen import DATABASE, NEEDS, POOLER, ROW, ChosenPooler, chosen
from console.format import counted, one_line, pooler_identifier, safe
from console.model import (
    Kind,
    Parameter,
    Plan,
    PoolerCommand,
    PoolerProof,
    PoolerResume,
    Record,
    Snapshot,
    Step,
    Trouble,
)
from console.model.pooler_steps import PoolerStep

KILLS_CLIENTS = 12400  # the first version with KILL_CLIENT
DATABASES = "pooler_databases"
PROOFS: dict[str, tuple[tuple[str, object], ...]] = {
    "DISABLE": (("disabled", 1),),
    "ENABLE": (("disabled", 0),),
    "KILL": (("paused", 1), ("current_connections", 0)),
}
AT_ONCE = "server_login_retry is 0 for a moment, else they could wait for it"
SHOWN = ("application_name", "user", "database", "state", "addr", "port", "connect_time", "request_time", "id")
_COMMAND = re.compile(r'([A-Z]+) (?:"((?:[^"]|"")*)"|(\w+));')


def command(pooler: ChosenPooler, verb: str, name: str, note: str, undo: str = "") -> Step:
    """A step that sends a command of PROOFS for one database; `undo` is the verb of the command that undoes it."""
    sent = f"{verb} {pooler_identifier(name)}"
    return Step(
        f"{sent};",
        lock="none",
        execution=PoolerCommand(pooler.uri, pooler.name, sent, _proof(verb, name), reversible=bool(undo)),
        undo=f"{undo} {pooler_identifier(name)};" if undo else "",
        note=note,
    )


def resume(pooler: ChosenPooler, name: str) -> Step:
    """RESUME of a database; without a name, of PgBouncer as a whole."""
    note = f"the clients of {one_line(name)} go on" if name else "ends a PAUSE of PgBouncer as a whole"
    sql = f"RESUME {pooler_identifier(name)};" if name else "RESUME;"
    return Step(sql, lock="none", execution=PoolerResume(pooler.uri, name), note=f"{note}; {AT_ONCE}")


def _proof(verb: str, name: str) -> PoolerProof:
    return PoolerProof(DATABASES, (("name", name), *PROOFS[verb]))


def undoing(uri: str, pooler: str, statement: str) -> PoolerStep:
    """How the statement that undoes a step of `command` is run. Raises Trouble(REFUSED) for any other."""
    found = _COMMAND.fullmatch(statement)
    verb, name = (found[1], found[3] or found[2].replace('""', '"')) if found else ("", "")
    if verb == "RESUME":
        return PoolerResume(uri, name)
    if verb not in PROOFS:
        raise Trouble(Kind.REFUSED, f"The audit trail does not say how to undo this: {safe(statement, 80)}")
    return PoolerCommand(uri, pooler, statement.rstrip(";"), _proof(verb, name))


async def plan_disable(request: Request) -> Plan:
    """DISABLE, unless it is disabled."""
    return await _switched(request, "DISABLE", "ENABLE", disabled=False)


async def plan_enable(request: Request) -> Plan:
    """ENABLE, unless it is not disabled."""
    return await _switched(request, "ENABLE", "DISABLE", disabled=True)


async def _switched(request: Request, verb: str, undo: str, *, disabled: bool) -> Plan:
    name = request.parameters["database"]
    async with chosen(request) as pooler:
        row = await pooler.database_or_unlisted(name)
        claim = pooler.claim("availability", name)
        if row is not None and bool(row["disabled"]) is not disabled:
            return Plan(claim, notes=(f"{one_line(name)} is {verb.lower()}d already.",))
        note = "admits new clients" if disabled else "refuses new clients; those that are connected stay"
        done = f"database {one_line(name)} {verb.lower()}d"
        return Plan(claim, (command(pooler, verb, name, note, undo),), summary=f"{verb.lower()} {one_line(name)}",
                    result=done)  # fmt: skip


async def plan_kill(request: Request) -> Plan:
    """KILL: drops all connections of a database and pauses it."""
    name = request.parameters["database"]
    async with chosen(request) as pooler:
        await pooler.database(name)
        clients = len(await pooler.of_database("pooler_clients", name))
        servers = len(await pooler.of_database("pooler_servers", name))
        lost = f"{counted(clients, 'client')} and {counted(servers, 'server connection')}"
        return Plan(
            pooler.claim("connections", name),
            (command(pooler, "KILL", name, f"drops {lost} at once and pauses the database", "RESUME"),),
            (
                "Open transactions are rolled back. New clients wait until pooler-resume, or undo, ends the pause.",
                f"query_wait_timeout = {pooler.seconds('query_wait_timeout'):g} s ends clients that wait longer.",
            ),
            summary=f"drop {lost} of {one_line(name)}",
            result=f"{lost} of {one_line(name)} dropped",
            destructive=True,
        )


async def plan_reconnect(request: Request) -> Plan:
    """RECONNECT, then WAIT_CLOSE."""
    name, seconds = request.parameters["database"], whole_number(request.parameters, "seconds", 1, 3600)
    async with chosen(request) as pooler:
        row = await pooler.database(name)
        servers = await pooler.of_database("pooler_servers", name)
        used = sum(server["state"] == "active" for server in servers)
        mode = str(row["pool_mode"] or pooler.config.get("pool_mode"))
        sent = PoolerCommand(pooler.uri, pooler.name, f"RECONNECT {pooler_identifier(name)}")
        after = "its client disconnects" if mode == "session" else "its transaction ends"
        many = counted(len(servers), "server connection")
        first = Step(
            f"RECONNECT {pooler_identifier(name)};",
            lock="none",
            execution=sent,
            note=f"closes {many}, each once {after}; new ones are opened as clients need them",
        )
        return Plan(
            pooler.claim("connections", name),
            (first, _wait(pooler, name, seconds)),
            (f"{counted(used, 'server connection is', 'server connections are')} in use now.",) if used else (),
            summary=f"replace {many} of {one_line(name)}",
            result=f"{many} of {one_line(name)} replaced",
        )


async def plan_wait_close(request: Request) -> Plan:
    """WAIT_CLOSE, if there is something to wait for."""
    name, seconds = request.parameters["database"], whole_number(request.parameters, "seconds", 1, 3600)
    async with chosen(request) as pooler:
        await pooler.database(name)
        servers = await pooler.of_database("pooler_servers", name)
        old = sum(bool(server["close_needed"]) for server in servers)
        many = counted(old, "old server connection")
        return Plan(
            pooler.claim("waiting for connections", name),
            (_wait(pooler, name, seconds),) if old else (),
            summary=f"wait for {many} of {one_line(name)}",
            result=f"{many} of {one_line(name)} closed",
        )


def _wait(pooler: ChosenPooler, name: str, seconds: int) -> Step:
    sent = f"WAIT_CLOSE {pooler_identifier(name)}"
    proof = PoolerProof("pooler_servers", (("database", name), ("close_needed", 1)), present=False)
    return Step(
        f"{sent};",
        lock="none",
        execution=PoolerCommand(pooler.uri, pooler.name, sent, proof, float(seconds)),
        note=f"waits until its old server connections are closed, for at most {seconds} s",
    )


async def plan_kill_client(request: Request) -> Plan:
    """KILL_CLIENT of one client. Raises Trouble(UNSUPPORTED) before PgBouncer 1.24."""
    number, pointer = whole_number(request.parameters, "client", 0, 2**63), request.parameters["ptr"]
    async with chosen(request) as pooler:
        if pooler.session.version < KILLS_CLIENTS:
            raise Trouble(
                Kind.UNSUPPORTED,
                "PgBouncer disconnects single clients from 1.24 on.",
                "End the PostgreSQL session it uses with terminate-backend, or all clients of a database with "
                "pooler-kill.",
            )
        client = next((row for row in await pooler.rows("pooler_clients") if row["id"] == number), None)
        if client is None or (pointer and client["ptr"] != pointer):
            raise Trouble(Kind.REFUSED, f"PgBouncer has no client with id {number}.", "It may have disconnected.")
        proof = PoolerProof("pooler_clients", (("id", number),), present=False)
        step = Step(
            f"KILL_CLIENT {number};",
            lock="none",
            execution=PoolerCommand(pooler.uri, pooler.name, f"KILL_CLIENT {number}", proof),
            note="disconnects the client and its server connection; an open transaction is rolled back",
        )
        return Plan(
            pooler.claim(f"client {number}"),
            (step,),
            summary=f"disconnect client {number}",
            result=f"client {number} disconnected",
            table=_table(client),
            in_full=True,
        )


def _table(client: Record) -> Snapshot:
    shown = [name for name in SHOWN if name in client]
    row = tuple("" if client[name] is None else str(client[name]) for name in shown)
    return Snapshot("kill-client", tuple(shown), (row,), datetime.now(UTC))


def _no_id(row: Record) -> str:
    if "id" not in row or row.get("type") != "C":
        return "choose a client in the view of clients"
    return "PgBouncer disconnects single clients from 1.24 on" if row["id"] is None else ""


_SECONDS = Parameter("seconds", "how long to wait at most, 1 to 3600", "30")

POOLER_DISABLE = Action(
    name="pooler-disable",
    title="Disable a pooled database",
    help="Refuses new clients of a database; those that are connected stay.",
    plan=plan_disable,
    parameters=(DATABASE, POOLER),
    row=ROW,
    needs=NEEDS,
    useless=lambda row: "disabled already" if row.get("disabled") == 1 else "",
)
POOLER_ENABLE = Action(
    name="pooler-enable",
    title="Enable a pooled database",
    help="Admits new clients of a database again.",
    plan=plan_enable,
    parameters=(DATABASE, POOLER),
    row=ROW,
    needs=NEEDS,
    useless=lambda row: "not disabled" if row.get("disabled") == 0 else "",
)
POOLER_KILL = Action(
    name="pooler-kill",
    title="Drop all clients of a database",
    help="Drops all client and server connections of a database at once and pauses it; undo resumes it.",
    plan=plan_kill,
    parameters=(DATABASE, POOLER),
    row=ROW,
    needs=NEEDS,
)
POOLER_RECONNECT = Action(
    name="pooler-reconnect",
    title="Reconnect to the server",
    help="Replaces the server connections of a database, as after a failover or a change of DNS, without losing "
    "clients, and waits until the old ones are closed.",
    plan=plan_reconnect,
    parameters=(DATABASE, _SECONDS, POOLER),
    row=ROW,
    needs=NEEDS,
)
WAIT_CLOSE = Action(
    name="wait-close",
    title="Wait for old connections",
    help="Waits until the server connections that RECONNECT or RELOAD marked for closing are closed.",
    plan=plan_wait_close,
    parameters=(DATABASE, _SECONDS, POOLER),
    row=ROW,
    needs=NEEDS,
)
KILL_CLIENT = Action(
    name="kill-client",
    title="Disconnect a client of PgBouncer",
    help="Disconnects one client of PgBouncer 1.24 or later and the server connection that it uses.",
    plan=plan_kill_client,
    parameters=(
        Parameter("client", "id of the client, as SHOW CLIENTS has it", required=True),
        Parameter("ptr", "its ptr, as SHOW CLIENTS has it; another client is not disconnected"),
        POOLER,
    ),
    row={"client": "id", "ptr": "ptr", "pooler": "pooler"},
    needs=NEEDS,
    useless=_no_id,
)
