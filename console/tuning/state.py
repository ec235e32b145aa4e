"""The settings of a server, put together from what it and its files say. Pure.

A session's own settings (of its start, its role, its database) hide those of the server: for these the files tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from console.model import Record, Snapshot
from console.tuning.units import Setting, canonical

# Where a value comes from that the reading session alone has.
OWN = frozenset({"client", "session", "user", "database", "database user", "global", "interactive"})
_OF_SOCKET = frozenset({"tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout"})


@dataclass(frozen=True, slots=True)
class State:
    """All settings by name, and the lines of the files that cannot be applied."""

    settings: Mapping[str, Setting]
    errors: tuple[str, ...] = ()


def state(settings: Snapshot, entries: Snapshot | None) -> State:
    """The state that the queries tuning_settings and tuning_entries tell of; no entries: the role may not read them."""
    last: dict[str, str] = {}
    automatic: dict[str, str] = {}
    errors: list[str] = []
    for row in entries.records() if entries else ():
        name = str(row["name"])
        if row["error"] and row["context"] != "postmaster":  # of those the same is said whether they are good or bad
            errors.append(f"{row['sourcefile']}, line {row['sourceline']}: {name}: {row['error']}")
        last[name] = str(row["setting"])
        if row["auto"]:
            automatic[name] = str(row["setting"])
    found = {}
    for row in settings.records():
        one = _setting(row)
        known = last.get(one.name.lower())
        one = replace(one, entry=automatic.get(one.name.lower()), next=_next(one, known, entries is not None))
        shadowed = one.source in OWN or one.name in _OF_SOCKET
        found[one.name] = replace(one, value=one.next) if shadowed and entries is not None else one
    return State(found, tuple(errors))


def _setting(row: Record) -> Setting:
    words = row["enumvals"]
    setting = Setting(
        name=str(row["name"]),
        value=str(row["setting"]),
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
    return replace(setting, value=_read(setting, setting.value))


def _next(setting: Setting, written: str | None, files_known: bool) -> str:
    if setting.source == "command line" or not files_known:
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
