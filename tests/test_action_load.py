"""load-test on real servers: where it may run, what it measures, and that nothing of it is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console.actions import action
from console.actions.load.load_test import _script
from console.demo.cluster import OWNER
from console.model import Kind, LoadTest, Outcome, Trouble
from console.panes.activity import ACTIVITY
from console.running.load.driver.script import compile_script, zipfian
from console.running.load.latencies import Latencies
from console.running.load.output import DriverReading
from console.running.load.pgbench import PgbenchReading
from console.running.progress import Run
from console.running.trail.audit import Trail
from console.sources.postgres import ActingSession
from tests.acting import Desk
from tests.screens import console, shows
from tests.servers import Pooler, PostgresServer, Servers
from tests.waiting import eventually, wait

LOAD = action("load-test")
MARKED = "SELECT count(*) FROM public.content_requests WHERE title LIKE '[load-test %'"


@pytest.fixture
def desk(pg: PostgresServer, pg_pipeline: str, tmp_path: Path) -> Desk:
    """A console of the owner, in a database marked as scratch."""
    with pg.connect() as session:
        session.execute(f"ALTER DATABASE {pg_pipeline} SET pipeline_console.purpose = 'scratch'".encode())
    return Desk(pg, pg_pipeline, Trail(tmp_path / "audit.jsonl"), user=OWNER)


def counts(desk: Desk) -> dict[str, int]:
    """How many rows each table has."""
    query = (
        "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'm') AND relnamespace = 'public'::regnamespace"
    )
    with desk.session() as session:
        names = [str(name) for (name,) in session.execute(query.encode())]
        found = {name: session.execute(f"SELECT count(*) FROM {name}".encode()).fetchone() for name in names}
    return {name: int(row[0]) for name, row in found.items() if row and name != "console_audit"}


def result(desk: Desk) -> dict[str, Any]:
    """The last result in the audit trail."""
    *_, last = [entry["result"] for entry in desk.trail.entries() if entry["event"] == "load"]
    assert isinstance(last, dict)
    return last


async def short(desk: Desk, mix: str = "50", clients: str = "4", tag: str = "", driver: str = "") -> Run:
    """A load test of two seconds."""
    return await desk.run(LOAD, clients=clients, seconds="2", mix=mix, tag=tag, driver=driver)


def failing(desk: Desk, after: int, state: str) -> None:
    """Let inserts of requests fail from some number on."""
    desk.do(
        "CREATE SEQUENCE public.made",
        "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF nextval('public.made') > {after} THEN RAISE EXCEPTION USING ERRCODE = '{state}', "
        "MESSAGE = 'too much [/b]'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER fail BEFORE INSERT ON public.content_requests FOR EACH ROW EXECUTE FUNCTION public.fail()",
    )


async def refused(desk: Desk, **given: str) -> Trouble:
    """Why there is no plan."""
    with pytest.raises(Trouble) as why:
        await desk.plan(LOAD, **given)
    return why.value


# Where it may run


async def test_a_database_must_be_marked_or_its_name_typed(desk: Desk, pg: PostgresServer) -> None:
    for purpose in ("production", "scratch-not"):
        with pg.connect() as session:
            session.execute(f"ALTER DATABASE {desk.database} SET pipeline_console.purpose = '{purpose}'".encode())
        why = await refused(desk)
        assert why.kind is Kind.REFUSED
        assert "not marked as scratch or demo" in why.sentence
    assert "not the name of this database" in (await refused(desk, database="pipeline")).sentence
    assert (await desk.plan(LOAD, database=desk.database)).steps
    with pg.connect() as session:
        session.execute(f"ALTER DATABASE {desk.database} RESET pipeline_console.purpose".encode())
    with desk.session(options="-c pipeline_console.purpose=demo") as own:
        own.execute("SELECT 1")
    assert (await refused(desk)).kind is Kind.REFUSED


async def test_more_clients_than_connections_are_refused_with_the_figure(desk: Desk) -> None:
    why = await refused(desk, clients="200")
    assert why.kind is Kind.REFUSED
    assert "max_connections allows 97" in why.sentence
    most = re.search(r"clients=(\d+)", why.remedy)
    assert most is not None
    assert 40 < int(most[1]) < 97
    desk.do("SELECT 1")
    with desk.cluster.connect() as session:
        session.execute(f"ALTER DATABASE {desk.database} CONNECTION LIMIT 12".encode())
    assert "the CONNECTION LIMIT of the database allows 12" in (await refused(desk, clients="12")).sentence


async def test_more_clients_than_open_files_are_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.actions.load.load_room.resource.getrlimit", lambda _: (64, 64))
    assert "would take 90 open files, but a process may have 64" in (await refused(desk, clients="50")).sentence


async def test_missing_tables_and_rights_are_named(pg: PostgresServer, database: str, desk: Desk) -> None:
    empty = Desk(pg, database, desk.trail, user=OWNER)
    why = await refused(empty, database=database)
    assert why.kind is Kind.MISSING
    assert "public.content_requests" in why.sentence
    desk.do("GRANT SELECT ON ALL TABLES IN SCHEMA public TO pipeline_monitor")
    why = await refused(Desk(pg, desk.database, desk.trail, user="pipeline_monitor"))
    assert why.kind is Kind.DENIED
    assert {"INSERT ON public.content_requests", "DELETE ON public.generated_assets"} <= set(why.lacks.grants)


@pytest.mark.parametrize(
    "given",
    [{"clients": "0"}, {"seconds": "3601"}, {"rate": "-1"}, {"mix": "101"}, {"via": "proxy"}, {"tag": "A b"}],
)
async def test_a_wrong_parameter_is_a_usage_error(desk: Desk, given: dict[str, str]) -> None:
    assert (await refused(desk, **given)).kind is Kind.USAGE


async def test_through_a_pooler_only_where_there_is_one(desk: Desk) -> None:
    assert (await refused(desk, via="pooler")).kind is Kind.MISSING


# What it does


@pytest.mark.parametrize("driver", ["pgbench", "console"])
async def test_a_load_is_measured_and_nothing_is_left(desk: Desk, driver: str) -> None:
    before = counts(desk)
    run = await short(desk, tag="first", driver=driver)
    assert run.outcome is Outcome.DONE, run.message
    assert counts(desk) == before
    found = result(desk)
    assert found["tag"] == "first"
    assert set(found["scripts"]) == {"create", "dashboard"}
    assert found["created"] >= found["scripts"]["create"]["transactions"] > 0
    assert run.steps[1].rows == run.steps[2].rows == found["created"]
    assert 0 < found["p50"] <= found["p95"] <= found["p99"] <= found["max"]
    assert found["transactions"] == sum(each["transactions"] for each in found["scripts"].values())
    assert found["errors"] == {}
    assert found["wal"] > 0
    assert found["series"]
    assert any("Errors: none." in note for note in run.notes)
    assert 0 < found["usable"]["p50"] <= found["usable"]["p95"]
    assert any(note.startswith("A query of the console took ") for note in run.notes)
    assert (found["busy"] is not None) == (driver == "console")
    again = await short(desk, driver=driver)
    assert any(note.startswith("Compared with the same load at") for note in again.notes)
    other = await short(desk, mix="100", driver=driver)
    assert not any(note.startswith("Compared") for note in other.notes)
    assert counts(desk) == before


async def test_brand_and_user_belong_to_the_organization_and_tenants_follow_a_power_law(desk: Desk) -> None:
    desk.do(
        "CREATE TABLE public.seen AS SELECT r.*, 1 AS ok FROM public.content_requests r WHERE false",
        "CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO public.seen SELECT NEW.*, 1; RETURN NULL; END'",
        "CREATE TRIGGER see AFTER INSERT ON public.content_requests FOR EACH ROW EXECUTE FUNCTION public.see()",
    )
    run = await desk.run(LOAD, clients="8", seconds="3", mix="0")
    assert run.outcome is Outcome.DONE, run.message
    strangers = (
        "SELECT count(*) FROM public.seen s JOIN public.brand_profiles b ON b.id = s.brand_profile_id "
        "JOIN public.users u ON u.id = s.requested_by "
        "WHERE (b.organization_id, u.organization_id) <> (s.organization_id, s.organization_id)"
    )
    assert desk.ask(strangers) == 0
    shares = "SELECT array_agg(n ORDER BY n DESC) FROM (SELECT count(*) n FROM public.seen GROUP BY organization_id) x"
    largest, *_, smallest = desk.ask(shares)
    assert largest > 4 * smallest


@pytest.mark.parametrize("driver", ["pgbench", "console"])
async def test_a_rate_is_kept(desk: Desk, driver: str) -> None:
    run = await desk.run(LOAD, clients="2", seconds="3", rate="40", driver=driver)
    assert run.outcome is Outcome.DONE, run.message
    assert 20 <= result(desk)["transactions"] <= 180


async def test_through_the_pooler_the_clients_share_its_connections(
    desk: Desk, pgbouncer: Callable[[PostgresServer, str], Pooler], monkeypatch: pytest.MonkeyPatch
) -> None:
    pooler = pgbouncer(desk.cluster, desk.database)
    both = desk.trail.path.with_name("pass")
    both.write_text(desk.cluster.passfile.read_text() + pooler.passfile.read_text())
    both.chmod(0o600)
    pooled = replace(desk, cluster=replace(desk.cluster, passfile=both), poolers=(pooler.admin_uri,))
    before = counts(desk)
    run = await short(pooled, clients="60")
    assert run.outcome is Outcome.DONE, run.message
    assert run.plan.parameters["via"] == "pooler"
    assert any("60 clients shared " in note for note in run.notes)
    monkeypatch.setattr("console.actions.load.load_room.resource.getrlimit", lambda _: (9999, 9999))
    assert "max_client_conn is 1000" in (await refused(pooled, clients="3000")).sentence
    assert counts(desk) == before


# What is left when it ends otherwise


async def test_a_stopped_load_leaves_nothing(desk: Desk) -> None:
    before = counts(desk)
    async with desk.workspace() as workspace:
        plan = await workspace.plan(LOAD, {"seconds": "600", "clients": "4"})
        run = workspace.start(plan, lambda _: None)
        await eventually(lambda: run.outcome or (run.steps[1].series and desk.ask(MARKED)))
        workspace.stop(run.id)
        await workspace.wait(run)
    assert "Stopped on request" in run.message
    assert counts(desk) == before


@pytest.mark.parametrize("driver", ["pgbench", "console"])
def test_after_kill_9_the_driver_ends_and_the_next_run_removes_what_is_left(
    desk: Desk, tmp_path: Path, driver: str
) -> None:
    before = counts(desk)
    folder = tmp_path / "tmp"
    folder.mkdir()
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "console.cli", "run", "load-test", "-t", desk.uri, "--yes", "--set"]
    console = subprocess.Popen(
        [*command, "seconds=600", "--set", f"driver={driver}"], env=environment, stdout=-3, stderr=-3
    )
    try:
        wait(lambda: desk.ask(MARKED) > 10)
    finally:
        console.send_signal(signal.SIGKILL)
        console.wait()
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pipeline-load-test%'"
    wait(lambda: desk.ask(sessions) == 0)
    wait(lambda: not list(folder.iterdir()))
    assert counts(desk)["content_requests"] > before["content_requests"]
    done = subprocess.run(
        [*command, "seconds=1", "--format", "json"], env=environment, capture_output=True, text=True, check=True
    )
    first, _, last = json.loads(done.stdout)["steps"]
    assert first["rows"] > 10
    assert last["status"] == "done"
    assert counts(desk) == before


async def test_what_others_attach_to_its_requests_goes_with_them_and_nothing_else(desk: Desk) -> None:
    desk.do(
        "CREATE FUNCTION public.attach() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE made uuid; BEGIN "
        "INSERT INTO public.generated_assets (content_request_id, brand_profile_id) "
        "VALUES (NEW.id, NEW.brand_profile_id) RETURNING id INTO made; "
        "INSERT INTO public.asset_versions (generated_asset_id, version) VALUES (made, 1); "
        "INSERT INTO public.content_analytics (generated_asset_id, performance_date, platform) "
        "VALUES (made, (now() AT TIME ZONE 'UTC')::date, 'instagram'); "
        "INSERT INTO public.generation_jobs (content_request_id) VALUES (NEW.id); "
        "INSERT INTO public.request_comments (content_request_id, author_id, body) "
        "VALUES (NEW.id, NEW.requested_by, '[load-test x] mine'); RETURN NULL; END $$",
        "CREATE TRIGGER attach AFTER INSERT ON public.content_requests FOR EACH ROW EXECUTE FUNCTION public.attach()",
        # What only looks like a request of a load test stays.
        "INSERT INTO public.content_requests (organization_id, brand_profile_id, requested_by, title, content_brief) "
        "SELECT organization_id, brand_profile_id, requested_by, '[load-test abc] Summer post', 'ours' "
        "FROM public.content_requests LIMIT 1",
    )
    before = counts(desk)
    run = await short(desk)
    assert run.outcome is Outcome.DONE, run.message
    assert counts(desk) == before


async def test_a_row_attached_while_requests_are_removed_is_no_failure(desk: Desk) -> None:
    plan = await desk.plan(LOAD)
    assert isinstance(plan.steps[1].execution, LoadTest)
    request = (
        "INSERT INTO public.content_requests (organization_id, brand_profile_id, requested_by, title, content_brief) "
        "SELECT organization_id, brand_profile_id, requested_by, '[load-test late] x', 'Created by a load test.' "
        "FROM public.content_requests LIMIT 1 RETURNING id, requested_by"
    )
    before = counts(desk)
    with desk.session() as session, desk.session() as other:
        row = session.execute(request.encode()).fetchone()
        assert row is not None
        with other.transaction():
            other.execute(
                "INSERT INTO public.request_comments (content_request_id, author_id, body) VALUES (%s, %s, 'x')", row
            )
            task = asyncio.ensure_future(short(desk))
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            await eventually(lambda: session.execute(waits.encode()).fetchone() != (0,))
    run = await task
    assert run.outcome is Outcome.DONE, run.message
    assert counts(desk) == before


# What it reports


async def test_an_error_that_stops_pgbench_is_reported(desk: Desk) -> None:
    failing(desk, 20, "P0001")
    run = await short(desk, driver="pgbench")
    assert run.outcome is Outcome.DONE
    assert (result(desk)["stopped"], result(desk)["unnamed"]) == (4, 4)
    assert result(desk)["created"] == 20
    (errors,) = [note for note in run.notes if note.startswith("Errors: ")]
    assert errors.startswith("Errors: 4 without SQLSTATE (pgbench prints none, driver=console does; ")
    assert errors.endswith("; 4 clients stopped; ERROR: too much [/b] (4).")
    assert any(note.startswith("First limit, after ") for note in run.notes)


@pytest.mark.parametrize(("state", "tries"), [("23514", 1), ("40001", 3)])
async def test_errors_are_counted_by_sqlstate_and_clients_go_on(desk: Desk, state: str, tries: int) -> None:
    failing(desk, 20, state)
    run = await short(desk, driver="console")
    assert run.outcome is Outcome.DONE, run.message
    found = result(desk)
    assert set(found["errors"]) == {state}
    assert desk.ask("SELECT last_value FROM public.made") == 20 + tries * found["errors"][state]
    assert found["errors"][state] > 4
    assert (found["created"], found["stopped"], found["unnamed"]) == (20, 0, 0)
    assert found["scripts"]["dashboard"]["transactions"] > 0
    assert any(f"with SQLSTATE {state}; too much [/b] (" in note for note in run.notes)


async def test_a_client_whose_session_is_ended_connects_again(desk: Desk) -> None:
    before = counts(desk)
    sessions = "FROM pg_stat_activity WHERE application_name LIKE 'pipeline-load-test%'"
    async with desk.workspace() as workspace:
        given = {"seconds": "4", "clients": "3", "driver": "console"}
        run = workspace.start(await workspace.plan(LOAD, given), lambda _: None)
        await eventually(lambda: run.outcome or run.steps[1].series)
        ended = desk.ask(f"SELECT count(pg_terminate_backend(pid)) {sessions}")
        await eventually(lambda: desk.ask(f"SELECT count(*) {sessions}") == 3)
        await workspace.wait(run)
    assert run.outcome is Outcome.DONE, run.message
    found = result(desk)
    assert (ended, sum(found["errors"].values()) + found["unnamed"], found["stopped"]) == (3, 3, 0)
    assert set(found["errors"]) <= {"57P01"}
    assert counts(desk) == before


async def test_where_pgbench_is_missing_the_driver_of_the_console_runs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.actions.load.load_test.client_programs.find", lambda _: "")
    plan = await desk.plan(LOAD)
    assert isinstance(plan.steps[1].execution, LoadTest)
    assert plan.steps[1].execution.by == plan.parameters["driver"] == "console"
    why = await refused(desk, driver="pgbench")
    assert why.kind is Kind.MISSING
    assert "driver=console" in why.remedy


def test_processes_share_the_clients_and_end_with_the_one_that_started_them(desk: Desk, tmp_path: Path) -> None:
    script = tmp_path / "ask.pgbench"
    script.write_text("\\set n random(1, 3)\nSELECT :n AS n;\n")
    program = [sys.executable, "-P", "-m", "console.running.load.driver", f"--file={script}@1", "--client=5"]
    environment = {**os.environ, **ActingSession(desk.uri).environment(), "PGAPPNAME": "shared"}
    done = subprocess.run(
        [*program, "--jobs=2", "--time=2", "--rate=50"], env=environment, capture_output=True, text=True, check=True
    )
    reading = DriverReading(scripts=1, processes=2)
    for line in done.stdout.splitlines():
        reading.line(line)
    output = reading.output
    assert 15 < output.transactions == output.latencies[0].number < 180
    assert [each.at for each in output.seconds] == [1.0, 2.0]
    assert not output.failures
    endless = subprocess.Popen([*program, "--jobs=2", "--time=600"], env=environment, stdout=subprocess.DEVNULL)
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shared'"
    wait(lambda: desk.ask(sessions) == 5)
    endless.kill()
    endless.wait()
    wait(lambda: desk.ask(sessions) == 0)


async def test_the_log_of_the_server_has_the_sqlstates_that_pgbench_does_not_print(
    pg: PostgresServer, pg_servers: Servers, tmp_path: Path
) -> None:
    server = pg_servers.new(pg.major, {"logging_collector": "on", "log_destination": "csvlog"})
    try:
        desk = Desk(server, pg_servers.pipeline_template(server), Trail(tmp_path / "audit.jsonl"), user=OWNER)
        failing(desk, 20, "23514")
        replace(desk, user="postgres").do(
            f"GRANT pg_monitor TO {OWNER}",
            f"GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) TO {OWNER}",
        )
        run = await desk.run(LOAD, clients="4", seconds="2", driver="pgbench", database=desk.database)
    finally:
        server.stop()
    assert run.outcome is Outcome.DONE, run.message
    assert (result(desk)["errors"], result(desk)["unnamed"], result(desk)["stopped"]) == ({"23514": 4}, 0, 4)


async def test_results_are_a_view_with_the_course_of_the_last_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.workspace.default_trail", lambda: desk.trail)
    async with desk.workspace() as workspace:
        source = workspace.sources.of(ACTIVITY)
        assert (await source.fetch("load_tests")).rows == ()
        run = workspace.start(await workspace.plan(LOAD, {"seconds": "3", "clients": "2"}), lambda _: None)
        await eventually(lambda: run.outcome or run.steps[1].series)
        (now,) = (await source.fetch("load_tests")).records()
        assert (now["status"], now["clients"], bool(json.loads(str(now["series"])))) == ("running", 2, True)
        assert (now["driver"], now["errors"]) == ("pgbench", 0)
        await workspace.wait(run)
        await workspace.run(await workspace.plan(LOAD, {"seconds": "3", "clients": "2"}))
        last, first = (await source.fetch("load_tests")).records()
    assert (last["status"], first["status"], first["rate_change"]) == ("done", "done", None)
    assert re.fullmatch(r"[+-]\d+ %", str(last["rate_change"]))
    async with console(desk.uri) as (_, pilot):
        await pilot.press("w")
        await shows(pilot, "Load tests")
        await pilot.press("v")
        text = await shows(pilot, "transactions/s", "latency", "p95")
    assert any(bar in text for bar in "▃▄▅▆▇█")


def test_percentiles_are_those_of_all_latencies() -> None:
    latencies = Latencies()
    for microseconds in range(1, 10_001):
        latencies.add(microseconds)
    assert latencies.percentile(50) == pytest.approx(5.0, rel=0.01)
    assert latencies.percentile(99) == pytest.approx(9.9, rel=0.01)
    assert latencies.figures()["max"] == 10.0
    assert len(latencies.buckets) < 1000


def test_the_driver_knows_all_of_the_scripts() -> None:
    pick = _script("pick")
    for name in ("create", "dashboard"):
        commands = compile_script(pick + _script(name))
        assert [type(each).__name__ for each in commands][:4] == ["Skip", "Assign", "ScriptStatement", "Assign"]


@pytest.mark.parametrize(
    "text", ["\\sleep 3 s", "\\set a b(1)", "\\if :a = 1\nSELECT 1;", "SELECT 1", "\\set a random(1)"]
)
def test_the_driver_refuses_what_it_does_not_know(text: str) -> None:
    with pytest.raises(ValueError, match=r"not known|ends within|could not convert"):
        compile_script(text)


def test_tenants_are_chosen_with_a_probability_that_falls_by_a_power() -> None:
    drawn = Counter(zipfian(1, 20, 1.1) for _ in range(20_000))
    assert set(drawn) == set(range(1, 21))
    assert drawn[1] / drawn[8] == pytest.approx(8**1.1, rel=0.25)


def test_the_lines_of_every_pgbench_are_read() -> None:
    reading = PgbenchReading(Path("nowhere"), 2)
    reading.error_line("progress: 1.0 s, 812.3 tps, lat 4.912 ms stddev 2.100", 1.0)
    reading.error_line("progress: 2.0 s, 800.0 tps, lat 5.000 ms stddev 2.100, 3 failed, lag 0.1 ms", 2.0)
    reading.error_line("pgbench: error: client 3 script 1 aborted in command 4 query 0: ERROR:  no", 2.5)
    for line in (
        *("number of transactions actually processed: 17", "number of deadlock failures: 2 (1%)", "tps = 8.5 (x)"),
        *("SQL script 1: create", " - number of deadlock failures: 2 (1%)", "tps = 3.5 (x)"),
    ):
        reading.line(line)
    output = reading.output
    assert [(each.at, each.rate, each.failed) for each in output.seconds] == [(1.0, 812.3, 0), (2.0, 800.0, 3)]
    assert (output.stopped, output.broke_at) == (1, 2.5)
    assert (output.transactions, output.rate, dict(output.failures)) == (17, 8.5, {"40P01": 2, "": 1})


# Whose rows it reads


async def test_a_superuser_runs_it_only_on_tables_of_superusers(desk: Desk) -> None:
    why = await refused(Desk(desk.cluster, desk.database, desk.trail))
    assert why.kind is Kind.REFUSED
    assert "rights of a superuser" in why.sentence
    assert why.remedy == f"Connect as the owner of the tables: -U {OWNER}."


KEY = "it''s''; CREATE TABLE public.sprung (); --"
OWN_TABLES = f"""
CREATE TABLE public.organizations (id text); INSERT INTO public.organizations VALUES ('{KEY}');
CREATE TABLE public.users (id text, organization_id text); INSERT INTO public.users VALUES ('{KEY}', '{KEY}');
CREATE TABLE public.brand_profiles (id text, organization_id text, name text);
INSERT INTO public.brand_profiles VALUES ('{KEY}', '{KEY}', 'x');
CREATE TABLE public.content_requests (id bigserial, organization_id text, brand_profile_id text, requested_by text,
  title text, description text, content_brief text, priority int, content_type text, target_platforms text[],
  status text DEFAULT 'pending', created_at timestamptz DEFAULT now());
"""


async def test_a_key_that_is_a_statement_is_no_statement_to_pgbench(
    pg: PostgresServer, database: str, tmp_path: Path
) -> None:
    with pg.connect() as session:
        session.execute(f"ALTER DATABASE {database} SET pipeline_console.purpose = 'scratch'".encode())
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"), user=OWNER)
    with pg.connect(database) as session:
        session.execute(f"GRANT ALL ON SCHEMA public TO {OWNER}".encode())
    with desk.session() as session:
        session.execute(OWN_TABLES.encode())
    run = await short(desk)
    assert run.outcome is Outcome.DONE, run.message
    assert desk.ask("SELECT to_regclass('public.sprung') IS NULL")
    assert desk.ask("SELECT count(*) FROM public.content_requests") == 0
