"""What a load test measured: as it is kept in the audit trail, and in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime

from console.format import count, counted, one_line, size
from console.model import LoadTest
from console.records import dataclass
from console.running.load.latencies import Latencies
from console.running.load.output import UNNAMED, LoadOutput
from console.running.progress import LoadSecond

EVENT = "load"  # of the audit trail
STEADY = 5  # seconds at the start whose latency is compared with later ones
MOST_POINTS = 120  # of the chart
ANSWERS = {"p50": 0.5, "p95": 0.95}
LIMITED = 0.8  # share of its processors above which the driver delays what it measures
MISSED = 0.9  # share of the rate under which a second has missed it


@dataclass(frozen=True, slots=True)
class Room:
    """What is used at a moment."""

    wal: int  # bytes written since the server was initialised
    size: int  # bytes of content_requests with its indexes and TOAST
    dead: int  # tuples
    at: datetime  # by the clock of the server


@dataclass(slots=True)
class Sessions:
    """The sessions of a load test, looked at once a second."""

    looks: int = 0
    most: int = 0
    waits: Counter[str] = field(default_factory=Counter)  # what working sessions waited for, in all looks
    answers: list[float] = field(default_factory=list)  # milliseconds that each look took
    usual: float = 0.0  # milliseconds that a look takes before the load: the median
    locked_at: float | None = None  # seconds after the start, when half of those that worked waited for locks first

    @property
    def usable(self) -> dict[str, float]:
        """How long another session waited for a query, in milliseconds: before the load, and during it."""
        if not self.answers:
            return {}
        ordered = sorted(self.answers)
        places = {name: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for name, share in ANSWERS.items()}
        return {"before": round(self.usual, 2), **{name: round(value, 2) for name, value in places.items()}}

    def add(self, at: float, sessions: int, working: int, locked: int, waits: Sequence[str]) -> None:
        """Add one look."""
        self.looks += 1
        self.most = max(self.most, sessions)
        self.waits.update(waits)
        if self.locked_at is None and locked > 1 and 2 * locked >= working:
            self.locked_at = at


@dataclass(frozen=True, slots=True)
class Measured:
    """The result of a load test."""

    load: LoadTest
    output: LoadOutput
    sessions: Sessions
    before: Room
    after: Room
    created: int  # requests
    unreadable: str = ""  # why the log was not read for the SQLSTATE of errors

    @property
    def all(self) -> Latencies:
        """The latencies of all scripts."""
        whole = Latencies()
        for each in self.output.latencies:
            whole = whole.merged(each)
        return whole

    def document(self) -> dict[str, object]:
        """What is kept of it."""
        seconds = self.output.seconds
        every = max(1, -(-len(seconds) // MOST_POINTS))
        return {
            "tag": self.load.tag,
            "by": self.load.by,
            "rate": round(self.output.rate, 1),
            **self.all.figures(),
            "scripts": {
                script.name.removesuffix(".pgbench"): each.figures()
                for script, each in zip(self.load.scripts, self.output.latencies, strict=True)
            },
            "created": self.created,
            "errors": {code: number for code, number in self.output.failures.items() if code and number},
            "unnamed": self.output.failures[UNNAMED],
            "stopped": self.output.stopped,
            "busy": self.output.busy,
            "messages": dict(self.output.messages),
            "waits": dict(self.sessions.waits.most_common(10)),
            "wal": self.after.wal - self.before.wal,
            "grown": self.after.size - self.before.size,
            "dead": self.after.dead - self.before.dead,
            "usable": self.sessions.usable,
            "first_limit": first_limit(self),
            "series": [[each.at, each.rate, each.latency, each.failed] for each in seconds[::every]],
        }

    def sentences(self) -> list[str]:
        """The result for people."""
        whole, grown = self.all, max(0, self.after.size - self.before.size)
        done = f"{counted(whole.number, 'transaction', shown=count)} in {self.load.seconds} s"
        sentences = [f"{done}, {self.output.rate:.1f} a second; latency {in_figures(whole.figures())}."]
        sentences += [
            f"{script.name.removesuffix('.pgbench')}: {counted(each.number, 'transaction')}, "
            f"{in_figures(each.figures())}."
            for script, each in zip(self.load.scripts, self.output.latencies, strict=True)
        ]
        sentences += self._driver()
        sentences += [f"Errors: {self._errors()}.", f"Waits of working sessions: {self._waits()}."]
        sentences.append(
            f"{size(self.after.wal - self.before.wal)} of WAL on the whole server; content_requests and its indexes "
            f"grew by {size(grown)} for {counted(self.created, 'request', shown=count)}."
        )
        if usable := self.sessions.usable:
            sentences.append(
                f"A query of the console took {usable['p50']:.1f} ms, p95 {usable['p95']:.1f} ms, meanwhile; "
                f"{usable['before']:.1f} ms before."
            )
        sentences.append(first_limit(self))
        if self.sessions.most and self.sessions.most < self.load.clients - self.output.stopped:
            clients = counted(self.load.clients, "client")
            sentences.append(f"{clients} shared {counted(self.sessions.most, 'connection')} to the server.")
        return sentences

    def _errors(self) -> str:
        output = self.output
        named = [
            f"{number} with SQLSTATE {code}" for code, number in sorted(output.failures.items()) if code and number
        ]
        if unnamed := output.failures[UNNAMED]:
            named.append(
                f"{unnamed} without SQLSTATE" + (f" ({self.unreadable.rstrip('.')})" if self.unreadable else "")
            )
        parts = [", ".join(named) or "none"]
        if output.stopped:
            parts.append(f"{counted(output.stopped, 'client')} stopped")
        if output.messages:
            parts.append(self._messages())
        return "; ".join(parts)

    def _driver(self) -> list[str]:
        """What the console's own driver could do, from the share of its processors that it used."""
        busy, rate = self.output.busy, self.output.rate
        if not busy or not rate:
            return []
        used = f"The driver used {100 * busy:.0f} % of {counted(self.load.processes, 'processor')}"
        if busy > LIMITED:
            return [f"{used}: it was at its limit, so the server may do more, and latencies include the driver's."]
        alone = float(f"{rate / busy:.2g}")  # what a longer run would find differs by as much
        return [f"{used}; it alone could make about {count(alone)} transactions a second."]

    def _messages(self) -> str:
        named = [f"{text} ({number})" for text, number in self.output.messages.most_common(3)]
        return "; ".join(named).rstrip(".")

    def _waits(self) -> str:
        whole = self.sessions.waits.total()
        named = [f"{one_line(name)} {100 * n / whole:.0f} %" for name, n in self.sessions.waits.most_common(5)]
        return ", ".join(named) or "no session was seen working"


def errors_of(result: Mapping[str, object]) -> int | None:
    """How many errors a kept result has; None: it has none of these figures."""
    errors = result.get("errors")
    if not isinstance(errors, dict):
        return None
    return int(sum(errors.values())) + int(str(result.get("unnamed", result.get("stopped", 0))))


def in_figures(figures: Mapping[str, float]) -> str:
    """Percentiles and maximum as text."""
    return ", ".join(f"{name} {figures[name]:.1f} ms" for name in ("p50", "p95", "p99", "max"))


def first_limit(measured: Measured) -> str:
    """What went wrong first, and when, as a sentence."""
    load, output, seconds = measured.load, measured.output, measured.output.seconds
    signs: list[tuple[float, str]] = []
    if output.broke_at is not None:
        signs.append((output.broke_at, f"a client was stopped by {next(iter(output.messages), 'an error')}"))
    signs += [(each.at, f"{counted(each.failed, 'transaction')} failed") for each in seconds if each.failed][:1]
    if measured.sessions.locked_at is not None:
        signs.append((measured.sessions.locked_at, "half of the working sessions waited for locks"))
    signs += _slower(seconds)
    signs += [
        (each.at, f"the rate of {load.rate} a second was missed with {each.rate:.0f}")
        for each in seconds[2:]
        if load.rate and each.rate < MISSED * load.rate
    ][:1]
    if not signs:
        return "Nothing reached a limit: no errors, no queues for locks, latency within twice that of the start."
    at, what = min(signs)
    return f"First limit, after {at:.0f} s: {what}."


def _slower(seconds: Sequence[LoadSecond]) -> list[tuple[float, str]]:
    """The first second whose latency is more than twice that of the start."""
    if len(seconds) <= STEADY:
        return []
    from statistics import median  # noqa: PLC0415  long to load, and few look at load tests

    usual = median(each.latency for each in seconds[:STEADY])
    later = [each for each in seconds[STEADY:] if each.latency > 2 * usual + 1]
    return [(each.at, f"latency rose from {usual:.1f} to {each.latency:.1f} ms") for each in later[:1]]


def compared(now: Mapping[str, object], earlier: Mapping[str, object]) -> str:
    """The result compared with that of an earlier run with the same parameters: "+3 % transactions/s, p95 −12 %"."""
    rate, latency = (change(now.get(name), earlier.get(name)) for name in ("rate", "p95"))
    return f"{rate} transactions/s, {latency} p95" if rate and latency else ""


def change(now: object, earlier: object) -> str:
    """By how much a figure has changed: "+3 %"; empty: one of them is not known."""
    if not isinstance(now, int | float) or not isinstance(earlier, int | float) or not earlier:
        return ""
    return f"{100 * (now / earlier - 1):+.0f} %"
