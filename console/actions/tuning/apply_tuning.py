"""apply-tuning: settings by presets, from measured facts; only what differs is written, and nobody is locked out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial

from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, steps_from_query
from console.actions.tuning.tuning_reading import Found, machine, overrides, read, told_after, unloadable
from console.format import count, safe, size
from console.model import Claim, Database, Kind, Lacks, Parameter, Plan, Snapshot, Source, Trouble
from console.tuning import presets
from console.tuning.facts import Machine
from console.tuning.guards import AS_PRIMARY, dangers, lacks_ram, situation
from console.tuning.memory import worst_case
from console.tuning.proposals import Known, Proposal, edits, facts_given, picked, propose, value_of
from console.tuning.state import OWN
from console.tuning.units import QUOTED_LISTS, Setting, elements, quoted, same, shown

COLUMNS = ("setting", "current", "proposed", "default", "state", "takes", "why", "source")


async def plan(request: Request) -> Plan:
    """What the preset would change; refuses dangerous values, and what this role or server cannot write."""
    given, server = request.given, request.server
    storage = _storage(given)
    preset = presets.load(given["preset"])
    entries, notes = presets.entries(preset, storage)
    edited = edits(given["values"])
    entries = picked(entries, given["only"], edited)
    found = await read(server)
    measured = await machine(server, found.row)
    facts = _measured(measured) | facts_given(given)
    known = Known(found.state.settings, facts, server.facts.major, edited)
    proposals = propose(entries, known)
    await _guard(server, found, proposals, facts, measured)
    _something_known(proposals)
    active = [one for one in proposals if one.state in {"change", "reload"}]
    if active:
        await _allowed(server, found, active)
    return Plan(
        Claim("settings of the server", cluster_wide=True),
        await steps_from_query(server, "tuning_steps", {"settings": _as_json(active)}) if active else (),
        notes=(*notes, *await _notes(server, found, proposals, facts, measured)),
        table=await _table(server, proposals),
        recipe=_recipe(active, found),
        asks=(*(("storage",) if preset.by_storage and not storage else ()), *_missing(proposals)),
        read_back=partial(told_after, proposals=active) if active else None,
    )


def _storage(given: Mapping[str, str]) -> str:
    storage = given["storage"].strip().lower()
    if storage not in {"", "ssd", "hdd"}:
        raise Trouble(Kind.USAGE, f"storage must be ssd or hdd, not {safe(storage, 40)}.")
    return storage


def _measured(found: Machine) -> dict[str, float]:
    known = {"ram": found.ram, "cores": found.cores, "disk": found.disk}
    return {name: float(value) for name, value in known.items() if value is not None}


async def _guard(
    server: Database, found: Found, proposals: Sequence[Proposal], facts: Mapping[str, float], measured: Machine
) -> None:
    huge = float(measured.huge_pages) if measured.huge_pages is not None else None
    now = situation(found.row, facts, huge, await unloadable(server, proposals))
    told = dangers(proposals, found.state.settings, now)
    if told:
        lacks = Lacks(parameters=("ram",) if lacks_ram(proposals, found.state.settings, now) else ())
        remedy = "Nothing was changed; leave these settings out, or give other values."
        raise Trouble(Kind.REFUSED, " ".join(told), remedy, lacks=lacks)


def _something_known(proposals: Sequence[Proposal]) -> None:
    if proposals and all(one.missing for one in proposals):
        sentence = f"Nothing can be proposed: {proposals[0].setting.name}: {proposals[0].reason}."
        raise Trouble(Kind.REFUSED, sentence, lacks=Lacks(parameters=_missing(proposals)))


def _missing(proposals: Sequence[Proposal]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.missing for one in proposals if one.missing))


# What this role and server allow


async def _allowed(server: Source, found: Found, active: Sequence[Proposal]) -> None:
    row, names = found.row, [one.setting.name for one in active]
    if found.state.errors:
        raise Trouble(
            Kind.REFUSED, f"A reload would apply nothing: {safe(found.state.errors[0])}.", "Mend that line first."
        )
    if not row["alterable"]:
        raise _refused("This server does not allow ALTER SYSTEM (allow_alter_system is off)", active, ())
    allowed = (await server.fetch("actions/tuning_rights", {"names": names})).values("name")
    denied = [name for name in names if name not in allowed]
    role = quoted(str(row["role"]))
    grants = []
    if denied and server.facts.major >= 15:
        grants.append(f"GRANT ALTER SYSTEM ON PARAMETER {', '.join(denied)} TO {role};")
    elif denied:
        grants.append("before PostgreSQL 15 only a superuser can.")
    if not row["may_reload"]:
        grants.append(f"GRANT EXECUTE ON FUNCTION pg_catalog.pg_reload_conf() TO {role};")
    if not row["sees_files"]:
        grants.append(f"GRANT SELECT ON pg_catalog.pg_file_settings TO {role};")
        grants.append(f"GRANT EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings() TO {role};")
    if grants:
        raise _refused(f"The role {role} may not write these settings, reload them and undo that", active, grants)


def _refused(sentence: str, active: Sequence[Proposal], grants: Sequence[str]) -> Trouble:
    pasted = "; ".join(f"{one.setting.name} = {_literal(one.setting, one.proposed)}" for one in active)
    help_ = f" To allow it here: {' '.join(grants)}" if grants else ""
    return Trouble(
        Kind.REFUSED, f"{sentence}.", f"The values for a configuration file or parameter group: {pasted}.{help_}"
    )


def _literal(setting: Setting, value: str) -> str:
    text = shown(setting, value)
    return text if setting.vartype in {"bool", "enum", "real", "integer"} else "'" + text.replace("'", "''") + "'"


# What is shown


def _as_json(active: Sequence[Proposal]) -> str:
    return json.dumps(
        [
            {
                "name": one.setting.name,
                "values": _literals(one.setting, shown(one.setting, one.proposed)),
                "former": None if one.setting.entry is None else _literals(one.setting, one.setting.entry),
                "written": one.state == "change",
                "note": f"{one.entry.why} ({one.setting.takes})",
            }
            for one in active
        ]
    )


def _literals(setting: Setting, value: str) -> list[str]:
    return list(elements(value)) if setting.name in QUOTED_LISTS else [value]


async def _table(server: Source, proposals: Sequence[Proposal]) -> Snapshot:
    rows = tuple(
        (
            one.setting.name,
            shown(one.setting, one.setting.value),
            shown(one.setting, one.proposed) if one.state != "left out" else None,
            shown(one.setting, one.setting.default),
            f"left out: {one.reason}" if one.state == "left out" else one.state,
            one.setting.takes,
            one.entry.why,
            one.entry.source or f"preset {one.entry.preset}",
        )
        for one in proposals
    )
    taken = await server.fetch("actions/tuning_checkpoints")
    return Snapshot("apply-tuning", COLUMNS, rows, taken.taken_at)


async def _notes(
    server: Database, found: Found, proposals: Sequence[Proposal], facts: Mapping[str, float], measured: Machine
) -> list[str]:
    settings, active = found.state.settings, [one for one in proposals if one.state in {"change", "reload"}]
    names = {one.setting.name for one in active}
    worst = worst_case(settings, lambda name: value_of(proposals, settings, name))
    notes = [_machine(facts, measured)]
    notes.append(
        f"Memory at worst: {size(worst.total)}: shared {size(worst.shared)}, sessions {size(worst.sessions)}, "
        f"maintenance {size(worst.maintenance)}" + (f", of {size(facts['ram'])}." if "ram" in facts else ".")
    )
    notes += [f"Left out: {one.setting.name}: {one.reason}." for one in proposals if one.state == "left out"]
    waiting = [one.setting.name for one in proposals if one.state == "waits for a restart"]
    if waiting:
        notes.append(f"Already written, waiting for a restart: {', '.join(waiting)}.")
    if names & set(AS_PRIMARY) and found.row["senders"]:
        notes.append("Standbys are connected: raise these settings there first, or they stop replaying.")
    if "max_wal_size" in names:
        notes.append(await _checkpoints(server, facts))
    if "pools" in facts:
        notes.append(_pools(settings, proposals, facts["pools"]))
    notes += [f"The reload also brings {what}, which is in the files already." for what in _others(settings, names)]
    return notes + list(await overrides(server, sorted(names)))


def _machine(facts: Mapping[str, float], measured: Machine) -> str:
    known = _measured(measured)
    told = []
    for name, text in (("ram", size), ("cores", count), ("disk", size)):
        if name in facts:
            told.append(f"{name} {text(facts[name])}" + ("" if known.get(name) == facts[name] else " (given)"))
        else:
            told.append(f"{name} not known")
    return f"The machine: {', '.join(told)}" + (f"; {measured.how}." if measured.how else ".")


async def _checkpoints(server: Source, facts: Mapping[str, float]) -> str:
    (row,) = (await server.fetch("actions/tuning_checkpoints")).records()
    told = f"Checkpoints so far: {row['timed']} by the clock, {row['requested']} because of WAL or on request."
    return told if "disk" in facts else f"{told} Free disk could not be measured: max_wal_size needs that much of it."


def _pools(settings: Mapping[str, Setting], proposals: Sequence[Proposal], pools: float) -> str:
    names = ("superuser_reserved_connections", "reserved_connections")
    usable = float(value_of(proposals, settings, "max_connections") or 0)
    usable -= sum(float(value_of(proposals, settings, name) or 0) for name in names)
    fits = "fit in" if pools <= usable else "do not fit in"
    return f"Pools of {pools:.0f} connections {fits} the {usable:.0f} that ordinary roles may use."


def _others(settings: Mapping[str, Setting], names: set[str]) -> list[str]:
    return [
        one.name
        for one in settings.values()
        if names and one.name not in names and one.takes == "reload" and one.source not in OWN
        if one.source != "command line" and not same(one, one.value, one.next)
    ]


def _recipe(active: Sequence[Proposal], found: Found) -> str:
    restart = [one for one in active if one.setting.takes == "restart"]
    if not restart:
        return ""
    options = " ".join(f"-c {one.setting.name}={_shell(shown(one.setting, one.setting.value))}" for one in restart)
    where = _shell(str(found.row["directory"])) if found.row["directory"] else "$PGDATA"
    undo = " ".join(
        f"ALTER SYSTEM SET {one.setting.name} = {', '.join(map(_quoted, _literals(one.setting, one.setting.entry)))};"
        if one.setting.entry is not None
        else f"ALTER SYSTEM RESET {one.setting.name};"
        for one in restart
    )
    return (
        "If the server does not start after the restart, start it with the former values, as the user it runs as:\n"
        f'  pg_ctl -D {where} -o "{options}" -w start\n'
        f"then undo, and restart it as usual:\n  {undo}"
    )


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


APPLY_TUNING = Action(
    name="apply-tuning",
    title="Apply a tuning preset",
    help=(
        "Writes the settings of a preset that differ, from the machine's measured size, with ALTER SYSTEM; reloads, "
        "proves that new connections are possible, and undoes everything at once when they are not."
    ),
    plan=plan,
    parameters=(
        Parameter("preset", "name of a preset (pipeline-console list presets) or path of a preset file", required=True),
        Parameter("only", "some settings of the preset, separated by commas"),
        Parameter("values", "other values than the preset's: work_mem=32MB,max_wal_size=4GB"),
        Parameter("ram", "memory of the server's machine, e.g. 16GB; empty: measured"),
        Parameter("cores", "cores of the server's machine; empty: measured"),
        Parameter("storage", "ssd or hdd"),
        Parameter("pools", "connections that all poolers together may open"),
        Parameter("disk", "free disk where the WAL is, e.g. 100GB; empty: measured"),
    ),
    key="T",
    needs=Needs(Right.ALTER_SYSTEM, primary=False),
)
