"""What JSON cannot write of a snapshot, as an object with one key, and back.

`{"datetime": "…"}`, `{"date": "…"}`, `{"bytes": "hexadecimal"}`, `{"decimal": "…"}`; anything else is its text.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

LONGEST_NUMBER = 1000  # characters, and digits that are not written


def tagged(value: object) -> object:
    """What stands for a value, for `json.dumps(default=…)`."""
    if isinstance(value, datetime):
        return {"datetime": value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    return str(value)  # an address, a range


def revived(value: dict[str, Any]) -> object:
    """The value again, for `json.loads(object_hook=…)`. Raises ValueError for a wrong date or wrong digits."""
    match value:
        case {"datetime": str(text), **rest} if not rest:
            return _moment(text)
        case {"date": str(text), **rest} if not rest:
            return date.fromisoformat(text)
        case {"bytes": str(text), **rest} if not rest:
            return bytes.fromhex(text)
        case {"decimal": str(text), **rest} if not rest and len(text) < LONGEST_NUMBER:
            return Decimal(text) if _is_number(text) else text
    return value


def _moment(text: str) -> datetime:
    """A moment in UTC: one at the ends of the calendar has no form in other time zones."""
    found = datetime.fromisoformat(text)
    try:
        return found.astimezone(UTC) if found.tzinfo else found
    except OverflowError as error:
        raise ValueError(str(error)) from None


def _is_number(text: str) -> bool:
    try:
        number = Decimal(text)
    except ArithmeticError:
        return False
    return (number.is_finite() and abs(number.adjusted()) < LONGEST_NUMBER) or text == "NaN"
