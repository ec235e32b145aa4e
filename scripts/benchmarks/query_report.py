"""The figures of dashboard and search as Markdown, and whether they meet the goal."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

GOAL = 100

Times = Mapping[tuple[str, str], list[float]]  # (size of tenant, words or nothing) → milliseconds

HEAD = """# Dashboard and search, with the index pack and without

Written by `python -m scripts.benchmarks queries` on PostgreSQL {version}: {requests:,} requests of power-law
tenants, data cached, milliseconds as the client sees them on the same machine, prepared by the driver
after five executions, one process a query. *Foreign key*: only the index on (organization_id, created_at). *None*: no
index but the primary key. *Workers*: the same with parallel workers, as the server has it set. Without the
pack there is no search column
either: `to_tsvector` is computed for each row of the tenant. The searches are those of the demo's workload, some
for words that a fifth of all requests hold. Goal: {goal} times faster than none at the median, for each size of tenant.

| query | tenant | requests | open | pack | p95 | naive | foreign key | none | workers | × key | × none | × workers |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""


@dataclass(frozen=True, slots=True)
class Tenants:
    """Tenants of one size: how many requests they have, how many of them are open."""

    size: str
    ids: tuple[object, ...]
    requests: int
    open: int


@dataclass(frozen=True, slots=True)
class Report:
    """All that was measured."""

    requests: int
    version: str
    tenants: Sequence[Tenants]
    build: Mapping[str, tuple[float, int]]  # index → seconds to build, bytes
    shapes: Sequence[str]
    packed: Times
    naive: Times
    keyed: Times
    bare: Times
    helped: Times  # as bare, with parallel workers


def section(report: Report) -> str:
    """The figures as Markdown."""
    version = report.version.partition(" ")[0]
    lines = [HEAD.format(version=version, requests=report.requests, goal=GOAL)]
    lines += _by_tenant(report)
    lines += ["", "## Search by words", "", "| words | tenant | pack p50 | none | × none |", "|---|---|--:|--:|--:|"]
    lines += _by_words(report)
    lines += _below(report)
    lines += ["", "## Indexes of content_requests", "", "| index | built in | size |", "|---|--:|--:|"]
    lines += [f"| {name} | {seconds:.1f} s | {size / 1e6:.1f} MB |" for name, (seconds, size) in report.build.items()]
    lines += ["", "## Plans", "", *(f"- {each}" for each in report.shapes), ""]
    return "\n".join(lines)


def misses(tenants: Sequence[Tenants], packed: Times, bare: Times) -> list[str]:
    """Where the goal is not met, at the median."""
    return [
        f"{_name(search)} of the {some.size} tenants"
        for search in (False, True)
        for some in tenants
        if _median(bare, some.size, search) < GOAL * _median(packed, some.size, search)
    ]


def _by_tenant(report: Report) -> Iterator[str]:
    for search in (False, True):
        for some in report.tenants:
            own = _every(report.packed, some.size, search)
            p50, p95 = statistics.median(own), sorted(own)[min(len(own) - 1, int(len(own) * 0.95))]
            key, none = _median(report.keyed, some.size, search), _median(report.bare, some.size, search)
            more = _median(report.helped, some.size, search)
            half = "–" if search else f"{_median(report.naive, some.size, search):.2f}"
            yield (
                f"| {_name(search)} | {some.size} | {some.requests:,} | {some.open:,} | {p50:.2f} | {p95:.2f} | {half} "
                f"| {key:.1f} | {none:.1f} | {more:.1f} | {key / p50:.0f} | {none / p50:.0f} | {more / p50:.0f} |"
            )


def _by_words(report: Report) -> Iterator[str]:
    for size, words in report.packed:
        if words:
            own, none = (statistics.median(each[size, words]) for each in (report.packed, report.bare))
            yield f"| {words} | {size} | {own:.2f} | {none:.1f} | {none / own:.0f} |"


def _below(report: Report) -> Iterator[str]:
    """Which words miss the goal: those that many requests hold, because each match is read and ranked."""
    missed = [
        f"{words} ({size}, {none / own:.0f}×)"
        for size, words in report.packed
        if words
        for own, none in [[statistics.median(each[size, words]) for each in (report.packed, report.bare)]]
        if none < GOAL * own
    ]
    if missed:
        yield ""
        yield f"Below {GOAL}×: {', '.join(missed)}. Every match is read from the table and ranked."


def _every(times: Times, size: str, search: bool) -> list[float]:
    return [each for (which, words), some in times.items() if which == size and bool(words) == search for each in some]


def _median(times: Times, size: str, search: bool) -> float:
    return statistics.median(_every(times, size, search))


def _name(search: bool) -> str:
    return "search" if search else "dashboard"
