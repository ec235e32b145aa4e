"""Moves the rows of a span of time from one table to another: whole partitions as they are, the rest in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from console.actions.confinement import confined
from console.actions.foreign_code import foreign_code, refuse_foreign_code
from console.actions.partitions.create_partitions import partitions
from console.actions.planning import refuse, steps_from_query
from console.actions.relations import Relation, seen
from console.format import count, counted, one_line, size
from console.model import Database, Record, Source, Step, Trouble
from console.records import dataclass

RETURN = ("return", "finalize return")  # attached to the origin again
STAYS = ("keep", *RETURN)  # stays in the origin, because rows of it have no parent
MOVED = ("attach", "finalize", "detach", "swap")  # gets to the target as it is
WHOLE = (*MOVED, *STAYS)
BATCHES = ("batches", *STAYS)
BLOCKED = "blocked"  # stays in the origin, because rows of other tables refer to it
CANCELED = "57014"


@dataclass(frozen=True, slots=True)
class Move:
    """What is to go where: rows of `origin` whose `key` is in [lower, upper), days of UTC; None: unbounded."""

    origin: Relation
    target: Relation
    key: str
    lower: str | None
    upper: str
    verify: bool = False  # read whole partitions before and after, and compare

    @property
    def sides(self) -> dict[str, object]:
        """Parameters that every query about this move takes."""
        return {"origin": self.origin.oid, "target": self.target.oid, "key": self.key}

    @property
    def span(self) -> dict[str, object]:
        """Its bounds as parameters: midnights of UTC."""
        return {"lower": self.lower and f"{self.lower} 00:00:00+00", "upper": f"{self.upper} 00:00:00+00"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the origin, and how it gets to the target."""

    oid: int
    name: str
    form: str  # one of WHOLE, batches or BLOCKED
    why: str  # what keeps a whole partition from being moved as it is
    rows: int  # to be moved in batches
    first: str  # and their first and last day
    last: str
    kept: str = ""  # SQL condition of the rows that can be moved in batches: no foreign key forbids it; empty: all
    about: int | None = None  # its rows, and
    bytes: int | None = None  # its heap, as last counted; None: never


@dataclass(frozen=True, slots=True)
class Moving:
    """The steps of one or several moves, notes, and the partitions that are moved as they are."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    whole: tuple[Piece, ...] = ()

    def __add__(self, other: Moving) -> Moving:
        return Moving(self.steps + other.steps, self.notes + other.notes, self.whole + other.whole)

    @property
    def amount(self) -> str:
        """How much is moved as it is, such as "5 partitions (about 11.3k rows, 1.27 MB)"; empty: nothing is."""
        if not self.whole:
            return ""
        rows, heap = [piece.about for piece in self.whole], [piece.bytes for piece in self.whole]
        known = counted(sum(filter(None, rows)), "row", shown=count)
        figures = f" (about {known}, {size(sum(filter(None, heap)))})" if None not in rows else ""
        return f"{counted(len(self.whole), 'partition')}{figures}"


async def steps_of_move(server: Database, move: Move) -> Moving:
    """The steps of `move` from the present state on, and notes. Raises Trouble(REFUSED) if rows could be lost."""
    server = await confined(server, move.origin, move.target)
    await refuse_foreign_code(server, [move.origin.name, move.target.name])
    pieces, unchecked = await _movable(server, move, await _pieces(server, move))
    orphans, notes = await _orphans(server, move, [piece for piece in pieces if piece.form != BLOCKED])
    pieces = [_around(piece, orphans.get(piece.oid), move) for piece in pieces]
    sides = await seen(server, move.origin.oid, move.target.oid)
    found = await _whole(server, move, [piece for piece in pieces if piece.form in WHOLE])
    batches = [piece for piece in pieces if piece.form in BATCHES and piece.rows]
    if batches:
        found += await _room(server, move, batches)
        found += await _in_batches(server, move, batches)
    found = tuple(replace(step, sees=sides) for step in found)
    notes = (*notes, *unchecked, *filter(None, (_note(piece, move) for piece in pieces)))
    return Moving(found, notes, tuple(piece for piece in pieces if piece.form in MOVED))


async def _whole(server: Source, move: Move, pieces: Sequence[Piece]) -> tuple[Step, ...]:
    if not pieces:
        return ()
    ways = {"oids": [piece.oid for piece in pieces], "ways": [piece.form for piece in pieces], "verify": move.verify}
    return await steps_from_query(server, "archive_whole", {**move.sides, **ways})


async def _in_batches(server: Source, move: Move, pieces: Sequence[Piece]) -> tuple[Step, ...]:
    rows = {
        "oids": [piece.oid for piece in pieces],
        "rows": [piece.rows for piece in pieces],
        "kept": [piece.kept for piece in pieces],
    }
    return await steps_from_query(server, "archive_batches", {**move.sides, **move.span, **rows})


async def _pieces(server: Source, move: Move) -> list[Piece]:
    snapshot = await server.fetch("actions/archive_pieces", {**move.sides, **move.span})
    found: list[Piece] = []
    for record in snapshot.records():
        refuse(record)
        text = {name: str(record[name] or "") for name in ("name", "form", "why", "first", "last")}
        about, heap = (None if record[name] is None else int(str(record[name])) for name in ("about", "bytes"))
        oid, rows = int(str(record["oid"])), int(str(record["rows"] or 0))
        found.append(Piece(oid=oid, rows=rows, about=about, bytes=heap, **text))
    return found


async def _movable(server: Source, move: Move, pieces: Sequence[Piece]) -> tuple[list[Piece], tuple[str, ...]]:
    """The pieces without what a foreign key of another table keeps in the origin; notes."""
    asked = [piece for piece in pieces if piece.form in {"detach", "swap", "batches"}]
    oids = [piece.oid for piece in asked]
    children = (await server.fetch("actions/archive_children", {**move.sides, "oids": oids})).values("name")
    if not asked or not children:
        return list(pieces), ()
    ways = {"oids": oids, "batches": [piece.form == "batches" for piece in asked]}
    skipped = await foreign_code(server, [str(name) for name in children])
    try:
        found = await server.fetch(
            "actions/archive_referenced", {**move.sides, **move.span, **ways, "skipped": list(skipped)}
        )
    except Trouble as why:
        if why.sqlstate != CANCELED:
            raise
        return list(pieces), (
            "References to these rows could not be checked in time: if there are any, the run stops at them.",
        )
    held = {int(str(row["oid"])): row for row in found.records() if row["checked"]}
    unread = sorted({one_line(row["child"]) for row in found.records() if not row["checked"]})
    notes = (
        (f"This role cannot read {', '.join(unread)}: if rows of it refer to these, the run stops at them.",)
        if unread
        else ()
    )
    return [_without_held(piece, held.get(piece.oid), move) for piece in pieces], notes


def _without_held(piece: Piece, found: Record | None, move: Move) -> Piece:
    """The piece, of which the rows stay in the origin that rows of another table refer to."""
    if found is None:
        return piece
    child, key = one_line(found["child"]), one_line(found["key"])
    if not found["batches"]:
        return replace(piece, form=BLOCKED, why=f"rows of {child} refer to its rows (foreign key {key})")
    held = counted(int(str(found["held"])), "row")
    return replace(
        piece,
        why=f"rows of {child} refer to {held} of it (foreign key {key}), which stay in {move.origin.name}",
        rows=int(str(found["rows"])),
        first=str(found["first"] or ""),
        last=str(found["last"] or ""),
        kept=str(found["inside"]),
    )


async def _orphans(server: Source, move: Move, pieces: Sequence[Piece]) -> tuple[Mapping[int, Record], tuple[str, ...]]:
    """By the oid of a piece, its rows that refer to rows which no longer exist; notes."""
    parents = (await server.fetch("actions/archive_parents", {"target": move.target.oid})).values("name")
    if not pieces or not parents:
        return {}, ()
    skipped = await foreign_code(server, [str(name) for name in parents])
    asked = {
        "oids": [piece.oid for piece in pieces],
        "batches": [piece.form == "batches" for piece in pieces],
        "kept": [piece.kept for piece in pieces],
        "skipped": list(skipped),
    }
    try:
        snapshot = await server.fetch("actions/archive_orphans", {**move.sides, **move.span, **asked})
    except Trouble as why:
        if why.sqlstate != CANCELED:
            raise
        return {}, ("Rows without a parent could not be counted in time: if there are any, the run stops at them.",)
    return {int(str(record["oid"])): record for record in snapshot.records()}, ()


def _around(piece: Piece, found: Record | None, move: Move) -> Piece:
    """The piece, moved so that its rows without a parent stay in the origin."""
    if found is None:
        return piece
    orphans = f"{found['orphans']} of its rows refer to rows of {found['parents']} that no longer exist"
    form = {"attach": "return", "finalize": "finalize return"}.get(piece.form, "keep")
    return replace(
        piece,
        form=form,
        why="; ".join(filter(None, (piece.why if piece.kept else "", f"{orphans}; they stay in {move.origin.name}"))),
        rows=int(str(found["rows"])),
        first=str(found["first"] or ""),
        last=str(found["last"] or ""),
        kept=" AND ".join(filter(None, (piece.kept, str(found["inside"])))),
    )


async def _room(server: Database, move: Move, batches: Sequence[Piece]) -> tuple[Step, ...]:
    """Partitions that the target lacks for rows that arrive one by one."""
    days = sorted(day for piece in batches for day in (piece.first, piece.last) if day)
    if move.target.kind != "p" or not days:
        return ()
    return await partitions(server, move.target, first=days[0], last=days[-1])


def _note(piece: Piece, move: Move) -> str:
    name, why = one_line(piece.name), one_line(piece.why)
    neither = f"{name} is in neither table: a run that was interrupted had detached it"
    if piece.form == "attach":
        return f"{neither}. It is attached to {one_line(move.target.name)}."
    if piece.form in RETURN:
        return f"{neither}. It is attached to {one_line(move.origin.name)} again: {why}."
    if not why:
        return ""
    if not piece.rows:
        return f"Nothing of {name} can be moved: {why}."
    return f"Rows of {name} are moved in batches: {why}."
