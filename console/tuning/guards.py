"""Values that would stop a server, lock out users or lose data, each explained in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from console.format import counted, size
from console.model import Record
from console.records import dataclass
from console.tuning.forbidden import forbidden
from console.tuning.memory import ENTRY_BYTES, worst_case
from console.tuning.presets import PresetSetting
from console.tuning.proposals import Proposal, value_of
from console.tuning.units import LIBRARY_LISTS, Setting, canonical, elements, number, same, shown

MOST_BACKENDS = 262_143  # MAX_BACKENDS in PostgreSQL's postmaster.h
FEWEST_FILES = 256
_WHY_NEVER = "it controls how the server is reached, started or trusted"
_NO_START = "the server does not start"
NOT_INSTALLED = "is not installed on the server, which would not start or would reject all connections"
SHORTEST = {  # milliseconds; shorter values prevent normal work
    "authentication_timeout": 5_000,
    "idle_in_transaction_session_timeout": 1_000,
    "idle_session_timeout": 10_000,
    "lock_timeout": 10,
    "statement_timeout": 1_000,
    "tcp_user_timeout": 1_000,
    "transaction_timeout": 1_000,
}
# A standby does not start, or stops replaying, if these are lower than on its primary.
AS_PRIMARY = (
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_wal_senders",
    "max_worker_processes",
)
KEEPS_WAL = ("max_wal_size", "min_wal_size", "wal_keep_size", "max_slot_wal_keep_size")  # on the disk
LEVELS = ("minimal", "replica", "logical")


@dataclass(frozen=True, slots=True)
class ServerState:
    """The state of the server that makes values dangerous."""

    standby: bool = False
    slots: int = 0
    logical_slots: int = 0
    senders: int = 0  # connected standbys and other WAL receivers
    sessions: int = 0
    prepared: int = 0
    segment: int = 16 << 20  # bytes of a WAL segment
    ram: float | None = None
    disk: float | None = None
    huge_pages: float | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)  # library → why it cannot be loaded


def dangers(proposals: Sequence[Proposal], settings: Mapping[str, Setting], state: ServerState) -> tuple[str, ...]:
    """A sentence for each dangerous value among the proposals, and for each setting that presets never write."""
    changed = {proposal.setting.name: proposal for proposal in proposals if proposal.state in {"change", "reload"}}
    change = _Change(changed, proposals, settings, state)
    names = {proposal.entry.setting for proposal in proposals if not _only_shown(proposal)}
    refused = [f"{name} is never written by a preset: {_WHY_NEVER}." for name in sorted(names) if forbidden(name)]
    return (*refused, *(sentence for check in _CHECKS for sentence in check(change)))


def _only_shown(proposal: Proposal) -> bool:
    """Whether a preset names a setting to say why it is left as it is: here, or on versions that have it."""
    return proposal.state == "kept" or (proposal.entry.keep and proposal.state == "skipped")


def start_dangers(settings: Mapping[str, Setting], state: ServerState, only: str = "") -> tuple[str, ...]:
    """A sentence for each value that waits for a restart and is dangerous or invalid; `only`: of that setting."""
    pending = [setting for setting in settings.values() if waits(setting) and only in {"", setting.name}]
    invalid = {setting.name: why for setting in pending if (why := _invalid(setting))}
    known = {
        name: replace(setting, next=setting.value) if name in invalid else setting for name, setting in settings.items()
    }
    changed = {
        setting.name: Proposal(PresetSetting(setting.name, "restart pending"), setting, setting.next, "change")
        for setting in pending
        if setting.name not in invalid
    }
    change = _Change(changed, tuple(changed.values()), known, state)
    refused = [f"{name} = {settings[name].next} {why}: {_NO_START}." for name, why in invalid.items()]
    return (*refused, *(sentence for check in _CHECKS if check is not _unmeasured for sentence in check(change)))


def waits(setting: Setting) -> bool:
    """Whether a new value of the setting takes effect at the next start of the server."""
    fixed = setting.takes != "restart" or setting.source == "command line"
    return not fixed and not same(setting, setting.value, setting.next)


def added_libraries(setting: Setting) -> set[str]:
    """The libraries of the next value that the present one does not have; none if the list cannot be read."""
    if setting.name not in LIBRARY_LISTS or _invalid(setting):
        return set()
    return set(elements(setting.next)) - set(elements(setting.value))


def _invalid(setting: Setting) -> str:
    try:
        canonical(setting, setting.next)
    except ValueError as error:
        return str(error)
    return ""


def lacks_ram(proposals: Sequence[Proposal], settings: Mapping[str, Setting], state: ServerState) -> bool:
    """Whether one of the dangers is that the memory of the machine is unknown."""
    changed = {proposal.setting.name: proposal for proposal in proposals if proposal.state in {"change", "reload"}}
    return any(_unmeasured(_Change(changed, proposals, settings, state)))


@dataclass(frozen=True, slots=True)
class _Change:
    changed: Mapping[str, Proposal]
    proposals: Sequence[Proposal]
    settings: Mapping[str, Setting]
    now: ServerState

    def value(self, name: str) -> str:
        return value_of(self.proposals, self.settings, name)

    def number(self, name: str) -> float:
        return (number(self.settings[name], self.value(name)) or 0.0) if name in self.settings else 0.0

    def any(self, *names: str) -> bool:
        return any(name in self.changed for name in names)

    def lowered(self, name: str) -> bool:
        return self.any(name) and self.number(name) < (self.settings[name].number or 0.0)

    def shown(self, name: str) -> str:
        return shown(self.settings[name], self.value(name))


_ONE_NAME = "; it is written as one name: quote each library by itself"


def _libraries(change: _Change) -> Iterator[str]:
    for name in LIBRARY_LISTS & set(change.changed):
        for library in change.changed[name].items:
            why = change.now.libraries.get(library)
            if why:
                yield f"{name}: the library {library} {why}{_ONE_NAME if ',' in library else ''}."


def _memory(change: _Change) -> Iterator[str]:
    ram = change.now.ram
    if not change.changed or ram is None:
        return
    fixed = worst_case(change.settings, change.value)
    before = worst_case(change.settings, lambda name: change.settings[name].value)
    if fixed.shared > 0.75 * ram and fixed.shared > before.shared:
        yield f"Shared memory of {size(fixed.shared)} is too large for a machine with {size(ram)}: {_NO_START}."
    elif fixed.demand(change.number("work_mem")) > ram and fixed.total > before.total:
        yield (
            f"In the worst case the server would use {size(fixed.total)} (shared {size(fixed.shared)}, sessions "
            f"{size(fixed.sessions)}, maintenance {size(fixed.maintenance)}); the machine has {size(ram)}."
        )


def _unmeasured(change: _Change) -> Iterator[str]:
    if change.now.ram is not None:
        return
    for name, proposal in change.changed.items():
        setting = proposal.setting
        sized = setting.unit in {"8kB", "kB", "MB", "B"} or name in AS_PRIMARY or name in ENTRY_BYTES
        room = _LITTLE / ENTRY_BYTES[name] if name in ENTRY_BYTES else 0.0
        more = (number(setting, proposal.proposed) or 0.0) - (setting.number or 0.0) > room
        if setting.context == "postmaster" and sized and more and name not in _SMALL:
            yield f"{name} allocates memory at start, and the memory of the machine is unknown: give --set ram=…."


_LITTLE = 64 << 20  # bytes that entries of extensions may take on any machine
_SMALL = frozenset({"track_activity_query_size", "min_wal_size", "max_wal_size", "wal_keep_size"})


def _wal_level(change: _Change) -> Iterator[str]:
    if not change.any("wal_level", "max_wal_senders", "summarize_wal"):
        return
    level, former = change.value("wal_level"), change.settings["wal_level"].value
    if LEVELS.index(level) < LEVELS.index(former):
        if change.now.logical_slots and level != "logical":
            yield f"wal_level = {level}: {_NO_START} with {change.now.logical_slots} logical replication slots."
        elif change.now.slots or change.now.senders:
            used = f"{counted(change.now.slots, 'slot')}, {counted(change.now.senders, 'WAL receiver')}"
            yield f"wal_level = {level}: replication is in use ({used})."
    if level == "minimal":
        needs = [name for name in ("max_wal_senders",) if change.number(name)]
        needs += [name for name in ("archive_mode", "summarize_wal") if change.value(name) not in {"", "off"}]
        if needs:
            yield f"wal_level = minimal: the server does not start with {', '.join(needs)} on."


def _connections(change: _Change) -> Iterator[str]:
    most = change.number("max_connections")
    reserved = change.number("superuser_reserved_connections") + change.number("reserved_connections")
    if change.any("max_connections", "superuser_reserved_connections", "reserved_connections"):
        if reserved >= most:
            yield f"{reserved:.0f} reserved connections leave none of max_connections = {most:.0f}: {_NO_START}."
        elif change.now.sessions > most - reserved and change.lowered("max_connections"):
            used = counted(change.now.sessions, "session")
            yield f"max_connections = {most:.0f} is too low: {used}, {reserved:.0f} reserved."
        elif most - reserved < min(10, _before(change)):
            yield f"Only {counted(most - reserved, 'connection')} would be left for ordinary roles."
    names = ("max_connections", "max_worker_processes", "max_wal_senders", "autovacuum_worker_slots")
    total = sum(change.number(name) for name in names) + change.number("autovacuum_max_workers") + 2
    if change.any(*names, "autovacuum_max_workers") and total > MOST_BACKENDS:
        yield f"{total:.0f} processes exceed the limit of PostgreSQL, {MOST_BACKENDS}: {_NO_START}."


def _before(change: _Change) -> float:
    def now(name: str) -> float:
        return change.settings[name].number or 0.0 if name in change.settings else 0.0

    return now("max_connections") - now("superuser_reserved_connections") - now("reserved_connections")


def _standby(change: _Change) -> Iterator[str]:
    if change.now.standby:
        for name in AS_PRIMARY:
            if change.lowered(name):
                yield f"{name} is lowered on a standby, which needs at least the value of its primary."


def _left_behind(change: _Change) -> Iterator[str]:
    for name, there, what in (
        ("max_replication_slots", change.now.slots, "replication slots"),
        ("max_prepared_transactions", change.now.prepared, "prepared transactions"),
        ("max_wal_senders", change.now.senders, "WAL receivers"),
    ):
        if change.lowered(name) and change.number(name) < there:
            yield f"{name} = {change.shown(name)}, but there are {there} {what}: {_NO_START}, or disconnects them."
    if change.lowered("max_active_replication_origins"):
        yield "max_active_replication_origins is lowered: the server does not start if more origins exist."
    if change.any("max_files_per_process") and change.number("max_files_per_process") < FEWEST_FILES:
        yield f"max_files_per_process = {change.shown('max_files_per_process')} is too few for a safe start."


def _wal_size(change: _Change) -> Iterator[str]:
    for name in ("max_wal_size", "min_wal_size"):
        if change.any(name) and change.number(name) < 2 * change.now.segment:
            yield f"{name} = {change.shown(name)} is less than two WAL segments: the server does not start."
    disk = change.now.disk
    for name in KEEPS_WAL:
        if change.any(name) and disk is not None and change.number(name) > disk / 2:
            yield f"{name} = {change.shown(name)}, but only {size(disk)} of disk space is free."


def _huge_pages(change: _Change) -> Iterator[str]:
    if change.any("huge_pages") and change.value("huge_pages") == "on":
        needed = worst_case(change.settings, change.value).shared
        free = change.now.huge_pages
        if free is None or free < needed:
            known = "an unknown amount is" if free is None else f"{size(free)} is"
            yield f"huge_pages = on: {size(needed)} of huge pages is needed, and {known} free."


def _too_short(change: _Change) -> Iterator[str]:
    for name, least in SHORTEST.items():
        if change.any(name) and 0 < change.number(name) < least:
            yield f"{name} = {change.shown(name)} is too short for normal work."


_CHECKS: tuple[Callable[[_Change], Iterator[str]], ...] = (
    _libraries,
    _memory,
    _unmeasured,
    _wal_level,
    _connections,
    _standby,
    _left_behind,
    _wal_size,
    _huge_pages,
    _too_short,
)


def server_state(
    row: Record, facts: Mapping[str, float], huge_pages: float | None, libraries: Mapping[str, str]
) -> ServerState:
    """The state from a row of the query tuning_facts. `libraries`: which cannot be loaded, and why."""
    names = ("standby", "slots", "logical_slots", "senders", "sessions", "prepared", "segment")
    known: dict[str, Any] = {name: row[name] for name in names}
    return ServerState(
        **known, ram=facts.get("ram"), disk=facts.get("disk"), huge_pages=huge_pages, libraries=libraries
    )
