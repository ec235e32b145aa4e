"""Reading that is confined to the rights of a role: in a transaction that is read-only and always rolled back.

The session itself does not even parse a query of the role's: reading a literal as an array of a domain runs the
domain's CHECK. A function of the role opens it as a cursor, and the cursor says which columns it has.
"""

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
        columns = await described(connection, role, query)
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


async def described(connection: Connection, role: str, query: str) -> list[tuple[str, str]]:
    """Names and types of a query's columns. It is parsed and planned for that with the rights of `role`, but not run.

    Belongs in a transaction that is always rolled back, and has not been made read-only yet.
    """
    function, cursor_name = confinement.opening(role, query)
    await connection.execute(f"{function.create};\n{function.call}".encode())
    await connection.execute(confinement.restored({"search_path": confinement.SEARCH_PATH}, inside=True).encode())
    pgconn = connection.pgconn
    async with connection.lock:
        pgconn.send_describe_portal(cursor_name.encode())
        result = await connection.wait(_answer(pgconn))
    names = [(result.fname(at) or b"").decode() for at in range(result.nfields)]
    oids = [_TEXT if result.ftype(at) == _UNKNOWN else result.ftype(at) for at in range(result.nfields)]
    async with connection.cursor() as cursor:
        await cursor.execute(
            "SELECT pg_catalog.format_type(o, NULL) "
            "FROM pg_catalog.unnest(%(oids)s::pg_catalog.oid[]) WITH ORDINALITY u(o, n) ORDER BY n",
            {"oids": oids},
        )
        return list(zip(names, [str(name) for (name,) in await cursor.fetchall()], strict=True))


def _answer(pgconn: pq.abc.PGconn) -> psycopg.abc.PQGen[pq.abc.PGresult]:
    result: pq.abc.PGresult
    (result,) = yield from generators.execute(pgconn)
    if result.status != pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result)
    return result
