"""A program that does a step: whatever it says, and however it is left, it does not outlive the step."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import AsyncIterator

import pytest

from console.model import Trouble
from console.running.execution import program
from console.sources.postgres import ActingSession
from tests.servers import PostgresServer as Cluster


@pytest.fixture
async def session(pg: Cluster, database: str) -> AsyncIterator[ActingSession]:
    opened = ActingSession(pg.uri(database))
    await opened.open()
    yield opened
    await opened.close()


async def test_a_line_of_any_length_is_heard(session: ActingSession) -> None:
    heard: list[str] = []
    with pytest.raises(Trouble, match="failed"):
        await program.run(session, python("print('x' * 300_000); exit(3)"), heard.append)
    assert "(a line too long to show)" in heard


async def test_a_program_ends_with_its_step(session: ActingSession) -> None:
    heard: list[str] = []

    def hear(said: str) -> None:
        heard.append(said)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await program.run(session, python("import os, signal; print(os.getpid(), flush=True); signal.pause()"), hear)
    with pytest.raises(ProcessLookupError):
        os.kill(int(heard[0]), 0)


@pytest.mark.parametrize(
    ("lines", "said", "remedy"),
    [
        (["first", *["again"] * 2000], "failed: first again.", ""),
        (["a table", f"ERROR: {os.strerror(errno.ENOSPC)}", "HINT: h"], "the server's disk is full: a table", "Free"),
        ([], "failed: exit code 3.", ""),
    ],
)
async def test_what_a_program_says_when_it_fails_begins_with_the_cause(
    session: ActingSession, lines: list[str], said: str, remedy: str
) -> None:
    text = "".join(f"{line}\n" for line in lines)
    with pytest.raises(Trouble) as caught:
        await program.run(session, python(f"print({text!r}, end=''); exit(3)"), lambda _: None)
    assert said in caught.value.sentence
    assert caught.value.remedy.startswith(remedy)
    assert bool(caught.value.remedy) is bool(remedy)


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]
