"""Before the interface is loaded the terminal shows the server and the first rows; what is typed meanwhile is kept."""

from __future__ import annotations

import os
import re
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.format import cells
from console.model import Snapshot
from console.panes import pane
from console.tui.first_screen import ReadSoFar, painted
from console.tui.grounds import Ground, ground
from tests.command import loaded_modules
from tests.servers import PostgresServer
from tests.terminals import Terminal

# The console, whose interface is loaded once a file is there; a file called "broken" breaks it.
HELD = """
import pathlib, signal, sys, time
from console.tui import start
signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it
folder = pathlib.Path(sys.argv.pop())
loaded = start._loaded
def held():
    while not (folder / "go").exists():
        time.sleep(0.02)
    if (folder / "broken").exists():
        raise ImportError("textual")
    return loaded()
start._loaded = held
from console.cli import main
sys.exit(main())
"""
SEQUENCE = re.compile("\x1b\\[[0-9;]*m")
PLAIN = Ground()


def seen(name: str, rows: list[tuple[object, ...]], columns: tuple[str, ...]) -> ReadSoFar:
    shown = pane(name)
    return ReadSoFar("db", shown, shown.views[0], None, Snapshot(name, columns, tuple(rows), datetime.now(UTC), 0.0))


def connections(count: int, who: str = "shop", state: str = "active") -> ReadSoFar:
    columns = tuple(column.name for column in pane("connections").views[0].columns)
    known = {"pid": 4711, "who": who, "state": state, "age": 3.0, "xact_age": 900.0}
    return seen("connections", [tuple(known.get(name) for name in columns)] * count, columns)


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (31, 8), (20, 6)])
@pytest.mark.parametrize("count", [0, 3, 300])
def test_every_line_is_as_wide_as_the_screen_and_there_are_no_more(size: tuple[int, int], count: int) -> None:
    for on in (PLAIN, ground({"COLORTERM": "truecolor"}, "dark")):
        lines = painted(connections(count, "wide 漢字 name"), size, on)
        assert len(lines) == size[1]
        assert {cells(SEQUENCE.sub("", line)) for line in lines} == {size[0]}


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (31, 8), (20, 6)])
@pytest.mark.parametrize("count", [0, 3, 300])
def test_below_the_findings_it_says_how_many_rules_were_evaluated(size: tuple[int, int], count: int) -> None:
    read = seen("overview", [("critical", "a finding")] * count, ("level", "sentence"))
    assert read.rows is not None
    note = "No findings so far: 22 rules evaluated, 25 to follow, 15 could not be (6 rules: Needs a second reading)."
    lines = painted(replace(read, rows=replace(read.rows, notes=(note,))), size, PLAIN)
    text = " ".join(" ".join(SEQUENCE.sub("", line) for line in lines).split())
    assert len(lines) == size[1]
    assert {cells(SEQUENCE.sub("", line)) for line in lines} == {size[0]}
    assert "No findings" in text
    assert "22 rules evaluated" in text or size[1] < 24
    assert ("a finding" in text) is bool(count) or size[1] < 24


def test_text_of_the_server_is_data() -> None:
    lines = painted(connections(1, "evil\x1b]0;title\x07\x1b[2J"), (120, 10), PLAIN)
    text = SEQUENCE.sub("", "\n".join(lines))
    assert "evil␛]0;title" in text
    assert "\x1b" not in text
    assert "\x07" not in text


def test_severity_is_a_mark_and_without_colours_still_bold() -> None:
    plain, coloured = (painted(connections(1), (120, 10), PLAIN, colours=each)[5] for each in (False, True))
    assert SEQUENCE.sub("", plain).startswith("!")
    assert "\x1b[1m" in plain
    assert not re.search("\x1b\\[3", plain)
    assert re.search("\x1b\\[3[13]m", coloured)


@pytest.mark.parametrize(
    ("environ", "theme", "has"),
    [
        ({"COLORTERM": "truecolor"}, "auto", "\x1b[48;2;14;19;24m"),
        ({"COLORTERM": "truecolor"}, "light", "\x1b[48;2;251;251;248m"),
        ({"COLORTERM": "truecolor", "NO_COLOR": "1"}, "auto", ""),
        ({"TERM": "xterm-256color"}, "auto", ""),
        ({"TERM": "xterm"}, "dark", ""),
    ],
)
def test_the_ground_is_the_themes_where_the_terminal_has_all_colours(
    environ: dict[str, str], theme: str, has: str
) -> None:
    assert ground(environ, theme).background.endswith(has)
    assert bool(ground(environ, theme).background) == bool(has)


def test_it_is_painted_without_the_interface(tmp_path: Path) -> None:
    found = loaded_modules(tmp_path, "import console.tui.start")
    assert not [name for name in found if name.partition(".")[0] in {"textual", "rich", "plotext"}]


@contextmanager
def held(folder: Path, *arguments: str, size: tuple[int, int] = (80, 24), **extra: str) -> Iterator[Terminal]:
    """A console in a terminal whose interface waits for a file in `folder`."""
    environ = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLORTERM"}}
    environ |= {"TERM": "xterm-256color", "XDG_CONFIG_HOME": "/nonexistent", **extra}
    terminal = Terminal([sys.executable, "-c", HELD, *arguments, str(folder)], size, environ)
    with terminal.closing():
        yield terminal


def is_whole(terminal: Terminal) -> bool:
    """Whether the terminal is as the console found it."""
    now = termios.tcgetattr(terminal.slave)
    return now[:4] == terminal.settings[:4] and terminal.raw.rfind(b"\x1b[?1049l") > terminal.raw.rfind(b"\x1b[?1049h")


def test_rows_are_there_before_the_interface_and_keys_typed_meanwhile_are_its_keys(
    any_pg: PostgresServer, tmp_path: Path
) -> None:
    with (
        any_pg.connect("postgres", application_name="asked early"),
        held(tmp_path, "open", any_pg.uri("postgres"), "--pane", "connections") as terminal,
    ):
        before = terminal.shows("asked early", "primary")
        assert "every" not in before
        assert b"\x1b[?1000h" not in terminal.raw, "the interface has not begun"
        terminal.type("?")
        assert "?" not in terminal.text(), "keys are not echoed"
        (tmp_path / "go").touch()
        terminal.shows("Help: Connections")
        assert terminal.raw.count(b"\x1b[?1049h") == 1, "the screen is taken over, not begun again"
        terminal.type("\x1b")
        terminal.shows("asked early", "every")
        terminal.type("q")
        assert terminal.ends() == 0
        assert is_whole(terminal)


def test_the_interface_never_shows_less_than_the_first_screen(any_pg: PostgresServer, tmp_path: Path) -> None:
    with (
        any_pg.connect("postgres", application_name="asked early"),
        held(tmp_path, "open", any_pg.uri("postgres"), "--pane", "connections", size=(100, 30)) as terminal,
    ):
        terminal.shows("asked early")
        (tmp_path / "go").touch()
        while "every" not in terminal.text():
            assert "asked early" in terminal.text()
            terminal.read()
        terminal.type("q")
        assert terminal.ends() == 0


def test_keys_typed_before_a_plan_was_seen_do_not_confirm_it(any_pg: PostgresServer, tmp_path: Path) -> None:
    with (
        any_pg.connect("postgres", application_name="asked early") as victim,
        held(tmp_path, "open", any_pg.uri("postgres"), "--pane", "connections") as terminal,
    ):
        terminal.shows("asked early")
        terminal.type("K\r\r")
        (tmp_path / "go").touch()
        terminal.shows("asked early", "every")
        terminal.type("?")  # a dialog that opened takes it
        terminal.type("\x1b")
        terminal.hides("Help: Connections")
        assert victim.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_before_the_interface_leaves_the_terminal_whole(
    any_pg: PostgresServer, tmp_path: Path, number: signal.Signals
) -> None:
    with held(tmp_path, "open", any_pg.uri("postgres"), "--pane", "connections") as terminal:
        terminal.shows("primary")
        terminal.process.send_signal(number)
        (tmp_path / "go").touch()  # an interrupt waits for the thread that loads
        assert terminal.ends() == (130 if number == signal.SIGINT else -number)
        assert is_whole(terminal)


def test_an_interface_that_cannot_be_loaded_leaves_the_terminal_whole(any_pg: PostgresServer, tmp_path: Path) -> None:
    with held(tmp_path, "open", any_pg.uri("postgres"), "--pane", "connections") as terminal:
        terminal.shows("primary")
        (tmp_path / "broken").touch()
        (tmp_path / "go").touch()
        assert terminal.ends() == 1
        assert is_whole(terminal)


def test_a_locale_without_wide_characters_gets_replacements(any_pg: PostgresServer, tmp_path: Path) -> None:
    with (
        any_pg.connect("postgres", application_name="asked early"),
        held(tmp_path, "open", any_pg.uri("postgres"), "--pane", "connections", LC_ALL="C") as terminal,
    ):
        terminal.shows("asked early", " - ")
        assert terminal.raw.isascii()


def test_nothing_is_painted_on_a_terminal_too_small_for_it(any_pg: PostgresServer, tmp_path: Path) -> None:
    with held(tmp_path, "open", any_pg.uri("postgres"), size=(19, 5)) as terminal:
        (tmp_path / "go").touch()
        terminal.shows("Now")
        assert b"\x1b[?1049h\x1b[?25l" not in terminal.raw
        terminal.type("q")
        assert terminal.ends() == 0
