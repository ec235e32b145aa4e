"""How a load test connects, and whether as many clients can."""

from __future__ import annotations

import resource

from console.actions.planning import Request
from console.format import counted, one_line, safe
from console.model import Kind, Record, Source, Trouble
from console.records import dataclass

SPARE_FILES = 40  # that pgbench opens besides its connections: scripts, logs, libraries


@dataclass(frozen=True, slots=True)
class Route:
    """How the clients connect."""

    via: str  # "pooler" or "direct"
    words: str
    address: str = ""  # conninfo with the database; empty: as the console
    notes: tuple[str, ...] = ()


async def route(request: Request) -> Route:
    """What `via` asks for. Raises Trouble: USAGE for another word, MISSING without a pooler."""
    via = request.parameters["via"].strip() or ("pooler" if request.pooler is not None else "direct")
    if via == "direct":
        return Route(via, "to the server itself")
    if via != "pooler":
        raise Trouble(Kind.USAGE, f"via must be pooler or direct, not {safe(via, 40)}.")
    if request.pooler is None:
        raise Trouble(Kind.MISSING, "There is no pooler.", "Give one with --pooler, or set via=direct.")
    return await _pooled(request.pooler, request.server.facts.database)


async def _pooled(pooler: Source, database: str) -> Route:
    entries = (await pooler.fetch("pooler_databases")).records()
    same = [entry for entry in entries if entry["database"] == database]
    name = next((str(entry["name"]) for entry in same if entry["name"] == database), "")
    name = name or next((str(entry["name"]) for entry in same), database)
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    address = f"{(await pooler.learn()).address} dbname='{quoted}'"
    sizes = [entry["pool_size"] for entry in same if entry["name"] == name]
    shared = f"clients share at most {counted(int(str(sizes[0])), 'server connection')} of PgBouncer" if sizes else ""
    return Route("pooler", f"through {one_line(pooler.facts.label)}", address, (shared,) if shared else ())


async def refuse_without_room(request: Request, to: Route, clients: int, ready: Record) -> None:
    """Raises Trouble(REFUSED) if so many clients cannot connect: server, pooler, open files of this machine."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files != resource.RLIM_INFINITY and clients + SPARE_FILES > files:
        raise Trouble(
            Kind.REFUSED,
            f"{counted(clients, 'client')} would take {counted(clients + SPARE_FILES, 'open file')}, but a process may "
            f"have {files} here.",
            f"Set clients={max(1, files - SPARE_FILES)}, or raise the limit: ulimit -n {clients + SPARE_FILES}.",
        )
    if to.address and request.pooler is not None:
        await _refuse_full_pooler(request.pooler, clients)
        return
    free = int(str(ready["most"])) - int(str(ready["used"])) - 1  # for the run itself
    if clients > free:
        raise Trouble(
            Kind.REFUSED,
            f"Too few connections are left for {counted(clients, 'client')}: {ready['reason']} allows {ready['most']}, "
            f"{ready['used']} are in use, and the run needs one.",
            _fewer(free, f"raise {ready['reason']}, or go through PgBouncer with via=pooler"),
        )


async def _refuse_full_pooler(pooler: Source, clients: int) -> None:
    settings = {str(row["key"]): str(row["value"]) for row in (await pooler.fetch("pooler_config")).records()}
    pools = (await pooler.fetch("pooler_pools")).records()
    used = sum(int(str(pool["cl_active"])) + int(str(pool["cl_waiting"])) for pool in pools)
    most = int(settings["max_client_conn"])
    if clients > most - used:
        raise Trouble(
            Kind.REFUSED,
            f"PgBouncer has no room for {counted(clients, 'client')}: max_client_conn is {most}, and {used} are "
            "connected.",
            _fewer(most - used, "raise max_client_conn and the open files of PgBouncer's process"),
        )


def _fewer(free: int, otherwise: str) -> str:
    return f"Set clients={free}, or {otherwise}." if free > 0 else f"{otherwise[:1].upper()}{otherwise[1:]}."
