"""The benchmark of adopting: whose wait a write's is, and when the benchmark fails."""

from __future__ import annotations

from scripts.benchmarks.adopt_report import Measured, Part, by_step, misses, section, waited
from scripts.benchmarks.adopt_writers import Write, Written

PARTS = [
    Part("(before)", "nothing", 0.0, 10.0),
    Part("schema", "ADD COLUMN", 10.0, 11.0),
    Part("schema", "fill", 11.0, 20.0, rows=5),
]


def measured(*writes: Write, control: float = 0.001) -> Measured:
    written = Written(list(writes), [(at / 2, control) for at in range(40)], [(10.6, 7, "Lock:relation ALTER TABLE")])
    return Measured("18.1", list(PARTS), written, [], (), (), "fsync = on", "few rows")


def test_a_wait_is_what_a_write_took_longer_than_the_control_in_the_same_moment() -> None:
    slow = Write(10.45, 0.3, 7, "insert t")
    assert waited(slow, [(10.0, 0.2), (10.5, 0.1), (12.0, 5.0)]) == 0.3 - 0.1
    assert waited(slow, [(5.0, 0.001), (10.4, 0.4)]) == 0.0
    assert waited(slow, [(12.0, 5.0)]) == 0.3


def test_a_wait_counts_for_each_step_that_was_under_way() -> None:
    lines = by_step(measured(Write(10.9, 0.2, 7, "insert t"), Write(15.0, 0.01, 8, "update t")))
    assert [line.writes for line in lines.values()] == [0, 1, 2]
    assert [round(line.took, 3) for line in lines.values()] == [0.0, 0.2, 0.2]


def test_it_fails_for_a_long_wait_and_names_step_and_cause() -> None:
    (said,) = misses(measured(Write(10.5, 0.2, 7, "insert t")))
    assert "199 ms: schema, ADD COLUMN (insert t: Lock:relation ALTER TABLE)" in said
    assert misses(measured(Write(10.5, 0.2, 7, "insert t"), control=0.19)) == []
    assert misses(measured(Write(2.0, 3.0, 7, "insert t"))) == [], "nothing of the adoption was under way"


def test_it_fails_for_whatever_else_was_promised() -> None:
    found = measured()
    found.written.failed.append("insert t: no")
    found.lost, found.drift, found.left = ["t: 1 row instead of 2"], ("t.id: missing column",), ("indexes",)
    assert len(misses(found)) == 4
    assert all(said in section(found) for said in misses(found))
