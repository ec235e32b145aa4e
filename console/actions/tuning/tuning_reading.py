"""What apply-tuning reads of the server and its machine, before it plans and again after the run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from console.format import one_line
from console.model import Database, Record, Source
from console.records import dataclass
from console.tuning import machine
from console.tuning.guards import NOT_INSTALLED, added_libraries, server_state, start_dangers, waits
from console.tuning.harm import harms_of
from console.tuning.machine import Machine
from console.tuning.proposals import Proposal
from console.tuning.server_settings import ServerSettings, server_settings
from console.tuning.units import LIBRARY_LISTS, elements, same, shown

# Libraries whose LOAD fails, with an unspecific SQLSTATE, only because they must be preloaded.
_PRELOADED_ONLY = frozenset(
    {"citus", "pg_cron", "pg_partman_bgw", "pg_squeeze", "pg_stat_kcache", "pg_wait_sampling", "timescaledb"}
)
_NO_FILE, _NO_RIGHT, _NOT_NOW = "58P01", "42501", "55000"


@dataclass(frozen=True, slots=True)
class Readings:
    """Settings and state of the server, as read."""

    row: Record  # of tuning_facts
    state: ServerSettings


async def read(server: Source) -> Readings:
    """The settings and state of the server. Raises Trouble."""
    (row,) = (await server.fetch("actions/tuning_facts")).records()
    entries = await server.fetch("actions/tuning_entries") if row["sees_files"] else None
    return Readings(row, server_settings(await server.fetch("actions/tuning_settings"), entries))


async def read_machine(server: Source, row: Record) -> Machine:
    """The server machine, as far as it can be measured locally or through the server."""
    pid, started = row["pid"], row["started"]
    if isinstance(pid, int) and isinstance(started, float):
        here = machine.local(pid, started, str(row["directory"] or ""))
        if here is not None:
            return here
    if not row["reads_files"]:
        return Machine()
    (texts,) = (await server.fetch("actions/tuning_machine")).records()
    found: dict[str, Any] = dict(texts)
    return replace(machine.parse(found), how="read through the server")


async def unloadable_libraries(server: Database, proposals: Sequence[Proposal]) -> dict[str, str]:
    """Why libraries among what would be written cannot be loaded, each tried in a session that is thrown away."""
    wanted = {
        library
        for proposal in proposals
        if proposal.state in {"change", "reload"} and proposal.setting.name in LIBRARY_LISTS
        for library in set(proposal.items) - set(elements(proposal.setting.value))
    }
    return await _why_unloadable(server, wanted)


async def harms(server: Source) -> dict[str, tuple[str, ...]]:
    """What is harmful in the values of the server, by setting: present ones, and those of the next start.

    Raises Trouble.
    """
    found = {}
    for setting in (await read(server)).state.settings.values():
        sentences = dict.fromkeys((*harms_of(setting, setting.value), *harms_of(setting, setting.next)))
        if sentences:
            found[setting.name] = tuple(sentences)
    return found


async def pending_dangers(server: Database) -> tuple[str, ...] | None:
    """What is dangerous in the values that the next start of the server will read; None: hidden from this role.

    Errors in the configuration files are among them. Raises Trouble.
    """
    found = await read(server)
    if not found.row["sees_files"]:
        return None
    settings = found.state.settings
    wanted = {library for setting in settings.values() if waits(setting) for library in added_libraries(setting)}
    measured = await read_machine(server, found.row)
    facts = {"ram": float(measured.ram)} if measured.ram is not None else {}
    huge = float(measured.huge_pages) if measured.huge_pages is not None else None
    state = server_state(found.row, facts, huge, await _why_unloadable(server, wanted))
    return (*found.state.errors, *start_dangers(settings, state))


async def _why_unloadable(server: Database, wanted: Collection[str]) -> dict[str, str]:
    if not wanted:
        return {}
    snapshot = await server.fetch("actions/tuning_probes", {"names": sorted(wanted)})
    reasons = {
        str(row["name"]): _verdict(str(row["name"]), await server.attempt(str(row["sql"])))
        for row in snapshot.records()
    }
    return {library: why for library, why in reasons.items() if why}


def _verdict(library: str, sqlstate: str) -> str:
    if not sqlstate or sqlstate == _NOT_NOW or (library in _PRELOADED_ONLY and sqlstate not in {_NO_FILE, _NO_RIGHT}):
        return ""
    if sqlstate == _NO_FILE:
        return NOT_INSTALLED
    if sqlstate == _NO_RIGHT:
        return "cannot be tried by this role; connect as a superuser"
    return f"cannot be loaded (SQLSTATE {sqlstate})"


async def effect_notes(server: Source, proposals: Sequence[Proposal]) -> tuple[str, ...]:
    """The result of a run: settings in effect, restart pending, overridden, errors in the files. Raises Trouble."""
    found = await read(server)
    settings = found.state.settings
    groups: dict[str, list[str]] = {}
    for proposal in proposals:
        now = settings.get(proposal.setting.name, proposal.setting)
        what = f"{now.name} = {shown(now, proposal.proposed)}"
        if same(now, now.value, proposal.proposed):
            groups.setdefault("In effect", []).append(what)
        elif now.takes == "restart":
            groups.setdefault("Restart pending", []).append(what)
        else:
            groups.setdefault("Not in effect", []).append(f"{what} (still {shown(now, now.value)}, from {now.source})")
    sentences = [f"{how}: {', '.join(what)}." for how, what in groups.items()]
    return (
        *sentences,
        *await override_notes(server, [proposal.setting.name for proposal in proposals]),
        *found.state.errors,
    )


async def override_notes(server: Source, names: Sequence[str]) -> tuple[str, ...]:
    """A note for each role or database whose own value overrides the server setting."""
    snapshot = await server.fetch("actions/tuning_overrides", {"names": list(names)})
    return tuple(_override(row) for row in snapshot.records())


def _override(row: Mapping[str, object]) -> str:
    who = [f"role {row['role']}"] if row["role"] else []
    who += [f"database {row['database']}"] if row["database"] else []
    where = " in ".join(who) or "all roles"
    what = f"{one_line(row['name'])} = {one_line(row['value'])}"
    return f"{what} is set for {one_line(where)} and overrides the server setting."
