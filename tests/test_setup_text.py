"""The end of a set-up as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from console.actions.pooler.write_pgbouncer_config import how_to_start
from console.cli.setup_text import result_text
from console.running.progress import Run
from console.setup.guide import PageState, Standing
from console.setup.pages import PAGES

PAGE = {page.name: page for page in PAGES}
NO_RUNS: Sequence[Run] = ()


def test_a_remedy_has_a_line_of_its_own_and_a_page_that_repeats_another_adds_none() -> None:
    lacks = PageState(Standing.CANNOT, "Role dba lacks CREATEROLE.", "ALTER ROLE dba CREATEROLE; -- as a superuser")
    other = PageState(Standing.CANNOT, "Role dba may not write these settings.")
    pages = [(PAGE["roles"], lacks), (PAGE["rights"], lacks), (PAGE["tuning"], other)]
    assert result_text((page, state, "", NO_RUNS) for page, state in pages).splitlines() == [
        "",
        "Left:",
        "  Roles: Role dba lacks CREATEROLE.",
        "    remedy: ALTER ROLE dba CREATEROLE; -- as a superuser",
        "  Tuning preset: Role dba may not write these settings.",
    ]


def test_root_is_told_how_another_user_starts_pgbouncer() -> None:
    path = Path("/etc/pgbouncer/pgbouncer.ini")
    assert "pgbouncer -d /etc/pgbouncer/pgbouncer.ini" in how_to_start(path, root=False)
    assert "runuser" not in how_to_start(path, root=False)
    as_another = "chown -R postgres /etc/pgbouncer && runuser -u postgres -- pgbouncer -d /etc/pgbouncer/pgbouncer.ini"
    assert as_another in how_to_start(path, root=True)
