"""The worker on real servers: each job once, whatever dies; nothing runs that is not one of its kinds."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from console.demo.cluster import OWNER
from console.jobs.job import JobStatus
from console.model import Kind, Trouble
from console.worker.events import What
from console.worker.queue import ClaimLost, Ending, Queue
from tests.acting import Desk
from tests.command import run as command
from tests.servers import PostgresServer as Cluster
from tests.waiting import PATIENCE, eventually, wait
from tests.working import an_installed_schema, desk_of_the_owner, nursery, work, working  # noqa: F401  fixtures, found by name

EFFECTS = "CREATE TABLE effects (job bigint NOT NULL, claim text NOT NULL)"
CHANGES = (  # every change of a status, as the server saw it
    "CREATE TABLE changes (job bigint NOT NULL, status text NOT NULL)",
    (
        "CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN INSERT INTO public.changes VALUES (NEW.id, NEW.status); RETURN NULL; END$$"
    ),
    "CREATE TRIGGER changed AFTER UPDATE OF status ON background_jobs FOR EACH ROW EXECUTE FUNCTION changed()",
)
TABLES = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind IN ('r', 'p', 'm')"


def queue_job(desk: Desk, kind: str, parameters: str = "{}", **columns: object) -> int:
    """Queue a job that is due; its id."""
    given = {"job_type": kind, "job_name": f"test {kind}", "parameters": parameters, **columns}
    names, marks = ", ".join(given), ", ".join(["%s"] * len(given))
    with desk.session() as session:
        row = session.execute(
            f"INSERT INTO background_jobs ({names}) VALUES ({marks}) RETURNING id".encode(), list(given.values())
        ).fetchone()
    assert row is not None
    return int(row[0])


def status(desk: Desk, job: int) -> tuple[str, str]:
    """JobStatus and last error."""
    with desk.session() as session:
        row = session.execute("SELECT status, last_error FROM background_jobs WHERE id = %s", (job,)).fetchone()
    assert row is not None
    return row[0], row[1] or ""


async def test_what_is_no_job_of_a_known_kind_is_rejected_with_the_reason_and_changes_nothing(desk: Desk) -> None:
    before = desk.ask(TABLES)
    wrong = {
        "DROP TABLE feature_flags": queue_job(desk, "maintenance", '{"command": "DROP TABLE feature_flags"}'),
        "VACUUM users; DROP": queue_job(
            desk, "maintenance", '{"command": "VACUUM users; DROP TABLE users"}', job_name="two"
        ),
        "no table or view nowhere": queue_job(desk, "maintenance", '{"command": "VACUUM nowhere"}', job_name="three"),
        "'ship' is not known": queue_job(desk, "ship"),
        "no parameter 'sql'": queue_job(desk, "refresh_views", '{"sql": "DELETE FROM users"}'),
        "no check 'x'": queue_job(desk, "performance_monitoring", '{"checks": ["x"]}'),
        "has no archive policy": queue_job(desk, "archive", '{"table": "users"}'),
    }
    events = await work(desk)
    for reason, job in wrong.items():
        found, error = status(desk, job)
        assert found == "rejected"
        assert reason in error
    assert {event.what for event in events} == {What.CLAIMED, What.REJECTED}
    assert desk.ask(TABLES) == before
    assert not desk.trail.path.exists(), "no run began"


async def test_each_kind_runs_its_actions_and_keeps_what_became_of_them(desk: Desk) -> None:
    jobs = [
        queue_job(desk, "maintenance", '{"command": "VACUUM ANALYZE content_requests"}'),
        queue_job(desk, "partition_maintenance", '{"tables": ["api_usage"], "months_ahead": 9}'),
        queue_job(desk, "refresh_views"),
        queue_job(desk, "archive", '{"table": "content_analytics", "older_than": "24 months"}'),
        queue_job(desk, "performance_monitoring", '{"checks": ["table_bloat"], "thresholds": {"bloat_ratio": 15}}'),
    ]
    before = desk.ask("SELECT count(*) FROM pg_inherits WHERE inhparent = 'public.api_usage'::regclass")
    await work(desk)
    assert [status(desk, job) for job in jobs] == [("succeeded", "")] * len(jobs)
    assert desk.ask("SELECT count(*) FROM pg_inherits WHERE inhparent = 'public.api_usage'::regclass") > before
    vacuumed = "SELECT last_vacuum IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'content_requests'"
    await eventually(lambda: desk.ask(vacuumed))
    assert desk.ask("SELECT relispopulated FROM pg_class WHERE relname = 'mv_monthly_brand_performance'")
    kept = "SELECT result FROM background_jobs WHERE job_type = "
    assert desk.ask(f"{kept}'maintenance'")["runs"][0]["action"] == "vacuum-table"
    assert desk.ask(f"{kept}'performance_monitoring'")["findings"] == []
    assert {entry["action"] for entry in desk.trail.entries() if entry["event"] == "start"} == {
        "vacuum-table",
        "create-partitions",
        "refresh-views",
    }


async def test_kinds_that_other_programs_run_are_left_alone(desk: Desk) -> None:
    queue_job(desk, "render", status="succeeded", locked_by="renderer-3")
    theirs = [queue_job(desk, "render", job_name="second"), queue_job(desk, "publish")]
    others = replace(desk.settings, jobs=replace(desk.settings.jobs, others=("publish",)))
    assert await work(desk, others) == []
    assert [status(desk, job) for job in theirs] == [("pending", "")] * 2


async def test_a_failed_job_is_tried_again_until_it_is_dead_and_its_next_occurrence_is_queued(desk: Desk) -> None:
    desk.do(
        "ALTER MATERIALIZED VIEW mv_monthly_brand_performance RENAME TO former",
        "CREATE VIEW mv_monthly_brand_performance AS SELECT 1 AS one",
    )
    job = queue_job(
        desk, "refresh_views", '{"view": "mv_monthly_brand_performance"}', max_attempts=2, repeat_every="1 month"
    )
    settings = replace(desk.settings, jobs=replace(desk.settings.jobs, retry_seconds=0.0))
    events = await work(desk, settings)
    assert [event.what for event in events] == [What.CLAIMED, What.FAILED, What.CLAIMED, What.DEAD]
    found, error = status(desk, job)
    assert found == "dead"
    assert "mv_monthly_brand_performance" in error
    following = "SELECT count(*) FROM background_jobs WHERE status = 'pending' AND attempts = 0"
    assert desk.ask(f"{following} AND scheduled_for > now()") == 1
    assert events[-1].following is not None


async def test_a_worker_that_slept_for_a_week_runs_a_daily_job_once_and_keeps_its_hour(desk: Desk) -> None:
    queue_job(
        desk,
        "refresh_views",
        repeat_every="1 day",
        repeat_from="2026-01-01 01:00+00",
        scheduled_for="2026-01-08 01:00+00",
        schedule_name="refresh views",
    )
    events = await work(desk)
    assert [event.what for event in events] == [What.CLAIMED, What.SUCCEEDED]
    query = "SELECT scheduled_for > now() AND scheduled_for <= now() + interval '1 day' FROM background_jobs"
    assert desk.ask(f"{query} WHERE status = 'pending'") is True
    hour = "SELECT (scheduled_for AT TIME ZONE 'UTC')::time::text FROM background_jobs WHERE status = 'pending'"
    assert desk.ask(hour) == "01:00:00"


async def test_a_clock_that_was_set_back_repeats_no_occurrence(desk: Desk) -> None:
    queue = Queue(desk.uri, "test:here", 60)
    job = queue_job(desk, "archive", repeat_every="1 day", schedule_name="a", scheduled_for="2026-01-31 00:00+00")
    claimed = await queue.claim(())
    assert claimed is not None
    desk.do(f"UPDATE background_jobs SET scheduled_for = now() + interval '2 days' WHERE id = {job}")
    ahead = replace(claimed, scheduled_for=claimed.scheduled_for.replace(year=2099))  # run by a clock that was ahead
    assert await queue.finish(ahead, Ending(JobStatus.SUCCEEDED)) is not None
    assert desk.ask("SELECT scheduled_for::text FROM background_jobs WHERE status = 'pending'").startswith("2099-02-01")
    await queue.close()


async def test_a_job_begins_only_in_its_window(desk: Desk) -> None:
    now = "(now() AT TIME ZONE 'UTC')::time"
    for name, begin, end in (
        ("in", "- interval '1h'", "+ interval '1h'"),
        ("out", "+ interval '1h'", "+ interval '2h'"),
    ):
        queue_job(desk, "archive", job_name=name, priority=1 if name == "out" else 9)
        window = f"window_from = {now} {begin}, window_until = {now} {end}"
        desk.do(f"UPDATE background_jobs SET {window} WHERE job_name = '{name}'")
    queue = Queue(desk.uri, "test:here", 60)
    first, second = await queue.claim(()), await queue.claim(())
    assert first is not None
    assert (first.name, second) == ("in", None)
    await queue.close()


async def test_a_claim_whose_lease_ended_can_write_nothing_and_a_returned_one_does_not_count(desk: Desk) -> None:
    job = queue_job(desk, "archive")
    old, new = Queue(desk.uri, "test:old", 60), Queue(desk.uri, "test:new", 60)
    lost = await old.claim(())
    assert lost is not None
    desk.do("UPDATE background_jobs SET lease_until = now() - interval '1 second'")
    taken = await new.claim(())
    assert taken is not None
    assert (taken.id, taken.attempt, taken.abandoned_by) == (job, 2, lost.worker)
    with pytest.raises(ClaimLost):
        await old.heartbeat(lost, "")
    with pytest.raises(ClaimLost):
        await old.finish(lost, Ending(JobStatus.DEAD, "late"))
    await new.finish(taken, Ending(JobStatus.PENDING, "given back", returned=True))
    assert desk.ask("SELECT attempts FROM background_jobs") == 1
    again = await new.claim(())
    assert again is not None
    await new.finish(again, Ending(JobStatus.SUCCEEDED, result={"by": "new"}))
    await new.finish(again, Ending(JobStatus.SUCCEEDED))  # the answer to the first COMMIT was lost
    assert status(desk, job) == ("succeeded", "")
    assert desk.ask("SELECT result FROM background_jobs") == {"by": "new"}
    for queue in (old, new):
        await queue.close()


async def test_a_worker_refuses_a_superuser_a_stranger_and_a_database_without_the_queue(
    desk: Desk, pg: Cluster, database: str
) -> None:
    with pg.connect(desk.database) as session:
        session.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO pipeline_app")
    for user, named in (("postgres", "superuser"), ("pipeline_app", "owner")):
        with pytest.raises(Trouble, match=named) as refused:
            await Queue(pg.uri(desk.database, user), "test:here", 60).open()
        assert refused.value.kind is Kind.REFUSED
    with pytest.raises(Trouble, match="There is no table"):
        await Queue(pg.uri(database, OWNER), "test:here", 60).open()


OLD = """
INSERT INTO background_jobs (job_type, job_name, status, scheduled_for, finished_at, locked_by, schedule_name)
SELECT kind, name, status, at, at, locked_by, schedule
  FROM (VALUES ('archive', 'once', 'succeeded', 600, 'console a b', NULL),
               ('archive', 'no', 'cancelled', 9, NULL, NULL),
               ('archive', 'dead', 'dead', 3, 'console a b', NULL), ('mail', 'wrong', 'rejected', 3, 'console a', NULL),
               ('archive', 'failed', 'failed', 3, 'console a b', NULL), ('mail', 'sent', 'succeeded', 3, 'm', NULL),
               ('mail', 'left', 'cancelled', 3, 'console a b', NULL), ('index', 'kept', 'succeeded', 3, 'm', NULL),
               ('archive', 'rare', 'succeeded', 60, 'console a b', 'rare'))
       AS j (kind, name, status, number, locked_by, schedule),
       generate_series(1, number) n, LATERAL (SELECT now() - interval '30 days' - n * interval '1 hour' AS at) a
"""


async def test_old_jobs_that_succeeded_are_removed_in_batches_and_those_that_failed_stay(desk: Desk) -> None:
    desk.do(
        OLD,
        "INSERT INTO background_jobs (job_type, job_name, status, finished_at) "
        "VALUES ('archive', 'recent', 'succeeded', now() - interval '29 days')",
    )
    batches = [event.message for _ in range(3) for event in await work(desk) if event.what is What.REMOVED]
    assert batches == ["500 jobs older than 30 days", "122 jobs older than 30 days"]
    left = (
        "SELECT string_agg(job_name || ' ' || number, ', ' ORDER BY job_name) FROM (SELECT job_name, count(*) AS number"
    )
    assert desk.ask(f"{left} FROM background_jobs GROUP BY job_name) j") == (
        "dead 3, failed 3, kept 3, rare 50, recent 1, sent 3, wrong 3"
    )


async def test_old_jobs_that_cannot_be_removed_hold_up_no_work(desk: Desk) -> None:
    desk.do(
        OLD,
        "CREATE TABLE notes (job bigint REFERENCES background_jobs)",
        "INSERT INTO notes SELECT id FROM background_jobs",
    )
    job = queue_job(desk, "partition_maintenance")
    events = await work(desk)
    assert [event.message for event in events if event.what is What.KEPT]
    assert status(desk, job) == ("succeeded", "")


async def test_of_300_jobs_each_is_done_once_while_a_worker_is_killed_every_second(desk: Desk) -> None:
    desk.do(
        EFFECTS,
        *CHANGES,
        "INSERT INTO background_jobs (job_type, job_name, max_attempts, scheduled_for, repeat_every, schedule_name)"
        " SELECT 'archive', 'job ' || n, 20, '2026-01-31 00:00+00', CASE WHEN n % 10 = 0 THEN interval '1 month' END,"
        " CASE WHEN n % 10 = 0 THEN 'job ' || n END FROM generate_series(1, 300) n",
    )
    done = "SELECT count(*) FROM background_jobs WHERE status = 'succeeded'"
    kills = 0
    with nursery(desk) as place:
        workers = {place.start() for _ in range(8)}
        await eventually(lambda: desk.ask(done) > 0)
        for _ in range(int(PATIENCE)):
            await asyncio.sleep(1)
            if desk.ask(done) == 300:
                break
            holder = (
                desk.ask("SELECT max(locked_by) FROM background_jobs WHERE status = 'running' AND attempts < 10") or ""
            )
            pid = int(holder.split()[1].split(":")[1]) if holder else 0
            if pid in workers:
                os.kill(pid, signal.SIGKILL)
                workers = (workers - {pid}) | {place.start()}
                kills += 1
    assert desk.ask(done) == 300
    assert kills >= 8
    once = "SELECT job FROM changes WHERE status = 'succeeded' GROUP BY job HAVING count(*) = 1"
    assert desk.ask(f"SELECT count(*) FROM ({once}) each") == 300
    assert desk.ask("SELECT count(DISTINCT job) FROM effects") == 300
    assert desk.ask("SELECT count(*) = count(DISTINCT claim) FROM effects"), "no claim ran twice"
    following = "SELECT count(*) FROM background_jobs WHERE status = 'pending'"
    assert desk.ask(following) == 30
    assert desk.ask(f"{following} AND date_part('day', scheduled_for AT TIME ZONE 'UTC' + interval '1 day') = 1") == 30


async def test_a_worker_that_was_stopped_past_its_lease_cannot_complete_its_job(desk: Desk, tmp_path: Path) -> None:
    desk.do(EFFECTS)
    job = queue_job(desk, "archive")
    gate = tmp_path / "gate"
    with working(desk, 1.0, str(gate)) as frozen:
        await eventually(lambda: desk.ask("SELECT count(*) FROM effects") == 1)
        frozen.send_signal(signal.SIGSTOP)
        queue = Queue(desk.uri, "test:here", 60)
        claims = []

        async def taken() -> bool:
            claims.append(await queue.claim(()))
            return claims[-1] is not None

        await eventually(taken)
        gate.touch()
        frozen.send_signal(signal.SIGCONT)
        assert frozen.stdout is not None
        lines = iter(frozen.stdout.readline, "")
        assert any(line.strip() == What.LOST.value for line in lines)
        assert status(desk, job)[0] == "running"
        claim = claims[-1]
        assert claim is not None
        await queue.finish(claim, Ending(JobStatus.SUCCEEDED, result={"by": "the second"}))
        await queue.close()
    assert desk.ask("SELECT result FROM background_jobs") == {"by": "the second"}


def test_sigterm_lets_the_running_job_finish(desk: Desk, tmp_path: Path) -> None:
    desk.do(EFFECTS)
    jobs = [queue_job(desk, "archive"), queue_job(desk, "archive", job_name="second", priority=9)]
    gate = tmp_path / "gate"
    with working(desk, 60.0, str(gate)) as worker:
        wait(lambda: desk.ask("SELECT count(*) FROM effects") == 1)
        worker.send_signal(signal.SIGTERM)
        gate.touch()
        assert worker.wait() == 0
    assert [status(desk, job)[0] for job in jobs] == ["succeeded", "pending"]


def ended(worker: subprocess.Popen[str]) -> bool:
    """Whether it has; else it gets another signal: two that come at once count as one."""
    if worker.poll() is None:
        worker.send_signal(signal.SIGTERM)
    return worker.poll() is not None


def test_a_second_sigterm_gives_the_running_job_back(desk: Desk, tmp_path: Path) -> None:
    desk.do(EFFECTS)
    job = queue_job(desk, "archive")
    with working(desk, 60.0, str(tmp_path / "never")) as worker:
        wait(lambda: desk.ask("SELECT count(*) FROM effects") == 1)
        wait(lambda: ended(worker))
    assert status(desk, job)[0] == "pending"
    assert desk.ask("SELECT attempts FROM background_jobs") == 0


async def test_a_worker_whose_connection_is_lost_reconnects_and_records_its_job(desk: Desk, tmp_path: Path) -> None:
    desk.do(EFFECTS)
    job = queue_job(desk, "archive")
    gate = tmp_path / "gate"
    with working(desk, 60.0, str(gate)) as worker:
        await eventually(lambda: desk.ask("SELECT count(*) FROM effects") == 1)
        with desk.session("postgres") as session:
            session.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'pipeline-console worker' AND datname = current_database()"
            )
        gate.touch()
        await eventually(lambda: status(desk, job)[0] == "succeeded")
        assert worker.poll() is None


def test_worker_once_prints_what_it_does_and_its_exit_code_says_whether_all_succeeded(
    desk: Desk, tmp_path: Path
) -> None:
    queue_job(desk, "maintenance", '{"command": "ANALYZE users"}')
    done = command(tmp_path, "worker", "--once", "-t", desk.uri)
    assert (done.code, "succeeded: 1 table analyzed" in done.out) == (0, True)
    queue_job(desk, "maintenance", '{"command": "DROP TABLE users"}')
    done = command(tmp_path, "worker", "--once", "-t", desk.uri)
    assert (done.code, "rejected: The command 'DROP TABLE users'" in done.out) == (1, True)
    assert command(tmp_path, "worker", "--once", "--read-only", "-t", desk.uri).code == 3
    assert command(tmp_path, "worker", "--once", "-t", desk.cluster.uri(desk.database)).code == 3


def test_findings_of_a_health_check_are_kept_in_its_result_and_delivered_once(desk: Desk, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    receiver = [
        sys.executable,
        "-c",
        "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))",
        str(inbox),
    ]
    file = tmp_path / "console.yml"
    file.write_text(f"deliveries: {json.dumps([{'command': receiver}])}\n")
    checks = '{"checks": ["connection_count"], "thresholds": {"connection_usage": 0}}'
    for _ in range(2):
        job = queue_job(desk, "performance_monitoring", checks, job_name=f"{len(list(tmp_path.iterdir()))}")
        done = command(tmp_path, "worker", "--once", "-t", desk.uri, "--config", str(file))
        assert (done.code, status(desk, job)) == (0, ("succeeded", "")), done.err
    with desk.session() as session:
        results = [row[0] for row in session.execute("SELECT result FROM background_jobs ORDER BY id")]
    assert [[each["rule"] for each in result["findings"]] for result in results] == [["connections-full"]] * 2
    delivered = [json.loads(text) for text in inbox.read_text().splitlines()]
    assert [(each["event"], each["finding"]["rule"]) for each in delivered] == [("raised", "connections-full")]
