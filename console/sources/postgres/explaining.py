"""EXPLAIN in a session of its own, which nothing that it sets off can exceed or outlive.

Planning computes constant expressions, and so runs functions of whoever wrote them, with the rights of the session.
So it happens in a read-only transaction that is rolled back, in a session that is closed afterwards. With a role, it
happens in a SECURITY DEFINER function of that role (see confinement.py): SET ROLE can be undone by what is run. The
session itself then does not even parse the statement: reading a text as an array of a domain runs its constraint.

A statement is parsed by the extended protocol, or opened as a cursor: both refuse a second one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import errors

from console.format import one_line
from console.model import Kind, Trouble
from console.records import dataclass
from console.sources.postgres import confinement
from console.sources.postgres.closing import answering_within
from console.sources.postgres.connecting import Connection, open_session
from console.sources.postgres.lane import DEADLINE_SLACK
from console.sources.postgres.preparing import answered, prepare
from console.sources.postgres.troubles import trouble

PLANNING_SECONDS = 5
GENERIC_FROM = 160000  # EXPLAIN (GENERIC_PLAN)
_SETTINGS = {
    "default_transaction_read_only": "on",
    "search_path": confinement.SEARCH_PATH,
    "lock_timeout": "100ms",
    "idle_in_transaction_session_timeout": "10s",
    "client_connection_check_interval": "2s",
    "timezone": "UTC",
    "datestyle": "ISO",
    "client_min_messages": "error",
    "standard_conforming_strings": "on",
}
_NAME = "pipeline_console_explained"


@dataclass(frozen=True, slots=True)
class Question:
    """A statement to be explained, and how."""

    text: str  # one query without a semicolon
    parameters: int = 0  # how many it has
    values: tuple[str | None, ...] | None = None  # of the parameters; None: a generic plan
    role: str = ""  # with whose rights, and no others; empty: those of the session
    settings: Mapping[str, str] | None = None  # such as search_path
    analyze: bool = False  # run it
    seconds: float = PLANNING_SECONDS  # that it may take
    hypothetical: tuple[str, ...] = ()  # CREATE INDEX statements of indexes that hypopg lets the planner see
    hypopg: str = ""  # the schema of hypopg, if it is used

    @property
    def options(self) -> str:
        """What stands in the parentheses behind EXPLAIN."""
        return "ANALYZE, BUFFERS, VERBOSE, FORMAT JSON" if self.analyze else "VERBOSE, FORMAT JSON"


class ExplainingSession:
    """A connection on which one server explains statements, from `async with` to its end. Raises Trouble."""

    def __init__(self, target: Mapping[str, str]) -> None:
        """`target` are the parameters of a connection to the host that answered before."""
        self._target = target
        self._connection: Connection | None = None

    async def __aenter__(self) -> Self:
        self._connection = await open_session(self._target, _SETTINGS)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def explain(self, question: Question) -> dict[str, Any]:
        """What EXPLAIN (FORMAT JSON) returns, with "Hypothetical": name → bytes, in the order of the question."""
        connection = self._connection
        if connection is None or connection.closed:
            raise Trouble(Kind.UNREACHABLE, "The connection to the server was lost.")
        try:
            with answering_within(question.seconds + DEADLINE_SLACK, connection):
                return await _answer(connection, question)
        except psycopg.Error as error:
            raise _trouble(error, question) from None


async def parse(target: Mapping[str, str], statement: str) -> None:
    """Have the server parse one statement without running it, in a session of its own. Raises Trouble if it cannot be.

    Of a utility statement, such as ALTER TABLE, the server's parser knows the syntax alone: it looks up no name, and
    so waits for no lock. A query would be analysed, which locks what it reads.
    """
    connection = await open_session(target, _SETTINGS)
    try:
        with answering_within(PLANNING_SECONDS + DEADLINE_SLACK, connection):
            await prepare(connection, "", statement)
    except psycopg.Error as error:
        said = one_line(error.diag.message_primary or type(error).__name__).rstrip(".")
        at = f" (at character {error.diag.statement_position})" if error.diag.statement_position else ""
        raise Trouble(Kind.REFUSED, f"The server cannot parse the statement: {said}{at}.") from None
    finally:
        await connection.close()


async def _answer(connection: Connection, question: Question) -> dict[str, Any]:
    await connection.execute("DEALLOCATE ALL")  # PREPARE outlives its transaction
    indexes = await _hypothetical(connection, question) if question.hypopg else {}
    async with connection.transaction(force_rollback=True):
        await connection.execute(f"SET LOCAL statement_timeout = {question.seconds * 1000:.0f}".encode())
        if question.role:
            answer = await _confined(connection, question)
        else:
            await _set(connection, question)
            answer = await _own(connection, question)
    found = json.loads(answer)
    return {**found[0], "Hypothetical": indexes}


async def _hypothetical(connection: Connection, question: Question) -> dict[str, int]:
    """Let the planner see the indexes of the question alone; their names with their sizes."""
    schema = confinement.identifier(question.hypopg)
    await connection.execute(f"SELECT {schema}.hypopg_reset()".encode())
    found = {}
    for statement in question.hypothetical:
        made = f"SELECT c.indexname::text, {schema}.hypopg_relation_size(c.indexrelid)::bigint FROM "  # noqa: S608
        cursor = await connection.execute(f"{made}{schema}.hypopg_create_index(%s) c".encode(), (statement,))
        for name, size in await cursor.fetchall():
            found[str(name)] = int(str(size))
    return found


async def _set(connection: Connection, question: Question) -> None:
    for name, value in (question.settings or {}).items():
        await connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))


async def _own(connection: Connection, question: Question) -> bytes:
    explain = f"EXPLAIN ({question.options}) "
    if question.values is not None and question.parameters:
        values = [None if value is None else value.encode() for value in question.values]
        return await _sent(connection, f"{explain}{question.text}", values)
    if not question.parameters:
        return await _sent(connection, f"{explain}{question.text}")
    if connection.info.server_version >= GENERIC_FROM:
        return await _proven(connection, f"EXPLAIN (GENERIC_PLAN, {question.options}) {question.text}")
    await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    await _sent(connection, f"PREPARE {_NAME} AS {question.text}")
    nulls = ", ".join(["NULL"] * question.parameters)
    return await _sent(connection, f"{explain}EXECUTE {_NAME} ({nulls})")


async def _confined(connection: Connection, question: Question) -> bytes:
    """The answer that a function of the role gives; its settings are those of the question from its beginning.

    The values come as an argument, and reach EXECUTE as literals that the server quotes: never within the statement.
    """
    function = f"pg_temp.{_NAME}"
    await connection.execute("SET TRANSACTION READ WRITE")  # until the function is there
    create = (
        f"CREATE FUNCTION {function}(given text[]) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS "
        f"{confinement.quoted(_body(question))};\n"
        f"ALTER FUNCTION {function}(text[]) OWNER TO {confinement.identifier(question.role)};\n"
        "SET TRANSACTION READ ONLY"
    )
    await connection.execute(create.encode())
    await _set(connection, question)
    call = f"SELECT {function}($1::pg_catalog.text[])"
    values = list(question.values) if question.values else []
    return await _sent(connection, call, [_array(values)])


def _body(question: Question) -> str:
    explain = f"EXPLAIN ({question.options}) "
    head = "DECLARE\n  answer refcursor;\n  plan text;\n  arguments text;\nBEGIN\n"
    tail = "  FETCH answer INTO plan;\n  CLOSE answer;\n  RETURN plan;\nEND"
    if not question.parameters:
        return f"{head}  OPEN answer FOR EXECUTE {confinement.quoted(explain + question.text)};\n{tail}"
    mode = "force_generic_plan" if question.values is None else "force_custom_plan"
    nulls = ", ".join(["NULL"] * question.parameters)
    given = (
        f"'{nulls}'"
        if question.values is None
        else "(SELECT pg_catalog.string_agg(coalesce(pg_catalog.quote_literal(g.v), 'NULL'), ', ' ORDER BY g.n) "
        "FROM pg_catalog.unnest(given) WITH ORDINALITY g(v, n))"
    )
    return (
        f"{head}  SET LOCAL plan_cache_mode = {mode};\n"
        f"  EXECUTE {confinement.quoted(f'PREPARE {_NAME} AS {question.text}')};\n"
        f"  arguments := {given};\n"
        f"  OPEN answer FOR EXECUTE pg_catalog.concat('{explain}EXECUTE {_NAME} (', arguments, ')');\n{tail}"
    )


def _array(values: Sequence[str | None]) -> bytes:
    """An array in the server's own text form."""
    quoted = ("NULL" if v is None else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values)
    return ("{" + ",".join(quoted) + "}").encode()


async def _sent(connection: Connection, text: str, values: Sequence[bytes | None] = ()) -> bytes:
    """The first field that a statement returns; sent by the extended protocol, whose Parse takes one statement."""
    pgconn = connection.pgconn
    async with connection.lock:
        pgconn.send_query_params(text.encode(), values)
        result = await connection.wait(answered(pgconn))
    return (result.get_value(0, 0) or b"") if result.ntuples else b""


async def _proven(connection: Connection, text: str) -> bytes:
    """As `_sent`, for a statement with parameters that have no values, which the extended protocol cannot run.

    The server has parsed it as one statement before it is sent by the other protocol.
    """
    pgconn = connection.pgconn
    async with connection.lock:
        pgconn.send_prepare(b"", text.encode())
        await connection.wait(answered(pgconn))
        pgconn.send_query(text.encode())
        result = await connection.wait(answered(pgconn))
    return (result.get_value(0, 0) or b"") if result.ntuples else b""


def _trouble(error: psycopg.Error, question: Question) -> Trouble:
    """Why a statement cannot be explained, with what would help."""
    why = trouble(error, "the statement")
    said = one_line(error.diag.message_primary or type(error).__name__).rstrip(".") + "."
    match error:
        case errors.InsufficientPrivilege():
            return Trouble(
                Kind.DENIED,
                why.sentence,
                "EXPLAIN needs the right to SELECT from every relation of the statement: GRANT pg_read_all_data TO the "
                "role, or explain it as the role that runs it.",
                why.sqlstate,
                why.lacks,
            )
        case errors.UndefinedFunction() | errors.AmbiguousFunction() if question.parameters and question.values is None:
            return Trouble(Kind.FAILED, f"The statement cannot be planned as it is kept: {said}", f"{_TYPED} {_PATH}")
        case errors.UndefinedTable() | errors.UndefinedFunction() | errors.InvalidSchemaName():
            return Trouble(Kind.MISSING, f"The server does not find what the statement names: {said}", _PATH)
        case errors.IndeterminateDatatype() | errors.SyntaxError() | errors.AmbiguousParameter():
            return Trouble(Kind.FAILED, f"The statement cannot be planned as it is kept: {said}", _TYPED)
    return why


_PATH = "It may have run with another search_path, or use a temporary table of its session: name the search_path."
_TYPED = (
    "pg_stat_statements replaces literals, which does not always leave a statement whose types are known: explain it "
    "from a session that runs it, with E in the pane Connections, or type it."
)
