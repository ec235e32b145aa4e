"""Two consoles at once, as two processes of the command line: one acts, the other reports which console does."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acting import Desk
from tests.command import argv, environment, run
from tests.room import CONFIGURATION, desks, room
from tests.waiting import PATIENCE, wait

__all__ = ["desks", "room"]

# Who is at it: the session that holds the advisory lock of an action's subject.
AT_IT = (
    "SELECT coalesce(max(pid), 0) FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@pytest.mark.parametrize(
    ("action", "in_its_way", "effect"),
    [
        (
            "create-partitions",
            "LOCK TABLE public.facts IN SHARE UPDATE EXCLUSIVE MODE",
            "SELECT count(*) = 6 FROM pg_inherits WHERE inhparent = 'public.facts'::regclass",
        ),
        ("refresh-views", "SELECT FROM public.high", "SELECT n = 1001 FROM public.high"),
        (
            "archive-analytics",
            "LOCK TABLE public.facts IN SHARE UPDATE EXCLUSIVE MODE",
            "SELECT count(*) = 200 FROM public.archive",
        ),
    ],
)
def test_one_does_it_and_the_other_is_told_who(
    desks: Callable[[], Desk], tmp_path: Path, action: str, in_its_way: str, effect: str
) -> None:
    desk = desks()
    desk.do("INSERT INTO public.t VALUES (2000, 0, '')")
    (tmp_path / "console.yml").write_text(CONFIGURATION)
    given = ["run", action, "-t", desk.uri, "--config", str(tmp_path / "console.yml"), "--yes"]
    with desk.session() as other:
        other.execute("BEGIN")
        other.execute(in_its_way.encode())
        with subprocess.Popen(
            argv(*given), env=environment(tmp_path), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as first:
            wait(lambda: desk.ask(AT_IT))
            second = run(tmp_path, *given)
            pid = desk.ask(AT_IT)
            assert first.poll() is None, "the first one was still at it"
            other.execute("ROLLBACK")
            said, _ = first.communicate(timeout=PATIENCE)
    assert (second.code, first.returncode) == (3, 0), (second, said)
    assert f"pid {pid} of postgres from" in second.out + second.err
    assert desk.ask(effect) is True
