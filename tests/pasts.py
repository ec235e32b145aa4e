"""PastReadings for tests of the past: taken at synthetic times, kept by a recorder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from console.model import Facts, Row, Snapshot
from console.past.recorder import HeardAnswer, ReadingRecorder
from console.past.segment import PastAnswer, Stream

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
SERVER = Facts("postgres", 180000, "18.0", "shop", database="shop", user="dba", standby=False)


def at(second: float) -> float:
    """A moment, as readings are dated."""
    return START.timestamp() + second


def reading(
    query: str, second: float, rows: Iterable[Row], columns: Sequence[str] = ("pid", "n", "text"), **more: object
) -> Snapshot:
    """A reading at a synthetic time."""
    taken_at = START + timedelta(seconds=second)
    return Snapshot(query, tuple(columns), tuple(rows), taken_at, 0.01, 1000.0 + second, **more)  # type: ignore[arg-type]


def keep(recorder: ReadingRecorder, *answers: Snapshot, source: str = "postgres", parameters: str = "") -> None:
    """Keep answers of a source."""
    for answer in answers:
        keep_answer(recorder, answer.name, answer, answer.taken_at.timestamp(), source, parameters)


def keep_answer(
    recorder: ReadingRecorder,
    query: str,
    answer: PastAnswer,
    moment: float,
    source: str = "postgres",
    parameters: str = "",
) -> None:
    """Keep what came of one read."""
    recorder.write([HeardAnswer(Stream(source, query, parameters), answer, moment, SERVER, moment)])
