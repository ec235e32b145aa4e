"""The pane Jobs: what waits, who runs it and since when, what failed, and when recurring jobs run next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest

from console import sql
from console.demo.cluster import OWNER
from console.demo.content import install_schema
from console.model import Snapshot, View
from console.panes.jobs import HISTORY, JOBS, QUEUE, RECURRING
from console.reading.reader import Reader
from console.sources.postgres import PostgresServer
from tests.servers import PostgresServer as Cluster

PLAIN = {"job_type": "archive", "status": "pending", "scheduled_for": "now()"}
ENDED = {"locked_at": "now() - interval '9 s'", "finished_at": "now()", "attempts": "5"}
RUNNING = {"status": "running", "attempts": "2", "locked_at": "now()", "heartbeat_at": "now()"}
UTC = "(now() AT TIME ZONE 'UTC')::time"
HOUR = "interval '1 hour'"
JOBS_OF: tuple[dict[str, str], ...] = (  # columns → expressions
    {"job_name": "late", "scheduled_for": f"now() - {HOUR}"},
    {"job_name": "due"},
    {"job_name": "again", "attempts": "1", "last_error": "disk full", "retry_at": f"now() + {HOUR}"},
    {
        "job_name": "closed",
        "scheduled_for": f"now() - {HOUR}",
        "window_from": f"{UTC} + {HOUR}",
        "window_until": f"{UTC} + 2 * {HOUR}",
    },
    {"job_name": "working", **RUNNING, "locked_by": "console a:1 b", "lease_until": f"now() + {HOUR}"},
    {"job_name": "lost", **RUNNING, "locked_by": "console a:2 c", "lease_until": f"now() - {HOUR}"},
    {"job_name": "gone", "status": "dead", **ENDED, "last_error": "no right"},
    {"job_name": "long ago", "status": "dead", "finished_at": "now() - interval '9 days'"},
    {
        "job_name": "monthly",
        "schedule_name": "monthly",
        "status": "succeeded",
        "scheduled_for": "now() - interval '1 month'",
        **ENDED,
        "result": '{"message": "moved"}',
    },
    {
        "job_name": "monthly",
        "schedule_name": "monthly",
        "scheduled_for": "now() + interval '1 month'",
        "repeat_every": "interval '1 month'",
    },
    {"job_name": "daily", "schedule_name": "daily", "status": "dead", **ENDED, "repeat_every": "interval '1 day'"},
    {"job_name": "endless", "scheduled_for": "'infinity'"},
)
ENDED_JOBS = """
INSERT INTO background_jobs (job_type, job_name, schedule_name, status, scheduled_for, locked_at, finished_at)
SELECT 'archive', 'job ' || n % 10, CASE WHEN n % 2 = 0 THEN 'job ' || n % 10 END,
       CASE WHEN n % 1000 = 0 THEN 'dead' ELSE 'succeeded' END, at, at, at
  FROM (SELECT n, now() - n * interval '1 minute' AS at FROM generate_series(1, 30000) n) j
"""
LISTS = [lookup.query for view in JOBS.views for lookup in view.lookups if not lookup.extension]
TEXTS = {"job_type", "job_name", "status", "last_error", "locked_by", "schedule_name", "result"}


def insert(job: Mapping[str, str]) -> str:
    """The statement that queues a job."""
    whole = {**PLAIN, **job}
    values = (f"'{value}'" if name in TEXTS else value for name, value in whole.items())
    return f"INSERT INTO background_jobs ({', '.join(whole)}) VALUES ({', '.join(values)})"


async def seen(pg: Cluster, database: str, view: View, user: str = OWNER) -> Snapshot:
    """A view of the pane as it is shown."""
    server = PostgresServer(pg.uri(database, user))
    try:
        return await Reader(view).read(server)
    finally:
        await server.close()


def by_name(snapshot: Snapshot, key: str, value: str) -> Mapping[object, object]:
    return dict(zip(snapshot.values(key), snapshot.values(value), strict=True))


async def test_each_job_is_shown_with_its_state_its_worker_and_its_history(pg: Cluster, database: str) -> None:
    with pg.connect(database, OWNER) as session:
        install_schema(session, pg.major)
        for job in JOBS_OF:
            session.execute(insert(job).encode())
    queue = await seen(pg, database, QUEUE)
    assert by_name(queue, "job", "state") == {
        "late": "overdue",
        "due": "due",
        "again": "retrying",
        "closed": "waits",
        "working": "running",
        "lost": "abandoned",
        "gone": "dead",
        "daily": "dead",
        "monthly": "scheduled",
    }
    assert by_name(queue, "job", "attempts")["working"] == "2/5"
    assert by_name(queue, "job", "worker")["working"] == "console a:1 b"
    assert by_name(queue, "job", "heartbeat")["again"] is None
    recurring = await seen(pg, database, RECURRING)
    assert by_name(recurring, "schedule", "state") == {"monthly": "pending", "daily": "missing"}
    assert by_name(recurring, "schedule", "every") == {"monthly": "month", "daily": "day"}
    assert by_name(recurring, "schedule", "outcome") == {"monthly": "succeeded", "daily": "dead"}
    assert by_name(recurring, "schedule", "usual") == {"monthly": 9.0, "daily": None}
    history = await seen(pg, database, HISTORY)
    assert by_name(history, "job", "seconds")["gone"] == 9.0
    assert by_name(history, "job", "message")["monthly"] == "moved"


async def test_a_database_without_jobs_or_the_right_to_see_them_says_so(pg: Cluster, database: str) -> None:
    for view in JOBS.views:
        assert "no queue of jobs" in (await seen(pg, database, view)).notes[0]
    with pg.connect(database, OWNER) as session:
        session.execute("CREATE TABLE public.background_jobs (id bigint)")
    assert "run apply-schema" in (await seen(pg, database, QUEUE)).notes[0]
    with pg.connect(database, OWNER) as session:
        session.execute("REVOKE ALL ON public.background_jobs FROM PUBLIC")
    hidden = await seen(pg, database, QUEUE, "pipeline_app")
    assert hidden.rows == ()
    assert "SELECT ON public.background_jobs" in hidden.hidden[0].lacks.grants


def test_no_list_of_jobs_takes_longer_because_many_have_ended(pg: Cluster, database: str) -> None:
    with pg.connect(database, OWNER) as session:
        install_schema(session, pg.major)
        session.execute(ENDED_JOBS)
        session.execute("ANALYZE background_jobs")
        for name in LISTS:
            text = sql.load(f"monitoring/{name}").text
            ((plan,),) = session.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}".encode(), {"jobs": [1]}).fetchall()
            nodes = list(of_table(plan[0]["Plan"]))
            assert nodes, name
            assert {node["Node Type"] for node in nodes} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, name
            assert sum(node["Actual Rows"] * node["Actual Loops"] for node in nodes) <= 2500, name


def of_table(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The nodes of a plan that read the table of jobs."""
    if node.get("Relation Name") == "background_jobs":
        yield node
    for child in node.get("Plans", ()):
        yield from of_table(child)


def test_a_view_in_place_of_the_table_is_not_read(pg: Cluster, database: str) -> None:
    with pg.connect(database) as session:
        install_schema(session, pg.major)
        session.execute("ALTER TABLE background_jobs RENAME TO moved")
        session.execute("CREATE VIEW public.background_jobs AS SELECT * FROM moved")
        for name in LISTS:
            with pytest.raises(psycopg.Error, match="TABLESAMPLE"):
                session.execute(sql.load(f"monitoring/{name}").text.encode(), {"jobs": [1]})
