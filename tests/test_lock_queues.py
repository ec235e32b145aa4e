"""What ending or cancelling one session would free, over the locks that a server shows in each situation."""

from __future__ import annotations

import itertools
import sys

import pytest

from console.rules.lock_queues import BITS, Freed, Lock, Node, Queues


def held(node: Node, tag: str, mode: str, kind: str = "relation") -> Lock:
    return Lock(node, tag, kind, BITS[mode], granted=True, wait=0)


def wants(node: Node, tag: str, mode: str, seconds: float, kind: str = "relation") -> Lock:
    return Lock(node, tag, kind, BITS[mode], granted=False, wait=seconds)


# 1 updated a row; 2 waits for its transaction and holds the row's own lock; 3 and 4 are in line for the row.
ROW = [
    held(1, "x1", "Exclusive", "transactionid"),
    wants(2, "x1", "Share", 9, "transactionid"),
    held(2, "row", "Exclusive", "tuple"),
    wants(3, "row", "Exclusive", 8, "tuple"),
    wants(4, "row", "Exclusive", 7, "tuple"),
]
# 1 reads in a long transaction, 2 wants to alter the table, 3 to 5 read behind it.
ALTER = [
    held(1, "t", "AccessShare"),
    wants(2, "t", "AccessExclusive", 9),
    *(wants(reader, "t", "AccessShare", 8.0 - reader) for reader in (3, 4, 5)),
]
LOCKED = [held(1, "t", "AccessExclusive"), *(wants(reader, "t", "AccessShare", reader) for reader in (2, 3))]
PREPARED = [held("gid", "x1", "Exclusive", "transactionid"), wants(2, "x1", "Share", 3, "transactionid")]
CHAIN = [
    held(1, "a", "Exclusive"),
    wants(2, "a", "Exclusive", 5),
    held(2, "b", "Exclusive"),
    wants(3, "b", "Exclusive", 4),
]
CIRCLE = [
    held(1, "a", "Exclusive"),
    wants(2, "a", "Exclusive", 5),
    held(2, "b", "Exclusive"),
    wants(1, "b", "Exclusive", 4),
]


@pytest.mark.parametrize(
    ("locks", "gone", "now", "behind"),
    [
        (ROW, 1, {2}, {2, 3, 4}),
        (ROW, 2, set(), {3, 4}),  # the next in line would wait for the same transaction
        (ALTER, 1, {2}, {2, 3, 4, 5}),
        (ALTER, 2, {3, 4, 5}, {3, 4, 5}),
        (LOCKED, 1, {2, 3}, {2, 3}),
        (PREPARED, "gid", {2}, {2}),
        (CHAIN, 1, {2}, {2, 3}),
        (CHAIN, 2, {3}, {3}),
    ],
)
def test_who_goes_on_at_once_and_who_is_behind(
    locks: list[Lock], gone: Node, now: set[Node], behind: set[Node]
) -> None:
    queues = Queues(locks)
    assert queues.freed(gone) == Freed(frozenset(now))
    assert now <= queues.behind(gone)
    assert queues.behind(gone) == behind


@pytest.mark.parametrize(
    ("locks", "roots", "heads"),
    [
        (ROW, [1], [3]),
        (ALTER, [1], [2]),
        (LOCKED, [1], [3]),
        (PREPARED, ["gid"], []),
        (CHAIN, [1], []),
        (CIRCLE, [], []),
    ],
)
def test_roots_wait_for_nobody_and_heads_are_first_in_line(
    locks: list[Lock], roots: list[Node], heads: list[Node]
) -> None:
    queues = Queues(locks)
    assert (queues.roots, queues.heads) == (roots, heads)


def test_a_thousand_sessions_in_line_for_a_row_wait_for_one() -> None:
    queues = Queues([*ROW, *(wants(at, "row", "Exclusive", 1000 - at, "tuple") for at in range(10, 1010))])
    assert queues.roots == [1]
    assert len(queues.behind(1)) == 1003


@pytest.mark.parametrize("holders", [1, 20])
def test_the_work_for_each_waiting_session_stays_the_same_however_many_wait(holders: int) -> None:
    few, many = (calls_for(pile(holders, waiters)) for waiters in (200, 800))
    assert many <= 4.5 * few


def pile(holders: int, waiters: int) -> list[Lock]:
    """Readers that hold a table, a session that wants to alter it, and others behind it."""
    modes = itertools.cycle(["AccessShare", "RowExclusive"])
    behind = [wants(100 + at, "t", mode, 8.0 - at / 1000) for at, mode in zip(range(1, waiters), modes, strict=False)]
    return [*(held(at, "t", "AccessShare") for at in range(holders)), wants(100, "t", "AccessExclusive", 9), *behind]


def work_out(locks: list[Lock]) -> None:
    """What the rule asks about a pile of locks."""
    queues = Queues(locks)
    for node in (*queues.roots, *queues.heads):
        queues.longest_wait(queues.behind(node))
        queues.freed(node)


def calls_for(locks: list[Lock]) -> int:
    """How many functions are called for a pile of locks, which unlike time is the same on a busy machine."""
    counted = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work_out(locks)
    finally:
        sys.setprofile(before)
    return counted


def test_nobody_waits() -> None:
    assert (Queues([]).roots, Queues([]).heads, Queues([]).longest_wait([])) == ([], [], 0.0)
