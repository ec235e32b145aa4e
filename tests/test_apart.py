"""What takes long is computed next to the event loop, so that no key waits for it."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from console.model import Facts, Snapshot, View
from console.reading.apart import MANY, RepeatedWork
from console.reading.reader import Reader


@pytest.mark.parametrize(
    ("rows", "is_heavy", "seconds", "places"),
    [
        (0, False, 0.0, [True, True]),
        (MANY - 1, False, 0.0, [True, True]),
        (MANY, False, 0.0, [False, True]),
        (MANY, False, 1.0, [False, False]),
        (1, True, 0.0, [False, True]),  # until it is known to be quick
        (1, True, 1.0, [False, False]),
        (1, False, 1.0, [True, False]),
    ],
)
async def test_work_is_done_in_a_thread_where_there_are_many_rows_or_it_took_long(
    monkeypatch: pytest.MonkeyPatch, rows: int, is_heavy: bool, seconds: float, places: list[bool]
) -> None:
    clock = 0.0

    def work() -> bool:
        nonlocal clock
        clock += seconds
        return threading.get_ident() == threading.main_thread().ident

    monkeypatch.setattr("console.reading.apart.time.thread_time", lambda: clock)
    each = RepeatedWork(is_heavy)
    assert [await each.done(rows, work), await each.done(rows, work)] == places


class Rows:
    """A source with as many rows as one asks for."""

    name, facts, retry_in = "rows", Facts("postgres", 180000, "18"), 0.0

    def __init__(self, number: int) -> None:
        self.rows = tuple((n,) for n in range(number))

    async def fetch(self, query: str, parameters: object = None) -> Snapshot:
        del parameters
        return Snapshot(query, ("id",), self.rows, datetime.now(UTC))


@pytest.mark.parametrize("number", [3, 3000])
async def test_the_event_loop_goes_on_while_rows_are_reshaped(number: int) -> None:
    went_on = threading.Event()

    def derive(base: Snapshot) -> Snapshot:
        assert went_on.wait(30), "nothing else was done meanwhile"
        return base

    reader = Reader(View("all", "All", "q", (), key=("id",), derive=derive))
    reading = asyncio.ensure_future(reader.read(Rows(number)))  # type: ignore[arg-type]
    asyncio.get_running_loop().call_later(0.05, went_on.set)
    assert len((await reading).rows) == number
    assert reader.last is not None
