"""Value → text, for every front end. Pure.

Text that comes from a server is data: `safe` makes it harmless once, at the cell, the log line, the audit line.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from console.records import dataclass

MISSING = "–"
EARLIEST, LATEST = 1e9, 253_402_300_800.0  # 2001 and 10000: a number of seconds beyond them is no moment
LONGEST_NUMBER = 300  # digits of a number that is a number in JSON
MOMENTS = frozenset({"since", "changed", "now"})  # names of columns, and what ends with _from or _at
POOLER_ARGUMENT = 63  # bytes of an argument of PgBouncer's admin console, with its quotes
UNKNOWN = "unknown"  # a value that this server's catalogs do not have

_OPTION = re.compile(r"--set (?=[\w-]+=)")
_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)
_PICTURES = {point: chr(0x2400 + point) for point in range(0x20)} | {0x7F: "␡"}


def safe(text: object, limit: int = 4000) -> str:
    """`text` without control characters: at most `limit` characters, cut before replacing.

    C0 and DEL become control pictures, C1, bidirectional, zero-width characters and surrogates `\\x9b` escapes.
    """
    cut = str(text)
    if len(cut) > limit:
        cut = cut[: limit - 1] + "…"
    return cut if cut.isascii() and cut.isprintable() else _CONTROL.sub(_replacement, cut)


def safe_lines(text: object, limit: int = 100_000) -> str:
    """`safe` for text of several lines: line feeds stay, tabs become spaces."""
    cut = str(text)[:limit].expandtabs(4)
    return "\n".join(safe(line, limit) for line in cut.replace("\r\n", "\n").split("\n"))


def pasteable(text: str) -> str:
    """Text for a clipboard: as it is, but control characters other than tab and line feed replaced as `safe` does.

    A terminal ends a bracketed paste at ESC [201~ and runs what follows.
    """
    return "".join(
        part if part in {"\t", "\n"} else _CONTROL.sub(_replacement, part)
        for part in re.split("([\t\n])", text.replace("\r\n", "\n"))
    )


def _replacement(match: re.Match[str]) -> str:
    point = ord(match[0])
    return _PICTURES.get(point) or (f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}")


def decoded(text: object) -> object:
    """Bytes of a query text as text: a character cut in half is dropped, bytes of another encoding are escaped."""
    if not isinstance(text, bytes):
        return text
    for missing in range(4):
        try:
            return text[: len(text) - missing].decode()
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":
                break
    return text.decode("utf-8", "backslashreplace")


def one_line(value: object) -> str:
    """Text on one line: runs of white space become one space."""
    return safe(_SPACE.sub(" ", str(value)[:8000]).strip())


def identifier(value: object) -> str:
    """A number that names something, such as a process: every digit of it."""
    number = _number(value)
    return safe(value) if number is None else f"{number:.0f}"


def count(value: object) -> str:
    """A whole number; from 100,000 on in k, M, G, T, P, E with three significant digits."""
    number = _number(value)
    if number is None:
        return safe(value)
    return f"{number:.0f}" if abs(number) < 100_000 else _scaled(number, 1000, ("", "k", "M", "G", "T", "P", "E"))


def counted(number: float, noun: str, plural: str = "", shown: Callable[[object], str] = "{:.0f}".format) -> str:
    """A number with its noun: 1 table, 3 tables, 2 indexes; with `shown=count` 1.2M rows."""
    return f"{shown(number)} {noun if number == 1 else plural or f'{noun}s'}"


def clauses(parts: Iterable[str]) -> str:
    """Parts as one sentence: the full stop of a part that is itself a sentence is dropped before another part."""
    *former, last = [part for part in parts if part] or [""]
    return "; ".join([*(part.rstrip(".;:") for part in former), last])


def in_form(text: str) -> str:
    """A text that names parameters as the command line takes them, as a form has them; whole commands stay."""
    lines = text.split("\n")
    return "\n".join(line if "pipeline-console " in line else _OPTION.sub("", line) for line in lines)


def size(value: object) -> str:
    """Bytes in binary units: 1.2 GB is 1.2 × 2³⁰, as PostgreSQL's own pg_size_pretty counts."""
    number = _number(value)
    return safe(value) if number is None else _scaled(number, 1024, (" B", " kB", " MB", " GB", " TB", " PB", " EB"))


def age(value: object) -> str:
    """Seconds, coarser as they grow: 0.3s, 12s, 4m, 3h, 12d. Coarse ages halve what is redrawn.

    Never negative: what began after now did so before a clock was set back.
    """
    seconds = _number(value)
    if seconds is None:
        return safe(value)
    seconds = max(0.0, seconds)
    if seconds < 10:
        return f"{seconds:.1f}s"
    for limit, unit, divisor in ((60, "s", 1), (3600, "m", 60), (86400 * 2, "h", 3600)):
        if seconds < limit:
            return f"{int(seconds // divisor)}{unit}"
    return f"{int(seconds // 86400)}d"


def in_words(seconds: float) -> str:
    """A duration in its two largest units: "12 minutes", "3 hours 20 minutes"."""
    left, parts = max(0, round(seconds)), []
    for name, unit in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        number, left = divmod(left, unit)
        if number:
            parts.append(f"{number} {name}" + ("" if number == 1 else "s"))
        elif parts:
            break
    return " ".join(parts[:2]) or "less than a second"


def milliseconds(value: object) -> str:
    """Milliseconds with three significant digits, in µs, ms, s, min or h."""
    number = _number(value)
    if number is None:
        return safe(value)
    for limit, unit, factor in (
        (1, "µs", 1000.0),
        (1000, "ms", 1.0),
        (60_000, "s", 0.001),
        (3_600_000, "min", 1 / 60_000),
    ):
        if abs(number) < limit:
            return f"{_three(number * factor)}{unit}" if number else "0"
    return f"{_three(number / 3_600_000)}h"


def rate(value: object) -> str:
    """A number per second, with three significant digits."""
    number = _number(value)
    if number is None:
        return safe(value)
    return "0" if not number else _scaled(number, 1000, ("", "k", "M", "G", "T"))


def size_rate(value: object) -> str:
    """Bytes per second."""
    number = _number(value)
    return safe(value) if number is None else "0" if not number else f"{size(number)}/s"


def percent(value: object) -> str:
    """A percentage given as 0 … 100."""
    number = _number(value)
    if number is None:
        return safe(value)
    return f"{number:.0f}%" if abs(number) >= 99.95 or not number else f"{number:.1f}%"


def moment(value: object) -> str:
    """A point in time in UTC, to the second; `infinity` unchanged, and a text without the name of its zone UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if value.tzinfo else value.isoformat(" ", "seconds")
    return value.isoformat() if isinstance(value, date) else safe(value).removesuffix(" UTC")


def yes_or_no(value: object) -> str:
    """yes or no."""
    return "yes" if value is True else "no" if value is False else safe(value)


def cells(text: str) -> int:
    """How many cells of a terminal `text` takes: wide characters two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def relation(value: object) -> str:
    """A table or index: its schema is named unless it is public."""
    return one_line(value).removeprefix("public.")


def names(value: object) -> str:
    """A list of names or numbers, separated by spaces."""
    return safe(" ".join(map(str, value))) if isinstance(value, list | tuple) else safe(value)


def is_record(value: object) -> bool:
    """Whether it is a value of several named parts, such as a fact of the evidence of a finding."""
    return isinstance(value, Mapping)


def plain(name: str, value: object) -> str:
    """A value without a format of its own, by its kind; a large number may be a moment, in seconds since 1970."""
    if isinstance(value, bool):
        return yes_or_no(value)
    if isinstance(value, datetime | date):
        return moment(value)
    if isinstance(value, timedelta):
        return age(value)
    if isinstance(value, list | tuple | Mapping):
        return _several(name, value)
    is_moment = name.endswith(("_from", "_at")) or name in MOMENTS
    if is_moment and isinstance(value, int | float) and EARLIEST < value < LATEST:
        return moment(datetime.fromtimestamp(value, UTC))
    return f"{value:.6g}" if isinstance(value, float | Decimal) else safe_lines(decoded(value))


def _several(name: str, value: Sequence[object] | Mapping[str, object]) -> str:
    if isinstance(value, Mapping):
        parts = ((str(key), each) for key, each in value.items() if each not in (None, "", [], {}))
        return ", ".join(f"{one_line(key)} {plain(key, each)}" for key, each in parts)
    return "\n".join(plain(name, each) for each in value) if any(map(is_record, value)) else names(value)


@dataclass(frozen=True, slots=True)
class Format:
    """How a kind of value is shown: its text, its width in cells, its side, and where it is cut when it is too long."""

    show: Callable[[object], str]
    width: int
    right: bool = True
    end: float = 0.0  # the share of its cells that its end gets when it is cut: names differ there; 0: only its start


def _signed(show: Callable[[object], str]) -> Callable[[object], str]:
    """A difference with its sign; nothing where there is none."""

    def signed(value: object) -> str:
        number = _number(value)
        return show(value) if number is None else f"+{show(value)}" if number > 0 else show(value) if number else ""

    return signed


CHANGES = {name: f"change of {name}" for name in ("count", "size", "ms", "rate", "percent")}  # formats of differences
_NUMBERS: Mapping[str, Format] = {
    "count": Format(count, 7),
    "size": Format(size, 8),
    "age": Format(age, 5),
    "ms": Format(milliseconds, 8),
    "rate": Format(rate, 7),
    "size_rate": Format(size_rate, 9),
    "percent": Format(percent, 6),
}
FORMATS: Mapping[str, Format] = {
    "text": Format(one_line, 16, right=False),
    "name": Format(one_line, 24, right=False, end=1 / 2),
    "relation": Format(relation, 24, right=False, end=1 / 2),
    "setting": Format(one_line, 24, right=False, end=2 / 3),  # in 24 cells no two of PostgreSQL's look the same
    "query": Format(one_line, 30, right=False),
    "names": Format(names, 12, right=False),
    "flag": Format(yes_or_no, 3, right=False),
    "id": Format(identifier, 7),
    **_NUMBERS,
    **{CHANGES[name]: Format(_signed(each.show), each.width + 1) for name, each in _NUMBERS.items() if name in CHANGES},
    "time": Format(moment, 19, right=False),
}


def show(value: object, kind: str) -> str:
    """`value` as text in the format called `kind`; MISSING if there is no value."""
    return MISSING if value is None else FORMATS[kind].show(value)


def json_default(value: object) -> object:
    """For json.dumps: raw values that JSON has no form for. Times as ISO 8601, intervals as seconds."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > LONGEST_NUMBER:
            return str(value)
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)


def to_json(document: object, indent: int | None = 2) -> str:
    """A JSON document; everything but ASCII is escaped, so it is harmless on a terminal."""
    return json.dumps(document, default=json_default, indent=indent)


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value.total_seconds() if isinstance(value, timedelta) else None
    number = float(value)
    return number if abs(number) != float("inf") and number == number else None  # noqa: PLR0124  NaN is unequal to itself


def _scaled(number: float, base: int, units: tuple[str, ...]) -> str:
    for unit in units[:-1]:
        if abs(number) < base * (1 - 0.0005):
            return f"{_three(number) if unit != units[0] or number % 1 else int(number)}{unit}"
        number /= base
    return f"{_three(number)}{units[-1]}"


def _three(number: float) -> str:
    magnitude = abs(number)
    decimals = 0 if magnitude >= 99.95 else 1 if magnitude >= 9.995 else 2
    return f"{number:.{decimals}f}"


def sql_identifier(name: str) -> str:
    """A name as SQL reads it, whatever it is: in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def pooler_identifier(name: str) -> str:
    """The name of a database as PgBouncer's admin console reads it; see `is_pooler_identifier`.

    With its quotes it must fit a buffer (copy_arg in PgBouncer's admin.c), so a long one is sent without where it can.
    """
    quoted = sql_identifier(name)
    return name if _is_bare(name) and not _fits(quoted) else quoted


def is_pooler_identifier(name: str) -> bool:
    """Whether a command of PgBouncer's admin console can name a database."""
    return _is_bare(name) or _fits(sql_identifier(name))


def _is_bare(name: str) -> bool:
    return name.isascii() and name.isidentifier()


def _fits(quoted: str) -> bool:
    return len(quoted.encode(errors="surrogateescape")) <= POOLER_ARGUMENT
