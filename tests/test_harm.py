"""The table of harmful values: every row has a harmful and a harmless example, and nothing of PostgreSQL's is in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.tuning import harm, presets
from console.tuning.harm_table import HARMS
from console.tuning.presets import PresetSetting
from console.tuning.proposals import Proposal
from console.tuning.units import Setting, canonical
from tests.harms import EXAMPLES

UNITS = {  # as pg_settings shows them
    "8kB": "effective_cache_size shared_buffers temp_buffers wal_buffers",
    "kB": """autovacuum_work_mem gin_pending_list_limit log_rotation_size logical_decoding_work_mem
        maintenance_work_mem max_stack_depth temp_file_limit work_mem""",
    "MB": "max_slot_wal_keep_size",
    "ms": """auto_explain.log_min_duration autovacuum_vacuum_cost_delay client_connection_check_interval
        deadlock_timeout idle_in_transaction_session_timeout idle_session_timeout lock_timeout log_min_duration_sample
        log_min_duration_statement log_startup_progress_interval max_standby_archive_delay max_standby_streaming_delay
        recovery_min_apply_delay statement_timeout tcp_user_timeout transaction_timeout vacuum_cost_delay
        wal_receiver_timeout wal_retrieve_retry_interval wal_sender_timeout""",
    "s": """archive_timeout authentication_timeout autovacuum_naptime checkpoint_timeout idle_replication_slot_timeout
        tcp_keepalives_idle wal_receiver_status_interval""",
    "min": "log_rotation_age old_snapshot_threshold",
}
UNIT = {name: unit for unit, names in UNITS.items() for name in names.split()}


def setting_of(name: str) -> Setting:
    """A setting as the server has it, with its harmless value."""
    value = EXAMPLES[name][1]
    numeric = name in UNIT or value.replace("-", "", 1).replace(".", "", 1).isdigit()
    made = Setting(name, value, UNIT.get(name, ""), "real" if numeric else "string", default=value)
    return replace(made, value=canonical(made, value), next=canonical(made, value))


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_value_is_harmful_on_one_side_of_a_limit(name: str) -> None:
    setting, (harmful, harmless) = setting_of(name), EXAMPLES[name]
    found = harm.harms_of(setting, canonical(setting, harmful))
    assert found
    assert all(sentence.startswith(f"{name} = ") for sentence in found)
    assert harm.harms_of(setting, canonical(setting, harmless)) == ()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_value_that_the_server_refuses_is_not_judged(name: str) -> None:
    harm.harms_of(setting_of(name), 'no "value')


def test_every_row_of_the_table_has_an_example() -> None:
    assert {name for row in HARMS for name in row.settings} <= set(EXAMPLES)
    assert all(row.why and row.kind for row in HARMS)


def test_no_bundled_preset_accepts_a_risk() -> None:
    for name in presets.names():
        assert not [entry.setting for entry in presets.load(name).entries if entry.accepted_risk]


def test_only_what_is_written_is_judged_and_what_is_accepted_is_a_note() -> None:
    setting = setting_of("autovacuum")
    plain, risky = PresetSetting("autovacuum", "why"), PresetSetting("autovacuum", "why", accepted_risk="a bulk load")
    for state, judged in (("change", True), ("reload", True), ("as proposed", False), ("skipped", False)):
        made = Proposal(plain, setting, "off", state)
        assert bool(harm.unaccepted([made])) is judged
        assert harm.unaccepted([replace(made, entry=risky)]) == harm.accepted([made]) == ()
        assert bool(harm.accepted([replace(made, entry=risky)])) is judged
    (note,) = harm.accepted([Proposal(risky, setting, "off", "change")])
    assert "autovacuum = off" in note
    assert "a bulk load" in note


@pytest.mark.parametrize(
    ("name", "proposed", "harmful", "noted"),
    [
        ("other.max_entries", "1073741823", True, True),
        ("other.max_entries", "99", False, True),
        ("pg_stat_statements.max", "1073741823", False, False),  # its memory is counted
    ],
)
def test_memory_of_an_extension_that_cannot_be_counted_is_reported(
    name: str, proposed: str, harmful: bool, noted: bool
) -> None:
    setting = Setting(name, "100", vartype="integer", context="postmaster", least="10", most="1073741823")
    made = Proposal(PresetSetting(name, "why"), setting, proposed, "change")
    assert bool(harm.unaccepted([made])) is harmful
    assert bool(harm.uncounted([made])) is noted
