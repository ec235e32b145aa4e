"""A statement that depends on the answer to a question, where it can have no condition of its own."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import generators, pq

from console.sources.postgres.connecting import Connection

_NO = "22012"  # division by zero
_ASKED = "SELECT 1 / (SELECT count(*) FROM ({}) q(answer, reason) WHERE q.answer)"


async def execute_if(connection: Connection, question: str, statement: str) -> bool:
    """Run one statement outside a transaction if the query `question` returns true; whether it was.

    Both are sent at once, so nothing but the server's own time passes between them. An answer other than true leaves
    the session in a transaction that has failed, in which the server refuses the statement; it is rolled back after
    that. Raises the error of the driver.
    """
    asked = ("BEGIN", _ASKED.format(question), "COMMIT")
    async with connection.lock:
        results = await connection.wait(_results(connection.pgconn, asked, (statement,)))
    failed = next((each for each in results if each.status == pq.ExecStatus.FATAL_ERROR), None)
    if connection.info.transaction_status == pq.TransactionStatus.INERROR:
        await connection.execute("ROLLBACK")
    if failed is None:
        return True
    error = psycopg.errors.error_from_result(failed)
    if error.sqlstate == _NO and failed is results[1]:
        return False
    raise error


def _results(pgconn: pq.abc.PGconn, *scripts: Sequence[str]) -> psycopg.abc.PQGen[list[pq.abc.PGresult]]:
    """The results of `scripts`, which are sent at once. An error ends its script, not the next one."""
    pgconn.enter_pipeline_mode()
    for script in scripts:
        for statement in script:
            pgconn.send_query_params(statement.encode(), None)
        pgconn.pipeline_sync()
    yield from generators.send(pgconn)
    found: list[pq.abc.PGresult] = []
    ended = 0
    while ended < len(scripts):
        result = yield from generators.fetch(pgconn)
        if result is not None and result.status == pq.ExecStatus.PIPELINE_SYNC:
            ended += 1
        elif result is not None:
            found.append(result)
        elif pgconn.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError("the connection is lost")
    pgconn.exit_pipeline_mode()
    return found
