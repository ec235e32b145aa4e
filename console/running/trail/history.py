"""Past runs in the audit trail, including those whose end it does not record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import UTC, datetime
from itertools import takewhile

from console.records import dataclass
from console.redaction import hides
from console.running.trail.audit import process

EPOCH = datetime.fromtimestamp(0, UTC)
UNFINISHED = "unfinished"  # its process ended, or was killed, without recording how the run ended
RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Finished:
    """A statement that took effect."""

    sql: str
    undo: str = ""
    rows: int = 0
    seconds: float = 0.0
    at: datetime = EPOCH


@dataclass(frozen=True, slots=True)
class Planned:
    """A statement that a run was going to send."""

    sql: str
    undo: str = ""
    expect: str = ""  # a query that returns true once it has had its effect
    transaction: int | None = None  # which transaction of the run it belongs to; None: it runs outside of any
    on: str = ""  # the relation it may have to wait for
    role: str = ""  # whose rights it was confined to; empty: those of the session, or of a version before
    undo_files: tuple[tuple[str, str], ...] = ()  # undoing it copies the first file of each pair to the second
    pooler: str = ""  # undoing it is a command of this PgBouncer


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What had begun when the trail ends: the steps of one transaction, or one statement outside of any."""

    steps: tuple[Planned, ...] = ()
    xid: str = ""  # of the transaction, known from just before its COMMIT; the server knows what became of it
    certain: bool = False  # it has taken effect: the trail records one of its steps as done


@dataclass(slots=True)
class Past:
    """One run in the trail."""

    id: str
    at: datetime = EPOCH
    action: str = ""
    subject: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    server: str = ""
    database: str = ""
    user: str = ""
    os_user: str = ""
    origin: str = ""
    process: str = ""
    planned: tuple[Planned, ...] = ()
    parts: tuple[str, ...] = ()  # of the subject, as in its plan
    cluster_wide: bool = False
    name: str = ""  # of what it acted on, as in its plan; empty in trails of versions before
    standby: bool = False  # the server was one
    finished: list[Finished] = field(default_factory=list)
    committing: tuple[int, str] = (-1, "")  # how many steps were finished before its last COMMIT; its transaction
    ended_at: datetime | None = None
    outcome: str = ""  # empty: its end is not recorded
    message: str = ""
    notes: tuple[str, ...] = ()  # what else it reported at its end
    seconds: float | None = None
    recorded_undo: tuple[str, ...] | None = None
    load: Mapping[str, object] | None = None  # the result of its load test

    @property
    def status(self) -> str:
        """The outcome; without one, RUNNING if its process exists, else UNFINISHED."""
        return self.outcome or (RUNNING if alive(self.process) else UNFINISHED)

    @property
    def undo(self) -> tuple[str, ...]:
        """The statements that undo what it did, in the order to run them."""
        if self.recorded_undo is not None:
            return self.recorded_undo
        return tuple(statement.undo for statement in reversed(self.finished) if statement.undo)

    @property
    def under_way(self) -> UnderWay:
        """What may have taken effect besides `finished`. Nothing while the run is going on."""
        at = len(self.finished)
        if at >= len(self.planned) or self.status == RUNNING:
            return UnderWay()
        number = self.planned[at].transaction
        if number is None:  # the end of a run covers this one too
            return UnderWay(self.planned[at : at + 1]) if self.status == UNFINISHED else UnderWay()
        together = tuple(takewhile(lambda statement: statement.transaction == number, self.planned[at:]))
        if at and self.planned[at - 1].transaction == number:
            return UnderWay(together, certain=True)
        return UnderWay(together, self.committing[1]) if self.committing[0] == at else UnderWay()

    @property
    def rows(self) -> int:
        """Rows that its finished statements changed."""
        return sum(statement.rows for statement in self.finished)

    @property
    def where(self) -> tuple[str, str, str]:
        """Server, database and role."""
        return self.server, self.database, self.user

    @property
    def undoable(self) -> bool:
        """Whether it can be undone, as far as the trail shows, without a hidden secret."""
        statements = [*self.undo, *(statement.undo for statement in self.under_way.steps if statement.undo)]
        return bool(statements) and not any(map(hides, statements))


def runs(entries: Iterable[Mapping[str, object]]) -> list[Past]:
    """The runs of a trail, oldest first; entries without a run are skipped."""
    known: dict[str, Past] = {}
    add(known, entries)
    return list(known.values())


def add(known: dict[str, Past], entries: Iterable[Mapping[str, object]]) -> None:
    """Add later entries of a trail to the runs `known`, by id."""
    for entry in entries:
        name = entry.get("run")
        if isinstance(name, str) and name:
            _add(known.setdefault(name, Past(name)), entry)


def alive(named: str) -> bool:
    """Whether the process in a trail (`audit.process`) exists; False for one on another machine."""
    parts = named.split()
    if len(parts) < 2 or not parts[1].isdigit():
        return False
    return process(int(parts[1])) == named


def _add(past: Past, entry: Mapping[str, object]) -> None:
    at = _moment(entry.get("at"))
    event = entry.get("event")
    if past.at == EPOCH:
        past.at = at
        past.action, past.subject = _text(entry, "action"), _text(entry, "subject")
        past.server, past.database, past.user = _text(entry, "server"), _text(entry, "database"), _text(entry, "user")
        past.os_user, past.origin, past.process = _text(entry, "os_user"), _text(entry, "from"), _text(entry, "process")
        given = entry.get("parameters")
        past.parameters = {str(k): str(v) for k, v in given.items()} if isinstance(given, Mapping) else {}
    if event == "start":
        past.planned = _planned(entry)
        past.parts, past.cluster_wide = _texts(entry.get("parts")), entry.get("everywhere") is True
        past.name, past.standby = _text(entry, "name"), entry.get("standby") is True
    elif event == "commit":
        past.committing = len(past.finished), _text(entry, "xid")
    elif event == "step":
        rows, seconds = entry.get("rows"), _number(entry.get("seconds"))
        done = Finished(
            _text(entry, "sql"), _text(entry, "undo"), rows if isinstance(rows, int) else 0, seconds or 0.0, at
        )
        past.finished.append(done)
    elif event == "load":
        result = entry.get("result")
        past.load = result if isinstance(result, Mapping) else None
    elif event == "end":
        past.ended_at, past.outcome, past.message = at, _text(entry, "outcome"), _text(entry, "message")
        past.seconds, past.recorded_undo = _number(entry.get("seconds")), _texts(entry.get("undo"))
        past.notes = _texts(entry.get("notes"))


def _planned(entry: Mapping[str, object]) -> tuple[Planned, ...]:
    sql, numbers = _texts(entry.get("sql")), entry.get("transactions")
    if not isinstance(numbers, list) or len(numbers) != len(sql):
        return tuple(map(Planned, sql))
    transactions = [number if isinstance(number, int) else None for number in numbers]
    undo, expect = _texts(entry.get("undo")), _texts(entry.get("expect"))
    steps = tuple(map(Planned, sql, undo, expect, transactions))
    on, files = _texts(entry.get("on")), entry.get("undo_files")
    if len(on) != len(steps) or not isinstance(files, list) or len(files) != len(steps):
        return steps  # of a version before
    steps = tuple(
        replace(statement, on=name, undo_files=_pairs(file))
        for statement, name, file in zip(steps, on, files, strict=True)
    )
    roles = _texts(entry.get("roles"))
    if len(roles) != len(steps):
        return steps
    steps = tuple(replace(statement, role=role) for statement, role in zip(steps, roles, strict=True))
    poolers = _texts(entry.get("poolers"))
    if len(poolers) != len(steps):
        return steps
    return tuple(replace(statement, pooler=pooler) for statement, pooler in zip(steps, poolers, strict=True))


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        return ()
    if len(value) == 2 and all(isinstance(path, str) for path in value):  # of a version before, one pair
        return ((value[0], value[1]),)
    pairs = [pair for pair in value if isinstance(pair, list) and len(pair) == 2]
    return tuple((str(kept), str(path)) for kept, path in pairs)


def _text(entry: Mapping[str, object], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _moment(value: object) -> datetime:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return EPOCH
    return at if at.tzinfo else at.replace(tzinfo=UTC)
