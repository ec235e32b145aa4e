"""Values of settings in the units of the server, and the machine that presets are computed for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.model import Kind, Trouble
from console.tuning import machine, presets
from console.tuning.presets import PresetSetting
from console.tuning.proposals import Inputs, given_facts, propose
from console.tuning.units import (
    Setting,
    canonical,
    elements,
    from_number,
    is_memory,
    number,
    quoted,
    same,
    scale,
    shown,
)

KB, MB, GB = 1 << 10, 1 << 20, 1 << 30
PAGES = Setting("shared_buffers", "16384", "8kB", "integer", "postmaster", "16", "1073741823")
WORK = Setting("work_mem", "4096", "kB", "integer", "user", "64", "2147483647")
WAIT = Setting("lock_timeout", "0", "ms", "integer", "user", "0", "2147483647")
COST = Setting("cpu_tuple_cost", "0.01", "", "real", "user", "0", "1e308")
AGE = Setting("autovacuum_naptime", "60", "s", "integer", "sighup", "1", "2147483")


@pytest.mark.parametrize(
    ("setting", "plain", "value"),
    [
        (PAGES, 8 * MB, "1024"),
        (PAGES, 8 * MB + 8191, "1024"),
        (PAGES, 8 * MB + 8192, "1025"),
        (WORK, 4 * MB + 1023, "4096"),
        (WAIT, 1500.9, "1500"),
        (AGE, 61_999.0, "61"),
        (COST, 0.0125, "0.0125"),
    ],
)
def test_a_number_becomes_a_value_rounded_down_where_it_must_be_whole(
    setting: Setting, plain: float, value: str
) -> None:
    assert from_number(setting, plain) == value


@pytest.mark.parametrize(("setting", "plain"), [(WORK, 63 * KB), (PAGES, 15 * 8 * KB), (WAIT, -1), (AGE, 2e12)])
def test_a_number_beyond_the_limits_of_a_setting_is_refused_with_them(setting: Setting, plain: float) -> None:
    with pytest.raises(ValueError, match="must be from"):
        from_number(setting, plain)


@pytest.mark.parametrize(
    ("unit", "factor", "memory"),
    [("8kB", 8 * KB, True), ("kB", KB, True), ("MB", MB, True), ("B", 1, True), ("ms", 1, False), ("s", 1000, False),
     ("min", 60_000, False), ("us", 0.001, False), ("", 1, False)],
)  # fmt: skip
def test_a_unit_is_a_factor_of_bytes_or_milliseconds(unit: str, factor: float, memory: bool) -> None:
    assert (scale(unit), is_memory(unit)) == (factor, memory)


@pytest.mark.parametrize(
    ("setting", "value", "text"),
    [
        (PAGES, "16384", "128MB"),
        (PAGES, "16385", "131080kB"),
        (WORK, "1048576", "1GB"),
        (WAIT, "0", "0"),
        (WAIT, "90000", "90s"),
        (WAIT, "60000", "1min"),
        (WAIT, "86400000", "1d"),
        (replace(WORK, least="-1"), "-1", "-1"),
        (COST, "0.01", "0.01"),
    ],
)
def test_a_value_is_shown_in_the_largest_unit_that_holds_it(setting: Setting, value: str, text: str) -> None:
    assert shown(setting, value) == text


def test_a_special_negative_value_is_no_quantity() -> None:
    assert number(replace(WORK, least="-1"), "-1") == -1
    assert number(WORK, "4096") == 4 * MB
    assert number(WORK, "auto") is None


@pytest.mark.parametrize(
    ("setting", "value", "other", "equal"),
    [
        (COST, "0.01", "0.0100", True),
        (WORK, "4096", "4097", False),
        (WORK, "x", "x", True),
        (Setting("shared_preload_libraries", ""), "a, b", '"a",b', True),
        (Setting("shared_preload_libraries", ""), "a, b", "b, a", False),
        (Setting("DateStyle", ""), "ISO, MDY", "iso, mdy", True),
        (Setting("DateStyle", ""), "ISO, MDY", "mdy,ISO", True),
        (Setting("DateStyle", ""), "SQL, DMY", "european, sql", True),
        (Setting("DateStyle", ""), "ISO, MDY", "iso, dmy", False),
        (Setting("DateStyle", ""), "ISO, MDY", "sql, mdy", False),
        (Setting("TimeZone", ""), "Europe/Berlin", "europe/berlin", True),
        (Setting("TimeZone", ""), "Europe/Berlin", "UTC", False),
        (Setting("default_text_search_config", ""), "pg_catalog.english", "english", True),
        (Setting("default_tablespace", ""), "Fast", "fast", False),
    ],
)
def test_values_are_compared_as_the_server_reads_them(setting: Setting, value: str, other: str, equal: bool) -> None:
    assert same(setting, value, other) is equal


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("a,b", ("a", "b")),
        ('"Odd, name" , c', ("Odd, name", "c")),
        ('"a""b"', ('a"b',)),
        ("a,,b", ("a", "b")),
    ],
)
def test_a_list_is_split_outside_of_quotes_and_put_together_again(text: str, found: tuple[str, ...]) -> None:
    assert elements(text) == found
    assert elements(", ".join(map(quoted, found))) == found


@pytest.mark.parametrize(
    ("context", "takes"),
    [("postmaster", "restart"), ("sighup", "reload"), ("user", "reload"), ("backend", "new sessions"),
     ("superuser-backend", "new sessions")],
)  # fmt: skip
def test_what_a_value_needs_to_take_effect(context: str, takes: str) -> None:
    assert replace(WORK, context=context).takes == takes


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", 4),
        ("50000 100000", 1),
        ("200000 100000", 2),
        ("250000 100000", 2),
        ("900000 100000", 4),
        ("max 100000\n100000 100000\n300000 100000", 1),
        (None, 4),
    ],
)
def test_a_machine_has_the_cores_that_its_container_may_use(quota: str | None, cores: int) -> None:
    stat = "cpu  1\n" + "".join(f"cpu{at} 1\n" for at in range(4))
    assert machine.parse({"stat": stat, "cpu_max": quota}).cores == cores


@pytest.mark.parametrize(
    ("limit", "ram"), [(None, 16 * MB), ("max", 16 * MB), ("8388608", 8 * MB), ("max\n4194304\n8388608", 4 * MB),
                       ("99999999999", 16 * MB)]
)  # fmt: skip
def test_a_machine_has_the_memory_that_its_container_may_use(limit: str | None, ram: int) -> None:
    assert machine.parse({"meminfo": "MemTotal: 16384 kB\n", "memory_max": limit}).ram == ram


@pytest.mark.parametrize(
    ("change", "at_least", "present", "following", "state", "value"),
    [
        ("8MB", False, "4096", "4096", "change", "8192"),
        ("8MB", False, "8192", "8192", "as proposed", "8192"),
        ("8MB", False, "4096", "8192", "reload", "8192"),
        ("8MB", True, "16384", "16384", "as proposed", "16384"),
        ("8MB", True, "8192", "8192", "as proposed", "8192"),
        ("8MB", True, "4096", "4096", "change", "8192"),
    ],
)
def test_a_proposal_says_what_there_is_left_to_do(
    change: str, at_least: bool, present: str, following: str, state: str, value: str
) -> None:
    setting = replace(WORK, value=present, next=following)
    entry = PresetSetting("work_mem", "why", (change,), at_least=at_least)
    (found,) = propose([entry], Inputs({"work_mem": setting}, given_facts({"ram": "16GB"}), 18))
    assert (found.state, found.proposed) == (state, value)
    restart = replace(setting, context="postmaster")
    (found,) = propose([entry], Inputs({"work_mem": restart}, given_facts({"ram": "16GB"}), 18))
    assert found.state == ("restart pending" if state == "reload" else state)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        (replace(WORK, context="internal"), "fixed"),
        (replace(WORK, source="command line"), "command line"),
        (replace(WORK, next="4096"), ""),
    ],
)
def test_what_alter_system_cannot_change_is_skipped(setting: Setting, reason: str) -> None:
    entry = PresetSetting("work_mem", "why", ("64kB",))
    (found,) = propose([entry], Inputs({"work_mem": setting}, {}, 18))
    assert (found.state == "skipped") is bool(reason)
    assert reason in found.reason


@pytest.mark.parametrize(("version", "state"), [(14, "skipped"), (15, "change"), (17, "change"), (18, "skipped")])
def test_a_setting_is_proposed_for_the_versions_it_is_meant_for(version: int, state: str) -> None:
    entry = PresetSetting("work_mem", "why", ("64kB",), min_version=15, max_version=17)
    (found,) = propose([entry], Inputs({"work_mem": replace(WORK, next="4096")}, {}, version))
    assert found.state == state


def test_a_value_that_needs_memory_is_not_raised_without_knowing_it() -> None:
    entry = PresetSetting("work_mem", "why", ("8MB",))
    (found,) = propose([entry], Inputs({"work_mem": replace(WORK, next="4096")}, {}, 18))
    assert (found.state, found.missing) == ("skipped", "ram")
    assert canonical(WORK, "8MB") == "8192"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("includes: [memory]\nsettings:\n  work_mem: {why: x, value: 8MB}\n", "work_mem is also set in preset"),
        ("includes: [memory, memory]\n", "is also set in preset memory"),
        ("includes: [pipeline]\n", "which itself includes presets"),
    ],
)
def test_presets_that_set_the_same_or_include_each_other_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(f"name: mine\ntitle: Mine\n{text}", encoding="utf-8")
    with pytest.raises(Trouble, match=said) as wrong:
        presets.entries(presets.load(str(path)))
    assert wrong.value.kind is Kind.USAGE


def test_what_depends_on_the_storage_is_skipped_while_that_is_unknown() -> None:
    pipeline = presets.load("pipeline")
    assert pipeline.by_storage
    known, notes = presets.entries(pipeline, "ssd")
    unknown, skipped = presets.entries(pipeline)
    assert (notes, len(skipped)) == ((), 1)
    assert len(unknown) < len(known)
