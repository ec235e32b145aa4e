"""The benchmark of dashboard and search: what it runs, what it tells, when it fails."""

from __future__ import annotations

from scripts.benchmarks.queries import read_queries
from scripts.benchmarks.query_report import Report, Tenants, misses, section

SIZES = (Tenants("largest", ("a",), 1000, 50), Tenants("small", ("b",), 10, 1))


def times(dashboard: float, search: float) -> dict[tuple[str, str], list[float]]:
    return {(one.size, words): [value] for one in SIZES for words, value in (("", dashboard), ("cold brew", search))}


def test_the_queries_are_those_of_the_workload() -> None:
    queries = read_queries()
    assert queries.dashboard.count("%(tenant)s") == 1
    assert "demo.pick" not in queries.dashboard + queries.search
    assert (queries.search.count("%(tenant)s"), queries.search.count("%(words)s")) == (1, 1)
    assert "search_vector" not in queries.per_row
    assert len(queries.words) == 8


def test_it_tells_what_is_not_fast_enough() -> None:
    packed = times(1.0, 2.0)
    assert misses(SIZES, packed, times(100.0, 200.0)) == []
    assert misses(SIZES, packed, times(100.0, 199.0)) == [
        "search of the largest tenants",
        "search of the small tenants",
    ]


def test_the_section_has_a_line_for_each_size_and_words() -> None:
    packed, bare = times(1.0, 2.0), times(300.0, 800.0)
    report = Report(
        3000, "15.4 (Debian)", SIZES, {"i": (0.5, 2_000_000)}, ["a plan"], packed, packed, bare, bare, packed
    )
    text = section(report)
    assert "PostgreSQL 15.4: 3,000 requests" in text
    assert "| dashboard | largest | 1,000 | 50 | 1.00 | 1.00 | 1.00 | 300.0 | 300.0 | 1.0 | 300 | 300 | 1 |" in text
    assert "| search | small | 10 | 1 | 2.00 | 2.00 | – | 800.0 | 800.0 | 2.0 | 400 | 400 | 1 |" in text
    assert "| cold brew | small | 2.00 | 800.0 | 400 |" in text
    assert "| i | 0.5 s | 2.0 MB |" in text
    assert "Below" not in text
    slow = Report(3000, "15.4", SIZES, {}, [], packed, packed, bare, times(300.0, 150.0), packed)
    assert "Below 100×: cold brew (largest, 75×), cold brew (small, 75×)." in section(slow)
