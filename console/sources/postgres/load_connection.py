"""A connection of a load test: simple queries without waiting, at little cost a statement."""

from __future__ import annotations

from enum import Enum

from psycopg import OperationalError, pq

from console.records import dataclass

_GOOD = frozenset({pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK, pq.ExecStatus.EMPTY_QUERY})


class WaitsFor(Enum):
    """What a connection waits for before it goes on."""

    NOTHING = 0
    READ = 1
    WRITE = 2


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a statement: its first row by column, or the error."""

    rows: int = 0
    first: tuple[tuple[str, str], ...] = ()
    sqlstate: str = ""  # of an error
    message: str = ""  # its first line
    failed: bool = False


class ConnectionLost(Exception):  # noqa: N818  a state, which the reply explains
    """The connection could not be made, or is gone."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.message)
        self.reply = reply


class LoadConnection:
    """One connection, made as libpq's environment says. Its methods raise ConnectionLost."""

    def __init__(self) -> None:
        self._session = pq.PGconn.connect_start(b"")
        self._first: Reply | None = None

    @property
    def fileno(self) -> int:
        """Its file descriptor, which may change while it is being made."""
        try:
            return self._session.socket
        except OperationalError:
            raise self._lost() from None

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, or has failed."""
        return self._session.transaction_status != pq.TransactionStatus.IDLE

    def connect(self) -> WaitsFor:
        """Go on connecting; NOTHING: it is made."""
        state = self._session.connect_poll()
        if state == pq.PollingStatus.OK:
            self._session.nonblocking = 1
            return WaitsFor.NOTHING
        if state == pq.PollingStatus.FAILED:
            raise self._lost()
        return WaitsFor.READ if state == pq.PollingStatus.READING else WaitsFor.WRITE

    def send(self, statement: bytes) -> WaitsFor:
        """Send a statement; WRITE: `flush` must send the rest."""
        try:
            self._session.send_query(statement)
        except OperationalError:
            raise self._lost() from None
        return self.flush()

    def flush(self) -> WaitsFor:
        """Send what is left to send."""
        try:
            return WaitsFor.WRITE if self._session.flush() else WaitsFor.READ
        except OperationalError:
            raise self._lost() from None

    def reply(self, row: bool) -> Reply | None:
        """The answer, once all of it has come; with its first row only if `row`. None: it has not yet."""
        session = self._session
        try:
            session.consume_input()
        except OperationalError:
            raise self._lost() from None
        while not session.is_busy():
            result = session.get_result()
            if result is None:
                reply, self._first = self._first, None
                return reply or Reply()
            found = Reply() if result.status in _GOOD and not row else _reply(result)
            if self._first is None or found.failed:
                self._first = found
            result.clear()
        return None

    def close(self) -> None:
        """Close it."""
        self._session.finish()

    def _lost(self) -> ConnectionLost:
        lines = self._session.get_error_message().strip().splitlines()
        return ConnectionLost(Reply(message=lines[-1] if lines else "the connection is gone", failed=True))


def _reply(result: pq.abc.PGresult) -> Reply:
    if result.status not in _GOOD:
        code, text = (
            (result.error_field(field) or b"").decode(errors="replace")
            for field in (pq.DiagnosticField.SQLSTATE, pq.DiagnosticField.MESSAGE_PRIMARY)
        )
        return Reply(sqlstate=code, message=text, failed=True)
    if not result.ntuples:
        return Reply()
    first = tuple(
        ((result.fname(at) or b"").decode(), (result.get_value(0, at) or b"").decode()) for at in range(result.nfields)
    )
    return Reply(result.ntuples, first)
