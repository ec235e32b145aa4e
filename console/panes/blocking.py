"""Who blocks whom, as pg_blocking_pids() tells, from the holders of each lock and the queue for it. Pure.

Sets of sessions are bit masks: bit n stands for the n-th member. So a queue of a thousand sessions, each of which
blocks all behind it, takes a thousand steps and not a million.

Source: GetBlockerStatusData() and ProcSleep() in src/backend/storage/lmgr of PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import NamedTuple

from console.model import Row, Snapshot
from console.records import dataclass

# Modes as bits, ACCESS SHARE to ACCESS EXCLUSIVE, and the modes that each conflicts with.
CONFLICTS: Mapping[int, int] = {1: 128, 2: 192, 4: 240, 8: 248, 16: 236, 32: 252, 64: 254, 128: 255}

_READ = ("leader_pid", "lock_id", "place", "wanted_mode", "holders", "held_modes")
_PARTS = itemgetter(*range(1 + len(_READ)))
KEPT = 2  # readings whose blockers are kept: those of the panes of sessions and of locks


class Member(NamedTuple):  # of which a pile-up has thousands
    """A session, or a prepared transaction, that waits for a lock or holds a lock that others wait for.

    `group` is the leader of a parallel query, else its own id: members of a group do not block each other, and block
    others in the name of the leader. `lock` is what it waits for (None: it does not wait), `mode` a bit. The first in
    the queue of a lock knows the `holders` of the lock, groups, and the bits of the modes in which they hold it.
    """

    id: int
    group: int
    lock: int | None = None
    place: int = 0
    mode: int = 0
    holders: Sequence[int] = ()
    held_modes: Sequence[int] = ()


@dataclass(slots=True)
class _Queue:
    """One lock: the modes in which each group holds it, and the members that wait for it, first in line first."""

    holders: dict[int, int] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=list)


class Blocking:
    """Who blocks whom among some members."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self._waiting: dict[int, int] = {}  # group → those of it that wait
        self._waits: set[int] = set()  # ids
        for at, member in enumerate(members):
            if member.lock is not None:
                self._waiting[member.group] = self._waiting.get(member.group, 0) | 1 << at
                self._waits.add(member.id)
        self._queues, self._circular = _deepest_first(_queues(members), members)

    @cached_property
    def blockers(self) -> list[list[int]]:
        """The ids that block each member directly, once each: holders first, then those before it in the queue."""
        found: list[list[int]] = [[] for _ in self.members]
        for queue in self._queues:
            for at, by in _blockers(queue, self.members):
                found[at] = by
        for mask in self._waiting.values():
            if mask.bit_count() > 1:  # what one process of a parallel query waits for, all wait for
                by = list(dict.fromkeys(blocker for at in bits(mask) for blocker in found[at]))
                for at in bits(mask):
                    found[at] = by
        return found

    @property
    def direct(self) -> Mapping[int, int]:
        """Id → the members that it blocks directly; none of those it does not block."""
        return self._blocked[0]

    @property
    def below(self) -> Mapping[int, int]:
        """Id → the members that wait for it, directly or not, without itself; none of those it does not block."""
        return self._blocked[1]

    @cached_property
    def _blocked(self) -> tuple[dict[int, int], dict[int, int]]:
        direct: dict[int, int] = {}
        below: dict[int, int] = {}
        before: dict[int, int] | None = None
        while before is None or (self._circular and below != before):  # a circle of locks takes more passes than one
            before = dict(below)
            for queue in self._queues:
                self._spread(queue, direct, below)
        for found in (direct, below):
            for group, own in self._waiting.items():
                if found.get(group, 0) & own:
                    found[group] &= ~own
        return direct, below

    def _spread(self, queue: _Queue, direct: dict[int, int], below: dict[int, int]) -> None:
        """Add those who wait in `queue`, and who is below them, to those who hold the lock or are before them."""
        behind: dict[int, int] = {}  # mode → those further behind in the queue who want it
        deeper: dict[int, int] = {}  # the same with all below them
        for at in reversed(queue.waiting):
            member = self.members[at]
            group, mode = member.group, member.mode
            for other, mask in behind.items():
                if CONFLICTS[other] & mode:
                    direct[group] = direct.get(group, 0) | mask
                    below[group] = below.get(group, 0) | deeper[other]
            own = self._waiting[group]
            behind[mode] = behind.get(mode, 0) | own
            if group in self._waits:
                own |= below.get(group, 0)
            deeper[mode] = deeper.get(mode, 0) | own
        for holder, modes in queue.holders.items():
            for other, mask in behind.items():
                if CONFLICTS[other] & modes:
                    direct[holder] = direct.get(holder, 0) | mask
                    below[holder] = below.get(holder, 0) | deeper[other]


def blocking(snapshot: Snapshot) -> Blocking:
    """Who blocks whom among the sessions that the rows of a query describe.

    By pid or holder_id, leader_pid, lock_id, place, wanted_mode, holders and held_modes. As long as the same sessions
    wait for the same locks it is worked out once, however often they are read.
    """
    own = "holder_id" if "holder_id" in snapshot.columns else "pid"
    pick = itemgetter(*(snapshot.index(name) for name in (own, *_READ)))
    return _among(tuple(row if row[-1] is None else _hashable(row) for row in map(pick, snapshot.rows)))


@lru_cache(maxsize=1)
def blocking_among(members: tuple[Member, ...]) -> Blocking:
    """Who blocks whom among members with holders that can be hashed; worked out once as long as they are the same."""
    return Blocking(members)


def _hashable(row: Row) -> Row:
    return tuple(tuple(value) if isinstance(value, list) else value for value in row)


@lru_cache(maxsize=KEPT)
def _among(rows: tuple[Row, ...]) -> Blocking:
    return Blocking(list(_members(rows)))


def _members(rows: Iterable[Row]) -> Iterator[Member]:
    for id_, leader, lock, place, mode, holders, held_modes in map(_PARTS, rows):
        group = id_ if leader is None else leader
        if lock is None:
            yield Member(id_, group)
        else:
            yield Member(id_, group, lock, place, mode, holders or (), held_modes or ())


def bits(mask: int) -> Iterator[int]:
    """The members of a set, in order."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _blockers(queue: _Queue, members: Sequence[Member]) -> Iterator[tuple[int, list[int]]]:
    """Each member of a queue with the ids of those that block it directly."""
    groups = [members[at].group for at in queue.waiting]
    twice = len(set(groups)) < len(groups) or not queue.holders.keys().isdisjoint(groups)
    ahead: dict[int, list[int]] = {}  # mode → groups that want it
    holding: dict[int, list[int]] = {}  # mode → groups that hold what conflicts with it
    for at, group in zip(queue.waiting, groups, strict=True):
        mode = members[at].mode
        if mode not in holding:
            holding[mode] = [holder for holder, modes in queue.holders.items() if modes & CONFLICTS[mode]]
        by = [*holding[mode]]
        for other, wanting in ahead.items():
            if other & CONFLICTS[mode]:
                by += wanting
        yield at, [blocker for blocker in dict.fromkeys(by) if blocker != group] if twice else by
        ahead.setdefault(mode, []).append(group)


def _queues(members: Sequence[Member]) -> list[_Queue]:
    queues: dict[int, _Queue] = {}
    waiting = [(member.place, at, member.lock) for at, member in enumerate(members) if member.lock is not None]
    for _, at, lock in sorted(waiting):
        member, queue = members[at], queues.setdefault(lock, _Queue())
        for holder, mode in zip(member.holders, member.held_modes, strict=True):
            queue.holders[holder] = queue.holders.get(holder, 0) | mode
        queue.waiting.insert(_position(queue, member, members), at)
    return list(queues.values())


def _position(queue: _Queue, member: Member, members: Sequence[Member]) -> int:
    """Where in the queue PostgreSQL puts it: at the end, or before those that wait for what its group holds."""
    held = queue.holders.get(member.group, 0)
    if held:
        for position, at in enumerate(queue.waiting):
            if members[at].group != member.group and CONFLICTS[members[at].mode] & held:
                return position
    return len(queue.waiting)


def _deepest_first(queues: Sequence[_Queue], members: Sequence[Member]) -> tuple[list[_Queue], bool]:
    """The queues, each after those for locks that its own waiting members hold; whether some of them form a circle."""
    held: dict[int, list[int]] = {}
    for at, queue in enumerate(queues):
        for holder in queue.holders:
            held.setdefault(holder, []).append(at)
    ordered: dict[int, _Queue] = {}
    begun: set[int] = set()
    circular = False
    for first in range(len(queues)):
        left = [first] if first not in begun else []
        while left:
            at = left[-1]
            begun.add(at)
            deeper = {lock for member in queues[at].waiting for lock in held.get(members[member].group, ())}
            circular |= any(lock in begun and lock not in ordered for lock in deeper)
            if following := deeper - begun:
                left.append(following.pop())
            else:
                ordered[left.pop()] = queues[at]
    return list(ordered.values()), circular
