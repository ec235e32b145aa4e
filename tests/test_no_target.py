"""What is said where no server answers, and none was named."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.sources.postgres.connecting import NO_ANSWER, NO_TARGET, no_answer
from tests.command import run

UNSET = dict.fromkeys(("PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE", "PIPELINE_CONSOLE_TARGET"), "")


@pytest.mark.parametrize("target", [{"host": "db1"}, {"service": "shop"}, {"port": "5433"}])
def test_a_server_that_is_named_is_to_be_checked(target: dict[str, str]) -> None:
    assert no_answer(target) == NO_ANSWER


def test_where_none_is_named_the_command_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    assert no_answer({"dbname": "shop"}) == NO_TARGET
    # With a port, so that a server of this machine is not asked.
    named = run(tmp_path, "show", "connections", **{**UNSET, "PGPORT": "1"})
    assert NO_ANSWER in named.err
    assert NO_TARGET not in named.err
