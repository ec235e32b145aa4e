"""Values of settings with and without units, as PostgreSQL itself reads and shows them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from console.records import dataclass

MEMORY: Mapping[str, int] = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
TIME: Mapping[str, float] = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
# Lists whose elements ALTER SYSTEM quotes one by one (variable_is_guc_list_quote in PostgreSQL's dumputils.c).
QUOTED_LISTS = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)
LIBRARY_LISTS = frozenset({"local_preload_libraries", "session_preload_libraries", "shared_preload_libraries"})

_NUMBER = re.compile(r"^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)\s*$")
_UNIT = re.compile(r"^(\d*)([A-Za-z]+)$")
_ELEMENT = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(?:,|$)')
_SPELLED = {("wal_compression", "on"): "pglz", ("wal_compression", "true"): "pglz"}  # as the server shows it from 15 on
_DATE_ORDERS = ("mdy", "dmy", "ymd")
_DATE_WORDS = {"us": "mdy", "noneuro": "mdy", "noneuropean": "mdy", "euro": "dmy", "european": "dmy"}
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of the server: its current value, its type and limits, and its value in the files."""

    name: str
    value: str  # in the base unit, as pg_settings shows it
    unit: str = ""
    vartype: str = "string"
    context: str = "user"
    least: str = ""
    most: str = ""
    words: tuple[str, ...] = ()  # of an enum
    default: str = ""
    source: str = "default"
    pending: bool = False
    entry: str | None = None  # in postgresql.auto.conf; None: not set there
    next: str = ""  # value at the next reload or restart, in the base unit

    @property
    def takes(self) -> str:
        """What a new value needs to take effect: reload, new sessions or restart."""
        words = {"postmaster": "restart", "backend": "new sessions", "superuser-backend": "new sessions"}
        return words.get(self.context, "reload")

    @property
    def number(self) -> float | None:
        """The value in bytes, milliseconds or as it is; None if it is not a number."""
        return number(self, self.value)


def canonical(setting: Setting, text: str) -> str:
    """`text` in the base unit, spelled as pg_settings does. Raises ValueError that says what is wrong."""
    match setting.vartype:
        case "bool":
            return _switch(text)
        case "enum":
            return _word(setting, text)
        case "integer" | "real":
            return _in_range(setting, _numeric(setting, text))
    return ", ".join(map(quoted, elements(text))) if setting.name in QUOTED_LISTS else text


def number(setting: Setting, value: str) -> float | None:
    """A value of the base unit in bytes, milliseconds or as it is; None if it is not a number."""
    try:
        plain = float(value)
    except ValueError:
        return None
    return plain * scale(setting.unit) if plain >= 0 else plain


def from_number(setting: Setting, plain: float) -> str:
    """Bytes, milliseconds or a plain number in the base unit; whole where the setting is, rounded down."""
    based = plain / scale(setting.unit)
    if setting.vartype == "real":
        return _in_range(setting, based)
    return _in_range(setting, int(based // 1))


def shown(setting: Setting, value: str) -> str:
    """A value of the base unit as SHOW prints it: in the largest unit that holds it exactly."""
    plain = number(setting, value)
    if not setting.unit or plain is None or plain <= 0 or setting.vartype not in {"integer", "real"}:
        return value
    for unit, factor in sorted(_family(setting.unit).items(), key=lambda pair: -pair[1]):
        if plain >= factor and abs(plain / factor - round(plain / factor)) < 1e-9:
            return f"{round(plain / factor)}{unit}"
    return value


def size(text: str) -> int:
    """Bytes of a size like 16GB, 512 MB or a plain number of bytes. Raises ValueError if it is not one."""
    match = _NUMBER.match(text)
    if match is None or (match[2] and match[2] not in MEMORY) or float(match[1]) < 0:
        raise ValueError("must be a size such as 16GB or 512MB")
    return int(float(match[1]) * MEMORY[match[2] or "B"])


def scale(unit: str) -> float:
    """Bytes or milliseconds of a base unit such as 8kB, kB, ms, min; 1 if there is none."""
    match = _UNIT.match(unit)
    if match is None:
        return 1
    return int(match[1] or 1) * {**MEMORY, **TIME}[match[2]]


def is_memory(unit: str) -> bool:
    """Whether a base unit counts bytes."""
    match = _UNIT.match(unit)
    return match is not None and match[2] in MEMORY


def elements(text: str) -> tuple[str, ...]:
    """The elements of a list as the server splits it: by commas outside double quotes."""
    found, at = [], 0
    while at < len(text):
        match = _ELEMENT.match(text, at)
        if match is None:
            raise ValueError("is not a list the server can read")
        name = match[1].replace('""', '"') if match[1] is not None else match[2].strip()
        if name:
            found.append(name)
        at = match.end()
    return tuple(found)


def quoted(element: str) -> str:
    """An element of a list, in double quotes if it needs them."""
    plain = re.fullmatch(r"[a-z_][a-z0-9_$]*", element)
    return element if plain else '"' + element.replace('"', '""') + '"'


def _family(unit: str) -> Mapping[str, float]:
    return MEMORY if is_memory(unit) else TIME


def _switch(text: str) -> str:
    word = text.strip().lower()
    for spelled, words in (("on", _TRUE), ("off", _FALSE)):
        if word in words or (word not in {"", "o"} and any(full.startswith(word) for full in words)):
            return spelled
    raise ValueError("must be on or off")


def _word(setting: Setting, text: str) -> str:
    word = text.strip().lower()
    word = _SPELLED.get((setting.name, word), word)
    if word in setting.words:
        return word
    for spelled, words in (("on", _TRUE), ("off", _FALSE)):
        if word in words and spelled in setting.words:
            return spelled
    raise ValueError(f"must be one of {', '.join(setting.words)}")


def _numeric(setting: Setting, text: str) -> float:
    match = _NUMBER.match(text)
    if match is None:
        raise ValueError("must be a number")
    plain = float(match[1])
    if match[2]:
        family = _family(setting.unit) if setting.unit else {}
        if match[2] not in family:
            raise ValueError(f"takes the units {', '.join(family)}" if family else "takes no unit")
        plain = plain * family[match[2]] / scale(setting.unit)
    return plain if setting.vartype == "real" else round(plain)


def _in_range(setting: Setting, plain: float) -> str:
    least, most = float(setting.least or "-inf"), float(setting.most or "inf")
    if not least <= plain <= most:
        raise ValueError(f"must be from {shown(setting, setting.least)} to {shown(setting, setting.most)}")
    return f"{plain:.15g}"


def same(setting: Setting, value: str, other: str) -> bool:
    """Whether two values in the base unit are equal."""
    if setting.vartype in {"integer", "real"}:
        try:
            return abs(float(value) - float(other)) < 1e-12
        except ValueError:
            return value == other
    if setting.name in QUOTED_LISTS:
        return elements(value) == elements(other)
    spelled = _SPELLINGS.get(setting.name)
    return value == other or bool(spelled and spelled(value) == spelled(other))


def _date_style(text: str) -> tuple[str, str]:
    """Style and order: files of initdb have `iso, mdy`, the server shows `ISO, MDY`."""
    words = [_DATE_WORDS.get(word, word) for word in re.findall(r"\w+", text.lower())]
    style = next((word for word in words if word not in _DATE_ORDERS), "iso")
    return style, next((word for word in words if word in _DATE_ORDERS), "dmy" if style == "german" else "mdy")


# What the server shows in another spelling than files have it.
_SPELLINGS: Mapping[str, Callable[[str], object]] = {
    "DateStyle": _date_style,
    "TimeZone": str.lower,
    "log_timezone": str.lower,
    "default_text_search_config": lambda text: text.removeprefix("pg_catalog."),
}
