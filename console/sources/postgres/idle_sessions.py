"""Sessions that stay idle: their rows are known from the last read, so only their pids are read again. Pure."""

from __future__ import annotations

from dataclasses import replace

from console.model import Row, Snapshot

IDLE = 10.0  # seconds that a session must have been idle: the statement says the same
SURE = 9.0  # seconds after a read within which what has been idle for so long was so at that read
AGAIN = 60.0  # seconds after which all rows are read once more: a role may have been renamed
DIGITS = 6  # of an age behind the point: the server's clock has microseconds
ADDED = 2  # columns before the last one that the statement adds: the pids of all, the moment


class IdleSessions:
    """The rows of the sessions that were idle at the last read."""

    def __init__(self) -> None:
        self._rows: dict[object, Row] = {}  # by pid
        self._at = 0.0  # the last read, by the server's clock
        self._read = self._whole = float("-inf")  # the last read, and the last one of all rows, by the console's clock

    def are_known(self, clock: float) -> bool:
        """Whether it is worth reading the others alone."""
        return bool(self._rows) and clock - self._read < SURE and clock - self._whole < AGAIN

    def learn(self, taken: Snapshot) -> None:
        """Keep the idle sessions of a read of all rows, which has one more column of the reader's row."""
        self._whole = taken.clock
        self._keep(taken)
        age, since = taken.index("age"), taken.index("since")
        self._at = max((_number(row[age]) + _number(row[since]) for row in self._rows.values()), default=0.0)

    def whole(self, read: Snapshot) -> Snapshot | None:
        """A read of the others, with the rows of those that stayed idle; None: all rows have to be read."""
        own = [row for row in read.rows if row[-1] is not None]
        if read.unknown or len(own) != 1:
            return None
        *mine, pids, at, last = own[0]
        if not isinstance(pids, list) or not isinstance(at, float) or not self._at <= at < self._at + SURE:
            return None  # also where the server's clock was set meanwhile
        pid, age, since = (read.index(name) for name in ("pid", "age", "since"))
        found: dict[object, Row] = {row[pid]: (*row[: -ADDED - 1], None) for row in read.rows if row[-1] is None}
        for each in pids:
            if each not in found:
                if (known := self._rows.get(each)) is None:
                    return None
                idle = round(at - _number(known[since]), DIGITS)
                found[each] = (*known[:age], idle, *known[age + 1 :])
        columns = (*read.columns[: -ADDED - 1], read.columns[-1])
        taken = replace(read, columns=columns, rows=(*map(found.__getitem__, pids), (*mine, last)))
        self._keep(taken)
        self._at = at
        return taken

    def _keep(self, taken: Snapshot) -> None:
        self._read = taken.clock
        pid, state, xact, xmin = (taken.index(name) for name in ("pid", "state", "xact_age", "xmin_age"))
        self._rows = {
            row[pid]: row
            for row in taken.rows
            if row[state] == "idle" and row[-1] is None and row[xact] is None and row[xmin] is None
        }


def _number(value: object) -> float:
    return value if isinstance(value, float) else 0.0
