"""Quitting the console in a real terminal while a load test cleans up: that is said, and Ctrl-C hurries it."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.actions import action
from console.demo.cluster import OWNER
from console.tui.key_guard import READ
from tests.servers import PostgresServer
from tests.test_terminal import console
from tests.test_typed_forms import CTRL_U, open_form, type_until

MADE = "SELECT count(*) FROM public.content_requests WHERE title LIKE '[load-test %'"
WAITING = "Waiting for load-test to clean up. Ctrl-C leaves that to the next run."


@pytest.mark.parametrize("hurried", [True, False], ids=["Ctrl-C", "patience"])
def test_a_console_that_cleans_up_says_so_and_ctrl_c_hurries_it(
    any_pg: PostgresServer, pipeline: str, tmp_path: Path, hurried: bool
) -> None:
    with any_pg.connect() as session:
        session.execute(f"ALTER DATABASE {pipeline} SET pipeline_console.purpose = 'scratch'".encode())
    with (
        any_pg.connect(pipeline) as other,
        console("open", any_pg.uri(pipeline, OWNER), XDG_STATE_HOME=str(tmp_path)) as terminal,
    ):

        def made() -> int:
            ((count,),) = other.execute(MADE.encode())
            return int(count)

        terminal.shows("rules evaluated", "Quit")
        open_form(terminal, action("load-test"))
        type_until(terminal, f"{CTRL_U}3", "│  3 ")
        terminal.type("\r")
        terminal.shows("r run")
        while not made():
            terminal.type("r")
            terminal.read(1)
        other.execute("BEGIN")
        other.execute("LOCK TABLE public.content_requests IN SHARE MODE")  # nothing can be removed
        type_until(terminal, "q", "Quit?")
        type_until(terminal, "y", WAITING, 3 * READ)
        if hurried:
            terminal.type("\x03")
            assert terminal.ends() == 0
            assert "Not all that it created was removed" in terminal.text()
        other.execute("COMMIT")
        if not hurried:
            assert terminal.ends() == 0
            assert "load-test: Stopped on request." in terminal.text()
        assert bool(made()) is hurried
