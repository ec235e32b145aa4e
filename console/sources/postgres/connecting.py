"""Connection strings and connections: what every session on a PostgreSQL server has in common."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping

import psycopg
from psycopg import conninfo, pq

from console.format import one_line
from console.model import Kind, Trouble
from console.sources.postgres.values import read_anything

APPLICATION_NAME = "pipeline-console"
CONNECT_SECONDS = 5

Connection = psycopg.AsyncConnection[tuple[object, ...]]


def parse_target(target: str) -> dict[str, str]:
    """A libpq URI or conninfo as parameters. Trouble (USAGE) without libpq's message, which repeats passwords."""
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


def describe(parameters: Mapping[str, str]) -> str:
    """host:port/database of a target as far as it says so; never a password."""
    host = parameters.get("host") or parameters.get("hostaddr") or os.environ.get("PGHOST", "")
    service = parameters.get("service") or os.environ.get("PGSERVICE", "")
    if not host and service:
        return one_line(f"service {service}")
    port = parameters.get("port") or os.environ.get("PGPORT", "")
    return one_line((host or "local socket") + (f":{port}" if port else ""))


async def open_session(
    target: Mapping[str, str], settings: Mapping[str, str], application_name: str = APPLICATION_NAME
) -> Connection:
    """A connection in autocommit mode with these settings from its first moment on. Raises Trouble."""
    options = " ".join([target.get("options", ""), *(f"-c {name}={value}" for name, value in settings.items())])
    plain = {
        "connect_timeout": str(CONNECT_SECONDS),
        **target,
        "application_name": application_name,
        "client_encoding": "UTF8",
    }
    try:
        connection = await _connect({**plain, "options": options.strip()})
    except psycopg.Error as error:
        if await is_pooler(plain, error):
            raise Trouble(
                Kind.UNSUPPORTED,
                f"{describe(target)} is a connection pooler, which cannot hold a reading session of its own.",
                "Give the PostgreSQL server as target, and the pooler's admin console with --pooler.",
            ) from None
        raise refused(error, target) from None
    read_anything(connection)
    if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
        # The server would check every text for UTF-8 and refuse the whole answer; our loaders read any bytes.
        await connection.execute("SET client_encoding = 'SQL_ASCII'")
    return connection


async def _connect(parameters: Mapping[str, str]) -> Connection:
    return await psycopg.AsyncConnection.connect("", autocommit=True, prepare_threshold=None, **parameters)  # type: ignore[arg-type]


async def is_pooler(plain: Mapping[str, str], error: psycopg.Error) -> bool:
    """Whether what refused our start-up options takes a connection without them, and makes up its process id.

    PostgreSQL accepts all the options, but can also refuse for the moment, when all its connections are used.
    """
    if not _reached(error):
        return False
    try:
        connection = await _connect({name: value for name, value in plain.items() if name != "options"})
    except psycopg.Error:
        return False
    try:
        told = await (await connection.execute("SELECT pg_catalog.pg_backend_pid()")).fetchone()
    except psycopg.Error:  # a pooler that cannot reach its server
        return True
    else:
        return told != (connection.info.backend_pid,)
    finally:
        await connection.close()


def _reached(error: psycopg.Error) -> bool:
    return (
        error.pgconn is not None and bool(error.pgconn.status == pq.ConnStatus.BAD) and error.pgconn.server_version == 0
    )


def refused(error: psycopg.Error, target: Mapping[str, str]) -> Trouble:
    """Why a connection could not be made, without any password."""
    # Connect errors carry no SQLSTATE; libpq's own text names host and reason. It is shown without the password.
    said = one_line(str(error).strip())
    for secret in (target.get("password"), os.environ.get("PGPASSWORD")):
        if secret:
            said = said.replace(secret, "***")
    return Trouble(
        Kind.UNREACHABLE,
        f"Cannot connect to {describe(target)}: {said.rstrip('.?')}.",
        "Check host, port, database, user, password (.pgpass or PGPASSWORD) and pg_hba.conf.",
    )


def cut(connection: Connection) -> None:
    """End a read on a dead network at once: cancelling it would wait for the same dead network."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as channel:
        channel.shutdown(socket.SHUT_RDWR)
