"""The benchmark script: it measures real programs on small servers, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from console import sql
from console.files.pooler_config import find_pgbouncer
from scripts.benchmarks import measure, probes, report
from scripts.benchmarks.__main__ import BENCHMARKS, main
from scripts.benchmarks.fixture import Size, site
from scripts.benchmarks.measure import Bench, Book, Effort
from scripts.benchmarks.terminal import COLUMNS, LINES, Silent, Terminal

FOLDER = Path(report.__file__).parent
TINY = Size("heavy", 25, 16, 5, children=45, others=4, statements=30, text=300, pools=4, clients=6)
MOMENT = Effort(runs=1, starts=1, refreshes=1, keys=4, changes=2, warm=0.5)
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


@pytest.mark.slow
def test_measures_start_costs_and_pooler_and_takes_everything_down(tmp_path: Path) -> None:
    book = Book()
    with site(TINY, None) as place:
        data = place.process.data
        with place.connect() as server:
            bench = Bench(place, server, tmp_path, None, MOMENT, book, report=lambda _: None)
            measure.start(bench)
            measure.overview(bench)
            measure.pooler(bench)
    assert not data.exists()
    wanted = ["start", "start.overview", "overview.cpu", "overview.bytes", "overview.minute"]
    wanted += ["pooler.server", "pooler.client"] if find_pgbouncer() else []
    figures = {metric: book.value(metric, "console") for metric in wanted}
    assert all(
        figure is not None and figure > 0 for figure in figures.values() if figure != figures.get("pooler.server")
    )
    text = report.report(book, MOMENT, {"Servers": place.process.installation.version})
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + sum(book.value(row.metric, "console") is not None for row in report.ROWS)
    assert str(tmp_path) not in text


def test_goals_are_judged_on_the_figure_or_on_the_ratio() -> None:
    book = Book()
    book.enter("start", "console", 300)
    book.enter("start", "pg_activity", 250)
    book.enter("sessions.cpu", "console", 5.0)
    rows = {row.metric: row for row in report.ROWS}
    assert report.line(rows["start"], book).endswith("| 300 ms | 250 ms | 1.20 | ≤ 1 × pg_activity | **no** |")
    assert report.line(rows["sessions.cpu"], book).endswith("| 5 ms | – | – | ≤ 6 ms | yes |")


def test_median_of_the_runs_is_reported() -> None:
    book = Book()
    for figure in (9.0, 1.0, 2.0):
        book.enter("memory", "console", figure)
    assert book.value("memory", "console") == 2.0
    assert book.value("memory", "pg_activity") is None


def test_a_normalised_statement_is_known_by_the_name_of_its_query() -> None:
    text = sql.load("statement_texts", (1, 11)).text.replace("@extschema@", '"public"').rstrip()
    for number, name in enumerate(("queryid", "userid", "dbid"), 1):
        text = text.replace(f"%({name})s", f"${number}")
    assert probes._names()[probes._shape(text.replace("500", "$4"))] == "statement_texts"


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
        assert 0 < terminal.answer("x") < 5
        assert "pressed" in terminal.text()
        assert probes.cpu_seconds(terminal.pid) > 0
        assert probes.resident_mb(terminal.pid) > 1


def test_a_program_that_ends_early_is_told_with_its_screen() -> None:
    with (
        Terminal([sys.executable, "-c", "print('no luck')"], ENVIRONMENT, Path("/")) as terminal,
        pytest.raises(Silent, match="no luck"),
    ):
        terminal.when(re.compile("live"))
