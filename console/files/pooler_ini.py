"""pgbouncer.ini as PgBouncer reads it, as far as is needed to see which line it did not take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from console.records import dataclass

_SECTION = re.compile(r"\[([A-Za-z_]+)\]")
_SETTING = re.compile(r"([A-Za-z0-9_.*-]+)\s*=\s*(.*)")
_QUOTED = re.compile(r'"(?:[^"]|"")*"\s*=')
_TRUE, _FALSE = frozenset({"1", "yes", "on", "true", "t", "y"}), frozenset({"0", "no", "off", "false", "f", "n"})
_PAIR = re.compile(r"(\w+)\s*=\s*('(?:[^']|'')*'|[^\s']*)")
# Keys of an entry whose value SHOW DATABASES has, under these names in every version.
_SHOWN = {
    "host": "host",
    "port": "port",
    "dbname": "database",
    "pool_size": "pool_size",
    "min_pool_size": "min_pool_size",
    "reserve_pool": "reserve_pool_size",
    "reserve_pool_size": "reserve_pool_size",
    "pool_mode": "pool_mode",
    "max_db_connections": "max_connections",
}
SETTINGS = "pgbouncer"  # the section with settings


@dataclass(frozen=True, slots=True)
class IniLine:
    """A line that sets something, or one that PgBouncer cannot read."""

    number: int  # from 1
    text: str
    section: str
    name: str = ""  # empty: it cannot be read
    value: str = ""


def lines(text: str) -> Iterator[IniLine]:
    """The lines of a configuration, without comments and sections."""
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith((";", "#")):
            continue
        if found := _SECTION.fullmatch(bare):
            section = found[1]
        elif found := _SETTING.fullmatch(bare):
            yield IniLine(number, bare, section, found[1], found[2].strip())
        elif section == "databases" and _QUOTED.match(bare):
            yield IniLine(number, bare, section, bare.partition("=")[0].strip())
        elif not bare.startswith("%include"):
            yield IniLine(number, bare, section)


def unreadable(text: str, known: Mapping[str, str]) -> IniLine | None:
    """The first line that PgBouncer cannot read; `known` has the names of all its settings."""
    for line in lines(text):
        if not line.name or (line.section == SETTINGS and line.name not in known):
            return line
    return None


def not_in_effect(text: str, shown: Mapping[str, str], reloaded: Mapping[str, bool]) -> list[IniLine]:
    """The lines whose value is not the one in effect, in their order; `reloaded`: what RELOAD can change."""
    last = {line.name: line for line in lines(text) if line.section == SETTINGS}
    return [
        line
        for line in last.values()
        if reloaded.get(line.name) and line.name in shown and not same(line.value, shown[line.name])
    ]


def databases(text: str) -> dict[str, dict[str, str]]:
    """What the section of databases says of each, by the columns of SHOW DATABASES."""
    found: dict[str, dict[str, str]] = {}
    for line in lines(text):
        if line.section == "databases" and line.name and not line.name.startswith('"') and line.name != "*":
            values = {key: _unquoted(value) for key, value in _PAIR.findall(line.value)}
            found[line.name] = {_SHOWN[key]: value for key, value in values.items() if key in _SHOWN}
    return found


def _unquoted(value: str) -> str:
    return value[1:-1].replace("''", "'") if value.startswith("'") else value


def same(written: str, shown: str) -> bool:
    """Whether two texts stand for the same value of a setting."""
    return _normal(written) == _normal(shown)


def _normal(value: str) -> str | float:
    bare = value.strip().lower()
    if bare in _TRUE or bare in _FALSE:
        return float(bare in _TRUE)
    try:
        return float(bare)
    except ValueError:
        return " ".join(value.split())
