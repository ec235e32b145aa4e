"""The notes of apply-tuning's plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.actions.tuning.tuning_reading import Readings, override_notes
from console.format import count, size
from console.model import Database, Source
from console.tuning import harm
from console.tuning.guards import AS_PRIMARY, KEEPS_WAL
from console.tuning.machine import Machine
from console.tuning.memory import worst_case
from console.tuning.proposals import Proposal, value_of
from console.tuning.server_settings import OWN
from console.tuning.units import Setting, same


async def plan_notes(
    server: Database, found: Readings, proposals: Sequence[Proposal], facts: Mapping[str, float], measured: Machine
) -> list[str]:
    """What a plan says besides its steps: the machine, memory, accepted risks, what else the reload applies."""
    settings, active = (
        found.state.settings,
        [proposal for proposal in proposals if proposal.state in {"change", "reload"}],
    )
    names = {proposal.setting.name for proposal in active}
    worst = worst_case(settings, lambda name: value_of(proposals, settings, name))
    notes = [_machine(facts, measured)]
    notes.append(
        f"Worst-case memory: {size(worst.total)}: shared {size(worst.shared)}, sessions {size(worst.sessions)}, "
        f"maintenance {size(worst.maintenance)}" + (f", of {size(facts['ram'])}." if "ram" in facts else ".")
    )
    notes += [
        f"Skipped: {proposal.setting.name}: {proposal.reason}." for proposal in proposals if proposal.state == "skipped"
    ]
    waiting = [proposal.setting.name for proposal in proposals if proposal.state == "restart pending"]
    if waiting:
        notes.append(f"Already written, restart pending: {', '.join(waiting)}.")
    if names & set(AS_PRIMARY) and found.row["senders"]:
        notes.append("Standbys are connected: raise these settings there first, or they stop replaying WAL.")
    notes += [*harm.accepted(active), *harm.uncounted(active)]
    if names & set(KEEPS_WAL):
        notes.append(await _checkpoints(server, facts))
    if "pools" in facts:
        notes.append(_pools(settings, proposals, facts["pools"]))
    notes += [
        f"The reload also applies {what}, which is already in the configuration files."
        for what in _also_reloaded(settings, names)
    ]
    return notes + list(await override_notes(server, sorted(names)))


def _machine(facts: Mapping[str, float], measured: Machine) -> str:
    known = measured_facts(measured)
    parts = []
    for name, text in (("ram", size), ("cores", count), ("disk", size)):
        if name in facts:
            parts.append(f"{name} {text(facts[name])}" + ("" if known.get(name) == facts[name] else " (given)"))
        else:
            parts.append(f"{name} unknown")
    return f"Server machine: {', '.join(parts)}" + (f"; {measured.how}." if measured.how else ".")


async def _checkpoints(server: Source, facts: Mapping[str, float]) -> str:
    (row,) = (await server.fetch("actions/tuning_checkpoints")).records()
    counts = f"Checkpoints so far: {row['timed']} timed, {row['requested']} requested by WAL volume or command."
    return (
        counts if "disk" in facts else f"{counts} Free disk space is unknown; WAL needs as much as these settings say."
    )


def _pools(settings: Mapping[str, Setting], proposals: Sequence[Proposal], pools: float) -> str:
    names = ("superuser_reserved_connections", "reserved_connections")
    usable = float(value_of(proposals, settings, "max_connections") or 0)
    usable -= sum(float(value_of(proposals, settings, name) or 0) for name in names)
    fits = "fit in" if pools <= usable else "do not fit in"
    return f"Pools of {pools:.0f} connections {fits} the {usable:.0f} available to ordinary roles."


def _also_reloaded(settings: Mapping[str, Setting], names: set[str]) -> list[str]:
    return [
        setting.name
        for setting in settings.values()
        if names and setting.name not in names and setting.takes == "reload" and setting.source not in OWN
        if setting.source != "command line" and not same(setting, setting.value, setting.next)
    ]


def measured_facts(found: Machine) -> dict[str, float]:
    """What was measured of the machine, in bytes and numbers."""
    known = {"ram": found.ram, "cores": found.cores, "disk": found.disk}
    return {name: float(value) for name, value in known.items() if value is not None}
