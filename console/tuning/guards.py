"""Values that would stop a server, lock everybody out or lose data: each told in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.format import size
from console.model import Record
from console.tuning.memory import worst_case
from console.tuning.proposals import Proposal, value_of
from console.tuning.units import LIBRARY_LISTS, Setting, number, shown

MOST_BACKENDS = 262_143  # MAX_BACKENDS in PostgreSQL's postmaster.h
FEWEST_FILES = 256
# How a server is reached, where its files are, what it runs as its own user, what keeps data: not a matter of tuning.
NEVER = frozenset(
    """allow_alter_system allow_in_place_tablespaces allow_system_table_mods archive_cleanup_command archive_command
    archive_library archive_mode bonjour bonjour_name client_encoding config_file data_directory data_sync_retry
    db_user_namespace default_transaction_read_only dynamic_library_path dynamic_shared_memory_type event_source
    event_triggers extension_control_path external_pid_file fsync full_page_writes hba_file hot_standby huge_page_size
    ident_file ignore_checksum_failure ignore_invalid_pages ignore_system_indexes io_method jit_provider
    listen_addresses lo_compat_privileges local_preload_libraries log_directory log_file_mode log_filename
    oauth_validator_libraries port primary_conninfo primary_slot_name promote_trigger_file recovery_end_command
    restore_command restrict_nonsystem_relation_kind role row_security search_path session_authorization
    session_replication_role shared_memory_type standard_conforming_strings stats_temp_directory
    synchronous_standby_names synchronized_standby_slots transaction_read_only wal_consistency_checking
    wal_sync_method zero_damaged_pages post_auth_delay pre_auth_delay""".split()  # noqa: SIM905  sixty lines otherwise
)
NEVER_BEGINNINGS = ("debug_", "gss_", "krb_", "lc_", "recovery_target", "ssl", "trace_", "unix_socket_")
_WHY_NEVER = "it decides how the server is reached, started or trusted"
_NO_START = "the server does not start"
SHORTEST = {  # milliseconds under which nobody could work
    "authentication_timeout": 5_000,
    "idle_in_transaction_session_timeout": 1_000,
    "idle_session_timeout": 10_000,
    "lock_timeout": 10,
    "statement_timeout": 1_000,
    "tcp_user_timeout": 1_000,
    "transaction_timeout": 1_000,
}
# A standby does not start, or stops replaying, with less of these than its primary has.
AS_PRIMARY = (
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_wal_senders",
    "max_worker_processes",
)
LEVELS = ("minimal", "replica", "logical")


@dataclass(frozen=True, slots=True)
class Situation:
    """What of the server's state makes a value dangerous."""

    standby: bool = False
    slots: int = 0
    logical_slots: int = 0
    senders: int = 0  # standbys and other receivers that are connected
    sessions: int = 0
    prepared: int = 0
    segment: int = 16 << 20  # bytes of a WAL segment
    ram: float | None = None
    disk: float | None = None
    huge_pages: float | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)  # library → why it cannot be loaded


def dangers(proposals: Sequence[Proposal], settings: Mapping[str, Setting], situation: Situation) -> tuple[str, ...]:
    """A sentence for each danger among what would be written; what is never written is not even asked for."""
    changed = {one.setting.name: one for one in proposals if one.state in {"change", "reload"}}
    look = _Look(changed, proposals, settings, situation)
    names = {one.entry.setting for one in proposals}
    told = [f"{name} is never written by a preset: {_WHY_NEVER}." for name in sorted(names) if forbidden(name)]
    return (*told, *(sentence for check in _CHECKS for sentence in check(look)))


def lacks_ram(proposals: Sequence[Proposal], settings: Mapping[str, Setting], situation: Situation) -> bool:
    """Whether one of the dangers is that the memory of the machine is not known."""
    changed = {one.setting.name: one for one in proposals if one.state in {"change", "reload"}}
    return any(_unmeasured(_Look(changed, proposals, settings, situation)))


def forbidden(name: str) -> bool:
    """Whether a setting is out of bounds for presets."""
    return name in NEVER or name.startswith(NEVER_BEGINNINGS)


@dataclass(frozen=True, slots=True)
class _Look:
    changed: Mapping[str, Proposal]
    proposals: Sequence[Proposal]
    settings: Mapping[str, Setting]
    now: Situation

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


def _libraries(look: _Look) -> Iterator[str]:
    for name in LIBRARY_LISTS & set(look.changed):
        for library in look.changed[name].items:
            why = look.now.libraries.get(library)
            if why:
                yield f"{name}: the library {library} {why}."


def _memory(look: _Look) -> Iterator[str]:
    ram = look.now.ram
    if not look.changed or ram is None:
        return
    fixed = worst_case(look.settings, look.value)
    before = worst_case(look.settings, lambda name: look.settings[name].value)
    if fixed.shared > 0.75 * ram and fixed.shared > before.shared:
        yield f"Shared memory of {size(fixed.shared)} is too much for a machine with {size(ram)}: {_NO_START}."
    elif fixed.total > ram and fixed.total > before.total:
        yield (
            f"At worst the server would take {size(fixed.total)} (shared {size(fixed.shared)}, sessions "
            f"{size(fixed.sessions)}, maintenance {size(fixed.maintenance)}); the machine has {size(ram)}."
        )


def _unmeasured(look: _Look) -> Iterator[str]:
    if look.now.ram is not None:
        return
    for name, one in look.changed.items():
        setting = one.setting
        memory = setting.context == "postmaster" and (setting.unit in {"8kB", "kB", "MB", "B"} or name in AS_PRIMARY)
        if memory and (number(setting, one.proposed) or 0.0) > (setting.number or 0.0) and name not in _SMALL:
            yield f"{name} takes memory at start, and the machine's is not known: give --set ram=…."


_SMALL = frozenset({"track_activity_query_size", "min_wal_size", "max_wal_size", "wal_keep_size"})


def _wal_level(look: _Look) -> Iterator[str]:
    if not look.any("wal_level", "max_wal_senders", "summarize_wal"):
        return
    level, former = look.value("wal_level"), look.settings["wal_level"].value
    if LEVELS.index(level) < LEVELS.index(former):
        if look.now.logical_slots and level != "logical":
            yield f"wal_level = {level}: {_NO_START} with {look.now.logical_slots} logical replication slots."
        elif look.now.slots or look.now.senders:
            yield f"wal_level = {level}: replication is in use ({look.now.slots} slots, {look.now.senders} receivers)."
    if level == "minimal":
        needs = [name for name in ("max_wal_senders",) if look.number(name)]
        needs += [name for name in ("archive_mode", "summarize_wal") if look.value(name) not in {"", "off"}]
        if needs:
            yield f"wal_level = minimal: the server does not start with {', '.join(needs)} on."


def _connections(look: _Look) -> Iterator[str]:
    most = look.number("max_connections")
    reserved = look.number("superuser_reserved_connections") + look.number("reserved_connections")
    if look.any("max_connections", "superuser_reserved_connections", "reserved_connections"):
        if reserved >= most:
            yield f"{reserved:.0f} reserved connections leave none of max_connections = {most:.0f}: {_NO_START}."
        elif look.now.sessions > most - reserved and look.lowered("max_connections"):
            there = f"{look.now.sessions} sessions there are, and {reserved:.0f} reserved"
            yield f"max_connections = {most:.0f} is less than the {there}."
        elif most - reserved < min(10, _before(look)):
            yield f"Only {most - reserved:.0f} connections would be left for ordinary roles."
    names = ("max_connections", "max_worker_processes", "max_wal_senders", "autovacuum_worker_slots")
    total = sum(look.number(name) for name in names) + look.number("autovacuum_max_workers") + 2
    if look.any(*names, "autovacuum_max_workers") and total > MOST_BACKENDS:
        yield f"{total:.0f} processes are more than the {MOST_BACKENDS} that PostgreSQL allows: {_NO_START}."


def _before(look: _Look) -> float:
    def now(name: str) -> float:
        return look.settings[name].number or 0.0 if name in look.settings else 0.0

    return now("max_connections") - now("superuser_reserved_connections") - now("reserved_connections")


def _standby(look: _Look) -> Iterator[str]:
    if look.now.standby:
        for name in AS_PRIMARY:
            if look.lowered(name):
                yield f"{name} is lowered on a standby, which needs at least what its primary has."


def _left_behind(look: _Look) -> Iterator[str]:
    for name, there, what in (
        ("max_replication_slots", look.now.slots, "replication slots"),
        ("max_prepared_transactions", look.now.prepared, "prepared transactions"),
        ("max_wal_senders", look.now.senders, "receivers of WAL"),
    ):
        if look.lowered(name) and look.number(name) < there:
            yield f"{name} = {look.shown(name)}: there are {there} {what}: {_NO_START}, or cuts them off."
    if look.lowered("max_active_replication_origins"):
        yield "max_active_replication_origins is lowered: the server does not start with more origins than that."
    if look.any("max_files_per_process") and look.number("max_files_per_process") < FEWEST_FILES:
        yield f"max_files_per_process = {look.shown('max_files_per_process')} is too few for a safe start."


def _wal_size(look: _Look) -> Iterator[str]:
    for name in ("max_wal_size", "min_wal_size"):
        if look.any(name) and look.number(name) < 2 * look.now.segment:
            yield f"{name} = {look.shown(name)} is less than two WAL segments: the server does not start."
    disk = look.now.disk
    if look.any("max_wal_size") and disk is not None and look.number("max_wal_size") > disk / 2:
        yield f"max_wal_size = {look.shown('max_wal_size')}, and only {size(disk)} of disk are free."


def _huge_pages(look: _Look) -> Iterator[str]:
    if look.any("huge_pages") and look.value("huge_pages") == "on":
        needed = worst_case(look.settings, look.value).shared
        free = look.now.huge_pages
        if free is None or free < needed:
            told = "is not known" if free is None else f"is {size(free)}"
            yield f"huge_pages = on: {size(needed)} of huge pages are needed, and what is free {told}."


def _too_short(look: _Look) -> Iterator[str]:
    for name, least in SHORTEST.items():
        if look.any(name) and 0 < look.number(name) < least:
            yield f"{name} = {look.shown(name)} is so short that nobody could work."


_CHECKS: tuple[Callable[[_Look], Iterator[str]], ...] = (
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


def situation(
    row: Record, facts: Mapping[str, float], huge_pages: float | None, libraries: Mapping[str, str]
) -> Situation:
    """The situation that a row of the query tuning_facts tells of; `libraries` that cannot be loaded, and why."""
    names = ("standby", "slots", "logical_slots", "senders", "sessions", "prepared", "segment")
    known: dict[str, Any] = {name: row[name] for name in names}
    return Situation(**known, ram=facts.get("ram"), disk=facts.get("disk"), huge_pages=huge_pages, libraries=libraries)
