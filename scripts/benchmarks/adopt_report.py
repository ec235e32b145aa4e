"""What an adoption let writers wait, by step, as Markdown; and which promises were not kept."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from scripts.benchmarks.adopt_writers import Write, Written

GOAL = 0.1  # seconds that no write may wait because of a step
LOOKED_BACK = 30.0  # no write is longer
NAMED = 10  # of the failed writes
TOLD = 0.5  # seconds from which a step has a line of its own


TITLE = """# The adoption of a grown database

Written by `python -m scripts.benchmarks adopt URI --output docs/benchmarks-adoption.md`, which adds a
section for each run.

The tables of the pipeline are ordinary ones, without ledger, partitions, search column or indexes. Four sessions
insert, update and delete single rows, 50 writes a second in all, each in a transaction of its own, over the three
tables that grow with time and `content_requests`. (Requests are not deleted: a grown database has no index behind the
keys that refer to them, so each delete reads whole tables.) Meanwhile the pages of the set-up guide that concern the
schema run as `setup --yes` runs them. *Longest write*: the longest that was under way during a step, whatever the
reason. *Because of it*: what it took longer than the longest write of a control table that nothing happens to, in the
same moment; the rest is the machine's, which writers, control, server and console share. Causes are sampled every
20 ms.

"""
HEAD = (
    "",
    "| page | step | times | seconds | rows | writes | longest write, ms | because of it, ms | which, and for what |",
    "|---|---|--:|--:|--:|--:|--:|--:|---|",
)


@dataclass(slots=True)
class Part:
    """A stretch of time in which one step was under way; of the monotonic clock, in seconds."""

    page: str
    step: str
    began: float
    ended: float
    rows: int = 0


@dataclass(slots=True)
class Measured:
    """All that was measured."""

    version: str
    parts: list[Part]
    written: Written
    lost: Sequence[str]  # what is not there as it was written
    drift: Sequence[str]  # what differs from the schema in the end
    left: Sequence[str]  # pages that still have something to do
    settings: str
    sizes: str = ""


@dataclass(slots=True)
class Line:
    """All stretches of like steps."""

    times: int = 0
    seconds: float = 0.0
    rows: int = 0
    writes: int = 0
    took: float = 0.0
    wait: float = 0.0
    why: str = ""


def waited(write: Write, control: Sequence[tuple[float, float]]) -> float:
    """Seconds that a write took longer than the longest write of `control`, sorted, that was under way meanwhile."""
    first = bisect_left(control, (write.began - LOOKED_BACK, 0.0))
    last = bisect_right(control, (write.began + write.took, float("inf")))
    noise = max((took for at, took in control[first:last] if at + took >= write.began), default=0.0)
    return max(0.0, write.took - noise)


def by_step(found: Measured) -> dict[tuple[str, str], Line]:
    """What writers felt of each kind of step, in the order of the run."""
    control = sorted(found.written.control)
    writes = sorted(found.written.writes, key=lambda write: write.began)
    starts = [write.began for write in writes]
    longest = max((write.took for write in writes), default=0.0)
    lines: dict[tuple[str, str], Line] = {}
    for part in found.parts:
        line = lines.setdefault((part.page, part.step), Line())
        line.times, line.seconds, line.rows = (
            line.times + 1,
            line.seconds + part.ended - part.began,
            line.rows + part.rows,
        )
        first = bisect_left(starts, part.began - longest)
        for write in writes[first : bisect_right(starts, part.ended)]:
            if write.began + write.took < part.began:
                continue
            line.writes += 1
            line.wait = max(line.wait, waited(write, control))
            if write.took > line.took:
                line.took, line.why = write.took, _why(write, found.written)
    return lines


def _why(write: Write, written: Written) -> str:
    """What a write waited for most of the time, as far as it was seen."""
    seen = [
        what for at, pid, what in written.waits if pid == write.pid and write.began <= at <= write.began + write.took
    ]
    reasons = Counter(seen).most_common(1)
    return f"{write.what}: {reasons[0][0] if reasons else 'not seen waiting'}"


def misses(found: Measured) -> list[str]:
    """Promises that were not kept, as sentences."""
    lines = by_step(found)
    slow = [
        f"A write waited {1000 * line.wait:.0f} ms: {page}, {step} ({line.why})"
        for (page, step), line in lines.items()
        if line.wait >= GOAL and not page.startswith("(")
    ]
    return [
        *slow,
        *(f"A write failed: {each}" for each in found.written.failed[:NAMED]),
        *(f"Not every row is there once: {each}" for each in found.lost),
        *(f"Differs in the end: {each}" for each in found.drift),
        *(f"Still to do: {each}" for each in found.left),
    ]


def section(found: Measured) -> str:
    """The figures as Markdown."""
    lines = by_step(found)
    text = [f"## PostgreSQL {found.version.split()[0]}: {found.sizes}", "", _summary(found, lines), *HEAD]
    for (page, step), line in _shown(lines).items():
        why = line.why.replace("|", "\\|") if line.took >= GOAL / 4 else ""
        text.append(
            f"| {page} | {step} | {line.times} | {line.seconds:.2f} | {line.rows:,} | {line.writes:,} |"
            f" {1000 * line.took:.0f} | {1000 * line.wait:.0f} | {why} |"
        )
    return "\n".join([*text, "", *(f"- {each}" for each in misses(found)), ""])


def _shown(lines: dict[tuple[str, str], Line]) -> dict[tuple[str, str], Line]:
    """The lines worth reading; the short and harmless ones are summed in one."""
    shown: dict[tuple[str, str], Line] = {}
    rest = Line()
    for key, line in lines.items():
        if key[0].startswith("(") or line.seconds >= TOLD or line.took >= GOAL / 2:
            shown[key] = line
            continue
        rest.times, rest.seconds, rest.rows = (
            rest.times + line.times,
            rest.seconds + line.seconds,
            rest.rows + line.rows,
        )
        rest.writes, rest.wait = rest.writes + line.writes, max(rest.wait, line.wait)
        if line.took > rest.took:
            rest.took, rest.why = line.took, line.why
    return shown | {("all", f"others, each below {TOLD} s and {1000 * GOAL / 2:.0f} ms"): rest}


def _summary(found: Measured, lines: dict[tuple[str, str], Line]) -> str:
    inside = [line for (page, _), line in lines.items() if not page.startswith("(")]
    before = next(line for (page, _), line in lines.items() if page == "(before)")
    control = 1000 * max((took for _, took in found.written.control), default=0.0)
    wait, took = (1000 * max((getattr(line, name) for line in inside), default=0.0) for name in ("wait", "took"))
    left = ", ".join(found.left) or "nothing"
    return " ".join(
        [
            f"Adopted in {sum(line.seconds for line in inside):.0f} s under {len(found.written.writes):,} writes,",
            f"{len(found.written.failed)} of which failed.",
            f"Longest wait because of a step: {wait:.0f} ms",
            f"(goal: < {1000 * GOAL:.0f} ms). Longest write: {took:.0f} ms;",
            f"with nothing under way {1000 * before.took:.0f} ms; of the control table {control:.0f} ms.",
            f"Every row once, as it was last written: {'**no**' if found.lost else 'yes'}.",
            f"Differences from the schema in the end: {len(found.drift)}. Left to do: {left}.",
            f"Server: {found.settings}.",
        ]
    )
