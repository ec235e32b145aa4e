"""Which statement is meant, and its whole text as the server keeps it."""

from __future__ import annotations

from console.explaining.statement import Statement, is_cut, statement
from console.format import one_line
from console.model import Database, Kind, Lacks, Record, Trouble, number
from console.records import dataclass

PRIVATE = ("<insufficient privilege>", "<backend information not available>")


@dataclass(frozen=True, slots=True)
class Subject:
    """Which statement: a text, one of pg_stat_statements, or that of a session."""

    text: str = ""
    queryid: int | None = None
    userid: int = 0
    dbid: int = 0
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class KeptStatement:
    """A statement as it is kept, before anything is asked of the server about it."""

    statement: Statement
    user: str = ""  # who runs it
    calls: float = 0.0
    rows_a_call: float | None = None
    mean_ms: float | None = None


async def find(server: Database, subject: Subject) -> KeptStatement:
    """The statement that is meant. Raises Trouble if it is cut, hidden, of another database, or has no plan."""
    if subject.text:
        return KeptStatement(statement(subject.text))
    if subject.pid is not None:
        snapshot = await server.fetch("explained_session", {"pid": subject.pid})
        gone = f"Session {subject.pid} has ended."
    else:
        parameters = {"queryid": subject.queryid, "userid": subject.userid, "dbid": subject.dbid}
        snapshot = await server.fetch("explained_statement", parameters)
        gone = "pg_stat_statements no longer has this statement."
    row = next(iter(snapshot.records()), None)
    if row is None:
        raise Trouble(Kind.MISSING, gone)
    return KeptStatement(
        statement(_text(row)),
        str(row["role"] or ""),
        number(row["calls"]),
        None if row["rows_a_call"] is None else number(row["rows_a_call"]),
        None if row["mean_ms"] is None else number(row["mean_ms"]),
    )


def _text(row: Record) -> str:
    text = str(row["query"] or "")
    if text in PRIVATE:
        why = "This role may not see the statement."
        raise Trouble(Kind.DENIED, why, "GRANT pg_read_all_stats TO the role.", lacks=Lacks(("pg_read_all_stats",)))
    if row["database"] != row["here"]:
        other = one_line(row["database"] or "no database")
        raise Trouble(
            Kind.REFUSED,
            f"It runs in {other}, and this console is connected to {one_line(row['here'])}.",
            f"Open the console on {other}: -d {other}." if row["database"] else "",
        )
    if not text.strip():
        raise Trouble(Kind.MISSING, "The session has run no statement yet.")
    limit = int(number(row["cut"]))
    if limit and (number(row["bytes"]) >= limit - 1 or is_cut(text, limit)):
        other = f" Its whole text is in Slow queries, query id {row['queryid']}." if row["queryid"] else ""
        raise Trouble(
            Kind.REFUSED,
            f"The text is cut: pg_stat_activity keeps {limit - 1} bytes of a statement (track_activity_query_size).",
            f"Explain it from Slow queries, or raise track_activity_query_size, which takes a restart.{other}",
        )
    return text
