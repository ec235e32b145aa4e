"""pooler-pause, pooler-resume: holds the clients of a database for some seconds, and lets them go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from console.actions.planning import Action, Request, whole_number
from console.actions.pooler.chosen import DATABASE, NEEDS, POOLER, ROW, ChosenPooler, chosen
from console.actions.pooler.commands import resume
from console.format import age, counted, one_line, pooler_identifier
from console.model import Kind, Parameter, Plan, PoolerPause, Record, Snapshot, Step, Trouble, number

LONGEST = 600  # seconds
TIMEOUTS = ("query_wait_timeout", "client_login_timeout")  # they end clients that a pause holds
STATES = 11900  # the first version that reports whether it is paused as a whole


async def plan_pause(request: Request) -> Plan:
    """PAUSE with a fuse; refused where a timeout of PgBouncer would end clients before it."""
    name, seconds = request.parameters["database"], whole_number(request.parameters, "seconds", 1, LONGEST)
    async with chosen(request) as pooler:
        row = await pooler.database(name)
        if row["paused"]:
            raise Trouble(Kind.REFUSED, f"{one_line(name)} was already paused by another client.", "See pooler-resume.")
        _refuse_cut(pooler, seconds)
        clients = {str(client["ptr"]): client for client in await pooler.rows("pooler_clients")}
        used = [server for server in await pooler.of_database("pooler_servers", name) if server["state"] == "active"]
        holders = [clients.get(str(server["link"]), server) for server in used]
        waiting = [client for client in clients.values() if client["database"] == name and _waits(client)]
        mode = str(row["pool_mode"] or pooler.config.get("pool_mode"))
        return Plan(
            pooler.claim("pause", name),
            (_step(pooler, name, seconds),),
            (*_delays(len(used), mode), *_cut(pooler, waiting, seconds), *_same(await _others(pooler, row))),
            summary=f"clients of {one_line(name)} wait for at most {seconds} s",
            result=f"pause of {one_line(name)} ended",
            table=_table(holders, used) if used else None,
        )


async def plan_resume(request: Request) -> Plan:
    """RESUME of one database, or of whatever is paused."""
    name = request.parameters["database"]
    async with chosen(request) as pooler:
        if name:
            rows = [await pooler.database_or_unlisted(name) or {"name": name, "paused": 1}]
        else:
            rows = await pooler.rows("pooler_databases")
        paused = [str(row["name"]) for row in rows if row["paused"]]
        steps = [resume(pooler, each) for each in paused]
        if not name and await _paused_as_a_whole(pooler, bool(paused)):
            steps.insert(0, resume(pooler, ""))
        return Plan(
            pooler.claim("resume", name),
            tuple(steps),
            () if name else tuple(_unlisted(await pooler.unlisted())),
            summary=f"resume {', '.join(map(one_line, paused)) or 'PgBouncer as a whole'}",
            result=f"{counted(len(steps), 'pause')} ended",
        )


def _unlisted(databases: int) -> Iterator[str]:
    if databases:
        many = counted(databases, "database is", "databases are")
        yield f"{many} not listed: without connections, made by an entry *. To resume one that is paused, name it."


async def _paused_as_a_whole(pooler: ChosenPooler, databases: bool) -> bool:
    if pooler.session.version < STATES:
        return not databases  # it reports no such state, and answers an error where it is not
    return any(row["key"] == "paused" and row["value"] == "yes" for row in await pooler.rows("pooler_state"))


def _step(pooler: ChosenPooler, name: str, seconds: int) -> Step:
    return Step(
        f"PAUSE {pooler_identifier(name)};\nRESUME {pooler_identifier(name)};  -- after {seconds} s",
        lock="none",
        execution=PoolerPause(pooler.uri, name, float(seconds)),
        note=f"resumed after {seconds} s, or when this run is stopped; a separate process does it if the console dies",
    )


def _refuse_cut(pooler: ChosenPooler, seconds: int) -> None:
    limits = {setting: limit for setting in TIMEOUTS if (limit := pooler.seconds(setting))}
    if limits and seconds >= min(limits.values()):
        setting = min(limits, key=lambda each: limits[each])
        raise Trouble(
            Kind.REFUSED,
            f"{setting} = {limits[setting]:g} s would end the clients before the pause of {seconds} s ends.",
            f"Use --set seconds={max(1, int(limits[setting]) - 1)} or less, or raise {setting}.",
        )


def _waits(client: Record) -> bool:
    return str(client["state"]).startswith("waiting")


def _age(row: Record) -> float:
    return number(row["wait"]) + number(row["wait_us"]) / 1e6


def _delays(used: int, mode: str) -> Iterator[str]:
    if not used:
        yield "No server connection is in use: the pause takes effect at once."
        return
    until = "their clients disconnect" if mode == "session" else "their transactions end"
    yield (
        f"{counted(used, 'server connection is', 'server connections are')} in use ({mode} mode): the pause takes "
        f"effect once {until}."
    )


def _cut(pooler: ChosenPooler, waiting: Sequence[Record], seconds: int) -> Iterator[str]:
    limit = pooler.seconds("query_wait_timeout")
    cut = sorted((limit - _age(client), _who(client)) for client in waiting if limit and _age(client) + seconds > limit)
    if cut:
        first = ", ".join(f"{who} in {max(0.0, left):.0f} s" for left, who in cut[:3])
        yield f"query_wait_timeout = {limit:g} s ends {counted(len(cut), 'client')} waiting already: {first}."


async def _others(pooler: ChosenPooler, row: Record) -> list[str]:
    """Names of other entries for the same database on the server."""
    same = ("host", "port", "database")
    rows = await pooler.rows("pooler_databases")
    return [str(each["name"]) for each in rows if each["name"] != row["name"] and all(each[c] == row[c] for c in same)]


def _same(names: Sequence[str]) -> Iterator[str]:
    if names:
        others = ", ".join(map(one_line, names))
        yield f"Not paused, although of the same database on the server: {others}."


def _who(client: Record) -> str:
    name = one_line(client.get("application_name") or client["user"])
    return f"{name} ({one_line(client['addr'])}:{client['port']})"


def _table(holders: Sequence[Record], servers: Sequence[Record]) -> Snapshot:
    """The clients that keep server connections in use, the longest first."""
    both = sorted(zip(holders, servers, strict=True), key=lambda pair: -_age(pair[0]))
    rows = tuple(
        (age(_age(client)), one_line(client.get("application_name") or ""), one_line(client["user"]),
         f"{one_line(client['addr'])}:{client['port']}", server["remote_pid"])
        for client, server in both
    )  # fmt: skip
    columns = ("busy for", "application", "user", "client", "server pid")
    return Snapshot("pooler-pause", columns, rows, datetime.now(UTC))


POOLER_PAUSE = Action(
    name="pooler-pause",
    title="Pause a pooled database",
    help="Holds the clients of a database for some seconds, such as for a restart of the server, and resumes them at "
    "the deadline, when the run is stopped and when the console is killed. Shows who delays it.",
    plan=plan_pause,
    parameters=(DATABASE, Parameter("seconds", "after how many seconds it is resumed, 1 to 600", "10"), POOLER),
    row=ROW,
    needs=NEEDS,
)
POOLER_RESUME = Action(
    name="pooler-resume",
    title="Resume a pooled database",
    help="Ends a PAUSE or KILL of a database, or whatever is paused where no database is named.",
    plan=plan_resume,
    parameters=(Parameter("database", "name that clients connect to; empty: whatever is paused"), POOLER),
    row=ROW,
    needs=NEEDS,
    useless=lambda row: "not paused" if row.get("paused") == 0 else "",
)
