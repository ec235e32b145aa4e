"""What apply-tuning reads of a server and its machine before it decides, and once more after it ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from console.format import one_line
from console.model import Database, Record, Source
from console.tuning import facts
from console.tuning.facts import Machine
from console.tuning.proposals import Proposal
from console.tuning.state import State, state
from console.tuning.units import LIBRARY_LISTS, elements, same, shown

# Libraries that, tried in a session, say only that they must be preloaded, and with a code that says nothing.
_PRELOADED_ONLY = frozenset(
    {"citus", "pg_cron", "pg_partman_bgw", "pg_squeeze", "pg_stat_kcache", "pg_wait_sampling", "timescaledb"}
)
_NO_FILE, _NO_RIGHT, _NOT_NOW = "58P01", "42501", "55000"


@dataclass(frozen=True, slots=True)
class Found:
    """What was read."""

    row: Record  # of tuning_facts
    state: State


async def read(server: Source) -> Found:
    """The settings and what matters of the server's state. Raises Trouble."""
    (row,) = (await server.fetch("actions/tuning_facts")).records()
    entries = await server.fetch("actions/tuning_entries") if row["sees_files"] else None
    return Found(row, state(await server.fetch("actions/tuning_settings"), entries))


async def machine(server: Source, row: Record) -> Machine:
    """The server's machine as far as it can be measured from here or through the server."""
    pid, started = row["pid"], row["started"]
    if isinstance(pid, int) and isinstance(started, float):
        here = facts.local(pid, started, str(row["directory"] or ""))
        if here is not None:
            return here
    if not row["reads_files"]:
        return Machine()
    (texts,) = (await server.fetch("actions/tuning_machine")).records()
    found: dict[str, Any] = dict(texts)
    return replace(facts.parse(found), how="read through the server")


async def unloadable(server: Database, proposals: Sequence[Proposal]) -> dict[str, str]:
    """Why libraries among what would be written cannot be loaded, each tried in a session that is thrown away."""
    wanted = {
        library
        for one in proposals
        if one.state in {"change", "reload"} and one.setting.name in LIBRARY_LISTS
        for library in set(one.items) - set(elements(one.setting.value))
    }
    if not wanted:
        return {}
    snapshot = await server.fetch("actions/tuning_probes", {"names": sorted(wanted)})
    told = {
        str(row["name"]): _verdict(str(row["name"]), await server.attempt(str(row["sql"])))
        for row in snapshot.records()
    }
    return {library: why for library, why in told.items() if why}


def _verdict(library: str, sqlstate: str) -> str:
    if not sqlstate or sqlstate == _NOT_NOW or (library in _PRELOADED_ONLY and sqlstate not in {_NO_FILE, _NO_RIGHT}):
        return ""
    if sqlstate == _NO_FILE:
        return "is not installed on the server, which would not start, or would let nobody in"
    if sqlstate == _NO_RIGHT:
        return "cannot be tried by this role; a superuser can"
    return f"cannot be loaded (SQLSTATE {sqlstate})"


async def told_after(server: Source, proposals: Sequence[Proposal]) -> tuple[str, ...]:
    """What came of the proposals: in effect, waiting for a restart, overridden, wrong in the files. Raises Trouble."""
    found = await read(server)
    settings = found.state.settings
    told: dict[str, list[str]] = {}
    for one in proposals:
        now = settings.get(one.setting.name, one.setting)
        what = f"{now.name} = {shown(now, one.proposed)}"
        if same(now, now.value, one.proposed):
            told.setdefault("In effect", []).append(what)
        elif now.takes == "restart":
            told.setdefault("Waiting for a restart", []).append(what)
        else:
            told.setdefault("Not in effect", []).append(f"{what} (it is {shown(now, now.value)}, from {now.source})")
    sentences = [f"{how}: {', '.join(what)}." for how, what in told.items()]
    return (*sentences, *await overrides(server, [one.setting.name for one in proposals]), *found.state.errors)


async def overrides(server: Source, names: Sequence[str]) -> tuple[str, ...]:
    """Which roles and databases have values of their own, which win over those of the server."""
    snapshot = await server.fetch("actions/tuning_overrides", {"names": list(names)})
    return tuple(_override(row) for row in snapshot.records())


def _override(row: Mapping[str, object]) -> str:
    who = [f"role {row['role']}"] if row["role"] else []
    who += [f"database {row['database']}"] if row["database"] else []
    where = " in ".join(who) or "all roles"
    what = f"{one_line(row['name'])} = {one_line(row['value'])}"
    return f"{what} is set for {one_line(where)}, which wins over the server's."
