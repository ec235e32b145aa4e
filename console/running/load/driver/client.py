"""One client of the load driver: its connection, its variables, and where it is in a script."""

from __future__ import annotations

from dataclasses import field
from enum import Enum

from console.records import dataclass
from console.running.load.driver.script import Assign, Command, ScriptStatement, Skip, shown
from console.sources.postgres.load_connection import ConnectionLost, LoadConnection, Reply, WaitsFor

RETRIED = {"40001", "40P01"}  # serialization failure, deadlock
NO_ROW = "a query that should return one row returned none"


class Turn(Enum):
    """What became of a transaction when its client went on."""

    SENT = 0  # a statement is under way
    DONE = 1
    FAILED = 2


@dataclass(slots=True)
class Client:
    """A client that runs one transaction after another."""

    variables: dict[str, str]
    tries: int
    connection: LoadConnection | None = None
    script: int = 0
    due: float = 0.0  # when the transaction was to begin
    wish: WaitsFor = WaitsFor.NOTHING
    error: Reply = field(default_factory=Reply)
    repeated: int = 0  # times that a transaction was tried again
    _commands: tuple[Command, ...] = ()
    _place: int = 0
    _tried: int = 0
    _before: dict[str, str] = field(default_factory=dict)
    _ending: bool = False  # ROLLBACK is under way

    def connected(self) -> None:
        """Take up work with a new connection."""
        self.wish, self._ending = WaitsFor.READ, False

    def begin(self, script: int, commands: tuple[Command, ...], due: float) -> Turn:
        """Begin a transaction."""
        self.script, self._commands, self.due = script, commands, due
        self._place, self._tried, self._before = 0, 1, self.variables.copy()
        return self._go_on()

    def ready(self) -> Turn:
        """Go on, because the connection can be read or written."""
        assert self.connection is not None  # noqa: S101  it is watched
        if self.wish is WaitsFor.WRITE:
            self.wish = self.connection.flush()
        current = self._commands[self._place]
        keeps = isinstance(current, ScriptStatement) and current.keeps and not self._ending
        reply = self.connection.reply(keeps)
        if reply is None:
            return Turn.SENT
        if self._ending:
            self._ending = False
            return self._after_error()
        if keeps and not reply.failed and not reply.rows:
            reply = Reply(message=NO_ROW, failed=True)
        if reply.failed:
            return self._failed(reply)
        self.variables.update(reply.first)
        self._place += 1
        return self._go_on()

    def _go_on(self) -> Turn:
        """Run commands up to the next statement, or to the end of the script."""
        while self._place < len(self._commands):
            command = self._commands[self._place]
            if isinstance(command, ScriptStatement):
                return self._send(command.text(self.variables))
            if isinstance(command, Skip) and command.left(self.variables) != command.right(self.variables):
                self._place = command.target
                continue
            if isinstance(command, Assign):
                self.variables[command.name] = shown(command.value(self.variables))
            self._place += 1
        return Turn.DONE

    def _send(self, text: bytes) -> Turn:
        assert self.connection is not None  # noqa: S101  only a connected client has a transaction
        self.wish = self.connection.send(text)
        return Turn.SENT

    def _failed(self, reply: Reply) -> Turn:
        self.error = reply
        assert self.connection is not None  # noqa: S101  it has just answered
        if not self.connection.in_transaction:
            return self._after_error()
        self._ending = True
        try:
            return self._send(b"ROLLBACK")
        except ConnectionLost:  # the error that ended it says more
            raise ConnectionLost(reply) from None

    def _after_error(self) -> Turn:
        """Try the transaction again from its start, if its error is worth it; variables are those of before."""
        self.variables, self._place = self._before.copy(), 0
        if self.error.sqlstate in RETRIED and self._tried < self.tries:
            self._tried += 1
            self.repeated += 1
            return self._go_on()
        return Turn.FAILED
