"""schedule-jobs, run-job, retry-job, cancel-job: recurring jobs are there once, and jobs run when they should."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.actions.jobs.change_job import CANCEL_JOB, RETRY_JOB, RUN_JOB
from console.actions.jobs.schedule_jobs import SCHEDULE_JOBS
from console.actions.trail.undo import UNDO
from console.demo.cluster import OWNER
from console.jobs.timetable import first_occurrence, upcoming
from console.model import Kind, Outcome, Trouble
from console.running.trail.audit import Trail
from console.settings.jobs import JobWindow, RecurringJob
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster
from tests.working import an_installed_schema, desk_of_the_owner, work  # noqa: F401  fixtures, found by name

LIVE = "SELECT count(*) FROM background_jobs WHERE status IN ('pending', 'running')"
ROWS = (
    "SELECT array_agg(row(schedule_name, priority, scheduled_for, repeat_every)::text ORDER BY id) FROM background_jobs"
)


def configured(desk: Desk, *jobs: RecurringJob) -> Desk:
    return replace(desk, settings=replace(desk.settings, jobs=replace(desk.settings.jobs, recurring=jobs)))


@pytest.mark.parametrize(
    ("job", "now", "expected"),
    [
        (RecurringJob("a", "archive", "month", 120, 31), "2026-02-01 00:00", "2026-02-28 02:00"),
        (RecurringJob("a", "archive", "month", 120, 31), "2026-02-28 02:00", "2026-03-31 02:00"),
        (RecurringJob("a", "archive", "month", 120, 1), "2026-12-31 23:59", "2027-01-01 02:00"),
        (RecurringJob("a", "archive", "week", 180, 6), "2026-11-28 20:00", "2026-11-29 03:00"),  # a Sunday
        (RecurringJob("a", "archive", "week", 0, 0), "2026-11-30 00:00", "2026-12-07 00:00"),  # a Monday
        (RecurringJob("a", "archive", "day", 15), "2026-11-28 00:15", "2026-11-29 00:15"),
        (RecurringJob("a", "archive", "hour", 605), "2026-11-28 20:04", "2026-11-28 20:05"),
    ],
)
def test_the_first_run_is_the_next_time_of_the_timetable(job: RecurringJob, now: str, expected: str) -> None:
    moment, following = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, expected))
    assert upcoming(job, moment) == following
    assert upcoming(job, moment, {following}) > following
    assert first_occurrence(job) < moment


async def test_recurring_jobs_are_scheduled_once_and_only_what_differs_is_changed(desk: Desk) -> None:
    declared = len(desk.settings.jobs.recurring)
    run = await desk.run(SCHEDULE_JOBS)
    assert (run.outcome, run.message) == (Outcome.DONE, f"{declared} recurring jobs scheduled.")
    assert (desk.ask(LIVE), (await desk.plan(SCHEDULE_JOBS)).steps) == (declared, ())
    before = desk.ask(ROWS)
    desk.do("UPDATE background_jobs SET priority = 9, scheduled_for = scheduled_for + interval '1 year' WHERE id = 1")
    (step,) = (await desk.plan(SCHEDULE_JOBS)).steps
    assert "priority 9 to " in step.note
    assert "too far ahead" in step.note
    await desk.run(SCHEDULE_JOBS)
    assert desk.ask(ROWS) == before
    await desk.run(UNDO)
    assert desk.ask("SELECT priority FROM background_jobs WHERE id = 1") == 9


@pytest.mark.parametrize(
    ("kind", "parameters", "declared"),
    [
        ("refresh_views", "{}", {}),
        ("archive", '{"older_than": "24 months"}', {"older_than": "24 months"}),
        ("maintenance", '{"command": "VACUUM ANALYZE", "table": "users"}', {"command": "vacuum analyze public.users"}),
    ],
)
async def test_a_recurring_job_that_does_the_same_is_adopted_and_not_doubled(
    desk: Desk, kind: str, parameters: str, declared: dict[str, str]
) -> None:
    mine = configured(desk, RecurringJob("mine", kind, "week", 60, parameters=declared))
    for name in ("first", "second"):
        desk.do(
            "INSERT INTO background_jobs (job_type, job_name, parameters, repeat_every, scheduled_for) "
            f"VALUES ('{kind}', '{name}', '{parameters}', interval '1 day', now() + interval '1 hour')"
        )
    before = desk.ask(ROWS)
    plan = await mine.plan(SCHEDULE_JOBS)
    (step,) = plan.steps
    assert "adopts job 1, which does the same; " in step.note
    assert "other times" in step.note
    assert [note for note in plan.notes if "Job 2 (second) does the same as the recurring job mine" in note]
    await mine.run(SCHEDULE_JOBS)
    assert desk.ask("SELECT count(*) FROM background_jobs") == 2
    assert desk.ask("SELECT job_name || ' ' || schedule_name FROM background_jobs WHERE id = 1") == "first mine"
    assert (await mine.plan(SCHEDULE_JOBS)).steps == ()
    await desk.run(UNDO)
    assert desk.ask(ROWS) == before


async def test_the_jobs_of_the_sample_data_are_adopted(pg: Cluster, pg_pipeline: str, tmp_path: Path) -> None:
    desk = Desk(pg, pg_pipeline, Trail(tmp_path / "audit.jsonl"), user=OWNER)
    before = desk.ask(LIVE)
    plan = await desk.plan(SCHEDULE_JOBS)
    assert sum("adopts job" in step.note for step in plan.steps) == before
    assert not [note for note in plan.notes if "cancel-job" in note]
    await desk.run(SCHEDULE_JOBS)
    assert desk.ask(LIVE) == len(desk.settings.jobs.recurring)
    assert (await desk.plan(SCHEDULE_JOBS)).steps == ()


async def test_a_recurring_job_that_does_other_work_is_named_and_left(desk: Desk) -> None:
    mine = configured(desk, RecurringJob("mine", "archive", "week", 60))
    for kind, parameters in (("archive", '{"older_than": "2 years"}'), ("mail", "{}"), ("archive", '{"x": 1}')):
        desk.do(
            "INSERT INTO background_jobs (job_type, parameters, repeat_every) "
            f"VALUES ('{kind}', '{parameters}', interval '1 day')"
        )
    plan = await mine.plan(SCHEDULE_JOBS)
    assert [step.sql.split()[0] for step in plan.steps] == ["INSERT"]
    left = [note.split(" recurs")[0] for note in plan.notes if "is not in the configuration" in note]
    assert left == ["Job 1 (archive)", "Job 3 (archive)"]


async def test_a_job_that_runs_or_is_not_declared_is_named_and_left(desk: Desk) -> None:
    mine = configured(desk, RecurringJob("a", "archive", "day", 60), RecurringJob("b", "refresh_views", "day", 60))
    await mine.run(SCHEDULE_JOBS)
    desk.do("UPDATE background_jobs SET status = 'running', locked_by = 'w', heartbeat_at = now() WHERE job_name = 'a'")
    window = JobWindow(60, 120)
    plan = await configured(desk, RecurringJob("a", "archive", "day", 60, window=window)).plan(SCHEDULE_JOBS)
    assert plan.steps == ()
    assert any("a is running and differs (window none to 01:00:00-02:00:00)" in note for note in plan.notes)
    assert any("b is in the queue and not in the configuration" in note for note in plan.notes)


async def test_a_job_that_no_worker_runs_is_not_scheduled(desk: Desk) -> None:
    wrong = configured(desk, RecurringJob("x", "maintenance", "day", parameters={"command": "DROP TABLE users"}))
    with pytest.raises(Trouble, match="DROP TABLE users") as refused:
        await wrong.plan(SCHEDULE_JOBS)
    assert refused.value.kind is Kind.USAGE


async def test_the_worker_runs_what_is_due_and_the_next_occurrence_keeps_its_time(desk: Desk) -> None:
    mine = configured(desk, RecurringJob("views", "refresh_views", "month", 120, 31))
    await mine.run(SCHEDULE_JOBS)
    due = desk.ask("SELECT scheduled_for FROM background_jobs")
    assert await work(desk) == []
    run = await desk.run(RUN_JOB, job="1")
    assert run.outcome is Outcome.DONE
    await work(desk)
    assert desk.ask("SELECT status FROM background_jobs WHERE id = 1") == "succeeded"
    assert desk.ask("SELECT scheduled_for FROM background_jobs WHERE status = 'pending'") == due
    assert (await mine.plan(SCHEDULE_JOBS)).steps == ()


async def test_a_job_is_moved_to_another_time_and_back(desk: Desk) -> None:
    mine = configured(desk, RecurringJob("a", "archive", "day", 60, window=JobWindow(60, 120)))
    await mine.run(SCHEDULE_JOBS)
    before = desk.ask(ROWS)
    plan = await desk.plan(RUN_JOB, job="1", at="2030-01-01 03:00")
    assert plan.notes == ("It begins only from 01:00:00 to 02:00:00 UTC.",)
    await desk.run(RUN_JOB, job="1", at="2030-01-01 03:00")
    assert desk.ask("SELECT scheduled_for = '2030-01-01 03:00+00' FROM background_jobs") is True
    await desk.run(UNDO)
    assert desk.ask(ROWS) == before
    for wrong in ({"at": "soon"}, {"job": "x"}):
        with pytest.raises(Trouble) as refused:
            await desk.plan(RUN_JOB, **{"job": "1", **wrong})
        assert refused.value.kind is Kind.USAGE


async def test_a_rejected_job_is_retried_with_all_its_attempts(desk: Desk) -> None:
    desk.do("INSERT INTO background_jobs (job_type, job_name) VALUES ('ship', 'a')")
    await work(desk)
    assert desk.ask("SELECT status FROM background_jobs") == "rejected"
    desk.do("UPDATE background_jobs SET job_type = 'refresh_views'")
    await desk.run(RETRY_JOB, job="1")
    assert desk.ask("SELECT attempts FROM background_jobs") == 0
    await work(desk)
    assert desk.ask("SELECT status FROM background_jobs") == "succeeded"
    with pytest.raises(Trouble, match="is succeeded"):
        await desk.plan(RETRY_JOB, job="1")
    with pytest.raises(Trouble, match="There is no job 7"):
        await desk.plan(RETRY_JOB, job="7")


async def test_a_dead_occurrence_runs_once_more_beside_the_next_one(desk: Desk) -> None:
    mine = configured(desk, RecurringJob("views", "refresh_views", "day", 60))
    await mine.run(SCHEDULE_JOBS)
    desk.do('UPDATE background_jobs SET parameters = \'{"view": "x"}\', scheduled_for = now()')
    await work(desk)
    desk.do("UPDATE background_jobs SET parameters = '{}', status = 'dead' WHERE id = 1")
    (step,) = (await desk.run(RETRY_JOB, job="1")).steps
    assert "runs once more" in step.step.note
    await work(desk)
    assert desk.ask("SELECT status FROM background_jobs WHERE id = 1") == "succeeded"
    assert desk.ask(LIVE) == 1


async def test_cancelling_an_occurrence_keeps_the_next_one_unless_all_are_cancelled(desk: Desk) -> None:
    mine = configured(desk, RecurringJob("views", "refresh_views", "day", 60))
    await mine.run(SCHEDULE_JOBS)
    due = desk.ask("SELECT scheduled_for FROM background_jobs")
    await desk.run(CANCEL_JOB, job="1")
    following = "SELECT scheduled_for - interval '1 day' FROM background_jobs WHERE status = 'pending'"
    assert desk.ask(following) == due
    await desk.run(UNDO)
    assert (desk.ask(LIVE), desk.ask("SELECT status FROM background_jobs WHERE id = 1")) == (1, "pending")
    await desk.run(CANCEL_JOB, job="1", all="yes")
    assert desk.ask(LIVE) == 0
    await mine.run(SCHEDULE_JOBS)
    assert desk.ask(LIVE) == 1, "for the next time that is not cancelled"


@pytest.mark.parametrize("status", ["failed", "dead", "rejected"])
async def test_a_job_that_failed_is_dismissed_and_comes_back(desk: Desk, status: str) -> None:
    ended = f"status = '{status}', finished_at = now() - interval '1 hour', last_error = 'disk full'"
    desk.do(
        "INSERT INTO background_jobs (job_type, job_name, repeat_every) VALUES ('archive', 'a', interval '1 day')",
        f"UPDATE background_jobs SET {ended}",
    )
    row = "SELECT (status, finished_at, last_error)::text FROM background_jobs"
    former = desk.ask(row)
    run = await desk.run(CANCEL_JOB, job="1")
    assert "Job 1 (a) dismissed" in run.message
    assert desk.ask("SELECT status || ': ' || last_error FROM background_jobs") == "cancelled: disk full"
    assert desk.ask("SELECT count(*) FROM background_jobs") == 1, "it has no next occurrence of its own"
    await desk.run(UNDO)
    assert desk.ask(row) == former
    with pytest.raises(Trouble, match="no later occurrences of its own"):
        await desk.plan(CANCEL_JOB, job="1", all="yes")


async def test_what_a_superuser_does_to_jobs_runs_no_code_of_the_owner_with_more_than_their_rights(desk: Desk) -> None:
    desk.do(
        "CREATE TABLE seen (who name)",
        "CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN INSERT INTO public.seen VALUES (CURRENT_USER); RETURN NEW; END$$",
        "CREATE TRIGGER spy BEFORE INSERT OR UPDATE ON background_jobs FOR EACH ROW EXECUTE FUNCTION spy()",
    )
    superuser = replace(configured(desk, RecurringJob("a", "archive", "day", 60)), user="postgres")
    assert (await superuser.run(SCHEDULE_JOBS)).outcome is Outcome.DONE
    for action in (RUN_JOB, CANCEL_JOB, RETRY_JOB):
        run = await superuser.run(action, job="1")
        assert run.outcome is Outcome.DONE, run.message
    assert desk.ask("SELECT array_agg(DISTINCT who::text) FROM seen") == [OWNER]


async def test_without_the_queue_or_the_right_to_it_nothing_is_planned(desk: Desk, database: str, pg: Cluster) -> None:
    with pytest.raises(Trouble, match=r"There is no table public\.background_jobs"):
        await replace(desk, database=database).plan(SCHEDULE_JOBS)
    with pytest.raises(Trouble, match="Only the owner") as refused:
        await replace(desk, user="pipeline_app").plan(SCHEDULE_JOBS)
    assert refused.value.kind is Kind.REFUSED
