"""Moves the rows of a span of time from one table to another: whole partitions as they are, the rest in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.actions.foreign_code import refuse_foreign_code
from console.actions.partitions.create_partitions import partitions
from console.actions.planning import refuse, steps_from_query
from console.actions.relations import Relation
from console.format import one_line
from console.model import Source, Step

WHOLE = ("attach", "finalize", "detach", "swap")


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
    form: str  # one of WHOLE, or batches
    why: str  # what keeps a whole partition from being attached
    rows: int  # to be moved in batches
    first: str  # and their first and last day
    last: str


async def steps_of_move(server: Source, move: Move) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The steps of `move` from the present state on, and notes. Trouble (REFUSED) when rows could be lost."""
    await refuse_foreign_code(server, [move.origin.name, move.target.name])
    pieces = await _pieces(server, move)
    whole = [piece for piece in pieces if piece.form in WHOLE]
    batches = [piece for piece in pieces if piece.form == "batches"]
    found: tuple[Step, ...] = ()
    if whole:
        ways = {"oids": [piece.oid for piece in whole], "ways": [piece.form for piece in whole], "verify": move.verify}
        found += await steps_from_query(server, "archive_whole", {**move.sides, **ways})
    if batches:
        found += await _room(server, move, batches)
        rows = {"oids": [piece.oid for piece in batches], "rows": [piece.rows for piece in batches]}
        found += await steps_from_query(server, "archive_batches", {**move.sides, **move.span, **rows})
    return found, tuple(_note(piece) for piece in batches if piece.why)


async def _pieces(server: Source, move: Move) -> list[Piece]:
    snapshot = await server.fetch("actions/archive_pieces", {**move.sides, **move.span})
    found: list[Piece] = []
    for record in snapshot.records():
        refuse(record)
        text = {name: str(record[name] or "") for name in ("name", "form", "why", "first", "last")}
        found.append(Piece(oid=int(str(record["oid"])), rows=int(str(record["rows"] or 0)), **text))
    return found


async def _room(server: Source, move: Move, batches: Sequence[Piece]) -> tuple[Step, ...]:
    """Partitions that the target lacks for rows that arrive one by one."""
    days = sorted(day for piece in batches for day in (piece.first, piece.last) if day)
    if move.target.kind != "p" or not days:
        return ()
    return await partitions(server, move.target, first=days[0], last=days[-1])


def _note(piece: Piece) -> str:
    return f"Rows of {one_line(piece.name)} are moved in batches: {one_line(piece.why)}."
