"""Words typed at full speed into a real pseudo-terminal run nothing, after any request for a plan."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.actions import ACTIONS
from console.setup.guide import pages
from tests.servers import PostgresServer
from tests.test_terminal import Terminal, console
from tests.waiting import PATIENCE

WORDS = "/for refresh report \r"  # without q, which quits
KEYS = tuple(action.key for action in ACTIONS if action.key)
QUIET = 1.0  # seconds that what was typed has to show; a longer one hides no failure: the trail is looked at last
BURSTS = 6


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory of the audit trail, which must stay empty."""
    monkeypatch.chdir(tmp_path)  # an export may be typed
    yield tmp_path / "state"
    assert not list(tmp_path.rglob("audit.jsonl")), "a plan was run"


def still(terminal: Terminal) -> str:
    """The screen once nothing is being planned, and what was typed has had time to show."""
    since = time.monotonic()
    while time.monotonic() - since < QUIET or "Planning …" in terminal.text():
        assert time.monotonic() - since < PATIENCE, terminal.text()
        terminal.read(0.05)
    return terminal.text()


def burst(terminal: Terminal, opening: str) -> bool:
    """Type a request and words after it, without a pause. Returns whether a plan was shown, and is still shown."""
    terminal.type(opening + WORDS)
    for _ in range(BURSTS):
        terminal.read(0.05)
        terminal.type(WORDS)
    still(terminal)
    terminal.type(WORDS)  # also once a plan has been on the screen for long
    return "Plan: " in still(terminal)


def request(terminal: Terminal, opening: str) -> bool:
    """Make the same request twice: all at full speed, then with words only after its form has been confirmed."""
    burst(terminal, opening)
    leave(terminal)
    leave_fields(terminal)
    terminal.type(opening)
    if "Enter plan" in still(terminal):
        terminal.type("\r")
        terminal.hides("Enter plan")  # what is typed before belongs to the form
    planned = burst(terminal, "")
    leave(terminal)
    leave_fields(terminal)
    return planned


def leave(terminal: Terminal) -> None:
    """Close every dialog."""
    end = time.monotonic() + PATIENCE
    while "╰" in still(terminal):
        assert time.monotonic() < end, terminal.text()
        terminal.type("\x1b")


def leave_fields(terminal: Terminal) -> None:
    """Clear the filter of the pane, whatever was typed into it."""
    for _ in range(2):
        terminal.type("\x1b")
        still(terminal)


def test_words_typed_after_the_key_of_an_action_run_nothing(any_pg: PostgresServer, pipeline: str, state: Path) -> None:
    with console("open", any_pg.uri(pipeline), XDG_STATE_HOME=str(state)) as terminal:
        terminal.shows("connections used")
        assert "R" in [key for key in KEYS if request(terminal, key)]


def test_words_typed_after_a_choice_of_the_menu_run_nothing(any_pg: PostgresServer, pipeline: str, state: Path) -> None:
    with console("open", any_pg.uri(pipeline), XDG_STATE_HOME=str(state)) as terminal:
        terminal.shows("connections used")
        planned = 0
        for at in range(len(ACTIONS)):
            terminal.type("a")
            terminal.shows("Enter plan")
            still(terminal)
            planned += burst(terminal, "\x1b[B" * at + "\r")
            leave(terminal)
            leave_fields(terminal)
        assert planned, "no plan was shown"


def test_words_typed_on_any_page_of_the_guide_run_nothing(pg: PostgresServer, database: str, state: Path) -> None:
    with console("setup", "-t", pg.uri(database), XDG_STATE_HOME=str(state)) as terminal:
        terminal.shows("read    Next steps")
        planned = 0
        for at in range(len(pages())):
            still(terminal)
            for opening in ("\r" + WORDS, "\r"):
                terminal.type("k" * len(pages()) + "j" * at)
                still(terminal)
                terminal.type(opening)
                terminal.read(QUIET)
                planned += burst(terminal, "")
                leave(terminal)
        assert planned, "no plan was shown"
