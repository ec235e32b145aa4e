"""Sessions that write to a table while it is changed: each write is remembered, and none may fail."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from tests.acting import Desk, own_waits, timed
from tests.waiting import PATIENCE

FIRST = 1_000_000  # ids of the writers' own rows


@dataclass(slots=True)
class Written:
    """What the writers did: the notes of the rows that they left, by id, the ids they deleted, and what went wrong."""

    rows: dict[int, str] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    longest: float = 0.0  # seconds that one write had to wait; known at the end

    @property
    def count(self) -> int:
        """How many rows were left or deleted."""
        return len(self.rows) + len(self.deleted)

    async def reach(self, count: int) -> None:
        """Wait until so many rows were written."""
        async with asyncio.timeout(PATIENCE):
            while self.count < count and not self.failed:  # noqa: ASYNC110  a thread counts
                await asyncio.sleep(0.01)


@contextmanager
def writing(desk: Desk, rows: int, pause: float = 0.005) -> Iterator[Written]:
    """A session that inserts, updates and deletes single rows of public.facts, whose first `rows` ids are taken."""
    written, stop = Written(), threading.Event()
    runs: list[tuple[float, float]] = []

    def run() -> None:
        chance = random.Random(rows)
        with desk.session() as session:
            while not stop.wait(pause):
                began = time.monotonic()
                try:
                    _write(session, chance, written, rows)
                except psycopg.Error as error:
                    written.failed.append(str(error))
                runs.append((began, time.monotonic() - began))

    thread = threading.Thread(target=run)
    with timed(desk.session, "SELECT 1", 0.005) as control:
        thread.start()
        try:
            yield written
        finally:
            stop.set()
            thread.join()
    written.longest = max(own_waits(runs, control), default=0.0)


def _write(session: psycopg.Connection, chance: random.Random, written: Written, rows: int) -> None:
    kind, number = chance.random(), chance.randint(1, rows)
    if kind < 0.4:
        number, note = FIRST + written.count, f"came {chance.random()}"
        session.execute("INSERT INTO public.facts (id, at, org, note) VALUES (%s, now(), 1, %s)", (number, note))
        written.rows[number] = note
    elif kind < 0.7 and number not in written.deleted:
        note = f"changed {chance.random()}"
        session.execute("UPDATE public.facts SET note = %s WHERE id = %s", (note, number))
        written.rows[number] = note
    elif kind < 0.8 and number not in written.deleted:
        note = f"moved {chance.random()}"  # to another month
        session.execute(
            "UPDATE public.facts SET note = %s, at = at + interval '40 days'"
            " * CASE WHEN at > now() - interval '80 days' THEN -1 ELSE 1 END WHERE id = %s",
            (note, number),
        )
        written.rows[number] = note
    elif number not in written.deleted:
        session.execute("DELETE FROM public.facts WHERE id = %s", (number,))
        written.rows.pop(number, None)
        written.deleted.add(number)
