"""Words typed at full speed into a real pseudo-terminal run nothing, after any request for a plan."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.actions import ACTIONS, action
from console.keys import action_key
from console.setup.guide import pages
from tests.servers import PostgresServer
from tests.terminals import Terminal
from tests.test_terminal import console
from tests.waiting import PATIENCE

WORDS = "/for refresh report \r"  # without q, which quits, and without the keys that request plans
GUIDE_WORDS = "/retry after retreat\r"  # without keys that turn to another page or skip it
ESC, PALETTE = "\x1b", "\x10"
BURSTS = 30  # of WORDS, 30 ms apart: longer than a key must be held down before it repeats
FORM, PLAN, PLANNING, SEARCH, GUIDE = "Enter plan", "Plan: ", "Planning …", "Search for", "Set-up guide"
TAKES_KEYS = ("r run", "Enter run")  # what a plan says once it takes keys


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory of the audit trail, which must stay empty: a run writes to it before its first statement."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "state"
    assert not list(tmp_path.rglob("audit.jsonl")), "a plan was run"
    assert not list(tmp_path.glob("*.csv")), "a file was written"


def until_any(terminal: Terminal, *texts: str) -> None:
    """Wait until one of `texts` is on the screen."""
    end = time.monotonic() + PATIENCE
    while not any(text in terminal.text() for text in texts):
        assert time.monotonic() < end, f"none of {texts} came:\n{terminal.text()}"
        terminal.read(0.05)


def burst(terminal: Terminal, left: int = BURSTS, words: str = WORDS) -> bool:
    """Type words without a pause while a plan is made and after. Returns whether a plan is shown at the end."""
    while left > 0:
        terminal.type(words)
        terminal.read(0.03)
        left -= PLANNING not in terminal.text()
    if PLAN not in terminal.text():
        return False
    until_any(terminal, *TAKES_KEYS)
    return True


def storm(terminal: Terminal, opening: str) -> bool:
    """Request a plan twice: all in one piece, then with a form that is confirmed. Returns whether a plan was shown."""
    terminal.type(opening + WORDS)
    burst(terminal, 3)
    rest(terminal)
    terminal.type(opening)
    until_any(terminal, "╰", PLANNING, "Nothing to do")
    confirm_form(terminal)
    planned = burst(terminal)
    rest(terminal)
    return planned


def confirm_form(terminal: Terminal) -> None:
    """Hold Enter down until the form is closed, or long enough to see that it stays."""
    for _ in range(BURSTS):
        terminal.read(0.03)
        if FORM not in terminal.text():
            return
        terminal.type("\r")


def rest(terminal: Terminal) -> None:
    """Close every dialog and clear the filter; returns when the console has taken every key that was typed."""
    close(terminal)
    terminal.type(ESC)
    terminal.read(0.3)  # longer than the console waits for what may follow an escape
    close(terminal)


def close(terminal: Terminal) -> None:
    """Close every dialog. The palette opens only when every key before it has been taken."""
    end = time.monotonic() + PATIENCE
    while SEARCH not in terminal.text():
        assert time.monotonic() < end, terminal.text()
        assert terminal.process.poll() is None, terminal.raw.decode(errors="replace")[-3000:]
        above = "╰" in terminal.text() or GUIDE in terminal.text()
        terminal.type(ESC if above else PALETTE)
        terminal.read(0.15)
    terminal.type(ESC)
    terminal.hides(SEARCH)


def test_words_typed_after_the_key_of_an_action_run_nothing(any_pg: PostgresServer, pipeline: str, state: Path) -> None:
    # In another pane than the first, where f requests a plan itself.
    with console("open", any_pg.uri(pipeline), "--pane", "views", XDG_STATE_HOME=str(state)) as terminal:
        terminal.shows("mv_monthly")
        planned = {key for each in ACTIONS if (key := action_key(each.name)) and storm(terminal, key)}
        assert planned, "at least one plan was on the screen while words were typed"


def test_words_typed_after_a_choice_of_the_palette_run_nothing(
    any_pg: PostgresServer, pipeline: str, state: Path
) -> None:
    with console("open", any_pg.uri(pipeline), "--pane", "views", XDG_STATE_HOME=str(state)) as terminal:
        terminal.shows("mv_monthly")
        planned = 0
        for name in ("refresh-views", "archive-analytics"):
            terminal.type(PALETTE)
            terminal.shows(SEARCH)
            terminal.type(action(name).title)
            terminal.shows(action(name).help[:40])
            while action(name).help[:40] in terminal.text() and FORM not in terminal.text():
                terminal.type("\r")
                terminal.read(0.03)
            confirm_form(terminal)
            planned += burst(terminal)
            rest(terminal)
        assert planned


def test_words_typed_after_the_key_that_ends_a_session_end_none(
    any_pg: PostgresServer, pipeline: str, state: Path
) -> None:
    with any_pg.connect(pipeline, application_name="idler") as idle:
        idle.execute("BEGIN")
        with console("open", any_pg.uri(pipeline), "--pane", "connections", XDG_STATE_HOME=str(state)) as terminal:
            terminal.shows(str(idle.info.backend_pid), "Quit")  # the interface is there too
            assert storm(terminal, "K")
        idle.rollback()  # the session is still there


def test_words_typed_in_the_guide_run_nothing(any_pg: PostgresServer, pipeline: str, state: Path) -> None:
    with console("open", any_pg.uri(pipeline), XDG_STATE_HOME=str(state)) as terminal:
        terminal.shows("rules evaluated")
        assert [name for name in ("roles", "tuning") if storm_page(terminal, name)] == ["roles", "tuning"]


@pytest.mark.slow
def test_words_typed_on_any_page_of_the_guide_run_nothing(any_pg: PostgresServer, state: Path) -> None:
    database = any_pg.fresh_database()
    with console("open", any_pg.uri(database), XDG_STATE_HOME=str(state)) as terminal:
        terminal.shows("rules evaluated")
        assert [page.name for page in pages() if storm_page(terminal, page.name)]


def storm_page(terminal: Terminal, name: str) -> bool:
    """Type words over the plan of a page of the guide, and over its form. Returns whether the plan was shown."""
    terminal.type("U")
    terminal.shows(GUIDE, "pages done")
    while "read    Next steps" not in terminal.text():  # the last page: all are there
        terminal.type("j")
        terminal.read(0.05)
    at = [page.name for page in pages()].index(name)
    terminal.type("k" * len(pages()) + "j" * at + "\r" + GUIDE_WORDS)
    until_any(terminal, "╰", PLANNING, "▌")  # a dialog, or a toast: there is nothing to do
    confirm_form(terminal)
    planned = burst(terminal, words=GUIDE_WORDS)
    rest(terminal)
    return planned
