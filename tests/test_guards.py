"""What presets must never write: each guard of apply-tuning on both sides of its limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from console.tuning.forbidden import NEVER, forbidden
from console.tuning.guards import (
    AS_PRIMARY,
    NOT_INSTALLED,
    SHORTEST,
    ServerState,
    dangers,
    lacks_ram,
    start_dangers,
)
from console.tuning.memory import NODES, SLOT, worst_case
from console.tuning.presets import PresetSetting
from console.tuning.proposals import Proposal, value_of
from console.tuning.units import Setting, canonical

MB, GB = 1 << 20, 1 << 30


def _setting(name: str, value: str, unit: str = "", context: str = "postmaster", **more: object) -> Setting:
    made = Setting(name, value, unit, "integer", context, "-1", "2147483647")
    return replace(made, next=value, **more)  # type: ignore[arg-type]


SETTINGS = {
    setting.name: setting
    for setting in (
        _setting("shared_buffers", "16384", "8kB"),
        _setting("work_mem", "4096", "kB", "user"),
        _setting("maintenance_work_mem", "65536", "kB", "user"),
        _setting("hash_mem_multiplier", "2", context="user"),
        _setting("max_connections", "100"),
        _setting("superuser_reserved_connections", "3"),
        _setting("reserved_connections", "0"),
        _setting("autovacuum_max_workers", "3"),
        _setting("max_worker_processes", "8"),
        _setting("max_wal_senders", "10"),
        _setting("max_replication_slots", "10"),
        _setting("max_prepared_transactions", "0"),
        _setting("max_locks_per_transaction", "64"),
        _setting("max_active_replication_origins", "10"),
        _setting("max_files_per_process", "1000"),
        _setting("max_wal_size", "1024", "MB", "sighup"),
        _setting("min_wal_size", "80", "MB", "sighup"),
        _setting("wal_keep_size", "0", "MB", "sighup"),
        _setting("max_slot_wal_keep_size", "-1", "MB", "sighup"),
        _setting("pg_stat_statements.max", "5000"),
        _setting("archive_mode", "off", vartype="enum", words=("off", "on", "always")),
        _setting("summarize_wal", "off", context="sighup", vartype="bool"),
        _setting("huge_pages", "try", vartype="enum", words=("off", "on", "try")),
        _setting("wal_level", "replica", vartype="enum", words=("minimal", "replica", "logical")),
        _setting("shared_preload_libraries", "", vartype="string"),
        *(_setting(name, "0", "ms", "user") for name in SHORTEST),
    )
}
KNOWN = ServerState(ram=16.0 * GB, disk=100.0 * GB, huge_pages=0.0)
Values = Mapping[str, str]


def said(state: ServerState, values: Values, now: Values | None = None) -> tuple[str, ...]:
    """What is said of `values` on a server whose settings are SETTINGS and `now`."""
    known = dict(SETTINGS)
    for name, value in (now or {}).items():
        known[name] = replace(known[name], value=value, next=value)
    proposals = [
        Proposal(PresetSetting(name, "why"), known[name], canonical(known[name], value), "change")
        for name, value in values.items()
    ]
    return dangers(proposals, known, state)


STANDBY = replace(KNOWN, standby=True)


@pytest.mark.parametrize("name", AS_PRIMARY)
def test_a_standby_keeps_at_least_what_its_primary_has(name: str) -> None:
    now = {name: "20"}
    assert any(name in sentence for sentence in said(STANDBY, {name: "19"}, now))
    assert said(STANDBY, {name: "20"}, now) == said(STANDBY, {name: "21"}, now) == ()
    assert not any("standby" in sentence for sentence in said(KNOWN, {name: "19"}, now))


@pytest.mark.parametrize(("name", "least"), sorted(SHORTEST.items()))
def test_a_timeout_is_long_enough_for_normal_work_or_off(name: str, least: int) -> None:
    assert [name in sentence for sentence in said(KNOWN, {name: f"{least - 1}ms"})] == [True]
    assert said(KNOWN, {name: f"{least}ms"}) == said(KNOWN, {name: "0"}, {name: "60000"}) == ()


@pytest.mark.parametrize(
    ("values", "state", "now", "dangerous"),
    [
        # what is on the server already
        ({"max_replication_slots": "3"}, replace(KNOWN, slots=4), {}, True),
        ({"max_replication_slots": "4"}, replace(KNOWN, slots=4), {}, False),
        ({"max_wal_senders": "1"}, replace(KNOWN, senders=2), {}, True),
        ({"max_wal_senders": "2"}, replace(KNOWN, senders=2), {}, False),
        ({"max_prepared_transactions": "1"}, replace(KNOWN, prepared=2), {"max_prepared_transactions": "5"}, True),
        ({"max_prepared_transactions": "2"}, replace(KNOWN, prepared=2), {"max_prepared_transactions": "5"}, False),
        ({"max_active_replication_origins": "9"}, KNOWN, {}, True),
        ({"max_active_replication_origins": "11"}, KNOWN, {}, False),
        ({"max_files_per_process": "255"}, KNOWN, {}, True),
        ({"max_files_per_process": "256"}, KNOWN, {}, False),
        # connections
        ({"max_connections": "96"}, replace(KNOWN, sessions=94), {}, True),
        ({"max_connections": "97"}, replace(KNOWN, sessions=94), {}, False),
        ({"max_connections": "200"}, replace(KNOWN, sessions=198), {}, False),
        ({"superuser_reserved_connections": "100"}, KNOWN, {}, True),
        ({"superuser_reserved_connections": "91"}, KNOWN, {}, True),
        ({"superuser_reserved_connections": "90"}, KNOWN, {}, False),
        ({"reserved_connections": "88"}, KNOWN, {}, True),
        ({"reserved_connections": "87"}, KNOWN, {}, False),
        # 8 workers, 10 senders, 3 autovacuum workers, and two of the server's own
        ({"max_connections": "262120"}, replace(KNOWN, ram=1e15), {}, False),
        ({"max_connections": "262121"}, replace(KNOWN, ram=1e15), {}, True),
        # WAL
        ({"max_wal_size": "31MB"}, KNOWN, {}, True),
        ({"max_wal_size": "32MB"}, KNOWN, {}, False),
        ({"min_wal_size": "127MB"}, replace(KNOWN, segment=64 * MB), {}, True),
        ({"min_wal_size": "128MB"}, replace(KNOWN, segment=64 * MB), {}, False),
        ({"max_wal_size": "50GB"}, KNOWN, {}, False),
        ({"max_wal_size": "51201MB"}, KNOWN, {}, True),
        ({"max_wal_size": "51201MB"}, replace(KNOWN, disk=None), {}, False),
        ({"wal_keep_size": "50GB"}, KNOWN, {}, False),
        ({"wal_keep_size": "51201MB"}, KNOWN, {}, True),
        ({"max_slot_wal_keep_size": "50GB"}, KNOWN, {}, False),
        ({"max_slot_wal_keep_size": "51201MB"}, KNOWN, {}, True),
        # wal_level
        ({"wal_level": "minimal"}, KNOWN, {}, True),
        ({"wal_level": "minimal"}, KNOWN, {"max_wal_senders": "0"}, False),
        ({"wal_level": "minimal", "max_wal_senders": "0"}, KNOWN, {}, False),
        ({"wal_level": "minimal"}, KNOWN, {"max_wal_senders": "0", "archive_mode": "on"}, True),
        ({"summarize_wal": "on"}, KNOWN, {"max_wal_senders": "0", "wal_level": "minimal"}, True),
        ({"wal_level": "replica"}, replace(KNOWN, logical_slots=1), {"wal_level": "logical"}, True),
        ({"wal_level": "replica"}, replace(KNOWN, slots=1), {"wal_level": "logical"}, True),
        ({"wal_level": "replica"}, replace(KNOWN, senders=1), {"wal_level": "logical"}, True),
        ({"wal_level": "replica"}, KNOWN, {"wal_level": "logical"}, False),
        ({"wal_level": "logical"}, replace(KNOWN, logical_slots=1, slots=1, senders=1), {}, False),
        # memory
        ({"shared_buffers": "11GB"}, KNOWN, {}, False),
        ({"shared_buffers": "12GB"}, KNOWN, {}, True),
        ({"shared_buffers": "12GB"}, KNOWN, {"shared_buffers": "1703936"}, False),
        ({"work_mem": "32MB"}, KNOWN, {}, False),
        ({"work_mem": "64MB"}, KNOWN, {}, True),
        ({"work_mem": "4MB"}, replace(KNOWN, ram=1.0 * GB), {"work_mem": "64"}, False),
        ({"shared_buffers": "64MB"}, replace(KNOWN, ram=None), {}, False),
        ({"shared_buffers": "256MB"}, replace(KNOWN, ram=None), {}, True),
        ({"max_connections": "101"}, replace(KNOWN, ram=None), {}, True),
        ({"max_wal_size": "2GB"}, replace(KNOWN, ram=None), {}, False),
        ({"pg_stat_statements.max": "1073741823"}, KNOWN, {}, True),
        ({"pg_stat_statements.max": "1000000"}, KNOWN, {}, False),
        ({"pg_stat_statements.max": "10000"}, replace(KNOWN, ram=None), {}, False),
        ({"pg_stat_statements.max": "1000000"}, replace(KNOWN, ram=None), {}, True),
        ({"huge_pages": "on"}, replace(KNOWN, huge_pages=None), {}, True),
        ({"huge_pages": "on"}, replace(KNOWN, huge_pages=100.0 * MB), {}, True),
        ({"huge_pages": "on"}, replace(KNOWN, huge_pages=1.0 * GB), {}, False),
        ({"huge_pages": "try"}, replace(KNOWN, huge_pages=None), {"huge_pages": "off"}, False),
        # libraries
        ({"shared_preload_libraries": "a, b"}, replace(KNOWN, libraries={"b": NOT_INSTALLED}), {}, True),
        ({"shared_preload_libraries": "a"}, replace(KNOWN, libraries={"b": NOT_INSTALLED}), {}, False),
    ],
)
def test_a_value_is_dangerous_on_one_side_of_a_limit(
    values: Values, state: ServerState, now: Values, dangerous: bool
) -> None:
    found = said(state, values, now)
    assert bool(found) is dangerous, found


@pytest.mark.parametrize(
    ("values", "stops"),
    [
        ({"superuser_reserved_connections": "100"}, True),
        ({"superuser_reserved_connections": "99"}, False),
        ({"wal_level": "minimal"}, True),
        ({"max_wal_size": "31MB"}, True),
        ({"shared_buffers": "12GB"}, True),
        ({"work_mem": "64MB"}, False),
        ({"lock_timeout": "1ms"}, False),
    ],
)
def test_a_sentence_says_whether_the_server_would_start(values: Values, stops: bool) -> None:
    (sentence,) = said(KNOWN, values)
    assert ("does not start" in sentence) is stops


def test_settings_that_are_no_tuning_are_never_written() -> None:
    for name in (
        *NEVER,
        "ssl_key_file",
        "debug_print_plan",
        "recovery_target_time",
        "unix_socket_group",
        "lc_messages",
    ):
        assert forbidden(name), name
        setting = _setting(name, "0")
        proposal = Proposal(PresetSetting(name, "why"), setting, "0", "as proposed")
        assert len(dangers([proposal], {**SETTINGS, name: setting}, KNOWN)) == 1, name
    assert not any(map(forbidden, ("work_mem", "max_wal_size", "log_min_duration_statement", "jit")))


def test_only_what_is_changed_is_judged() -> None:
    low = replace(SETTINGS["max_files_per_process"], value="10", next="10")
    known = {**SETTINGS, low.name: low}
    for state, judged in (("change", True), ("reload", True), ("as proposed", False), ("skipped", False)):
        proposal = Proposal(PresetSetting(low.name, "why"), low, "11", state)
        assert bool(dangers([proposal], known, KNOWN)) is judged, state


def test_memory_that_is_unknown_is_a_danger_of_its_own() -> None:
    more = Proposal(PresetSetting("shared_buffers", "why"), SETTINGS["shared_buffers"], "32768", "change")
    assert lacks_ram([more], SETTINGS, replace(KNOWN, ram=None))
    assert not lacks_ram([more], SETTINGS, KNOWN)
    assert not lacks_ram([replace(more, proposed="16384")], SETTINGS, replace(KNOWN, ram=None))


@pytest.mark.parametrize(
    ("name", "following", "more", "dangerous"),
    [
        ("max_files_per_process", "20", {}, True),
        ("max_files_per_process", "2000", {}, False),
        ("max_files_per_process", "twenty", {}, True),
        ("max_files_per_process", "20", {"source": "command line"}, False),
        ("max_wal_size", "2", {}, False),  # takes effect at a reload: the server has refused or taken it
        ("shared_buffers", "999999999", {}, False),  # how much the machine has is not known here
    ],
)
def test_a_value_that_waits_for_a_restart_is_judged_as_one_that_would_be_written(
    name: str, following: str, more: Mapping[str, str], dangerous: bool
) -> None:
    changed = replace(SETTINGS[name], next=following, **more)  # type: ignore[arg-type]
    known = {**SETTINGS, name: changed}
    state = replace(KNOWN, ram=None)
    assert bool(start_dangers(known, state)) is dangerous
    assert bool(start_dangers(known, state, name)) is dangerous
    assert start_dangers(known, state, "port") == ()


def test_the_worst_case_counts_every_session_and_every_slot() -> None:
    found = worst_case(SETTINGS, lambda name: SETTINGS[name].value)
    slots = 100 + 3 + 8 + 10
    assert found.sessions == 100 * 4 * MB * 2 * NODES
    assert found.maintenance == (3 + 1) * 64 * MB
    assert found.shared == 128 * MB + 64 * slots * 400 + slots * SLOT + 5000 * 512
    assert found.total == found.shared + found.sessions + found.maintenance
    assert found.demand(4.0 * MB) == found.shared + found.maintenance
    assert found.demand(4.0 * MB + 1) == found.total


def test_the_value_after_a_run_is_that_of_the_proposal_unless_it_was_skipped() -> None:
    setting = SETTINGS["work_mem"]
    made = Proposal(PresetSetting("work_mem", "why"), setting, "8192", "change")
    assert value_of([made], SETTINGS, "work_mem") == "8192"
    assert value_of([replace(made, state="skipped")], SETTINGS, "work_mem") == "4096"
    assert value_of([made], SETTINGS, "nosuch") == ""
