"""Statements that are prepared by a message of the extended protocol, not by PREPARE."""

from __future__ import annotations

import psycopg
from psycopg import generators, pq

from console.sources.postgres.connecting import Connection


async def prepare(connection: Connection, name: str, statement: str) -> None:
    """Prepare one statement by the extended protocol. Raises the driver's error if the server cannot parse it."""
    async with connection.lock:
        connection.pgconn.send_prepare(name.encode(), statement.encode())
        await connection.wait(answered(connection.pgconn))


def answered(pgconn: pq.abc.PGconn) -> psycopg.abc.PQGen[pq.abc.PGresult]:
    """The last result of what was sent. Raises the driver's error if it is one."""
    results = yield from generators.execute(pgconn)
    result: pq.abc.PGresult = results[-1]
    if result.status not in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}:
        raise psycopg.errors.error_from_result(result)
    return result
