"""The benchmark script: it measures real programs on small servers, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from console import sql
from console.files.pooler_config import find_pgbouncer
from console.model import Trouble
from scripts.benchmarks import commands, figures, goals, growth, measure, peers, pooler, probes, report, tools
from scripts.benchmarks.__main__ import BENCHMARKS, main
from scripts.benchmarks.figures import Book
from scripts.benchmarks.fixture import LIGHT, Size, site
from scripts.benchmarks.measure import Bench, Effort
from scripts.benchmarks.probes import Spent
from scripts.benchmarks.terminal import COLUMNS, LINES, Silent, Terminal
from scripts.servers import poolers
from tests.command import CHECKOUT
from tests.waiting import wait

FOLDER = Path(report.__file__).parent
TINY = Size("heavy", 25, 16, 5, children=45, others=4, statements=30, text=300, pools=4, clients=6)
MOMENT = Effort(runs=1, starts=1, commands=1, refreshes=1, keys=4, changes=2, warm=0.5, judged=0.5)
ENVIRONMENT = {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}


def test_every_benchmark_is_listed_and_explains_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    modules = {path.stem for path in FOLDER.glob("*.py") if "\ndef main(argv" in path.read_text(encoding="utf-8")}
    assert modules - {"__main__"} == set(BENCHMARKS)
    for name in BENCHMARKS:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        assert f"usage: benchmarks {name}" in capsys.readouterr().out


def test_an_unknown_benchmark_is_refused_with_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nothing"])
    assert ended.value.code == 2
    assert "adopt" in capsys.readouterr().err


def test_a_program_finds_its_terminal_as_it_would_at_a_desk(tmp_path: Path) -> None:
    with Terminal(("sh", "-c", "stty -icanon; echo here > /dev/tty; head -c 1"), ENVIRONMENT, tmp_path) as terminal:
        terminal.when(re.compile("here"))


def test_a_program_does_not_outlive_a_benchmark_that_is_killed(tmp_path: Path) -> None:
    stubborn = "trap '' HUP; while :; do sleep 0.1 || exit; done"  # as some do, it survives its terminal
    script = (
        "import sys, time; from pathlib import Path; from scripts.benchmarks.terminal import Terminal\n"
        f"t = Terminal(('sh', '-c', {stubborn!r}), {{'PATH': '/usr/bin:/bin'}}, Path('/'))\n"
        "print(t.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as bench:
        assert bench.stdout is not None
        pid = int(bench.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        bench.kill()
    wait(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False


def test_a_brief_run_takes_three_runs_of_everything_but_growth() -> None:
    assert measure.BRIEF.runs == measure.FULL.runs
    assert max(measure.BRIEF.waiters) == max(measure.FULL.waiters) == growth.PILE.waiters
    for small, large in ((growth.SMALL, growth.LARGE), (growth.BRIEF_SMALL, growth.BRIEF_LARGE)):
        for what in growth.GROWING.values():
            assert getattr(large, what) == pytest.approx(10 * getattr(small, what), rel=0.2)


@pytest.mark.slow
def test_measures_start_costs_and_pooler_and_takes_everything_down(tmp_path: Path) -> None:
    book = Book()
    with site(TINY, None) as place:
        data = place.process.data
        with place.connect() as server:
            bench = Bench(place, server, tmp_path, [], MOMENT, book, measure.floor(tmp_path, 3))
            measure.start(bench)
            commands.startup(bench)
            measure.overview(bench)
            measure.pooler(bench)
            with growth.pile(place, 3):
                growth.watch(bench, tools.console("locks"), "waiters.3", "locks")
    assert not data.exists()
    wanted = ["start", "start.overview", "overview.cpu", "overview.bytes", "overview.minute"]
    wanted += ["command.version", "floor.driver", "waiters.3.cpu", "waiters.3.server", "waiters.3.key"]
    wanted += ["pooler.server", "pooler.client"] if find_pgbouncer() else []
    figures = {metric: book.value(metric, "console") for metric in wanted}
    assert all(figure is not None and figure > 0 for name, figure in figures.items() if name != "pooler.server")
    text = report.report({"screens": book}, MOMENT)
    titles = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")]
    assert {"| `--version`", "| exec to first live rows, overview"} <= set(titles)
    assert "| 3 waiters, who blocks whom: client CPU a refresh" in titles
    assert str(tmp_path) not in text


@pytest.mark.slow
def test_what_the_console_costs_each_pgbouncer_is_measured_while_it_names_the_clients(tmp_path: Path) -> None:
    if not poolers():
        pytest.skip("no pgbouncer")
    version, program = max(poolers().items())
    effort = pooler.Effort(clients=2 * pooler.BUSY, rounds=1, refreshes=2)
    with site(LIGHT, None) as place:
        costs = pooler.measured(place, tmp_path, program, effort)
        assert min((*costs.alone, *costs.elsewhere, *costs.joining)) > 0
    assert f"| {version[0]}.{version[1]} | {costs.alone[0]:.2f} ms | " in pooler.page(effort, {version: costs})


def test_the_cost_of_the_names_of_clients_is_what_connections_adds_to_another_pane() -> None:
    few = pooler.Costs(alone=(1.0, 5.0, 1.2), elsewhere=(1.5, 5.5, 1.7), joining=(1.75, 5.75, 2.25))
    many = pooler.Costs(alone=(1.0,), elsewhere=(1.5,), joining=(2.25,))
    lines = pooler.page(pooler.Effort(1000, 3, 12), {(1, 24): few, (1, 26): many}).splitlines()
    assert lines[-2:] == [
        "| 1.24 | 1.20 ms | 1.70 ms | 2.25 ms | 0.25 ms | 0.75 ms | yes |",
        "| 1.26 | 1.00 ms | 1.50 ms | 2.25 ms | 0.75 ms | 1.25 ms | **no** |",
    ]


def test_goals_are_judged_on_the_figure_or_on_the_ratio_to_a_peer() -> None:
    book = Book()
    book.enter("start", "console", 300)
    book.enter("start", "pg_activity", 250)
    book.enter("sessions.cpu", "console", 5.0)
    book.enter("command.help", "console", 30.0)
    book.enter("floor.python", "console", 10.0)
    rows = {row.metric: row for row in (*goals.COMMANDS, *goals.SCREENS)}
    verdicts = {name: goals.verdict(rows[name], book) for name in ("start", "sessions.cpu", "command.help", "key")}
    assert verdicts["key"] is None
    lines = {name: report.line(found, book, ["console", "pg_activity"]) for name, found in verdicts.items() if found}
    assert lines["start"].endswith("| 1.20 | ≤ 0.6 × pg_activity | **no** | 300 ms | 250 ms |")
    assert lines["sessions.cpu"].endswith("| 0.83 | ≤ 6 ms | yes | 5 ms | – |")
    assert lines["command.help"].endswith("| 3.00 | ≤ 2 × Python | **no** | 30 ms | – |")
    assert report.missed(rows.values(), book) == [
        "- exec to first live rows, connections: 1.20, ≤ 0.6 × pg_activity",
        "- `--help`: 3.00, ≤ 2 × Python",
    ]


def test_of_goals_that_are_not_reached_the_page_says_once_what_limits_them() -> None:
    book = Book()
    for metric in ("sessions.cpu", "slow.cpu", "start"):
        book.enter(metric, "console", 99.0)
        book.enter(metric, "pg_activity", 10.0)
    lines = report.missed(goals.SCREENS, book)
    assert [line.replace("\n", " ").strip() for line in lines if not line.startswith("- ")] == [goals.REFRESH]
    assert max(map(len, "\n".join(lines).splitlines())) <= report.WIDTH
    book.enter("sessions.cpu", "pg_activity", 1000.0)
    book.enter("slow.cpu", "console", 0.1)
    assert all(line.startswith("- ") for line in report.missed([goals.SCREENS[0]], book))


def test_growth_is_an_exponent_and_a_key_has_fifty_milliseconds() -> None:
    book = Book()
    for size, cpu, key in ((300, 2.0, 3.0), (3000, 80.0, 60.0)):
        book.enter(f"growth.connections.{size}.cpu", "console", cpu)
        book.enter(f"growth.connections.{size}.key", "console", key)
    lines = report.growth_table(goals.growth(book))
    assert lines[2].endswith("| 2 ms | 80 ms | 1.60 | **no** |")
    assert lines[3].endswith("| 3 ms | 60 ms | 1.30 | **no** |")


def test_a_section_is_measured_again_alone(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    for section, figure in (("startup", 9.0), ("waiters", 2.0), ("startup", 3.0)):
        book = Book(skipped=[f"something of {section}"], versions={"Servers": "15"})
        book.enter("memory", "console", figure)
        figures.keep(file, section, book)
    kept = figures.kept(file)
    assert {name: each.value("memory", "console") for name, each in kept.items()} == {"startup": 3.0, "waiters": 2.0}
    assert kept["waiters"].skipped == ["something of waiters"]


@pytest.mark.parametrize(
    ("wanted", "refused"), [(["nothing"], "There is no peer nothing"), (["pgcenter"], "pgcenter is not installed")]
)
def test_a_peer_that_cannot_be_measured_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: list[str], refused: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Trouble, match=refused):
        peers.chosen(wanted, tmp_path)


def test_peers_are_those_that_are_installed_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pg_top", "pg_activity"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [tool.name for tool, _ in peers.chosen([], tmp_path)] == ["pg_activity", "pg_top"]
    [(tool, program)] = peers.chosen(["pgmon=/opt/pgmon"], tmp_path)
    assert (tool.name, tool.argv[0], program) == ("pgmon", "/opt/pgmon", Path("/opt/pgmon"))
    assert peers.chosen(["none"], tmp_path) == []


def test_median_of_the_runs_is_reported() -> None:
    book = Book()
    for figure in (9.0, 1.0, 2.0):
        book.enter("memory", "console", figure)
    assert book.value("memory", "console") == 2.0
    assert book.value("memory", "pg_activity") is None


def test_a_cursor_is_timed_until_it_stands_on_another_line() -> None:
    program = r"""
import sys, time, tty
tty.setcbreak(0)
def paint(cursor):
    lines = ("\033[%d;1H%s a row of text\033[0m" % (y, "\033[44m" if y == cursor else "") for y in (3, 4))
    sys.stdout.write("".join(lines)); sys.stdout.flush()
paint(3)
while (key := sys.stdin.read(1)) != "q":
    sys.stdout.write("\033[1;1Hseen"); sys.stdout.flush()
    sys.stdin.read(1)
    if key == "j":
        paint(4)
"""
    with Terminal([sys.executable, "-c", program], ENVIRONMENT, Path("/")) as terminal:
        terminal.when(re.compile("a row"))
        assert terminal.answer("j") < 60
        assert 0 < terminal.redraw(" ") < 60
        terminal.answer("k")
        with pytest.raises(Silent, match="moves no cursor"):
            terminal.redraw(" ", 0.05)


def test_a_normalised_statement_is_known_by_the_name_of_its_query() -> None:
    text = sql.load("statement_texts", (1, 11)).text.replace("@extschema@", '"public"').rstrip()
    for number, name in enumerate(("queryid", "userid", "dbid"), 1):
        text = text.replace(f"%({name})s", f"${number}")
    assert probes._names()[probes._shape(text.replace("500", "$4"))] == "statement_texts"


def test_a_literal_that_escapes_is_normalised_with_its_letter() -> None:
    text = sql.load("partition_parents", (15,)).text
    normalised = re.sub(r"E?'[^']*'", "$1", re.sub(r"--[^\n]*", "", text))
    assert probes._names()[probes._shape(normalised)] == "partition_parents"


def test_a_read_of_sessions_and_header_at_once_is_a_refresh_of_either() -> None:
    calls = {"connections": 1, "connections_vitals": 2, "connections_recent": 3, "connections_steady": 1, "vitals": 3}
    spent = {name: Spent(many) for name, many in calls.items()}
    assert tools.console().refreshes(spent, "connections") == 7
    assert tools.console("").refreshes(spent, tools.HEADER) == 9
    assert tools.console("locks").refreshes({"locks": Spent(4), **spent}, "locks") == 4
    some = {"statements": Spent(1), "statements_from": Spent(9)}
    assert tools.console("slow-queries").refreshes(some, "statements") == 10


def test_rules_that_read_seldom_are_no_part_of_what_a_pane_costs() -> None:
    seldom = measure._read_seldom("connections")
    assert {"bloat_tables", "indexes", "statements", "statements_from"} <= seldom
    assert measure._read_seldom("statements").isdisjoint({"statements", "statements_from"})
    assert seldom.isdisjoint({"connections", *tools.BOTH, "vitals", "lock_queues", "held_transactions"})
    assert "indexes" not in measure._read_seldom("indexes")


def test_a_terminal_times_what_appears_and_answers_questions() -> None:
    program = r"""
import sys, termios, tty
tty.setcbreak(0)
sys.stdout.write("\033[6n"); sys.stdout.flush()
answer = sys.stdin.read(6)
sys.stdout.write("at %r size %r\n" % (answer, termios.tcgetwinsize(1))); sys.stdout.flush()
while sys.stdin.read(1) != "q":
    sys.stdout.write("pressed"); sys.stdout.flush()
"""
    with Terminal([sys.executable, "-c", program], ENVIRONMENT, Path("/")) as terminal:
        at = terminal.when(re.compile(rf"at '\\x1b\[1;1R' size \({LINES}, {COLUMNS}\)"))
        assert at > terminal.started
        assert 0 < terminal.answer("x") < 60
        assert "pressed" in terminal.text()
        assert probes.cpu_seconds(terminal.pid) > 0
        assert probes.resident_mb(terminal.pid) > 1


def test_a_program_that_ends_early_is_told_with_its_screen() -> None:
    with (
        Terminal([sys.executable, "-c", "print('no luck')"], ENVIRONMENT, Path("/")) as terminal,
        pytest.raises(Silent, match="no luck"),
    ):
        terminal.when(re.compile("live"))
