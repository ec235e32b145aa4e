"""Which expensive queries the rules need: judged again when what was looked at was read again, and only then."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from console.model import Ask, CannotTell, Frame, IndexHistory, Kind, Snapshot, StatementHistory, Trouble
from console.watching.query_needs import QueryNeeds

AT = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
STATEMENTS, INDEXES = StatementHistory(), IndexHistory()


def reading(query: str, value: int) -> Snapshot:
    return Snapshot(query, ("value",), ((value,),), AT)


def frame(*readings: Snapshot, at: datetime = AT, troubles: Iterable[str] = (), skipped: Iterable[str] = ()) -> Frame:
    why = Trouble(Kind.FAILED, "It failed.")
    kept = {each.name: (each,) for each in readings}
    return Frame(
        kept, at, dict.fromkeys(troubles, why), skipped=frozenset(skipped), statements=STATEMENTS, indexes=INDEXES
    )


SMALL, LARGE, OTHER = reading("sizes", 1), reading("sizes", 9), reading("other", 1)


@pytest.mark.parametrize(
    ("frames", "judged", "skipped"),
    [
        ([frame(SMALL), frame(SMALL)], 1, {"costly"}),
        ([frame(SMALL), frame(SMALL, OTHER)], 1, {"costly"}),  # which it does not look at
        ([frame(SMALL), frame(LARGE)], 2, set()),
        ([frame(), frame()], 1, set()),  # of which nothing is known
        ([frame(), frame(SMALL)], 2, {"costly"}),
        ([frame(SMALL), frame(SMALL, troubles=["sizes"])], 2, set()),
        ([frame(SMALL), frame(SMALL, troubles=["other"])], 1, {"costly"}),
        ([frame(SMALL), frame(SMALL, skipped=["other"])], 1, {"costly"}),
        ([frame(LARGE), frame(LARGE, skipped=["sizes"])], 2, set()),
        ([frame(SMALL), frame(SMALL, at=AT + timedelta(minutes=1))], 2, {"costly"}),
    ],
)
def test_a_condition_is_judged_again_when_it_may_have_changed(
    frames: list[Frame], judged: int, skipped: set[str]
) -> None:
    seen: list[object] = []

    def is_large(frame: Frame) -> bool:
        seen.append(frame)
        return frame.row("sizes")["value"] == 9

    needs = QueryNeeds([Ask("costly", only_if=is_large), Ask("cheap")])
    found = [needs.skipped(each) for each in frames]
    assert (len(seen), found[-1]) == (judged, skipped)


def test_what_looks_at_a_second_reading_is_judged_again_with_it() -> None:
    def is_needed(frame: Frame) -> bool:
        try:
            return bool(frame.rows("sizes")) and frame.row("other")["value"] == 1
        except CannotTell:
            return False

    needs = QueryNeeds([Ask("costly", only_if=is_needed)])
    assert needs.skipped(frame(SMALL)) == {"costly"}
    assert needs.skipped(frame(SMALL, OTHER)) == set()
    assert needs.skipped(frame(SMALL, reading("other", 2))) == {"costly"}
