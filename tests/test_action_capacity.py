"""sample-capacity: sizes and limits are kept in the database, bounded, and the pane forecasts from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from console.actions.capacity.sample_capacity import SAMPLE_CAPACITY
from console.actions.trail.undo import UNDO
from console.demo.cluster import MONITOR, OWNER
from console.model import Kind, Outcome, Record, Snapshot, Trouble
from console.series import sampling
from console.series.days import MONTH, Sample, SeriesName
from console.settings.capacity import CapacitySettings
from console.watching.stored_samples import samples
from tests.acting import Desk
from tests.working import an_installed_schema, desk_of_the_owner, work  # noqa: F401  fixtures, found by name

COUNT = "SELECT count(*) FROM capacity_samples"
HOURLY = (
    "INSERT INTO capacity_samples (sampled_at, kind, subject, used) "
    "SELECT date_trunc('day', now(), 'UTC') - h * interval '1 hour', 'connections', 'connections', h % 24 "
    "FROM generate_series(1, 240) h"
)


async def test_a_sample_has_the_sizes_of_the_server_and_is_taken_once(desk: Desk) -> None:
    run = await desk.run(SAMPLE_CAPACITY)
    assert (run.outcome, run.message) == (Outcome.DONE, "Sizes and limits sampled.")
    kept = desk.ask(COUNT)
    assert kept == run.steps[0].rows
    assert kept == desk.ask(f"{COUNT} WHERE sampled_at = (SELECT max(sampled_at) FROM capacity_samples)")
    parts = "heap = pg_relation_size('content_requests') AND indexes = pg_indexes_size('content_requests')"
    whole = "used = pg_total_relation_size('content_requests') AND used = heap + indexes + toast AND partitions = 0"
    assert desk.ask(f"SELECT {parts} AND {whole} FROM capacity_samples WHERE subject = 'public.content_requests'")
    children = "(SELECT count(*) FROM pg_inherits WHERE inhparent = 'api_usage'::regclass)"
    assert desk.ask(f"SELECT partitions = {children} FROM capacity_samples WHERE subject = 'public.api_usage'")
    kinds = "SELECT array_agg(DISTINCT kind ORDER BY kind) FROM capacity_samples"
    assert desk.ask(kinds) == [
        *("connections", "database", "index", "mxid", "partition", "sequence", "table", "toast", "wal", "xid"),
    ]

    again = await desk.run(SAMPLE_CAPACITY)
    assert again.outcome is Outcome.NOTHING
    assert "There is a sample of the last 30 minutes." in again.plan.notes
    assert (await desk.run(UNDO)).outcome is Outcome.DONE
    assert desk.ask(COUNT) == 0


@pytest.mark.spread
async def test_what_is_kept_is_bounded_to_the_highest_of_each_day_and_the_days_of_the_configuration(desk: Desk) -> None:
    old = "SELECT now() - interval '99 days', 'table', 'public.gone', 5"
    desk.do(HOURLY, f"INSERT INTO capacity_samples (sampled_at, kind, subject, used) {old}")
    short = replace(desk, settings=replace(desk.settings, capacity=CapacitySettings(keep_days=30)))
    run = await short.run(SAMPLE_CAPACITY)
    assert run.outcome is Outcome.DONE
    assert desk.ask(f"{COUNT} WHERE subject = 'public.gone'") == 0
    kept = f"{COUNT} WHERE kind = 'connections' AND sampled_at < date_trunc('day', now(), 'UTC')"
    assert desk.ask(kept) == 48 + 8
    highest = "sampled_at < date_trunc('day', now(), 'UTC') - interval '2 days' AND used = 23"
    assert desk.ask(f"{kept} AND {highest}") == 8
    assert (await short.run(SAMPLE_CAPACITY)).outcome is Outcome.NOTHING


@pytest.mark.spread
async def test_a_superuser_samples_with_the_rights_of_the_owner(desk: Desk) -> None:
    desk.do(
        "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
        "IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN RAISE 'trapped'; END IF; "
        "RETURN NEW; END$$",
        "CREATE TRIGGER trap BEFORE INSERT ON capacity_samples FOR EACH ROW EXECUTE FUNCTION trap()",
    )
    run = await replace(desk, user="postgres").run(SAMPLE_CAPACITY)
    assert run.outcome is Outcome.DONE
    assert desk.ask(COUNT) > 40


@pytest.mark.spread
async def test_without_its_table_or_the_right_to_write_it_the_plan_is_refused(desk: Desk) -> None:
    for user, change, why in (
        (MONITOR, "SELECT", "Only the owner"),
        (OWNER, "ALTER TABLE capacity_samples DROP COLUMN toast", "lacks columns"),
        (OWNER, "DROP TABLE capacity_samples", "There is no table"),
    ):
        desk.do(change)
        with pytest.raises(Trouble, match=why) as caught:
            await replace(desk, user=user).plan(SAMPLE_CAPACITY)
        assert caught.value.kind is Kind.REFUSED


@pytest.mark.spread
async def test_a_job_samples_and_the_pane_forecasts_from_the_database_alone(desk: Desk) -> None:
    desk.do(
        "INSERT INTO background_jobs (job_type, job_name, scheduled_for) VALUES ('capacity_sample', 'now', now())",
        "INSERT INTO capacity_samples (sampled_at, kind, subject, used, heap, rows) "
        "SELECT now() - d * interval '1 day', 'table', 'public.users', "
        "pg_total_relation_size('users') - d * 100, 0, 1000 - d FROM generate_series(1, 60) d",
    )
    await work(desk)
    assert desk.ask("SELECT result -> 'runs' -> 0 ->> 'action' FROM background_jobs") == "sample-capacity"
    assert (
        desk.ask(
            f"{COUNT} WHERE sampled_at > now() - interval '1 hour' AND subject = 'public.users' AND kind = 'table'"
        )
        == 1
    )
    async with desk.workspace() as workspace:
        taken = await workspace.sources.named("capacity").fetch("capacity_growth")
    row = next(record for record in taken.records() if record["table"] == "public.users")
    assert row["month"] == pytest.approx(100 * MONTH, rel=0.1)
    assert row["days"] == 61


async def test_samples_that_a_role_cannot_read_are_a_note(desk: Desk) -> None:
    desk.do("REVOKE SELECT ON capacity_samples FROM pg_monitor")
    async with replace(desk, user=MONITOR).workspace() as workspace:
        taken = await workspace.sources.named("capacity").fetch("capacity_growth")
    assert any("samples in this database cannot be read" in note for note in taken.notes)


def test_an_entry_is_made_of_each_table_and_limit_that_can_be_read() -> None:
    now = datetime.now(UTC)
    tables = Snapshot(
        "capacity_tables",
        ("oid", "table", "size", "heap", "indexes", "toast", "rows", "partitions", "total"),
        ((1, "public.t", 30, 10, 15, 5, None, 2, 1),),
        now,
    )
    limits = Snapshot(
        "capacity_sequences",
        ("kind", "subject", "used", "limit"),
        (("sequence", "public.s", 7.0, 99.0), ("hidden", "sequences", 3, None), ("xid", "unknown", None, 9)),
        now,
    )
    table, sequence = sampling.entries((tables, limits))
    assert sequence == {"kind": "sequence", "subject": "public.s", "used": 7.0}
    assert sampling.values(table) == {
        SeriesName("table", "public.t", measure): value
        for measure, value in (("size", 30), ("heap", 10), ("indexes", 15), ("toast", 5), ("partitions", 2))
    }
    assert sampling.values(sequence) == {SeriesName("sequence", "public.s", "used"): 7}


def test_samples_of_the_database_become_those_of_each_series() -> None:
    columns = ("kind", "subject", "at", "used", "heap", "indexes", "toast", "rows", "partitions")
    row: tuple[object, ...] = ("table", "public.t", [1.0, 2.0], [5.0, 6.0], [4.0, None])
    record: Record = dict(zip(columns, (*row, [None] * 2, [None] * 2, [None] * 2, [3.0, 3.0]), strict=True))
    found = samples(Snapshot("capacity_samples", columns, (tuple(record.values()),), datetime.now(UTC)))
    assert found == {
        SeriesName("table", "public.t", "size"): [Sample(1.0, 5.0), Sample(2.0, 6.0)],
        SeriesName("table", "public.t", "heap"): [Sample(1.0, 4.0)],
        SeriesName("table", "public.t", "partitions"): [Sample(1.0, 3.0), Sample(2.0, 3.0)],
    }
