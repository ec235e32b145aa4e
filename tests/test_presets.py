"""Presets, their formulas, units and proposals: pure, shown by example."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from console.model import Kind, Trouble
from console.tuning import formula, machine, presets
from console.tuning.guards import ServerState, dangers
from console.tuning.proposals import Inputs, Proposal, given_facts, given_values, propose, selected
from console.tuning.units import Setting, canonical, elements, shown, size

MB, GB = 1 << 20, 1 << 30
SETTINGS = {
    one.name: replace(one, next=one.value)
    for one in (
        Setting("shared_buffers", "16384", "8kB", "integer", "postmaster", "16", "1073741823"),
        Setting("work_mem", "4096", "kB", "integer", "user", "64", "2147483647"),
        Setting("maintenance_work_mem", "65536", "kB", "integer", "user", "1024", "2147483647"),
        Setting("autovacuum_work_mem", "-1", "kB", "integer", "sighup", "-1", "2147483647"),
        Setting("effective_cache_size", "524288", "8kB", "integer", "user", "1", "2147483647"),
        Setting("hash_mem_multiplier", "2", "", "real", "user", "1", "1000"),
        Setting("max_connections", "100", "", "integer", "postmaster", "1", "262143"),
        Setting("autovacuum_max_workers", "3", "", "integer", "postmaster", "1", "262143"),
        Setting("checkpoint_timeout", "300", "s", "integer", "sighup", "30", "86400"),
        Setting("wal_level", "logical", "", "enum", "postmaster", words=("minimal", "replica", "logical")),
        Setting("shared_preload_libraries", '"Odd, name", pg_prewarm', context="postmaster"),
        Setting("jit", "on", "", "bool", "user"),
    )
}

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a preset file and returns its path."""

    def written(text: str) -> str:
        (tmp_path / "mine.yml").write_text(text, encoding="utf-8")
        return str(tmp_path / "mine.yml")

    return written


def proposed(path: str, given: Mapping[str, float], version: int = 18, **edited: str) -> dict[str, Proposal]:
    entries, _ = presets.entries(presets.load(path))
    return {one.entry.setting: one for one in propose(entries, Inputs(SETTINGS, given, version, edited))}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("max(128MB, min(ram / 4, 32GB))", 4 * GB),
        ("floor(ram / 3 / 1MB) * 1MB", 16 * GB // 3 // MB * MB),
        ("200 if version < 18 else 64", 64),
        ("round(cores * 1.5) // 2 - -1", 7),
        ("1.5 kB", 1536),
    ],
)
def test_a_formula_is_arithmetic_over_facts(text: str, value: float) -> None:
    known = {"ram": 16.0 * GB, "cores": 8.0, "version": 18.0}
    assert formula.parse(text).value(lambda name: known[name]) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "ram.__class__",
        "(lambda: 1)()",
        "[1][0]",
        "'a' * 9",
        "9 ** 9 ** 9",
        "open(ram)",
        "min(*ram)",
        "max(ram, key=cores)",
        "f'{ram}'",
        "True",
        "1 if ram else 2",
        "(x := 1)",
        "ram; cores",
        "ram and cores",
        "1j",
        "",
        "(" * 400,
        "1 + " * 200 + "1",
        "-" * 400 + "1",
        "1+" * 200 + "1",
    ],
)
def test_whatever_is_not_arithmetic_is_refused_unread(text: str) -> None:
    with pytest.raises(ValueError, match=r"must not contain|must not nest|is not an arithmetic|is longer"):
        formula.parse(text)


@pytest.mark.parametrize("text", ["1 / (ram - ram)", "1e308 * 10", "min(ram)", "round(1e400)"])
def test_a_formula_without_a_number_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"has no numeric result|with invalid arguments"):
        formula.parse(text).value(lambda _: 1.0)


@pytest.mark.parametrize(
    ("name", "text", "base", "shows"),
    [
        ("shared_buffers", "2GB", "262144", "2GB"),
        ("shared_buffers", "1.5 GB", "196608", "1536MB"),
        ("shared_buffers", "16385", "16385", "131080kB"),
        ("work_mem", "32768", "32768", "32MB"),
        ("checkpoint_timeout", "15min", "900", "15min"),
        ("checkpoint_timeout", "90s", "90", "90s"),
        ("autovacuum_work_mem", "-1", "-1", "-1"),
        ("jit", "tr", "on", "on"),
        ("wal_level", "Replica", "replica", "replica"),
        ("hash_mem_multiplier", "2.50", "2.5", "2.5"),
        ("shared_preload_libraries", "a,  b ", "a, b", "a, b"),
    ],
)
def test_values_are_read_and_shown_as_the_server_does(name: str, text: str, base: str, shows: str) -> None:
    assert canonical(SETTINGS[name], text) == base
    assert shown(SETTINGS[name], base) == shows


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("work_mem", "1 kB"),
        ("work_mem", "5 apples"),
        ("max_connections", "1MB"),
        ("jit", "o"),
        ("wal_level", "archive"),
    ],
)
def test_values_a_setting_cannot_have_are_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|takes"):
        canonical(SETTINGS[name], text)


def test_lists_are_split_as_the_server_splits_them() -> None:
    assert elements('pg_prewarm, "Odd, name","a""b"') == ("pg_prewarm", "Odd, name", 'a"b')
    assert elements("") == ()


CONSIDERED = {
    *("jit", "wal_compression", "io_method", "io_workers", "effective_io_concurrency", "max_parallel_workers"),
    *("max_worker_processes", "max_parallel_workers_per_gather", "max_parallel_maintenance_workers"),
}


def test_every_bundled_preset_gives_reasons_and_the_bundle_has_no_conflicts() -> None:
    assert set(presets.names()) == {
        "autovacuum", "connections", "memory", "monitoring", "parallel", "pipeline",
        "planner-hdd", "planner-ssd", "wal",
    }  # fmt: skip
    for name in presets.names():
        preset = presets.load(name)
        assert preset.name == name
        assert all(entry.why for entry in preset.entries)
    for storage in ("ssd", "hdd"):
        entries, notes = presets.entries(presets.load("pipeline"), storage)
        assert len(entries) > 30
        assert {entry.setting for entry in entries} >= CONSIDERED
        assert not notes
    entries, notes = presets.entries(presets.load("pipeline"))
    assert "random_page_cost" not in {entry.setting for entry in entries}
    assert "storage=ssd" in notes[0]


HEAD = "name: mine\ntitle: Mine\nsettings:\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD}  work_mem: {{value: 8MB}}\n", "line 4: settings.work_mem.why is missing"),
        (
            f"{HEAD}  work_mem: {{why: x}}\n",
            "line 4: settings.work_mem needs either a value or a formula, or keep: true",
        ),
        (
            f"{HEAD}  work_mem:\n    why: x\n    formula: ram ** 2\n",
            "line 6: settings.work_mem.formula must not contain",
        ),
        (f"{HEAD}  work_mem: {{why: x, value: 1MB, colour: red}}\n", "line 4: settings.work_mem.colour is not known"),
        (f"{HEAD}  'work mem; x': {{why: x, value: 1MB}}\n", "settings.work mem; x is not the name of a setting"),
        (f"{HEAD}  jit: {{why: x, value: off, min_version: ten}}\n", "line 4: settings.jit.min_version must be"),
        ("name: mine\ntitle: Mine\n", "line 1: the document sets nothing"),
        ("name: [", "this is not YAML"),
        ("", "the document is empty"),
        (f"{HEAD}  jit: {{why: x, value: off}}\nincludes: [pipeline]\n", "mine includes pipeline"),
    ],
)
def test_a_mistake_in_a_preset_is_told_with_file_line_and_key(write: Write, text: str, said: str) -> None:
    path = write(text)
    with pytest.raises(Trouble) as told:
        presets.entries(presets.load(path))
    assert told.value.kind is Kind.USAGE
    assert said in told.value.sentence
    assert path in told.value.sentence or "includes" in said


def test_an_unknown_preset_is_told_with_those_there_are() -> None:
    with pytest.raises(Trouble, match=r"no preset nonsense.*memory, monitoring"):
        presets.load("nonsense")
    with pytest.raises(Trouble, match="cannot be read"):
        presets.load("/nonexistent/preset.yml")


def test_memory_follows_the_machine_and_stays_within_it() -> None:
    found = proposed("memory", {"ram": 16.0 * GB})
    assert shown(found["shared_buffers"].setting, found["shared_buffers"].proposed) == "4GB"
    assert shown(found["effective_cache_size"].setting, found["effective_cache_size"].proposed) == "12GB"
    work_mem = int(found["work_mem"].proposed) * 1024
    assert work_mem > 4 * MB
    assert 4 * GB + 100 * 2 * 2 * work_mem + 512 * MB + 3 * 256 * MB <= 16 * GB
    assert {one.state for one in found.values()} == {"change"}


@pytest.mark.parametrize("ram", [1.0, 2.0, 4.0, 8.0, 64.0, 256.0])
def test_no_preset_writes_memory_below_the_default_of_the_server(ram: float) -> None:
    found = proposed("memory", {"ram": ram * GB})
    assert int(found["work_mem"].proposed) >= 4096
    assert int(found["maintenance_work_mem"].proposed) >= 65536
    assert int(found["shared_buffers"].proposed) >= 16384


@pytest.mark.parametrize(
    ("disk", "rate", "expected"),
    [
        (None, None, "2GB"),
        (10, 50, "2GB"),
        (100, None, "10GB"),
        (1000, 0.1, "16GB"),
        (1000, 10, "26880MB"),
        (9000, 500, "64GB"),
    ],
)
def test_wal_follows_the_disk_and_the_rate_at_which_it_is_written(
    disk: float | None, rate: float | None, expected: str
) -> None:
    wal = Setting("max_wal_size", "1024", "MB", "integer", "sighup", "2", "2147483647")
    entries, _ = presets.entries(presets.load("wal"))
    given = ({"wal_room": disk * GB / 10} if disk else {}) | ({"wal_rate": rate * MB} if rate else {})
    known = Inputs({"max_wal_size": replace(wal, next=wal.value)}, given, 18)
    (found,) = (each for each in propose(entries, known) if each.entry.setting == "max_wal_size")
    assert shown(found.setting, found.proposed) == expected


def test_what_is_not_known_is_not_guessed() -> None:
    found = proposed("memory", {})
    assert {one.state for one in found.values()} == {"skipped"}
    assert found["shared_buffers"].reason == "ram is unknown; give --set ram=…"


def test_formulas_see_what_else_is_proposed_and_never_go_round(write: Write) -> None:
    path = write(
        f"{HEAD}  work_mem: {{why: x, formula: maintenance_work_mem / 4}}\n"
        "  maintenance_work_mem: {why: x, formula: 'max(current * 2, 1MB)'}\n"
    )
    found = proposed(path, {"ram": 16.0 * GB})
    assert (found["maintenance_work_mem"].proposed, found["work_mem"].proposed) == ("131072", "32768")
    again = write(f"{HEAD}  work_mem: {{why: x, formula: maintenance_work_mem}}\n"
                  "  maintenance_work_mem: {why: x, formula: work_mem}\n")  # fmt: skip
    with pytest.raises(Trouble, match="formulas are circular"):
        proposed(again, {})
    with pytest.raises(Trouble, match="uses colour, which is neither"):
        proposed(write(f"{HEAD}  jit_above: {{why: x, value: 1}}\n  work_mem: {{why: x, formula: colour}}\n"), {})


def test_a_higher_value_stays_and_lists_keep_what_is_there(write: Write) -> None:
    found = proposed(
        write(
            f"{HEAD}  wal_level: {{why: x, value: replica, at_least: true}}\n"
            "  checkpoint_timeout: {why: x, value: 1min, at_least: true}\n"
            "  shared_preload_libraries: {why: x, value: [pg_stat_statements, pg_prewarm]}\n"
        ),
        {},
    )
    assert found["wal_level"].state == found["checkpoint_timeout"].state == "as proposed"
    assert found["shared_preload_libraries"].items == ("Odd, name", "pg_prewarm", "pg_stat_statements")


def test_what_is_kept_is_shown_with_its_reason_and_never_written(write: Write) -> None:
    path = write(f"{HEAD}  io_method: {{why: x, keep: true, min_version: 18}}\n  jit: {{why: x, keep: true}}\n")
    io = Setting("io_method", "worker", "", "enum", "postmaster", words=("sync", "worker"), next="worker")
    entries, _ = presets.entries(presets.load(path))
    found = propose(entries, Inputs({**SETTINGS, "io_method": io}, {}, 18))
    assert [(one.entry.setting, one.state, one.proposed) for one in found] == [
        ("io_method", "kept", "worker"),
        ("jit", "kept", "on"),
    ]
    assert dangers(found, {**SETTINGS, "io_method": io}, ServerState()) == ()
    edited = propose(entries, Inputs({**SETTINGS, "io_method": io}, {}, 18, {"io_method": "sync"}))
    assert "io_method is never written" in dangers(edited, {**SETTINGS, "io_method": io}, ServerState())[0]
    assert proposed(path, {}, 17)["io_method"].state == "skipped"


@pytest.mark.parametrize(
    ("words", "expected"),
    [(("pglz", "lz4", "on", "off"), "lz4"), (("pglz", "on", "off"), "pglz"), ((), "on")],
)
def test_of_several_values_the_first_that_the_server_knows_is_taken(words: tuple[str, ...], expected: str) -> None:
    kind = "enum" if words else "bool"  # a switch before 15
    setting = Setting("wal_compression", "off", "", kind, "superuser", words=words, next="off")
    entries = [each for each in presets.load("wal").entries if each.setting == "wal_compression"]
    (found,) = propose(entries, Inputs({"wal_compression": setting}, {}, 18 if words else 14))
    assert found.proposed == expected


@pytest.mark.parametrize(
    ("cores", "expected"),
    [
        (1, {"max_worker_processes": 8, "max_parallel_workers": 2, "max_parallel_workers_per_gather": 1}),
        (8, {"max_worker_processes": 12, "max_parallel_workers": 8, "max_parallel_workers_per_gather": 4}),
        (64, {"max_worker_processes": 68, "max_parallel_workers": 64, "max_parallel_workers_per_gather": 4}),
    ],
)
def test_parallel_workers_follow_the_cores(cores: int, expected: Mapping[str, int]) -> None:
    known = {
        each.name: each for each in (Setting(name, "8", "", "integer", next="8") for name in expected)
    }  # fmt: skip
    entries = [each for each in presets.load("parallel").entries if each.setting in known]
    found = propose(entries, Inputs(known, {"cores": float(cores)}, 18))
    assert {one.setting.name: int(one.proposed) for one in found} == expected


@pytest.mark.parametrize(("version", "expected"), [(17, "200"), (18, "16"), (19, "16")])
def test_reads_in_parallel_follow_the_version(version: int, expected: str) -> None:
    setting = Setting("effective_io_concurrency", "1" if version < 18 else "16", "", "integer")
    entries = [each for each in presets.load("planner-ssd").entries if each.setting == setting.name]
    (found,) = propose(entries, Inputs({setting.name: replace(setting, next=setting.value)}, {}, version))
    assert found.proposed == expected


def test_settings_of_other_versions_and_of_extensions_that_are_not_loaded_wait(write: Write) -> None:
    text = f"{HEAD}  jit: {{why: x, value: off, max_version: 17}}\n  pg_stat_statements.track: {{why: x, value: all}}\n"
    found = proposed(write(text), {})
    assert found["jit"].reason == "not for PostgreSQL 18"
    assert "pg_stat_statements is not loaded yet" in found["pg_stat_statements.track"].reason
    assert proposed(write(text), {}, 17)["jit"].proposed == "off"


def test_rows_are_picked_and_edited() -> None:
    assert given_values("work_mem=32MB, shared_preload_libraries=a, b,jit=off") == {
        "work_mem": "32MB", "shared_preload_libraries": "a, b", "jit": "off",
    }  # fmt: skip
    assert given_values("") == {}
    entries, _ = presets.entries(presets.load("memory"))
    assert [entry.setting for entry in selected(entries, "work_mem, shared_buffers", {})] == [
        "shared_buffers",
        "work_mem",
    ]
    assert proposed("memory", {"ram": 16.0 * GB}, work_mem="32MB")["work_mem"].proposed == "32768"
    with pytest.raises(Trouble, match="does not set port"):
        selected(entries, "port", {})
    for wrong in ("32MB", "x work_mem=1MB"):
        with pytest.raises(Trouble, match="values must be written"):
            given_values(wrong)


def test_facts_are_read_with_their_units() -> None:
    assert given_facts({"ram": "16GB", "cores": "8", "pools": ""}) == {"ram": 16 * GB, "cores": 8}
    assert size("512 MB") == 512 * MB
    for name, text in (("ram", "lots"), ("ram", "-1GB"), ("cores", "0"), ("cores", "4.5"), ("ram", "16gb")):
        with pytest.raises(Trouble, match=f"{name} must be"):
            given_facts({name: text})


def test_a_container_has_what_it_may_use() -> None:
    texts = {
        "meminfo": "MemTotal:       16384 kB\nHugePages_Free:        3\nHugepagesize:       2048 kB\n",
        "stat": "cpu  1 2\ncpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\nintr 5\n",
    }
    assert machine.parse(texts) == machine.Machine(16 * MB, 4, 6 * MB)
    inside = machine.parse({**texts, "memory_max": "max\n8388608", "cpu_max": "max 100000\n200000 100000"})
    assert (inside.ram, inside.cores) == (8 * MB, 2)
    assert machine.parse({}) == machine.Machine()


def test_only_a_server_process_of_this_machine_lets_it_be_measured(tmp_path: Path) -> None:
    assert machine.local(os.getpid(), time.time(), "") is None
    for name, text in (
        ("stat", "cpu0 1\nbtime 1000\n"),
        ("meminfo", "MemTotal: 1024 kB\n"),
        ("7/cmdline", "postgres: someone"),
        ("7/stat", "7 (postgres: a b) S " + " ".join(["0"] * 18) + f" {50 * os.sysconf('SC_CLK_TCK')} 0"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = machine.local(7, 1050.3, "", tmp_path, tmp_path)
    assert found is not None
    assert found.ram == MB
    assert machine.local(7, 1090.0, "", tmp_path, tmp_path) is None
    assert machine.local(8, 1050.3, "", tmp_path, tmp_path) is None
