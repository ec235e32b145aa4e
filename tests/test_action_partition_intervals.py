"""create-partitions continues the interval of the partitions there are, or refuses; privileges of new partitions."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from console.actions.partitions.create_partitions import CREATE_PARTITIONS
from console.model import Kind, Outcome, Trouble
from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.dates import DAY, MONTH
from tests.servers import PostgresServer as Cluster

BOUNDS = r"""
SELECT edge[1]::timestamptz, edge[2]::timestamptz FROM (
  SELECT regexp_match(pg_get_expr(c.relpartbound, 0), '\(''(.*?)''\).*\(''(.*?)''\)') AS edge
    FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = 'public.events'::regclass) x ORDER BY 1
"""


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    desk.do("CREATE TABLE public.events (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at)")
    return desk


def fill(desk: Desk, *edges: str) -> None:
    """Partitions between times of UTC, each from where the last one ends."""
    for at, (lower, upper) in enumerate(itertools.pairwise(edges)):
        desk.do(
            f"DO $$ BEGIN EXECUTE format('CREATE TABLE public.had_{at} PARTITION OF public.events "
            f"FOR VALUES FROM (%L) TO (%L)', ({lower}) AT TIME ZONE 'UTC', ({upper}) AT TIME ZONE 'UTC'); END $$"
        )


def ahead(base: str, unit: str, *numbers: int) -> list[str]:
    return [f"{base} + interval '{number} {unit}'" for number in numbers]


@pytest.mark.parametrize(
    ("edges", "length", "said"),
    [
        (ahead(DAY, "days", -1, 0, 1, 2), "1 day", "of a day"),
        (ahead(DAY, "days", -7, 0, 7), "7 days", "of 7 days"),
        (ahead(DAY, "days", -40, -39, -38), "1 day", "of a day"),
        (ahead(MONTH, "months", -6, -3, 0), "3 months", "of 3 months"),
        (ahead(MONTH, "months", -1, 0, 1), "1 month", ""),
        ([], "1 month", ""),
    ],
)
async def test_the_interval_is_continued(desk: Desk, edges: list[str], length: str, said: str) -> None:
    fill(desk, *edges)
    run = await desk.run(CREATE_PARTITIONS, table="public.events", months="2")
    assert run.outcome is Outcome.DONE, run.message
    assert bool(run.plan.notes) == bool(said)
    assert said in " ".join(run.plan.notes)
    with desk.session(options="-c timezone=UTC") as session:
        odd = f"SELECT count(*) FROM ({BOUNDS}) x(lower, upper) WHERE lower + interval '{length}' <> upper"
        assert session.execute(odd.encode()).fetchone() == (0,)
    desk.do(
        f"INSERT INTO public.events SELECT 1, ({MONTH} + interval '3 months -1 hours') AT TIME ZONE 'UTC'",
        "INSERT INTO public.events SELECT 1, now()",
    )
    assert (await desk.run(CREATE_PARTITIONS, table="public.events", months="2")).outcome is Outcome.NOTHING


@pytest.mark.parametrize(
    "edges",
    [
        ahead(MONTH, "months -2 hours", -1, 0, 1),  # months of Berlin in summer
        ahead(DAY, "hours", 0, 1, 2),
        ahead(DAY, "days", -9, 0, 1),
    ],
)
async def test_what_is_no_interval_of_whole_days_is_refused(desk: Desk, edges: list[str]) -> None:
    fill(desk, *edges)
    with pytest.raises(Trouble, match=r"The newest partitions of public\.events, from .* have no interval") as why:
        await desk.plan(CREATE_PARTITIONS, table="public.events")
    assert why.value.kind is Kind.REFUSED


async def test_the_rest_of_a_month_is_called_that_and_nothing_of_the_past_is_made(desk: Desk) -> None:
    fill(desk, f"{MONTH} + interval '1 month -1 s'", *ahead(MONTH, "months", 2, 3))  # also on its last day
    made = await desk.plan(CREATE_PARTITIONS, table="public.events", months="4")
    notes = [step.note for step in made.steps if step.sql.startswith("CREATE TABLE")]
    assert len(notes) == 3
    assert "(only from " in notes[0]
    assert not any("(only from" in note for note in notes[1:])
    desk.do("DROP TABLE public.had_0")
    fill(desk, DAY, f"{MONTH} + interval '2 months'")
    names = (await desk.plan(CREATE_PARTITIONS, table="public.events", months="1")).steps
    assert names == ()


@pytest.mark.parametrize("secured", [False, True])
async def test_a_superuser_gives_partitions_the_privileges_of_the_parent(desk: Desk, secured: bool) -> None:
    desk.do(
        "ALTER TABLE public.events OWNER TO pipeline_owner",
        "GRANT SELECT, INSERT ON public.events TO pipeline_app WITH GRANT OPTION",
        "GRANT SELECT ON public.events TO PUBLIC",
    )
    if secured:  # its policies would not hold for who reads a partition by its name
        desk.do("ALTER TABLE public.events ENABLE ROW LEVEL SECURITY")
    run = await desk.run(CREATE_PARTITIONS, table="public.events", months="1")
    assert run.outcome is Outcome.DONE, run.message
    granted = desk.ask(
        "SELECT count(*) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid CROSS JOIN aclexplode(c.relacl) x "
        "WHERE x.grantee <> c.relowner AND x.is_grantable = (x.grantee <> 0)"
    )
    assert granted == (0 if secured else 6)
