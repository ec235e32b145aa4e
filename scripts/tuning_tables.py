"""The tables of docs/tuning.md: what each preset sets and why, and a comparison with its peers on six machines.

What pgtune and timescaledb-tune propose is recorded in tuning_peers.json, with their versions and the day: their own
code was run for each machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.tuning import presets
from console.tuning.presets import PresetSetting
from console.tuning.proposals import Inputs, Proposal, propose
from console.tuning.units import Setting, canonical, shown

PEERS = Path(__file__).with_name("tuning_peers.json")
GB = 1 << 30
VERSION = 18
# Cores and GB of memory → GB of free disk. As in tuning_peers.json, "cores/memory".
MACHINES: Mapping[tuple[int, int], int] = {
    (2, 2): 40, (2, 4): 80, (4, 16): 200, (8, 32): 500, (16, 64): 1000, (64, 256): 4000,
}  # fmt: skip
_WORDS = ("pglz", "lz4", "zstd", "on", "off")
# Defaults of PostgreSQL 18, as pg_settings shows them.
DEFAULTS = tuple(
    replace(each, next=each.value)
    for each in (
        Setting("shared_buffers", "16384", "8kB", "integer", "postmaster"),
        Setting("effective_cache_size", "524288", "8kB", "integer"),
        Setting("maintenance_work_mem", "65536", "kB", "integer"),
        Setting("autovacuum_work_mem", "-1", "kB", "integer", "sighup"),
        Setting("work_mem", "4096", "kB", "integer"),
        Setting("max_connections", "100", "", "integer", "postmaster"),
        Setting("min_wal_size", "80", "MB", "integer", "sighup"),
        Setting("max_wal_size", "1024", "MB", "integer", "sighup"),
        Setting("wal_compression", "off", "", "enum", "superuser", words=_WORDS),
        Setting("random_page_cost", "4", "", "real"),
        Setting("effective_io_concurrency", "16", "", "integer"),
        Setting("autovacuum_max_workers", "3", "", "integer", "sighup"),
        Setting("max_worker_processes", "8", "", "integer", "postmaster"),
        Setting("max_parallel_workers", "8", "", "integer"),
        Setting("max_parallel_workers_per_gather", "2", "", "integer"),
        Setting("max_parallel_maintenance_workers", "2", "", "integer"),
        Setting("jit", "on", "", "bool"),
        Setting("io_method", "worker", "", "enum", "postmaster", words=("sync", "worker", "io_uring")),
        Setting("io_workers", "3", "", "integer", "sighup"),
    )
)
_KNOWN = {each.name: each for each in DEFAULTS} | {
    "hash_mem_multiplier": Setting("hash_mem_multiplier", "2", "", "real", next="2"),
    "superuser_reserved_connections": Setting("superuser_reserved_connections", "3", "", "integer", next="3"),
}
Rows = Sequence[Sequence[str]]


def reasons() -> tuple[Sequence[str], Rows]:
    """Head and rows: every setting of the bundled presets, its value or formula, and why."""
    rows = [
        (f"`{name}`", f"`{entry.setting}`", _value(entry), entry.why, entry.source)
        for name in presets.names()
        for entry in presets.load(name).entries
    ]
    return ("preset", "setting", "value", "why", "source"), rows


def comparison() -> tuple[Sequence[str], Rows]:
    """Head and rows: settings by machines; in each cell the console's value, pgtune's and timescaledb-tune's."""
    peers = recorded()
    columns = [_column(cores, memory, disk, peers) for (cores, memory), disk in MACHINES.items()]
    head = ("setting", "default", *(f"{cores} cores, {memory} GB" for cores, memory in MACHINES))
    rows = [
        (f"`{each.name}`", shown(each, each.value), *(column[each.name] for column in columns)) for each in DEFAULTS
    ]
    return head, rows


def recorded() -> Mapping[str, Mapping[str, Any]]:
    """What the peers propose: peer → version, recorded, asked, values."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(PEERS.read_text(encoding="utf-8"))
    return found


def proposed(cores: int, memory: int, disk: int) -> Mapping[str, Proposal]:
    """What preset pipeline proposes for a machine with an SSD and PostgreSQL's defaults; memory and disk in GB."""
    entries, _ = presets.entries(presets.load("pipeline"), "ssd")
    known = {each.setting for each in entries if each.setting in _KNOWN}
    facts = {"ram": float(memory * GB), "cores": float(cores), "wal_room": disk * GB / 10, "pools": 60.0}
    inputs = Inputs(_KNOWN, facts, VERSION)
    return {each.entry.setting: each for each in propose([e for e in entries if e.setting in known], inputs)}


def _column(cores: int, memory: int, disk: int, peers: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
    ours = proposed(cores, memory, disk)
    theirs = [peer["values"][f"{cores}/{memory}"] for peer in peers.values()]
    return {
        each.name: " · ".join([_ours(each, ours), *(_theirs(each, values) for values in theirs)]) for each in DEFAULTS
    }


def _ours(setting: Setting, proposals: Mapping[str, Proposal]) -> str:
    found = proposals.get(setting.name)
    return "–" if found is None or found.state in {"skipped", "kept"} else shown(setting, found.proposed)


def _theirs(setting: Setting, values: Mapping[str, str]) -> str:
    return shown(setting, canonical(setting, values[setting.name])) if setting.name in values else "–"


def _value(entry: PresetSetting) -> str:
    bounds = [f"from {entry.min_version}"] if entry.min_version else []
    bounds += [f"up to {entry.max_version}"] if entry.max_version < 99 else []
    text = (
        "kept"
        if entry.keep
        else f"`{' '.join(entry.formula.text.split())}`"
        if entry.formula
        else ", ".join(entry.value)
    )
    return " ".join([text, *(["or higher"] if entry.at_least else []), *([f"({', '.join(bounds)})"] if bounds else [])])
