"""PastReadings as bytes: the first one of a query whole, those after it as the difference to the one before. Pure.

Rows are matched by their first cell, where that tells them apart, else by their place. Of a row that is still there
only the cells that changed are kept, column by column; whole numbers, and ages that grew alike, as what was added.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import compress
from operator import is_not, sub
from typing import Any

from console.format import safe
from console.model import Kind, Row, Snapshot, Trouble
from console.sources.json_values import revived, tagged

MOST_ROWS, MOST_COLUMNS = 50_000, 500  # of one reading that are read back
MOST_BYTES = 64 * 2**20  # of one reading, uncompressed
MOST_VALUES = 3_000_000  # of one reading, and cells of its rows
DIGITS = 6  # behind the point: the server's clock has microseconds
LONGEST_INTEGER = 40  # digits
SMALL_WINDOW, SMALL_MEMORY = 12, 4  # of zlib: as bits, and a level from 1 to 9
SMALL = 2**SMALL_WINDOW  # bytes within which that window finds as much as a larger one

Document = dict[str, Any]
_json = json.JSONEncoder(default=tagged, separators=(",", ":"))


def packed(document: object) -> bytes:
    """A document in few bytes."""
    text = _json.encode(document).encode("ascii")
    if len(text) > SMALL:
        return zlib.compress(text, 4)
    # Most readings differ little from those before: to prepare the usual window takes longer than to compress them.
    compressing = zlib.compressobj(4, zlib.DEFLATED, SMALL_WINDOW, SMALL_MEMORY)
    return compressing.compress(text) + compressing.flush()


def unpacked(body: bytes, most: int = MOST_BYTES) -> Any:
    """What `packed` was given. Raises ValueError for what no console has written, or more than `most` bytes."""
    return document_in(inflated(body, most))


def inflated(body: bytes, most: int = MOST_BYTES) -> bytes:
    """The text of what was packed. Raises ValueError if it is longer than `most` bytes, or none."""
    try:
        inflating = zlib.decompressobj()
        text = inflating.decompress(body, most + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(text) > most:
        raise ValueError("too long")
    return text


def document_in(text: bytes) -> Any:
    """What stands in a text; whole numbers that no server has are None. Raises ValueError for what is no document."""
    if sum(map(text.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise ValueError("too many values")
    try:
        return json.loads(text, object_hook=revived, parse_int=_whole)
    except RecursionError as error:
        raise ValueError(str(error)) from None


def document_of(now: Snapshot, before: Snapshot | None, query: str) -> Document:
    """A reading of a query as a document; `before` is the one before it, or None: it is kept whole."""
    made: Document = {"t": now.taken_at, "d": now.seconds, "c": now.clock}
    optional: Document = {"o": now.origin, "n": now.notes, "h": [trouble_document(why) for why in now.hidden]}
    optional |= {"s": "" if now.name == query else now.name, "u": now.unknown, "p": now.is_partial, "w": now.sampler}
    made |= {name: value for name, value in optional.items() if value}
    if before is None or before.columns != now.columns:
        return {**made, "columns": now.columns, "rows": now.rows}
    return {**made, **_difference(now.rows, before.rows)}


def snapshot_of(found: object, before: Snapshot | None, name: str) -> Snapshot:
    """The reading in a document, of the query `name`. Raises ValueError if it is none."""
    try:
        return _snapshot(found, before, name)
    except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ValueError(str(error)) from None


def trouble_document(why: Trouble) -> Document:
    """Why nothing was read, as a document."""
    return {"kind": why.kind.value, "sentence": why.sentence, "remedy": why.remedy, "sqlstate": why.sqlstate}


def trouble_of(found: Mapping[str, Any]) -> Trouble:
    """Why nothing was read. Raises ValueError if a document does not say so."""
    try:
        sentence, remedy, sqlstate = (safe(found[name]) for name in ("sentence", "remedy", "sqlstate"))
        return Trouble(Kind(found["kind"]), sentence, remedy, sqlstate)
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from None


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= LONGEST_INTEGER else None


def _snapshot(found: Any, before: Snapshot | None, name: str) -> Snapshot:
    if "columns" in found:
        columns = tuple(str(column) for column in found["columns"])
        rows = tuple(tuple(row) for row in found["rows"])
    elif before is None:
        raise ValueError("the reading before it is missing")
    else:
        columns, rows = before.columns, _applied(found, before)
    if len(rows) > MOST_ROWS or len(columns) > MOST_COLUMNS or any(len(row) != len(columns) for row in rows):
        raise ValueError("rows")
    if len(rows) * len(columns) > MOST_VALUES:
        raise ValueError("too many cells")
    taken_at = found["t"]
    if not isinstance(taken_at, datetime) or taken_at.tzinfo is None:
        raise TypeError("time")
    hidden = tuple(trouble_of(each) for each in found.get("h", ()))
    notes = tuple(str(note) for note in found.get("n", ()))
    seconds, clock, origin = float(found["d"]), float(found["c"]), str(found.get("o", ""))
    unknown = tuple(name for name in map(str, found.get("u", ())) if name in columns)
    is_partial = bool(found.get("p"))
    name = safe(found.get("s") or name)
    sampler = str(found.get("w", ""))
    return Snapshot(
        *(name, columns, rows, taken_at, seconds, clock, "", notes, hidden, origin, unknown, is_partial, sampler)
    )


def _difference(now: Sequence[Row], before: Sequence[Row]) -> Document:
    if now == before:  # as of most of what rules read
        return {}
    places = _places(now, before)
    added = [row for row, place in zip(now, places, strict=True) if place < 0]
    changed = [(at, row, before[j]) for at, (row, j) in enumerate(zip(now, places, strict=True)) if j >= 0]
    changed = [each for each in changed if each[1] != each[2]]
    made: Document = {"cells": _cells(changed)} if changed else {}
    if len(now) != len(before) or places != list(range(len(before))):
        made["order"] = _runs(places)
    if added:
        made["added"] = added
    return made


def _places(now: Sequence[Row], before: Sequence[Row]) -> list[int]:
    """Where each row was before; -1: nowhere."""
    try:
        known = {row[0]: at for at, row in enumerate(before)}
        if len(known) == len(before) and len({row[0] for row in now}) == len(now):
            return [known.get(row[0], -1) for row in now]
    except (TypeError, IndexError):  # a first cell that is a list, rows without cells
        pass
    return [at if at < len(before) else -1 for at in range(len(now))]


def _cells(changed: Sequence[tuple[int, Row, Row]]) -> list[list[object]]:
    """For each column with changes: its place, how they are written, in which rows, and the values."""
    places, rows, before = zip(*changed, strict=True)
    found: list[list[object]] = []
    for column, (now, old) in enumerate(zip(zip(*rows, strict=True), zip(*before, strict=True), strict=True)):
        if now == old and list(map(type, now)) == list(map(type, old)):  # as most columns
            continue
        others = compress(zip(places, now, old, strict=True), map(is_not, now, old))
        if cells := [each for each in others if each[1] != each[2] or type(each[1]) is not type(each[2])]:
            found += [[column, how, _steps(at), values] for how, at, values in _written(cells)]
    return found


def _written(cells: Sequence[tuple[int, Any, Any]]) -> Iterator[tuple[str, Sequence[int], Sequence[object]]]:
    """How the cells of a column are written: as they are (=), or as what was added (+); with their places."""
    at, now, old = zip(*cells, strict=True)
    kinds = {*map(type, now), *map(type, old)}
    if kinds == {int}:
        yield "+", at, list(map(sub, now, old))
    elif kinds == {float} and math.isfinite(sum(now)) and math.isfinite(sum(old)):
        alike = round(sorted(map(sub, now, old))[len(now) // 2], DIGITS)  # of ages; a few began again
        grown = [round(former + alike, DIGITS) == new for _, new, former in cells]
        if same := list(compress(at, grown)):
            yield "+", same, [alike] * len(same)
        if others := [each for each, has_grown in zip(cells, grown, strict=True) if not has_grown]:
            yield _apart(others)
    else:
        yield "=", at, now


def _apart(cells: Sequence[tuple[int, float, float]]) -> tuple[str, Sequence[int], Sequence[object]]:
    """Numbers of which each differs by an amount of its own, as `_written` writes them."""
    at, now, old = zip(*cells, strict=True)
    added = [round(new - former, DIGITS) for new, former in zip(now, old, strict=True)]
    is_exact = all(round(former + by, DIGITS) == new for new, former, by in zip(now, old, added, strict=True))
    return ("+", at, added) if is_exact else ("=", at, now)


def _applied(found: Mapping[str, Any], before: Snapshot) -> tuple[Row, ...]:
    rows = [list(row) for row in _ordered(found, before)]
    for column, how, steps, values in found.get("cells", ()):
        at = -1
        for step, value in zip(steps, values, strict=True):
            at += int(step)
            if at < 0 or column < 0:
                raise IndexError(at)
            rows[at][column] = value if how == "=" else _sum(rows[at][column], value)
    return tuple(tuple(row) for row in rows)


def _ordered(found: Mapping[str, Any], before: Snapshot) -> Sequence[Row]:
    if "order" not in found:
        return before.rows
    added = iter([tuple(row) for row in found.get("added", ())])
    rows: list[Row] = []
    for start, length in found["order"]:
        if not 0 <= length <= MOST_ROWS - len(rows) or (start >= 0 and start + length > len(before.rows)):
            raise ValueError("order")
        rows += before.rows[start : start + length] if start >= 0 else [next(added, ()) for _ in range(length)]
    return rows


def _sum(old: object, by: float) -> float:
    if not isinstance(old, int | float):
        raise TypeError("not a number")
    return old + by if isinstance(old, int) and isinstance(by, int) else round(old + by, DIGITS)


def _runs(places: Sequence[int]) -> list[list[int]]:
    """Places as runs of consecutive ones: start and length; rows that are new begin at -1."""
    runs: list[list[int]] = []
    for place in places:
        if runs and (place == runs[-1][0] + runs[-1][1] if place >= 0 and runs[-1][0] >= 0 else place == runs[-1][0]):
            runs[-1][1] += 1
        else:
            runs.append([place, 1])
    return runs


def _steps(places: Sequence[int]) -> list[int]:
    return [place - before for place, before in zip(places, [-1, *places[:-1]], strict=True)]
