"""apply-tuning: writes the settings of a preset that differ, sized by measured facts, and verifies new connections."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial

from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, steps_from_query
from console.actions.tuning.tuning_notes import measured_facts, plan_notes
from console.actions.tuning.tuning_reading import (
    Readings,
    effect_notes,
    read,
    read_machine,
    unloadable_libraries,
)
from console.format import counted, one_line, safe, size
from console.model import Claim, Database, Kind, Lacks, Parameter, Plan, Snapshot, Source, Trouble
from console.tuning import harm, presets
from console.tuning.forbidden import forbidden
from console.tuning.guards import dangers, lacks_ram, server_state
from console.tuning.machine import Machine
from console.tuning.proposals import Inputs, Proposal, given_facts, given_values, propose, selected
from console.tuning.units import QUOTED_LISTS, Setting, elements, quoted, shown

NOMINAL = 1.05  # of the memory measured; a machine sold as 16 GB reports a little less
COLUMNS = ("setting", "current", "proposed", "default", "state", "takes", "why", "source")


async def plan(request: Request) -> Plan:
    """The settings to change. Raises Trouble(REFUSED) for dangerous values and for what this role cannot write."""
    given, server = request.parameters, request.server
    storage = _storage(given)
    preset = presets.load(given["preset"])
    entries, notes = presets.entries(preset, storage)
    edited = given_values(given["values"])
    entries = selected(entries, given["only"], edited)
    found = await read(server)
    measured = await read_machine(server, found.row)
    facts = measured_facts(measured) | _possible(given_facts(given), measured)
    known = Inputs(found.state.settings, facts | await _derived(server, facts), server.facts.major, edited)
    proposals = propose(entries, known)
    await _guard(server, found, proposals, facts, measured)
    _refuse_unknown(proposals)
    active = [proposal for proposal in proposals if proposal.state in {"change", "reload"}]
    if active:
        await _allowed(server, found, active)
    return Plan(
        Claim("settings of the server", cluster_wide=True),
        await steps_from_query(server, "tuning_steps", {"settings": _as_json(active)}) if active else (),
        notes=(*notes, *await plan_notes(server, found, proposals, facts, measured)),
        summary=f"{counted(len(active), 'setting')} of preset {one_line(preset.name)}",
        result=f"{counted(len(active), 'setting')} written and reloaded",
        table=await _table(server, proposals),
        recipe=_recipe(active, found),
        asks=(*(("storage",) if preset.by_storage and not storage else ()), *_missing(proposals)),
        read_back=partial(effect_notes, proposals=active) if active else None,
    )


def _storage(given: Mapping[str, str]) -> str:
    storage = given["storage"].strip().lower()
    if storage not in {"", "ssd", "hdd"}:
        raise Trouble(Kind.USAGE, f"storage must be ssd or hdd, not {safe(storage, 40)}.")
    return storage


def _possible(given: dict[str, float], measured: Machine) -> dict[str, float]:
    """Raises Trouble(REFUSED) if more memory is given than was measured, beyond what the system keeps for itself."""
    if measured.ram is not None and given.get("ram", 0.0) > measured.ram * NOMINAL:
        raise Trouble(
            Kind.REFUSED,
            f"ram = {size(given['ram'])}, but the machine of the server has {size(measured.ram)}: {measured.how}.",
            "Leave ram empty, or give less to leave memory to other programs.",
        )
    if measured.ram is not None and "ram" in given:
        return {**given, "ram": min(given["ram"], float(measured.ram))}
    return given


async def _derived(server: Source, facts: Mapping[str, float]) -> dict[str, float]:
    """Facts that follow from others and from counters: a tenth of the free disk for WAL, and bytes of WAL a second."""
    (row,) = (await server.fetch("actions/tuning_wal")).records()
    found = {"wal_room": facts["disk"] / 10} if "disk" in facts else {}
    return found | ({"wal_rate": float(row["bytes_per_second"])} if isinstance(row["bytes_per_second"], float) else {})


async def _guard(
    server: Database, found: Readings, proposals: Sequence[Proposal], facts: Mapping[str, float], measured: Machine
) -> None:
    huge = float(measured.huge_pages) if measured.huge_pages is not None else None
    now = server_state(found.row, facts, huge, await unloadable_libraries(server, proposals))
    sentences, harms = dangers(proposals, found.state.settings, now), harm.unaccepted(_presettable(proposals))
    if sentences or harms:
        lacks = Lacks(parameters=("ram",) if lacks_ram(proposals, found.state.settings, now) else ())
        remedy = "Nothing was changed. Exclude these settings, or give other values."
        if harms:
            remedy += " A preset file may accept the harm: accepted_risk in the entry of the setting says why."
        raise Trouble(Kind.REFUSED, " ".join((*sentences, *harms)), remedy, lacks=lacks)


def _presettable(proposals: Sequence[Proposal]) -> list[Proposal]:
    return [proposal for proposal in proposals if not forbidden(proposal.setting.name)]


def _refuse_unknown(proposals: Sequence[Proposal]) -> None:
    if proposals and all(proposal.missing for proposal in proposals):
        sentence = f"Nothing can be proposed: {proposals[0].setting.name}: {proposals[0].reason}."
        raise Trouble(Kind.REFUSED, sentence, lacks=Lacks(parameters=_missing(proposals)))


def _missing(proposals: Sequence[Proposal]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(proposal.missing for proposal in proposals if proposal.missing))


# What this role and server allow


async def _allowed(server: Source, found: Readings, active: Sequence[Proposal]) -> None:
    row, names = found.row, [proposal.setting.name for proposal in active]
    if found.state.errors:
        raise Trouble(
            Kind.REFUSED, f"A reload would apply nothing: {safe(found.state.errors[0])}.", "Correct that line first."
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
        raise _refused(f"Role {role} may not write, reload and undo these settings", active, grants)


def _refused(sentence: str, active: Sequence[Proposal], grants: Sequence[str]) -> Trouble:
    pasted = "; ".join(
        f"{proposal.setting.name} = {_literal(proposal.setting, proposal.proposed)}" for proposal in active
    )
    help_ = f" To allow it: {' '.join(grants)}" if grants else ""
    return Trouble(Kind.REFUSED, f"{sentence}.", f"For a configuration file or parameter group: {pasted}.{help_}")


def _literal(setting: Setting, value: str) -> str:
    text = shown(setting, value)
    return text if setting.vartype in {"bool", "enum", "real", "integer"} else "'" + text.replace("'", "''") + "'"


# What is shown


def _as_json(active: Sequence[Proposal]) -> str:
    return json.dumps(
        [
            {
                "name": proposal.setting.name,
                "values": _literals(proposal.setting, shown(proposal.setting, proposal.proposed)),
                "former": None
                if proposal.setting.entry is None
                else _literals(proposal.setting, proposal.setting.entry),
                "written": proposal.state == "change",
                "note": f"{_why(proposal)} ({proposal.setting.takes})",
            }
            for proposal in active
        ]
    )


def _why(proposal: Proposal) -> str:
    risk = proposal.entry.accepted_risk
    return f"{proposal.entry.why}; accepted risk: {risk}" if risk else proposal.entry.why


def _literals(setting: Setting, value: str) -> list[str]:
    return list(elements(value)) if setting.name in QUOTED_LISTS else [value]


async def _table(server: Source, proposals: Sequence[Proposal]) -> Snapshot:
    rows = tuple(
        (
            proposal.setting.name,
            shown(proposal.setting, proposal.setting.value),
            shown(proposal.setting, proposal.proposed) if proposal.state != "skipped" else None,
            shown(proposal.setting, proposal.setting.default),
            f"skipped: {proposal.reason}" if proposal.state == "skipped" else proposal.state,
            proposal.setting.takes,
            _why(proposal),
            proposal.entry.source or f"preset {proposal.entry.preset}",
        )
        for proposal in proposals
    )
    taken = await server.fetch("actions/tuning_checkpoints")
    return Snapshot("apply-tuning", COLUMNS, rows, taken.taken_at)


def _recipe(active: Sequence[Proposal], found: Readings) -> str:
    restart = [proposal.setting for proposal in active if proposal.setting.takes == "restart"]
    if not restart:
        return ""
    options = " ".join(f"-c {setting.name}={_shell(shown(setting, setting.value))}" for setting in restart)
    where = _shell(str(found.row["directory"])) if found.row["directory"] else "$PGDATA"
    undo = " ".join(
        f"ALTER SYSTEM SET {setting.name} = {', '.join(map(_quoted, _literals(setting, setting.entry)))};"
        if setting.entry is not None
        else f"ALTER SYSTEM RESET {setting.name};"
        for setting in restart
    )
    return (
        "If the server does not start after the restart, start it with the previous values, as its own user:\n"
        f'  pg_ctl -D {where} -o "{options}" -w start\n'
        f"then undo the settings and restart it as usual:\n  {undo}"
    )


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


PRESET = Parameter(
    "preset",
    "name of a preset (pipeline-console list presets) or path of a preset file",
    required=True,
    choices=presets.choices,
    other="path of a preset file",
)
APPLY_TUNING = Action(
    name="apply-tuning",
    title="Apply a tuning preset",
    help=(
        "Writes the settings of a preset, sized for the server machine, with ALTER SYSTEM, and reloads; "
        "verifies that new connections work, and undoes everything at once if they do not."
    ),
    plan=plan,
    parameters=(
        PRESET,
        Parameter("only", "only these settings of the preset, separated by commas"),
        Parameter("values", "values that override the preset: work_mem=32MB,max_wal_size=4GB"),
        Parameter("ram", "memory of the server machine, such as 16GB; empty: measured"),
        Parameter("cores", "CPU cores of the server machine; empty: measured"),
        Parameter("storage", "ssd or hdd", choices=lambda: presets.STORAGE),
        Parameter("pools", "connections that all poolers together may open"),
        Parameter("disk", "free disk space for WAL, such as 100GB; empty: measured"),
    ),
    needs=Needs(Right.ALTER_SYSTEM, primary=False),
)
