"""The clock of autovacuum as a source: when tables are due, and what a VACUUM now would remove, by its readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from console.model import Database, Record, Row, Snapshot, Source, number
from console.records import dataclass
from console.series.vacuum_readings import MEASURES, Horizon, TableCourse, TableReadings, due_in, seconds
from console.sources.derived import Derived, made_of
from console.sources.registry import CLOCK

QUERY, DUE, HORIZON = "vacuum_clock", "vacuum_due", "vacuum_horizon"
READS: Mapping[str, tuple[str, ...]] = {QUERY: (DUE, HORIZON)}
PASSING = 1.0  # seconds for which a transaction may be open before it is blamed
ADDED = (
    *("due_in", "dead_rate", "removes", "keeps", "approximate", "holder", "holder_pid", "holder_age"),
    *("standby", "naptime", "goes_first", "due_since", "interrupted"),
)
UNKNOWN: Row = (None,) * len(ADDED)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What keeps dead tuples in one kind of table, and what autovacuum is doing."""

    row: Record

    @property
    def horizon(self) -> Horizon:
        age = None if self.is_passing else seconds(self.row["age"])
        return Horizon(int(number(self.row["position"])), age, seconds(self.row["since"]))

    @property
    def is_passing(self) -> bool:
        """Whether nobody has an old snapshot: a transaction that has just begun ends before a VACUUM is through."""
        return self.row["age"] is None or (self.row["since"] is not None and number(self.row["since"]) < PASSING)

    @property
    def holder(self) -> str | None:
        """Who holds the oldest snapshot."""
        row = self.row
        if self.is_passing:
            return None
        if row["kind"] is None:
            return "vacuum_defer_cleanup_age"
        parts = (row["kind"], row["pid"], row["name"], f"in {row['elsewhere']}" if row["elsewhere"] else None)
        return " ".join(str(part) for part in parts if part not in {None, ""})


def clock_source(server: Database) -> Source:
    """What answers the query of the view clock."""
    return Derived(CLOCK, server, VacuumClock(server).fetch, made_of(READS, "about vacuum"))


class VacuumClock:
    """Reads the clock of one server. Each of its reads is kept as a reading."""

    def __init__(self, server: Database) -> None:
        self._postgres = server
        self.readings = TableReadings()
        self._origin = ""

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The tables that VACUUM is or will be due for. Raises Trouble."""
        del parameters
        held = await self._postgres.fetch(HORIZON)
        taken = await self._postgres.fetch(DUE)
        scopes = {str(row["scope"]): _Scope(row) for row in held.records()}
        if taken.origin != self._origin:
            self.readings, self._origin = TableReadings(), taken.origin
        records = list(taken.records())
        if "data" in scopes:  # the catalogs of a later version may not say what belongs to which scope
            self.readings.add(records, scopes["data"].horizon.position, taken.clock)
        of_rows = [scopes.get(str(row["scope"])) for row in records]
        pairs = zip(records, of_rows, strict=True)
        added = [self._added(row, of, taken.clock) if of is not None else UNKNOWN for row, of in pairs]
        made = replace(taken, name=query, seconds=taken.seconds + held.seconds).with_columns(ADDED, added)
        return made.hiding(held.hidden[0]) if held.hidden else made

    def _added(self, row: Record, scope: _Scope, clock: float) -> Row:
        """The values of ADDED for one table."""
        oid = int(number(row["oid"]))
        course = self.readings.courses[oid]
        horizon, dead = scope.horizon, number(row["dead"])
        found = course.removable(horizon, seconds(row["vacuum_age"]))
        keeps = None if found.tuples is None else dead - found.tuples
        held = keeps is None or keeps > 0
        return (
            due_in(row, dict(zip(MEASURES, course.rates(), strict=True))),
            course.dead_rate(),
            found.tuples,
            keeps,
            "" if found.exact else "≈",
            scope.holder if held else None,
            scope.row["pid"] if held and scope.row["kind"] == "pid" else None,
            horizon.age if held else None,
            *(scope.row[column] for column in ("standby", "naptime", "goes_first")),
            self.readings.due_for(oid, clock),
            _since(course, clock),
        )


def _since(course: TableCourse, clock: float) -> float | None:
    return None if course.interrupted is None else clock - course.interrupted
