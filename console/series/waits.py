"""What sessions wait for, sampled: the classes, a bounded ring of samples, and averages over a window of them. Pure."""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import islice
from math import sqrt
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from console.model import Record
from console.records import dataclass

HOUR = 3600.0  # seconds that are kept
GAP = 5.0  # seconds without a sample from which on samples are missing
MOST_SEEN = 400_000  # sessions in all samples; beyond that the oldest samples are dropped early
MOST_KINDS = 50_000  # different ones among them
CPU, IDLE_IN_TRANSACTION, POOL = "CPU", "Idle in tx", "Pool"
CLASSES: Mapping[str, str] = {  # in the order in which they are stacked, with their letters
    CPU: "C",
    "IO": "I",
    "Lock": "L",
    "LWLock": "W",
    "BufferPin": "B",
    "IPC": "P",
    "Client": "N",
    "Timeout": "T",
    "Extension": "E",
    IDLE_IN_TRANSACTION: "x",
    POOL: "Q",
}
_RENAMED = {"Buffer": "BufferPin"}  # since 19
_RUNNING = frozenset({"active", "fastpath function call"})
_BACKENDS = frozenset({"client backend", "parallel worker", "autovacuum worker"})
_IDLE_WORKERS = frozenset({"Extension", "Timeout", "Client", "Activity"})  # what a background worker waits in for work

Group = TypeVar("Group")
_CLASS: Callable[[SampledSession], str] = attrgetter("wait_class")


class SampledSession(NamedTuple):  # of which thousands are made and looked up at every sample
    """A session in one sample: who it is, and what it waited for."""

    wait_class: str
    event: str = ""
    query_id: int | None = None
    application: str = ""
    user: str = ""
    pid: int | None = None


def wait_class(backend: str | None, state: str | None, class_: str | None) -> str:
    """What a session is counted as, from its columns of pg_stat_activity; empty: it is idle, or cannot be seen.

    Server processes without a database and walsenders are not asked about. A background worker that waits for work
    does so in an extension, a timeout or for a client; only its other waits count.
    """
    if backend is None or class_ == "Activity" or state in {"idle", "disabled"}:
        return ""
    if state is not None and state.startswith("idle in transaction"):
        return IDLE_IN_TRANSACTION
    if backend not in _BACKENDS:
        return "" if class_ in _IDLE_WORKERS else _RENAMED.get(class_ or CPU, class_ or CPU)
    if state not in _RUNNING and backend == "client backend":
        return ""
    return _RENAMED.get(class_ or CPU, class_ or CPU)


def sampled_session(row: Record) -> SampledSession | None:
    """A row of a query of sessions as it is counted; None: it is not."""
    class_ = wait_class(_text(row["backend"]), _text(row["state"]), _text(row["class"]))
    if not class_:
        return None
    query_id, pid = row["query_id"], row["pid"]
    return SampledSession(
        class_,
        _text(row["event"]) or "",
        query_id if isinstance(query_id, int) else None,
        _text(row["application"]) or "",
        _text(row["user"]) or "",
        pid if isinstance(pid, int) else None,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class WaitWindow:
    """What the samples of some seconds say."""

    seconds: float  # asked for
    covered: float = 0.0  # of them, by samples
    missed: float = 0.0  # of them, between samples that are too far apart
    samples: int = 0
    own: int = 0  # of them, by the console
    looks: Mapping[str, int] = field(default_factory=dict)  # for the others, by what took them on the server
    seen: int = 0  # sessions in all samples; looks that follow each other within a second count as one
    load: Sequence[tuple[SampledSession, float]] = ()  # each different one, and for how many seconds it was seen
    _averages: dict[object, dict[Any, float]] = field(default_factory=dict, repr=False)

    def average(self, group: Callable[[SampledSession], Group]) -> dict[Group, float]:
        """Average number of active sessions in each group; computed once for each function."""
        known = self._averages.get(group)
        if known is None:
            found: dict[Group, float] = {}
            for seen, seconds in self.load:
                name = group(seen)
                found[name] = found.get(name, 0.0) + seconds
            known = self._averages[group] = {name: seconds / self.covered for name, seconds in found.items()}
        return known

    def error(self, share: float) -> float:
        """The standard deviation of a share (0 to 1) that was found in so many sessions.

        That of the Beta distribution which a binomial sample leaves of an unknown share (Laplace, 1774): not 0 for a
        class that was seen always or never.
        """
        likely = (share * self.seen + 1) / (self.seen + 2)
        return sqrt(likely * (1 - likely) / (self.seen + 3))


@dataclass(frozen=True, slots=True)
class Looks:
    """What the server itself saw in some seconds."""

    source: str  # what took them
    at: float  # when they end, on the monotonic clock
    moment: float  # the same in seconds since 1970
    seconds: float  # that they stand for
    many: int
    times: Mapping[SampledSession, int]  # in how many of them each was there


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float  # monotonic
    moment: float  # seconds since 1970
    weight: float  # seconds that it stands for
    kinds: array[int]
    classes: Mapping[str, float]  # sessions, on average where it is made of many looks
    looks: int = 1
    times: array[int] | None = None  # in how many of the looks each was seen; None: in the only one
    source: str = ""  # what took the looks; empty: the console

    @property
    def start(self) -> float:
        """When what it stands for begins: with the one before it, if it is no look at one moment."""
        return self.at if self.times is None else min(self.at, self.at - self.weight + 1.0)

    @property
    def independent(self) -> float:
        """How many of its looks count: those that follow each other within a second see the same."""
        return min(self.looks, max(1.0, self.weight))


class Ring:
    """The samples of the last hour, bounded in number of sessions too."""

    def __init__(self, keep: float = HOUR, most: int = MOST_SEEN, most_kinds: int = MOST_KINDS) -> None:
        self._keep, self._most, self._most_kinds = keep, most, most_kinds
        self._samples: deque[_Sample] = deque()
        self._numbers: dict[SampledSession, int] = {}
        self._kinds: dict[int, SampledSession] = {}
        self._uses: Counter[int] = Counter()
        self._next = 0
        self._windows: dict[float, tuple[float, WaitWindow]] = {}
        self.size = 0  # sessions in all samples

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def last(self) -> float | None:
        """When the last sample was taken, by the monotonic clock; None before the first."""
        return self._samples[-1].at if self._samples else None

    @property
    def first(self) -> float | None:
        """When the time begins for which there are samples, on the monotonic clock; None before the first."""
        return self._samples[0].start if self._samples else None

    @property
    def span(self) -> float:
        """Seconds between the first and the last sample."""
        return self._samples[-1].at - self._samples[0].at if self._samples else 0.0

    @property
    def kinds(self) -> int:
        """How many different sessions with their waits are kept."""
        return len(self._numbers)

    @property
    def query_ids(self) -> frozenset[int]:
        """The ids of all statements that were seen."""
        return frozenset(seen.query_id for seen in self._numbers if seen.query_id is not None)

    def add(self, at: float, moment: float, sessions: Sequence[SampledSession]) -> None:
        """Add a sample taken at `at` on the monotonic clock; one that is not newer than the last is ignored."""
        if (weight := self._weight(at)) is None:
            return
        classes = Counter(map(_CLASS, sessions))
        self._keep_sample(_Sample(at, moment, weight, self._numbered(sessions), classes))

    def add_looks(self, looks: Looks) -> None:
        """Add what the server saw until now; ignored if that is not after the last sample."""
        if self.last is None or looks.at > self.last:
            self._keep_sample(self._sample(looks))

    def fill(self, found: Sequence[Looks]) -> None:
        """Put what the server saw earlier where it belongs; the window is that before the last sample as ever."""
        if found:
            samples = (*self._samples, *map(self._sample, found))
            self._samples.clear()
            self._uses.clear()
            self._windows.clear()
            self.size = 0
            for sample in sorted(samples, key=lambda each: each.at):
                self._append(sample)
            self._bound()

    def _sample(self, looks: Looks) -> _Sample:
        kinds = self._numbered(looks.times)
        classes: dict[str, float] = {}
        for session, many in looks.times.items():
            classes[session.wait_class] = classes.get(session.wait_class, 0.0) + many / looks.many
        times = array("Q", looks.times.values())
        return _Sample(looks.at, looks.moment, looks.seconds, kinds, classes, looks.many, times, looks.source)

    def _weight(self, at: float) -> float | None:
        """The seconds that a sample taken now stands for; None: it is not newer than the last."""
        last = self.last
        if last is not None and at <= last:
            return None
        since = at - last if last is not None else GAP + 1
        return max(0.1, round(since, 1)) if since <= GAP else 1.0

    def _keep_sample(self, sample: _Sample) -> None:
        self._append(sample)
        self._bound()

    def _append(self, sample: _Sample) -> None:
        self._samples.append(sample)
        self._uses.update(sample.kinds)
        self.size += len(sample.kinds)

    def _bound(self) -> None:
        at = self._samples[-1].at
        while len(self._samples) > 1 and (
            at - self._samples[0].at > self._keep or self.size > self._most or len(self._numbers) > self._most_kinds
        ):
            self._drop()

    def window(self, seconds: float) -> WaitWindow:
        """What the last `seconds` before the last sample say; long ones are computed again only now and then."""
        now = self.last
        if now is None:
            return WaitWindow(seconds)
        worked_out, window = self._windows.get(seconds, (0.0, None))
        if window is None or now - worked_out >= min(seconds, self.span) / 300:
            window = self._window(seconds, now)
            self._windows[seconds] = (now, window)
        return window

    def course(self, seconds: float, step: float) -> tuple[float, list[dict[str, float] | None]]:
        """Average active sessions by class in each `step` of the last `seconds`, and when the last one ends.

        The end is in seconds since 1970. None where samples are missing.
        """
        if not self._samples:
            return 0.0, []
        newest, many = self._samples[-1], round(seconds / step)
        end = (newest.at // step + 1) * step
        slots: list[tuple[float, dict[str, float]] | None] = [None] * many
        for sample in self._within(seconds + step):
            first = self._slot(sample.at - sample.weight, end, step, many)
            last = self._slot(sample.at, end, step, many)
            for at in range(max(0, min(first + 1, last)), last + 1):
                covered, classes = slots[at] or (0.0, {})
                for name, sessions in sample.classes.items():
                    classes[name] = classes.get(name, 0.0) + sessions
                slots[at] = (covered + 1, classes)
        course = [slot and {name: number / slot[0] for name, number in slot[1].items()} for slot in slots]
        return newest.moment + end - newest.at, course

    @staticmethod
    def _slot(at: float, end: float, step: float, many: int) -> int:
        return many - 1 - int((end - at - 1e-6) // step)

    def _within(self, seconds: float) -> Iterator[_Sample]:
        """The samples of the last `seconds`, newest first."""
        start = self._samples[-1].at - seconds
        for sample in reversed(self._samples):
            if sample.at <= start:
                return
            yield sample

    def _window(self, seconds: float, now: float) -> WaitWindow:
        loads: dict[float, Counter[int]] = {}
        looks: Counter[str] = Counter()
        covered, missed, samples, own, later, seen = 0.0, 0.0, 0, 0, now, 0.0
        for sample in self._within(seconds):
            held = loads.setdefault(sample.weight / sample.looks, Counter())
            if sample.times is None:
                held.update(sample.kinds)
                seen += len(sample.kinds)
                own += 1
            else:
                held.update(dict(zip(sample.kinds, sample.times, strict=True)))
                seen += sum(sample.times) / sample.looks * sample.independent
                looks[sample.source] += sample.looks
            covered, samples = covered + sample.weight, samples + 1
            missed += _missed(sample.at, later)
            later = sample.start
        if samples < len(self._samples):
            before = next(islice(reversed(self._samples), samples, None))
            missed += _missed(max(before.at, now - seconds), later)
        total: dict[int, float] = {}
        for weight, numbers in loads.items():
            for kind, times in numbers.items():
                total[kind] = total.get(kind, 0.0) + weight * times
        load = [(self._kinds[kind], held) for kind, held in total.items()]
        return WaitWindow(seconds, covered, missed, samples, own, looks, round(seen), load)

    def _numbered(self, sessions: Collection[SampledSession]) -> array[int]:
        """A number for each; most are as they were in the sample before, and known."""
        for seen in sessions:
            if seen not in self._numbers:
                self._numbers[seen] = self._next
                self._kinds[self._next] = seen
                self._next += 1
        return array("Q", map(self._numbers.__getitem__, sessions))

    def _drop(self) -> None:
        dropped = self._samples.popleft()
        self.size -= len(dropped.kinds)
        for kind in dropped.kinds:
            self._uses[kind] -= 1
            if not self._uses[kind]:
                del self._uses[kind]
                del self._numbers[self._kinds.pop(kind)]


def _missed(earlier: float, later: float) -> float:
    """Seconds between two samples that no sample stands for."""
    return later - earlier - 1.0 if later - earlier > GAP else 0.0
