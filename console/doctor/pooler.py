"""Checks of each PgBouncer: what this user may do there, and risky configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from console.doctor.check import Check, Status
from console.files.open_files import soft_limit
from console.files.pooler_config import open_files
from console.format import counted, one_line
from console.model import Record, Trouble
from console.panes.pooler_rows import ADMIN_DATABASE
from console.records import dataclass
from console.sources.pgbouncer.admin import PgBouncerServer

UNSAFE = {"any": Status.CANNOT, "trust": Status.CANNOT, "plain": Status.LIMITED, "md5": Status.LIMITED}
HERE = {"127.0.0.1", "localhost", "::1", "local socket"}
PREPARED_SINCE, KILL_SINCE, KILL_MENDED = 12100, 12400, 12502


@dataclass(frozen=True, slots=True)
class Pool:
    """What was read from a pooler."""

    name: str
    version: int
    version_text: str
    user: str
    config: Mapping[str, str]
    databases: tuple[Record, ...]
    pools: tuple[Record, ...]
    files: int | None = None  # open files that its process may have; None: not measured


async def checks(uris: tuple[str, ...], usable: int | None) -> tuple[Check, ...]:
    """The checks of each pooler; `usable` is how many connections the server has for ordinary roles (None: unknown)."""
    found: list[Check] = []
    for uri in uris:
        found += await _pooler_checks(uri, usable)
    return tuple(found)


async def _pooler_checks(uri: str, usable: int | None) -> tuple[Check, ...]:
    server = PgBouncerServer(uri)
    try:
        pool = await _read(server)
    except Trouble as why:
        lost = _check("reached", Status.CANNOT, "This pooler cannot be reached.", why.sentence, why.remedy)
        return (replace(lost, where=one_line(server.label)),)
    finally:
        await server.close()
    return judge(pool, usable)


async def _read(server: PgBouncerServer) -> Pool:
    facts = await server.connect()
    read = await server.fetch("pooler_config")
    config = {str(row["key"]): "" if row["value"] is None else str(row["value"]) for row in read.records()}
    near = server.label.startswith("/") or re.sub(r":\d+$", "", server.label) in HERE
    return Pool(
        server.label,
        facts.version,
        facts.version_text,
        facts.user,
        config,
        tuple((await server.fetch("pooler_databases")).records()),
        tuple((await server.fetch("pooler_pools")).records()),
        soft_limit(config.get("pidfile", ""), "pgbouncer") if near else None,
    )


def judge(pool: Pool, usable: int | None) -> tuple[Check, ...]:
    """The checks of one pooler."""
    found = (
        _check("reached", Status.OK, f"PgBouncer {one_line(pool.version_text)} answers.", f"as {one_line(pool.user)}"),
        _rights(pool),
        _stats_users(pool),
        _prepared(pool),
        _reset(pool),
        _room(pool, usable),
        _open_files(pool),
        _authentication(pool),
        _listening(pool),
        _queueing(pool),
    )
    return tuple(replace(check, where=one_line(pool.name)) for check in found)


def _check(name: str, state: Status, what: str, why: str, remedy: str = "") -> Check:
    return Check("pooler", name, state, what, why, remedy)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _line(setting: str, value: str) -> str:
    return f"{setting} = {value} in pgbouncer.ini, then RELOAD;"


def _rights(pool: Pool) -> Check:
    admins = _names(pool.config.get("admin_users", ""))
    # The operating system user that runs PgBouncer connects as "pgbouncer" over its socket and may do everything.
    if pool.user in admins or pool.user == "pgbouncer":
        what = "SHOW, PAUSE, RESUME, RELOAD, KILL and RECONNECT are allowed."
        return _check("admin", Status.OK, what, "in admin_users")
    what = "Only SHOW is allowed: no PAUSE, RESUME, RELOAD, KILL, RECONNECT."
    remedy = _line("admin_users", ", ".join([*admins, pool.user]))
    return _check("admin", Status.LIMITED, what, f"{one_line(pool.user)} is in stats_users only", remedy)


def _stats_users(pool: Pool) -> Check:
    users = _names(pool.config.get("stats_users", ""))
    if users and KILL_SINCE <= pool.version < KILL_MENDED:
        what = "Users in stats_users can disconnect clients with KILL_CLIENT (CVE-2026-6667)."
        why = f"{one_line(pool.version_text)}; stats_users = {one_line(', '.join(users))}"
        return _check("stats users", Status.LIMITED, what, why, "Upgrade PgBouncer to 1.25.2 or later.")
    return _check("stats users", Status.OK, "Users in stats_users can only read.", "not affected by CVE-2026-6667")


def _prepared(pool: Pool) -> Check:
    known = pool.config.get("max_prepared_statements")
    if not _transactional(pool) or (known or "0") != "0":
        why = f"max_prepared_statements = {known}" if known else "no pool in transaction mode"
        return _check("prepared statements", Status.OK, "Prepared statements of drivers work.", why)
    what = "Prepared statements of drivers fail, or hit those of another client."
    if pool.version < PREPARED_SINCE:
        why = f"{one_line(pool.version_text)} does not follow them; 1.21 and later do"
        remedy = "Upgrade PgBouncer, or switch them off in the driver: prepare_threshold=None, prepareThreshold=0."
    else:
        why, remedy = "max_prepared_statements = 0", _line("max_prepared_statements", "200")
    return _check("prepared statements", Status.LIMITED, what, why, remedy)


def _reset(pool: Pool) -> Check:
    query, always = pool.config.get("server_reset_query", ""), pool.config.get("server_reset_query_always") == "1"
    if not query or not _transactional(pool):
        why = "server_reset_query is empty" if not query else "no pool in transaction mode"
        return _check("reset", Status.OK, "No reset query is configured that would be skipped.", why)
    what = "server_reset_query is skipped in transaction mode: what one client SETs, the next one inherits."
    if always:
        what = "server_reset_query runs after each transaction, which halves the throughput."
    why = f"server_reset_query = {one_line(query)}"
    remedy = f"{_line('server_reset_query', '(empty)')}\nUse SET LOCAL, and transaction-level advisory locks."
    return _check("reset", Status.LIMITED, what, why, remedy)


def _room(pool: Pool, usable: int | None) -> Check:
    databases = _databases(pool)
    most = sum(_most(pool, row) for row in databases)
    why = f"at most {most} server connections" + (f", {usable} usable on the server" if usable is not None else "")
    if usable is None or most <= usable:
        return _check("pools", Status.OK, "All pools together fit into the server's connections.", why)
    what = "All pools together can take more connections than the server has."
    remedy = _line("max_db_connections", str(max(1, int(usable * 0.8) // len(databases))))
    return _check("pools", Status.LIMITED, what, why, remedy)


def _open_files(pool: Pool) -> Check:
    clients = pool.config.get("max_client_conn", "")
    needed = open_files(int(clients) if clients.isdigit() else 0, sum(_most(pool, row) for row in _databases(pool)))
    why = f"max_client_conn = {one_line(clients)} needs {counted(needed, 'open file')}"
    remedy = f"LimitNOFILE={needed} in the systemd unit of PgBouncer, or ulimit -n {needed}; then restart it."
    if pool.files is None:
        what = "Open files of PgBouncer: the limit is not visible from here."
        return _check("open files", Status.OK, what, f"{why}: check LimitNOFILE of its systemd unit")
    why = f"{why}; the limit of the process is {pool.files}"
    if pool.files >= needed:
        return _check("open files", Status.OK, "PgBouncer may open the files that its clients need.", why)
    return _check("open files", Status.LIMITED, "PgBouncer refuses clients before max_client_conn.", why, remedy)


def _most(pool: Pool, row: Record) -> int:
    users = len({pool_row["user"] for pool_row in pool.pools if pool_row["database"] == row["name"]}) or 1
    wanted = users * _whole(row["pool_size"]) + _whole(row["reserve_pool_size"])
    limit = _whole(row["max_connections"])
    return min(wanted, limit) if limit else wanted


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _authentication(pool: Pool) -> Check:
    kind = pool.config.get("auth_type", "")
    why = f"auth_type = {one_line(kind)}"
    state = UNSAFE.get(kind, Status.OK)
    if state is Status.OK:
        return _check("authentication", state, "Clients authenticate securely.", why)
    what = (
        "Everybody who can reach the port can connect."
        if state is Status.CANNOT
        else "Passwords can be intercepted and replayed."
    )
    return _check("authentication", state, what, why, _line("auth_type", "scram-sha-256"))


def _listening(pool: Pool) -> Check:
    address = pool.config.get("listen_addr", "")
    if address:
        what = f"Clients connect to {one_line(address)}, port {one_line(pool.config.get('listen_port', ''))}."
        return _check("listening", Status.OK, what, f"listen_addr = {one_line(address)}")
    what = "Only local clients can connect, through the Unix socket."
    remedy = "listen_addr = 127.0.0.1 in pgbouncer.ini, then restart PgBouncer."
    return _check("listening", Status.LIMITED, what, "listen_addr is empty", remedy)


def _queueing(pool: Pool) -> Check:
    seconds = pool.config.get("query_wait_timeout", "120")
    why = f"query_wait_timeout = {one_line(seconds)}"
    if seconds.replace(".", "", 1).isdigit() and 0 < float(seconds) < 60:
        return _check("waiting", Status.OK, "Clients that wait for a connection get an error soon.", why)
    what = "Clients wait a minute or longer for a connection before they get an error."
    return _check("waiting", Status.LIMITED, what, why, _line("query_wait_timeout", "15"))


def _transactional(pool: Pool) -> bool:
    modes = {str(row["pool_mode"] or pool.config.get("pool_mode", "session")) for row in _databases(pool)}
    return bool(modes & {"transaction", "statement"})


def _databases(pool: Pool) -> list[Record]:
    return [row for row in pool.databases if row["name"] != ADMIN_DATABASE]
