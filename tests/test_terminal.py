"""The installed command in a real pseudo-terminal, from its first frame to a clean end."""

from __future__ import annotations

import os
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import PostgresServer
from tests.terminals import Terminal


@contextmanager
def console(*arguments: str, size: tuple[int, int] = (80, 24), **environment: str) -> Iterator[Terminal]:
    settings = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLORTERM"}}
    settings |= {"TERM": "xterm-256color", "XDG_CONFIG_HOME": "/nonexistent", **environment}
    terminal = Terminal([sys.executable, "-m", "console.cli", *arguments], size, settings)
    with terminal.closing():
        yield terminal


def test_keys_typed_at_once_after_the_key_of_a_pane_are_for_that_pane(any_pg: PostgresServer, pipeline: str) -> None:
    with console("open", any_pg.uri(pipeline), "--pane", "partitions") as terminal:
        terminal.shows("api_usage")
        for key, title in (("2", "Conns"), ("7", "Parents"), ("3", "Locks")):
            terminal.type(f"{key}/tj7")  # the keys of panes and of the table are typed into the filter
            terminal.shows(title, "/tj7")
            terminal.type("\x1b")
            terminal.hides("/tj7")
            terminal.type("/xyz\rvp")  # keys after Enter are for the pane again; the other view has no filter
            terminal.shows("paused")  # every key before it has been taken
            terminal.hides("xyz")
            terminal.type("Vp")
            terminal.hides("paused")
            terminal.shows("/xyz")
            terminal.type("\x1b")
            terminal.hides("/xyz")
        terminal.type("q")
        assert terminal.ends() == 0


def test_keys_act_in_a_terminal_that_has_lost_the_focus(any_pg: PostgresServer, pipeline: str) -> None:
    with console("open", any_pg.uri(pipeline), "--pane", "partitions") as terminal:
        terminal.shows("api_usage")
        terminal.type("\x1b[O")  # how a terminal reports that another window has the focus
        terminal.type("/usage")
        terminal.shows("1 of 4", "/usage")


def test_a_screen_that_another_program_has_written_to_is_drawn_again(any_pg: PostgresServer, pipeline: str) -> None:
    with console("open", any_pg.uri(pipeline), "--pane", "partitions") as terminal:
        terminal.shows("content_analytics")
        for opened, title in (("", "Partitions"), ("?", "Help: Partitions")):
            terminal.type(opened)
            terminal.shows(title)
            for line in range(1, 25):
                terminal.stream.feed(b"\x1b7\x1b[%d;1H%b\x1b8" % (line, b"Broadcast message ".ljust(80, b"!")))
            assert title not in terminal.text()
            while title not in terminal.text():  # a dialog that has just opened takes no key
                terminal.type("\x0c")
                terminal.read()
            terminal.hides("Broadcast")


def test_a_whole_visit_by_keys(any_pg: PostgresServer, pipeline: str) -> None:
    with console("open", any_pg.uri(pipeline)) as terminal:
        terminal.shows("primary", "rules evaluated", "Quit")  # the interface is there
        for key, title, expected in (
            ("7", "Partitions", "api_usage"),
            ("6", "Indexes", "needed"),
            ("2", "Conns", "pid"),
        ):
            terminal.type(key)
            terminal.shows(title, expected)
        terminal.type("?")
        terminal.shows("Help: Connections")
        terminal.type("\x1b")
        terminal.hides("Help: Connections")
        terminal.resize((120, 30))
        terminal.shows("primary", "Connections")
        terminal.type("q")
        assert terminal.ends() == 0
        assert b"\x1b[?1049l" in terminal.raw, "the alternate screen was left"
        assert termios.tcgetattr(terminal.slave)[3] == terminal.settings[3], "echo and line mode are back"


def test_the_console_is_on_the_terminal_where_its_diagnostics_go_to_a_file(
    any_pg: PostgresServer, tmp_path: Path
) -> None:
    settings = {**os.environ, "TERM": "xterm-256color", "XDG_CONFIG_HOME": "/nonexistent"}
    diagnostics = tmp_path / "diagnostics"
    command = [sys.executable, "-m", "console.cli", "open", any_pg.uri()]
    terminal = Terminal(["/bin/sh", "-c", f'exec "$@" 2> {diagnostics}', "sh", *command], (80, 24), settings)
    with terminal.closing():
        terminal.shows("primary", "rules evaluated", "Quit")
        terminal.type("2")
        terminal.shows("pid")
        terminal.type("q")
        assert terminal.ends() == 0
    assert diagnostics.read_text() == ""


def test_the_size_is_that_of_the_terminal_not_what_a_shell_exported(any_pg: PostgresServer) -> None:
    with console("open", any_pg.uri(), size=(120, 40), COLUMNS="80", LINES="24") as terminal:
        terminal.shows("rules evaluated")
        for width, height in ((120, 40), (100, 30)):
            terminal.resize((width, height))
            terminal.ends_in_line(height, "Quit")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_console_with_the_terminal_whole(any_pg: PostgresServer, number: signal.Signals) -> None:
    with console("open", any_pg.uri()) as terminal:
        terminal.shows("rules evaluated", "Quit")  # the interface is there
        terminal.process.send_signal(number)
        assert terminal.ends() == 128 + number
        assert b"\x1b[?1049l" in terminal.raw
        assert termios.tcgetattr(terminal.slave)[3] == terminal.settings[3]


def test_no_color_sends_no_colour(any_pg: PostgresServer) -> None:
    with console("open", any_pg.uri(), NO_COLOR="1", TERM="xterm") as terminal:
        terminal.shows("rules evaluated")
        terminal.type("q")
        assert terminal.ends() == 0
    colours = {cell.fg for line in terminal.screen.buffer.values() for cell in line.values()}
    assert colours <= {"default"}


def test_a_terminal_of_sixteen_colours_gets_no_more(any_pg: PostgresServer) -> None:
    with console("open", any_pg.uri(), TERM="xterm") as terminal:
        terminal.shows("rules evaluated")
        terminal.type("q")
        assert terminal.ends() == 0
    assert b"[38;2;" not in terminal.raw
    assert b";38;2;" not in terminal.raw


def test_an_unknown_id_in_the_keymap_is_refused_with_the_known_ones(any_pg: PostgresServer, tmp_path: Path) -> None:
    file = tmp_path / "console.yml"
    file.write_text("keymap:\n  pane.nothing: x\n")
    with console("open", any_pg.uri(), "--config", str(file), size=(200, 24)) as terminal:
        assert terminal.ends() == 2
        assert "pane.nothing" in terminal.text()
        assert "pane.filter" in terminal.text().replace("\n", ""), "lines are broken in the middle of a word"
