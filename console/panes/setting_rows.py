"""What the pane Settings shows of a setting: units, where it is set, the preset, the next start. Pure.

The panes load this when it is used: it needs the tuning presets, which take long to load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from console.model import Record, Snapshot, Trouble, denied
from console.panes.derived import add
from console.panes.setting_files import origin
from console.tuning import presets
from console.tuning.guards import NOT_INSTALLED, added_libraries, server_state, start_dangers
from console.tuning.harm import harms_of
from console.tuning.proposals import Inputs, propose
from console.tuning.server_settings import COMMAND_LINE, OWN, server_settings
from console.tuning.units import Setting, canonical, same, shown

# Not changed by anybody: override is set by the server itself, such as its data directory; client by the TARGET.
_UNCHANGED = frozenset({"default", "override", "client"})

# The server marks these as pending, too, although a restart with the same command line changes nothing.
OVERRIDDEN = "The server's command line takes precedence over {value} in the files, also at the next start."


def settings(snapshot: Snapshot, preset: str) -> Snapshot:
    """Values with units, whether and where they were changed, and the values of that preset."""
    known = server_settings(snapshot, None).settings
    wanted = _wanted(known, snapshot, preset)

    def columns_of(row: Record) -> tuple[object, ...]:
        setting = known[str(row["name"])]
        return (
            shown(setting, setting.value),
            shown(setting, setting.default),
            origin(row),
            setting.source not in _UNCHANGED and not same(setting, setting.value, setting.default),
            setting.takes if setting.context != "internal" else "fixed",
            *wanted.get(setting.name, (None, None)),
            *_next_start(setting, known, row),
            " ".join(harms_of(setting, setting.value)) or None,
        )

    names = (
        "value",
        "default",
        "origin",
        "changed",
        "takes",
        "wanted",
        "why",
        "next_value",
        "danger",
        "start_at_risk",
        "harm",
    )
    return add(snapshot, names, columns_of).hiding(_hidden(snapshot))


def waiting(snapshot: Snapshot, names: Sequence[str]) -> Snapshot:
    """The columns `names` of the settings that wait for a restart."""
    known = server_settings(snapshot, None).settings

    def columns_of(row: Record) -> tuple[object, ...]:
        setting = known[str(row["name"])]
        if not row["pending_restart"]:
            return (None,) * len(names)
        return (shown(setting, setting.value), *_next_start(setting, known, row))

    return add(snapshot, names, columns_of)


def _next_start(setting: Setting, known: Mapping[str, Setting], row: Record) -> tuple[str | None, str | None, bool]:
    """The value that the next start will read, why the server may not start with it, and whether it is known to be."""
    waiting = row.get("waiting")
    if waiting is None:
        return None, None, False
    if setting.source == COMMAND_LINE:
        return shown(setting, setting.value), OVERRIDDEN.format(value=waiting), False
    try:
        following = replace(setting, next=canonical(setting, str(waiting)))
    except ValueError:
        following = replace(setting, next=str(waiting))
    added = added_libraries(following)
    missing = {library: NOT_INSTALLED for library in added if "," in library}  # no file has such a name
    state = server_state(row, {}, None, missing)
    dangers = [*start_dangers({**known, setting.name: following}, state, setting.name)]
    at_risk = bool(dangers)
    if not at_risk:
        dangers += harms_of(following, following.next)
    if untried := sorted(added - missing.keys()):
        dangers.append(f"Whether {', '.join(untried)} can be loaded: pipeline-console doctor tries it.")
    return shown(following, following.next), " ".join(dangers) or None, at_risk


def _hidden(snapshot: Snapshot) -> Trouble | None:
    lost = any(row["source"] == "configuration file" and row["sourcefile"] is None for row in snapshot.records())
    if not lost:
        return None
    note = "files and lines are hidden from this role:"
    return denied(note, "pg_read_all_settings", remedy="GRANT pg_read_all_settings shows them")


def _wanted(known: Mapping[str, Setting], snapshot: Snapshot, preset: str) -> dict[str, tuple[str, str]]:
    if snapshot.unknown:
        return {}  # without units or limits nothing can be compared
    major = int(str(snapshot.values("major")[0])) if snapshot.rows else 0
    found = propose(_entries(preset), Inputs(known, {}, major))
    return {
        proposal.setting.name: (shown(proposal.setting, proposal.proposed), proposal.entry.why)
        for proposal in found
        if proposal.state == "change" and proposal.setting.source not in OWN
    }


@cache
def _entries(preset: str) -> tuple[presets.PresetSetting, ...]:
    return presets.entries(presets.load(preset))[0]
