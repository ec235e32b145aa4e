"""Connection strings and connections: what every session on a PostgreSQL server has in common."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import psycopg
from psycopg import conninfo, errors, pq

from console.format import one_line
from console.model import APPLICATION_NAME, Kind, Trouble
from console.sources.postgres.closing import LATE_SECONDS, answering_within
from console.sources.postgres.values import read_anything

if TYPE_CHECKING:
    from console.sources.postgres.startup import Attempt

CONNECT_SECONDS = 5
LONGEST_CONNECT = 30.0  # seconds for all hosts of a target, their names included
# A network that no longer answers is noticed within about 20 s, also while a statement runs for hours.
KEPT_ALIVE: Mapping[str, str] = {
    "keepalives": "1",
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
OLDEST = 140000
# What a replica has in common with its primary unless its URI says otherwise.
_SHARED = frozenset(
    {"user", "dbname", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding", "require_auth"}
)
SET_ATTEMPTS = 5
PREPARED_MOST = 32  # statements a session; the server keeps about 270 kB for each of the console's
NO_ANSWER = "No server answers there: check host and port, listen_addresses, and whether it is running."
NO_TARGET = (
    "No server is named: give one, as in pipeline-console -t postgresql://USER@HOST/DATABASE. pipeline-console demo "
    "opens the console on a server of its own."
)
STARTING = "The server is starting up or shutting down; try again in a moment."
FULL = "53300"  # too_many_connections: of the server, the database, the role, or all that are not reserved
REMEDIES = {  # by SQLSTATE
    FULL: "No connection is left for this role. Superusers, roles with pg_use_reserved_connections (PostgreSQL 16 and "
    "later) and clients of the pooler can still connect, and a console that is open can end sessions. A limit of the "
    "role or of the database (CONNECTION LIMIT) does not concern other roles or databases.",
    "28P01": "Check the password: ~/.pgpass or PGPASSWORD.",
    "28000": "Check the role, and whether a line of pg_hba.conf admits it from here, with or without TLS.",
    "3D000": "Give the name of an existing database: dbname=… or postgresql://HOST/DATABASE.",
    "42501": "GRANT CONNECT ON DATABASE … TO the role.",
    "57P03": STARTING,
}

Connection = psycopg.AsyncConnection[tuple[object, ...]]
Answer = TypeVar("Answer")


def parse_target(target: str) -> dict[str, str]:
    """A libpq URI or conninfo as parameters. Raises Trouble(USAGE) without libpq's message, which repeats passwords."""
    try:
        parameters = conninfo.conninfo_to_dict(target)
    except psycopg.ProgrammingError:
        raise Trouble(
            Kind.USAGE,
            "The target is not a valid connection URI or conninfo string.",
            "Write postgresql://user@host:5432/database, or host=… port=… dbname=… user=…, and percent-encode special "
            "characters of a password.",
        ) from None
    return {name: str(value) for name, value in parameters.items() if value is not None}


def answers(target: str) -> bool:
    """Whether a server, or a PgBouncer, accepts connections there; nobody logs in. Raises Trouble(USAGE)."""
    given = conninfo.make_conninfo("", **{"connect_timeout": str(CONNECT_SECONDS), **parse_target(target)})
    return pq.PGconn.ping(given.encode()) == pq.Ping.OK


def as_replica(replica: str, primary: str) -> str:
    """`replica` with the user, the database and the TLS settings of `primary` where it names none.

    A password is never taken over: it is meant for another host. Raises Trouble(USAGE).
    """
    taken = {name: value for name, value in parse_target(primary).items() if name in _SHARED}
    return conninfo.make_conninfo("", **{**taken, **parse_target(replica)})


def describe(parameters: Mapping[str, str]) -> str:
    """host:port/database of a target, as far as it names them; never a password."""
    host = parameters.get("host") or parameters.get("hostaddr") or os.environ.get("PGHOST", "")
    service = parameters.get("service") or os.environ.get("PGSERVICE", "")
    if not host and service:
        return one_line(f"service {service}")
    port = parameters.get("port") or os.environ.get("PGPORT", "")
    return one_line((host or "local socket") + (f":{port}" if port else ""))


async def open_session(
    target: Mapping[str, str],
    settings: Mapping[str, str],
    application_name: str = APPLICATION_NAME,
    prepared_after: int | None = None,
) -> Connection:
    """A connection in autocommit mode with these settings. Raises Trouble.

    A statement that was run `prepared_after` times is prepared, so that the server plans it no more; with parameters it
    does so each time (plan_cache_mode). Through a proxy nothing is prepared.

    They are set after connecting: libpq asks the server itself for target_session_attrs, and what is set at start-up
    would replace the values of the server, the database and the role in pg_settings.
    """
    wanted = {"application_name": application_name, "client_encoding": "UTF8", **_role(target), **settings}
    parameters = {"connect_timeout": str(CONNECT_SECONDS), **KEPT_ALIVE, **target}
    began = time.monotonic()
    try:
        try:
            connection = await _connect(parameters)
        except errors.ConnectionTimeout:
            if time.monotonic() < began + LONGEST_CONNECT + LATE_SECONDS:
                raise
            connection = await _connect(parameters)  # not the server was silent: the console was stopped
    except psycopg.Error as error:
        raise await not_connected(error, target) from None
    try:
        await _check_server(connection, target)
        wanted |= unlimited(connection.info.server_version)
        if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
            # The server would check every text for UTF-8 and refuse the whole answer; our loaders read any bytes.
            wanted["client_encoding"] = "SQL_ASCII"
        if await _configured(connection, wanted):
            connection.prepare_threshold, connection.prepared_max = prepared_after, PREPARED_MOST
        else:
            answered = address(connection)  # not available from a closed connection
            await connection.close()
            connection = await _configured_at_start({**parameters, **answered}, wanted)
    except psycopg.Error as error:
        await connection.close()
        raise refused(error, target, NO_ANSWER if isinstance(error, errors.ConnectionTimeout) else "") from None
    except BaseException:  # a Trouble, or the console ends meanwhile
        await connection.close()
        raise
    read_anything(connection)
    return connection


def _role(target: Mapping[str, str]) -> dict[str, str]:
    """The role to act as: the one that connects, whatever the database says, unless the target's options name one."""
    options = target.get("options") or os.environ.get("PGOPTIONS", "")
    return {} if re.search(r"\brole\s*=", options) else {"role": "none"}


def unlimited(version: int) -> dict[str, str]:
    """Limits of the server, the database or the role that must not end a session of the console."""
    return {"idle_session_timeout": "0"} | ({"transaction_timeout": "0"} if version >= 170000 else {})


def address(connection: Connection) -> dict[str, str]:
    """What narrows a target to the host that answered, so that another session reaches the same server."""
    info = connection.info
    numeric = {"hostaddr": info.hostaddr} if info.hostaddr else {}
    return {"host": info.host, **numeric, "port": str(info.port), "target_session_attrs": "any"}


def lasting_target(address: str, tls: bool, **own: str) -> str:
    """A conninfo of the server at `address` for a service that runs for months, with `own` parameters.

    Without the numeric address of the host, which changes in a failover; encrypted if the console's connection is.
    """
    found = parse_target(address) or {"host": "localhost"}
    pinned = {"target_session_attrs", *(["hostaddr"] if found.get("host") else [])}
    kept = {name: value for name, value in found.items() if name not in pinned}
    return conninfo.make_conninfo("", **kept, **({"sslmode": "require"} if tls else {}), **own)


def answering_host(target: Mapping[str, str], connection: Connection) -> str:
    """host:port that answered, when the target is a service or names several hosts; else empty."""
    hosts = target.get("host") or target.get("hostaddr") or os.environ.get("PGHOST", "")
    several = "," in hosts or "service" in target or "PGSERVICE" in os.environ
    return one_line(f"{connection.info.host}:{connection.info.port}") if several else ""


async def _connect(parameters: Mapping[str, str]) -> Connection:
    try:
        async with asyncio.timeout(LONGEST_CONNECT):
            return await psycopg.AsyncConnection.connect("", autocommit=True, prepare_threshold=None, **parameters)  # type: ignore[arg-type]
    except TimeoutError:
        raise errors.ConnectionTimeout("connection timeout expired") from None


async def _check_server(connection: Connection, target: Mapping[str, str]) -> None:
    """Raises Trouble(UNSUPPORTED) for the admin console of a PgBouncer and for a server that is too old."""
    version = connection.info.server_version
    if "bouncer" in (connection.info.parameter_status("server_version") or ""):
        why = _pooler(target)
    elif version < OLDEST:
        why = Trouble(
            Kind.UNSUPPORTED,
            f"{describe(target)} runs PostgreSQL {version // 10000}; the console reads 14 and later.",
            "Upgrade the server, or point the console at a newer one.",
        )
    else:
        return
    raise why


async def _configured(connection: Connection, settings: Mapping[str, str]) -> bool:
    """Set all of `settings` in one statement; False, with nothing set, if a pooler made up the process id.

    A pooler would leave the settings to another client of the same server connection. A server without a function that
    this takes is treated like one.
    """
    values = ", ".join(f"pg_catalog.set_config('{name}', '{value}', false)" for name, value in settings.items())
    own = f"pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) {connection.info.backend_pid}"
    statement = f"SELECT {values} WHERE {own}".encode()
    with answering_within(CONNECT_SECONDS, connection):
        for _ in range(SET_ATTEMPTS - 1):
            try:
                return (await connection.execute(statement)).rowcount == 1
            except errors.UndefinedFunction:
                return False
            except errors.QueryCanceled:  # by the server's own statement_timeout, if it is tiny
                pass
        return (await connection.execute(statement)).rowcount == 1


async def _configured_at_start(target: Mapping[str, str], settings: Mapping[str, str]) -> Connection:
    """A connection through a proxy, with `settings` from its start. Raises Trouble(UNSUPPORTED) if it refuses them."""
    of_libpq = {name: settings[name] for name in ("application_name", "client_encoding")}
    given = [
        f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in settings.items() if name not in of_libpq
    ]
    options = " ".join([target.get("options", ""), *given]).strip()
    try:
        return await _connect({**target, **of_libpq, "options": options})
    except errors.ConnectionTimeout as error:
        raise refused(error, target, NO_ANSWER) from None
    except psycopg.OperationalError:
        raise _pooler(target) from None


def _pooler(target: Mapping[str, str]) -> Trouble:
    return Trouble(
        Kind.UNSUPPORTED,
        f"{describe(target)} is a connection pooler, which cannot hold the settings of a reading session.",
        "Give the PostgreSQL server as target, and the pooler's admin console with --pooler.",
    )


async def not_connected(error: psycopg.Error, target: Mapping[str, str]) -> Trouble:
    """Why a connection failed, with a remedy that follows from facts, not from the sentence."""
    answer, state = int(pq.Ping.NO_RESPONSE), ""
    if error.pgconn is not None and not isinstance(error, errors.ConnectionTimeout):
        asked = conninfo.make_conninfo("", **{"connect_timeout": str(CONNECT_SECONDS), **target})
        answer = await _in_thread(lambda: int(pq.PGconn.ping(asked.encode())), int(pq.Ping.NO_RESPONSE))
        if answer == pq.Ping.OK and not error.pgconn.needs_password:
            from console.sources.postgres.startup import refusal  # noqa: PLC0415  most connections succeed

            attempt = _attempt(error.pgconn, target)
            state = await _in_thread(lambda: refusal(attempt), "")
    return refused(error, target, _remedy(error, target, answer, state), state)


async def _in_thread(ask: Callable[[], Answer], otherwise: Answer) -> Answer:
    """What `ask` returns; `otherwise` after some seconds. Its thread delays nobody's exit."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()

    def settle(found: Answer) -> None:
        if not answer.done():
            answer.set_result(found)

    def work() -> None:
        found = ask()
        with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
            loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=work, daemon=True).start()
    loop.call_later(CONNECT_SECONDS, settle, otherwise)
    return await answer


def _attempt(connection: pq.abc.PGconn, target: Mapping[str, str]) -> Attempt:
    """The attempt of a failed connection; of several hosts the last one."""
    from console.sources.postgres.startup import Attempt  # noqa: PLC0415

    name, numeric = connection.host.decode(), connection.hostaddr.decode()
    return Attempt(
        host=numeric or name,
        port=int(connection.port or b"5432"),
        user=connection.user.decode(),
        database=connection.db.decode(),
        password=connection.password.decode(),
        tls=(target.get("sslmode") or os.environ.get("PGSSLMODE")) != "disable",
        seconds=CONNECT_SECONDS,
    )


def _remedy(error: psycopg.Error, target: Mapping[str, str], answer: int, state: str) -> str:
    if answer == pq.Ping.REJECT:
        return STARTING
    if answer != pq.Ping.OK or error.pgconn is None:
        return no_answer(target)
    if error.pgconn.needs_password:
        return "The server asks for a password: put it into ~/.pgpass or PGPASSWORD."
    if state in REMEDIES:
        return REMEDIES[state]
    attributes = target.get("target_session_attrs") or os.environ.get("PGTARGETSESSIONATTRS") or "any"
    if attributes != "any":
        return f"Only a server that is {attributes} was wanted (target_session_attrs)."
    return "If the password is wrong: ~/.pgpass or PGPASSWORD." if error.pgconn.used_password else ""


def no_answer(target: Mapping[str, str]) -> str:
    """What to do where no server answers; another thing where neither the target nor the environment names one."""
    named = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "service": "PGSERVICE"}
    return NO_ANSWER if any(target.get(name) or os.environ.get(named[name]) for name in named) else NO_TARGET


def refused(error: psycopg.Error, target: Mapping[str, str], remedy: str = "", sqlstate: str = "") -> Trouble:
    """The failure of a connection in the words of libpq and the server, without any password."""
    said = str(error).strip().removeprefix("connection failed: ")
    if remedy in {NO_ANSWER, NO_TARGET}:
        said = said.partition("\n\t")[0]  # libpq's own remedy
    message = one_line(said)
    for secret in (target.get("password"), os.environ.get("PGPASSWORD")):
        if secret:
            message = message.replace(secret, "***")
    what = f"Cannot connect to {describe(target)}: {message.rstrip('.?')}."
    return Trouble(Kind.UNREACHABLE, what, remedy, sqlstate)
