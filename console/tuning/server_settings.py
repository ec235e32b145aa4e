"""The settings of a server, combined from pg_settings and its configuration files. Pure.

Settings of the connection, role or database hide those of the server; the files show these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from console.model import Record, Snapshot
from console.records import dataclass
from console.tuning.units import Setting, canonical

COMMAND_LINE = "command line"  # a source that takes precedence over all files
# Sources of values that only the reading session has.
OWN = frozenset({"client", "session", "user", "database", "database user", "global", "interactive"})
_OF_SOCKET = frozenset({"tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout"})


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """All settings by name, and errors in the configuration files."""

    settings: Mapping[str, Setting]
    errors: tuple[str, ...] = ()


def server_settings(settings: Snapshot, entries: Snapshot | None) -> ServerSettings:
    """The settings from tuning_settings and tuning_entries; `entries` is None if the role may not read the files."""
    last: dict[str, str] = {}
    automatic: dict[str, str] = {}
    errors: list[str] = []
    for row in entries.records() if entries else ():
        name = str(row["name"])
        if row["error"] and row["context"] != "postmaster":  # these report an error even if they are valid
            errors.append(f"{row['sourcefile']}, line {row['sourceline']}: {name}: {row['error']}")
        last[name] = str(row["setting"])
        if row["auto"]:
            automatic[name] = str(row["setting"])
    found = {}
    for row in settings.records():
        name = str(row["name"]).lower()
        setting = _setting(row, automatic.get(name))
        following = _next(setting, last.get(name), entries is not None)
        shadowed = setting.source in OWN or setting.name in _OF_SOCKET
        if following != setting.value:  # of hundreds, few are to change
            value = following if shadowed and entries is not None else setting.value
            setting = replace(setting, value=value, next=following)
        found[setting.name] = setting
    return ServerSettings(found, tuple(errors))


def _setting(row: Record, entry: str | None) -> Setting:
    words = row["enumvals"]
    setting = Setting(
        name=str(row["name"]),
        value=str(row["setting"]),
        next=str(row["setting"]),
        entry=entry,
        unit=str(row["unit"] or ""),
        vartype=str(row["vartype"]),
        context=str(row["context"]),
        least=str(row["min_val"] or ""),
        most=str(row["max_val"] or ""),
        words=tuple(map(str, words)) if isinstance(words, list | tuple) else (),
        default=str(row["boot_val"] or ""),
        source=str(row["source"]),
        pending=bool(row["pending_restart"]),
    )
    value = _read(setting, setting.value)
    return setting if value == setting.value else replace(setting, value=value, next=value)


def _next(setting: Setting, written: str | None, files_known: bool) -> str:
    if setting.source == COMMAND_LINE or not files_known:
        return setting.value
    if written is not None:
        return _read(setting, written)
    gone = setting.source in {"configuration file", *OWN} or setting.name in _OF_SOCKET
    return setting.default if gone else setting.value


def _read(setting: Setting, text: str) -> str:
    try:
        return canonical(setting, text)
    except ValueError:
        return text
