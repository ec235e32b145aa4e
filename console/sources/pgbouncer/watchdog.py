"""The process that outlives the console while a database of PgBouncer is paused, and sends RESUME.

Run as a script by the bare interpreter, in a session of its own, so that neither Ctrl-C nor the death of a terminal
reaches it. The console holds the other end of its standard input, by which it learns what to connect to: nothing is in
its arguments or its environment. It connects before anything is paused, because a paused pooler may be full.

While a database is paused PgBouncer drops the connections that min_pool_size wants, counts that as a failed login and
opens none for server_login_retry (15 s) after RESUME, so that clients would wait for that long or be cut. That setting
is therefore 0 for a moment.

Standard input: a line of JSON (`path`: sys.path of the console, `conninfo`, `database`, `named`, `seconds`), then `lit`
just before PAUSE is sent, then `resume` or, when the database has been resumed already, `done`. It sends RESUME on
`resume`, after `seconds`, on SIGTERM, and when the input ends, for whatever reason. Standard output: `armed`, then how
it ended. Needs psycopg and the standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

GIVING_UP = 60.0  # seconds in which it tries to reach a pooler that does not answer
PAUSE = 0.2  # seconds between two attempts
# Without these a dead network would be noticed after many minutes.
QUICK = {"connect_timeout": "2", "tcp_user_timeout": "2000", "keepalives_idle": "2", "keepalives_interval": "1"}
OPENING = 1.0  # seconds in which the first connections are opened again
RETRY = "server_login_retry"
RESUMED, NOT_PAUSED, REFUSED, UNREACHABLE = "resumed", "not paused", "refused", "unreachable"


class Terminated(Exception):  # noqa: N818  no error: a signal
    """SIGTERM has arrived."""


@dataclass(slots=True)
class Link:
    """The admin console of one PgBouncer, and the database that will be resumed there."""

    conninfo: str
    database: str  # empty: PgBouncer as a whole
    named: str  # the same as the admin console reads it
    connection: psycopg.Connection[Any] | None = None
    retry: str = ""  # server_login_retry before it was changed

    def connect(self) -> psycopg.Connection[Any]:
        """A connection that is open as far as is known. Raises the driver's error."""
        import psycopg  # noqa: PLC0415  sys.path comes by the pipe

        if self.connection is None or self.connection.closed:
            self.connection = psycopg.connect(
                self.conninfo,
                autocommit=True,
                prepare_threshold=None,
                cursor_factory=psycopg.ClientCursor,
                **QUICK,  # type: ignore[arg-type]
            )
        return self.connection

    def resume(self) -> str:
        """Send RESUME, again after a lost connection, and look whether the database is paused still."""
        import psycopg  # noqa: PLC0415

        end = time.monotonic() + GIVING_UP
        while True:
            try:
                return self._resumed()
            except psycopg.Error:
                self.connection = None
            if time.monotonic() > end:
                return UNREACHABLE
            time.sleep(PAUSE)

    def _resumed(self) -> str:
        import psycopg  # noqa: PLC0415

        connection, sent = self.connect(), RESUMED
        self.retry = self.retry or self._setting(connection)
        with contextlib.suppress(psycopg.DatabaseError):  # it may have lost the right; RESUME counts
            connection.execute(f"SET {RETRY} = '0'".encode())
        try:
            connection.execute(f"RESUME {self.named}".strip().encode())
        except psycopg.Error:
            if connection.closed:
                raise
            sent = NOT_PAUSED  # or it is refused
        return REFUSED if self._paused(connection) else sent

    def restore(self) -> None:
        """Set what was changed for a moment as it was before."""
        import psycopg  # noqa: PLC0415

        if self.retry:
            time.sleep(OPENING)
            with contextlib.suppress(psycopg.Error):
                self.connect().execute(f"SET {RETRY} = '{self.retry}'".encode())

    def _setting(self, connection: psycopg.Connection[Any]) -> str:
        rows = connection.execute(b"SHOW CONFIG").fetchall()
        value = next((str(row[1]) for row in rows if row[0] == RETRY), "")
        return value if value.replace(".", "", 1).isdigit() else ""

    def _paused(self, connection: psycopg.Connection[Any]) -> bool:
        shown = connection.execute(b"SHOW DATABASES")
        columns = [column.name for column in shown.description or ()]
        rows = [dict(zip(columns, row, strict=True)) for row in shown.fetchall()]
        return any(row["name"] == self.database and int(row["paused"]) for row in rows)


def word(deadline: float | None = None) -> str | None:
    """The next line of the input; empty: it has ended; None: the deadline has passed."""
    taken = b""
    while not taken.endswith(b"\n"):
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([0], [], [], left)[0]:
            return None
        part = os.read(0, 1)
        if not part:
            return ""
        taken += part
    return taken.decode().strip()


def say(text: str) -> None:
    """Write a line, which nobody may be there to read."""
    with contextlib.suppress(OSError):
        os.write(1, text.encode() + b"\n")


def terminate(number: int, frame: object) -> None:
    """End what is being waited for."""
    del number, frame
    raise Terminated


def main() -> None:
    """Connect, wait until something is paused, and resume it."""
    for ignored in (signal.SIGHUP, signal.SIGINT):
        signal.signal(ignored, signal.SIG_IGN)
    order = json.loads(word() or "{}")
    if not order:
        return
    sys.path[:] = order["path"]
    link = Link(order["conninfo"], order["database"], order["named"])
    link.connect()
    signal.signal(signal.SIGTERM, terminate)
    try:
        say("armed")
        if word() != "lit":
            return
        if word(time.monotonic() + order["seconds"]) == "done":
            return
    except Terminated:
        pass
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(link.resume())
    link.restore()


if __name__ == "__main__":
    main()
