"""Reading that is confined to the rights of a role: in a transaction that is read-only and always rolled back."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import generators, pq, sql

from console.sources.postgres import confinement
from console.sources.postgres.connecting import Connection
from console.sources.postgres.values import keep_bytes

_TEXT = 25  # the OID of text, which a literal without a type becomes
_UNKNOWN = 705


async def confined_rows(
    role: str, connection: Connection, text: str, parameters: Mapping[str, object], exact: bool = False
) -> tuple[tuple[str, ...], tuple[tuple[object, ...], ...]]:
    """Columns and rows of one query; with `exact` its texts keep undecodable bytes. Raises the driver's own errors."""
    query = _merged(connection, text, parameters)
    async with connection.transaction(force_rollback=True):
        await connection.execute("SET TRANSACTION READ WRITE")  # until the function is there
        columns = await described(connection, query)
        function = confinement.reading(role, query, columns)
        await connection.execute(f"{function.create};\nSET TRANSACTION READ ONLY".encode())
        async with connection.cursor(binary=True) as cursor:
            if exact:
                keep_bytes(cursor)
            await cursor.execute(function.call.encode())
            return tuple(name for name, _ in columns), tuple(await cursor.fetchall())


def _merged(connection: Connection, text: str, parameters: Mapping[str, object]) -> str:
    """A query with its parameters as literals. psycopg's mogrify fails in SQL_ASCII where one is not ASCII."""
    literals = {name.encode(): sql.Literal(value).as_bytes(connection) for name, value in parameters.items()}
    return (text.encode() % literals).decode()


async def described(connection: Connection, query: str) -> list[tuple[str, str]]:
    """Names and types of a query's columns. It is parsed for that, neither planned nor run."""
    pgconn = connection.pgconn
    async with connection.lock:
        pgconn.send_prepare(b"", query.encode())
        await connection.wait(_answer(pgconn))
        pgconn.send_describe_prepared(b"")
        result = await connection.wait(_answer(pgconn))
    names = [(result.fname(at) or b"").decode() for at in range(result.nfields)]
    oids = [_TEXT if result.ftype(at) == _UNKNOWN else result.ftype(at) for at in range(result.nfields)]
    async with connection.cursor() as cursor:
        await cursor.execute(
            "SELECT pg_catalog.format_type(o, NULL) FROM pg_catalog.unnest(%(oids)s::oid[]) WITH ORDINALITY u(o, n) "
            "ORDER BY n",
            {"oids": oids},
        )
        return list(zip(names, [str(name) for (name,) in await cursor.fetchall()], strict=True))


def _answer(pgconn: pq.abc.PGconn) -> psycopg.abc.PQGen[pq.abc.PGresult]:
    result: pq.abc.PGresult
    (result,) = yield from generators.execute(pgconn)
    if result.status != pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result)
    return result
