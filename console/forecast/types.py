"""Whether the rows of a table change when a column gets another type.

The server compares bytes: a cast that keeps them and a longer limit of length leave the rows as they are
(ATColumnChangeRequiresRewrite() and the support functions of varchar, numeric, varbit and the times).
"""

from __future__ import annotations

import re

from console.forecast.storage import Stored, StoredColumn

SERIAL = frozenset({"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"})
ONE = frozenset({"char", "character", "nchar", "bit", "national character", "national char"})  # without a length: 1
LENGTHS = frozenset({"character varying", "bit varying"})
TIMES = frozenset({"timestamp", "time"})
MOST_PRECISE = 6  # digits of the fraction of a second


def changes_rows(stored: Stored, column: StoredColumn, wanted: str) -> bool | None:
    """Whether a column must be rewritten to be of the type that is `wanted`, as it is written; None: perhaps."""
    target = stored.types.get(wanted)
    if target is None or "interval" in {_name(wanted), _name(column.written)}:
        return None
    if target.is_bound:
        return True
    if column.type != target.base:
        kinds = {_name(column.written), _name(wanted)}
        if all(kind.split(" ")[0].startswith("timestamp") for kind in kinds):
            return None  # whether the time zone of the session is UTC decides
        if (column.type, target.base) not in stored.casts:
            return True
        return bool(_limits(wanted))
    return _is_narrower(column.written, _limits(column.written), _limits(wanted))


def _is_narrower(written: str, before: tuple[int, ...], now: tuple[int, ...]) -> bool:
    name = _name(written)
    if not now or before == now:
        return False
    if name in LENGTHS:
        return not before or now[0] < before[0]
    if name == "numeric":
        (precision, scale), (wider, same) = (*before, 0, 0)[:2], (*now, 0)[:2]
        return not before or scale != same or wider < precision
    if name.split(" ")[0] in TIMES:
        return now[0] < MOST_PRECISE and (not before or now[0] < before[0])
    return True


def _limits(written: str) -> tuple[int, ...]:
    """The numbers in the parentheses of a type."""
    found = re.search(r"\(([^)]*)\)", written)
    if found:
        return tuple(int(number) for number in re.findall(r"-?\d+", found[1]))
    return (1,) if _name(written) in ONE else ()


def _name(written: str) -> str:
    """A type without its limits and without the catalog's schema."""
    bare = " ".join(re.sub(r"\([^)]*\)", " ", written).split()).removeprefix("pg_catalog . ")
    return bare.removeprefix("pg_catalog.")
