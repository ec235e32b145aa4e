"""restore-analytics on real servers: a month is never lost between two tables, whatever happens on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from console.actions.archive.archive_analytics import ARCHIVE_ANALYTICS
from console.actions.archive.restore_analytics import RESTORE_ANALYTICS
from console.actions.trail.undo import UNDO
from console.model import Kind, Outcome, Trouble
from console.panes.partitions import PARTITIONS
from console.running.trail.audit import default_trail
from tests.acting import Desk, held
from tests.killed import killed
from tests.servers import PostgresServer as Cluster
from tests.test_pane_storage import rows_of
from tests.waiting import eventually

MONTH = "2020-03"
ROWS = 300
LEFT_OVER = (
    "SELECT (SELECT count(*) FROM pg_description WHERE description LIKE 'pipeline-console:%') + "
    "(SELECT count(*) FROM pg_constraint WHERE contype IN ('f', 'c') AND NOT convalidated)"
)
ATTACHED = (
    "SELECT coalesce((SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = 'public.m'::regclass), '')"
)
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%DETACH%CONCURRENTLY' AND wait_event_type = 'Lock'"
KEYS = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'public.m'::regclass"


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A month of rows in the archive, which has no foreign key; its rows refer to assets."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    desk = Desk(pg, database, default_trail())
    desk.do(
        "CREATE TABLE public.assets (id int PRIMARY KEY)",
        "INSERT INTO public.assets SELECT generate_series(1, 10)",
        "CREATE TABLE public.content_analytics (id int, performance_date date, asset int REFERENCES public.assets, "
        "note text, PRIMARY KEY (id, performance_date)) PARTITION BY RANGE (performance_date)",
        "CREATE TABLE public.content_analytics_archive (LIKE public.content_analytics, "
        "PRIMARY KEY (id, performance_date)) PARTITION BY RANGE (performance_date)",
        "CREATE TABLE public.m PARTITION OF public.content_analytics_archive "
        "FOR VALUES FROM ('2020-03-01') TO ('2020-04-01')",
        "INSERT INTO public.content_analytics_archive SELECT g, date '2020-03-01' + g % 31, 1 + g % 10, 'n' || g "
        f"FROM generate_series(1, {ROWS}) g",
        "COMMENT ON TABLE public.m IS 'a month'",
    )
    return desk


def rows(desk: Desk, table: str) -> int:
    return int(desk.ask(f"SELECT count(*) FROM public.{table}"))


def everything(desk: Desk) -> object:
    """Count and checksum of the rows of both tables."""
    return desk.ask(
        "SELECT ROW(count(*), sum(hashtextextended(x::text, 0)))::text FROM (SELECT * FROM public.content_analytics "
        "UNION ALL SELECT * FROM public.content_analytics_archive) x"
    )


async def restored(desk: Desk) -> None:
    run = await desk.run(RESTORE_ANALYTICS, month=MONTH, table="public.content_analytics")
    assert run.outcome is Outcome.DONE, run.message
    assert rows(desk, "content_analytics") == ROWS
    assert desk.ask(LEFT_OVER) == 0
    assert desk.ask(KEYS) == 1
    assert desk.ask("SELECT obj_description('public.m'::regclass)") == "a month"


async def sent(desk: Desk, count: int) -> Sequence[str]:
    """Send the first statements of a restore, as a run does that is stopped after them."""
    plan = await desk.plan(RESTORE_ANALYTICS, month=MONTH)
    statements = [step.sql for step in plan.steps[:count]]
    desk.do(*statements)
    return statements


async def test_foreign_keys_are_validated_before_anything_is_detached(desk: Desk) -> None:
    plan = await desk.plan(RESTORE_ANALYTICS, month=MONTH)
    order = [next(at for at, step in enumerate(plan.steps) if word in step.sql) for word in ("VALIDATE", "DETACH")]
    assert order == sorted(order)


@pytest.mark.parametrize("count", range(7))
async def test_a_restore_that_was_stopped_after_any_statement_goes_on(desk: Desk, count: int) -> None:
    before = everything(desk)
    await sent(desk, count)
    if desk.ask(ATTACHED) == "content_analytics":
        return
    await restored(desk)
    assert everything(desk) == before


async def test_a_key_that_was_not_validated_is_validated_not_added_again(desk: Desk) -> None:
    """As versions did that detached first."""
    await sent(desk, 4)
    desk.do(
        "ALTER TABLE public.m DROP CONSTRAINT content_analytics_asset_fkey",
        "ALTER TABLE public.m ADD CONSTRAINT content_analytics_asset_fkey FOREIGN KEY (asset) REFERENCES public.assets "
        "NOT VALID",
    )
    assert desk.ask(ATTACHED) == ""
    made = await desk.plan(RESTORE_ANALYTICS, month="2019-01")
    assert "public.m is in neither table" in " ".join(made.notes)
    assert await verdicts(desk) == {
        "content_analytics": "month detached",
        "content_analytics_archive": "month detached",
    }
    with pytest.raises(Trouble, match=r"public\.m is in neither public\.content_analytics_archive nor"):
        await desk.plan(ARCHIVE_ANALYTICS)
    await restored(desk)
    assert "month detached" not in (await verdicts(desk)).values()


async def verdicts(desk: Desk) -> dict[str, object]:
    """What the partitions pane says of each partitioned table."""
    rows = await rows_of(desk.uri, PARTITIONS.view("parents"), "parent")
    return {name.removeprefix("public."): row["verdict"] for name, row in rows.items()}


async def test_a_name_that_something_else_has_is_no_obstacle(desk: Desk) -> None:
    desk.do("ALTER TABLE public.m ADD CONSTRAINT content_analytics_asset_fkey CHECK (asset > 0)")
    await restored(desk)


@pytest.mark.parametrize("reached", ["archive", "keys", "neither", "neither, not validated"])
async def test_rows_without_a_parent_stay_in_the_archive_and_the_others_come_back(desk: Desk, reached: str) -> None:
    before = everything(desk)
    await sent(desk, {"archive": 0, "keys": 1}.get(reached, 4))
    if reached.endswith("validated"):
        desk.do("ALTER TABLE public.m DROP CONSTRAINT content_analytics_asset_fkey")
    desk.do(
        "ALTER TABLE public.m DROP CONSTRAINT IF EXISTS content_analytics_asset_fkey",
        "DELETE FROM public.assets WHERE id = 10",
    )
    if reached != "archive":
        desk.do(
            "ALTER TABLE public.m ADD CONSTRAINT content_analytics_asset_fkey FOREIGN KEY (asset) "
            "REFERENCES public.assets NOT VALID"
        )
    made = await desk.plan(RESTORE_ANALYTICS, month=MONTH)
    assert "30 of its rows refer to rows of public.assets that no longer exist" in " ".join(made.notes)
    run = await desk.run(RESTORE_ANALYTICS, month=MONTH)
    assert run.outcome is Outcome.DONE, run.message
    assert everything(desk) == before
    assert desk.ask(ATTACHED) == "content_analytics_archive"
    assert (rows(desk, "content_analytics"), rows(desk, "content_analytics_archive")) == (270, 30)
    assert (desk.ask(LEFT_OVER), desk.ask(KEYS)) == (0, 0)
    with pytest.raises(Trouble, match=r"Nothing of public\.m can be moved: 30 of its rows") as why:
        await desk.plan(RESTORE_ANALYTICS, month=MONTH)
    assert why.value.kind is Kind.REFUSED


async def test_a_plain_archive_keeps_rows_without_a_parent_too(desk: Desk) -> None:
    desk.do(
        "CREATE TABLE public.plain AS SELECT * FROM public.content_analytics_archive",
        "DROP TABLE public.content_analytics_archive",
        "ALTER TABLE public.plain RENAME TO content_analytics_archive",
        "DELETE FROM public.assets WHERE id = 10",
        "UPDATE public.content_analytics_archive SET asset = NULL WHERE id = 1",
    )
    run = await desk.run(RESTORE_ANALYTICS, month=MONTH)
    assert run.outcome is Outcome.DONE, run.message
    assert (rows(desk, "content_analytics"), rows(desk, "content_analytics_archive")) == (270, 30)


async def test_undo_leaves_the_month_in_the_archive_without_a_key(desk: Desk) -> None:
    await restored(desk)
    run = await desk.run(UNDO)
    assert run.outcome is Outcome.DONE, run.message
    assert (desk.ask(ATTACHED), desk.ask(KEYS), desk.ask(LEFT_OVER)) == ("content_analytics_archive", 0, 0)
    assert rows(desk, "content_analytics_archive") == ROWS


async def test_undo_of_a_restore_past_a_default_partition_leaves_no_key(desk: Desk) -> None:
    desk.do("CREATE TABLE public.rest PARTITION OF public.content_analytics_archive DEFAULT")
    await restored(desk)
    run = await desk.run(UNDO)
    assert run.outcome is Outcome.DONE, run.message
    assert (desk.ask(ATTACHED), desk.ask(KEYS), desk.ask(LEFT_OVER)) == ("content_analytics_archive", 0, 0)


async def test_a_month_that_is_nowhere_is_refused_with_the_months_there_are(desk: Desk) -> None:
    with pytest.raises(Trouble, match=r"has rows of 2019-01\. .*2020-03 to 2020-03") as why:
        await desk.plan(RESTORE_ANALYTICS, month="2019-01")
    assert why.value.kind is Kind.REFUSED
    await restored(desk)
    with pytest.raises(Trouble, match=r"2020-03 is in public\.content_analytics already"):
        await desk.plan(RESTORE_ANALYTICS, month=MONTH)


@pytest.mark.parametrize("way", ["again", "undo"])
async def test_a_restore_that_is_stopped_while_detach_waits_ends_in_one_table(desk: Desk, way: str) -> None:
    before = everything(desk)
    with held(desk, "SELECT * FROM public.content_analytics_archive"):
        running = asyncio.create_task(desk.run(RESTORE_ANALYTICS, month=MONTH))
        await eventually(lambda: running.done() or desk.ask(WAITING))
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    assert desk.ask("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == 1
    if way == "undo":
        with contextlib.suppress(Trouble):
            await desk.run(UNDO)
    await restored(desk)
    assert everything(desk) == before


MOMENTS = [
    (event, count, when)
    for event, most in (("start", 1), ("commit", 3), ("step", 6), ("end", 1))
    for count in range(1, most + 1)
    for when in ("before", "after")
]
FEW = [("commit", 1, "after"), ("step", 3, "after"), ("step", 4, "before"), ("commit", 3, "before")]


@pytest.mark.pg("!= 15, != 16, != 17, != 19")
@pytest.mark.parametrize("way", ["again", "undo"])
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(each, marks=[] if each in FEW else pytest.mark.slow, id="-".join(map(str, each)))
        for each in MOMENTS
    ],
)
async def test_a_restore_that_is_killed_at_any_moment_ends_in_one_table(
    desk: Desk, moment: tuple[str, int, str], way: str
) -> None:
    before = everything(desk)
    event, count, when = moment
    killed(desk, "restore-analytics", event, count, when, month=MONTH)
    detached = desk.ask(ATTACHED) == ""
    assert detached == (rows(desk, "content_analytics") + rows(desk, "content_analytics_archive") == 0)
    if way == "undo":
        with contextlib.suppress(Trouble):  # nothing had happened yet
            run = await desk.run(UNDO)
            assert run.outcome is Outcome.DONE, run.message
            assert desk.ask(ATTACHED) == "content_analytics_archive"
            assert (desk.ask(KEYS), desk.ask(LEFT_OVER)) == (0, 0)
    if desk.ask(ATTACHED) != "content_analytics":
        await restored(desk)
    assert everything(desk) == before
    assert desk.ask(LEFT_OVER) == 0
