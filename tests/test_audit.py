"""The audit trail: what it keeps, what it never keeps, and that nothing runs without it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import cast

import pytest

from console.demo.cluster import APPLICATION, OWNER
from console.model import Claim, Kind, Outcome, Plan, Standalone, Step, Trouble
from console.panes.activity import RUNS
from console.panes.audit import AUDIT, DATABASE, TRAIL
from console.reading.reader import Reader
from console.redaction import without_secrets
from console.running.progress import Run, StepProgress
from console.running.runner import Runner
from console.running.trail import history
from console.running.trail.audit import Trail, process
from console.running.trail.tables import answers
from console.sources.console import ConsoleSource
from console.sources.postgres import ActingSession, PostgresServer
from tests import command
from tests.servers import PostgresServer as Cluster
from tests.sources import console_of


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path / "state" / "audit.jsonl")


def plan(*steps: Step, action: str = "test") -> Plan:
    return Plan(Claim("public.t"), steps, action=action, parameters={"months": "3", "password": "hush"})


async def run(pg: Cluster, database: str, trail: Trail, made: Plan, user: str = OWNER) -> Run:
    server = PostgresServer(pg.uri(database, user))
    try:
        await server.connect()
        return await Runner(ActingSession(pg.uri(database, user)), server, trail).run(made)
    finally:
        await server.close()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("CREATE ROLE x PASSWORD 'it''s hush' LOGIN", "CREATE ROLE x PASSWORD (hidden) LOGIN"),
        ("ALTER ROLE x ENCRYPTED PASSWORD E'hush\\' hush'", "ALTER ROLE x ENCRYPTED PASSWORD (hidden)"),
        (
            "ALTER SYSTEM SET c = 'host=h password=hush user=u'",
            "ALTER SYSTEM SET c = 'host=h password=(hidden) user=u'",
        ),
        ("SET c = 'password=''my hush'' user=u'", "SET c = 'password=(hidden) user=u'"),
        ("postgresql://u:hush@h/d?password=hush&x=1", "postgresql://u:(hidden)@h/d?password=(hidden)&x=1"),
        ("CREATE TABLE password (hush int)", "CREATE TABLE password (hush int)"),
    ],
)
def test_passwords_are_not_kept(text: str, kept: str, trail: Trail) -> None:
    assert without_secrets(text) == kept
    trail.write({"run": "a", "sql": [text], "parameters": {"password": "hush", "note": text}})
    (entry,) = trail.entries()
    assert entry["sql"] == [kept]
    assert entry["parameters"] == {"password": "(hidden)", "note": kept}


def test_the_trail_belongs_to_its_user_alone(trail: Trail) -> None:
    trail.write({"run": "a"})
    assert trail.path.stat().st_mode & 0o777 == 0o600
    assert trail.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_line_that_a_full_disk_cut_short_swallows_no_other(trail: Trail) -> None:
    trail.write({"run": "a"})
    with trail.path.open("a") as file:
        file.write('{"run": "b", "ev')
    trail.write({"run": "c"})
    assert [entry["run"] for entry in trail.entries()] == ["a", "c"]


async def test_nothing_runs_when_the_disk_of_the_trail_is_full(any_pg: Cluster, pipeline: str, tiny: Path) -> None:
    (tiny / "filler").write_bytes(b"x" * (64 << 10))
    with pytest.raises(Trouble, match="No space left") as caught:
        await run(any_pg, pipeline, Trail(tiny / "audit.jsonl"), plan(Step("CREATE TABLE public.made ()")))
    assert caught.value.kind is Kind.REFUSED
    with any_pg.connect(pipeline) as session:
        assert session.execute("SELECT to_regclass('public.made')").fetchone() == (None,)


def test_nothing_runs_where_the_trail_cannot_be_made_and_the_exit_code_says_refused(
    any_pg: Cluster, database_here: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    uri = any_pg.uri(database_here, OWNER)
    state = {"XDG_STATE_HOME": str(tmp_path / "file")}
    done = command.run(tmp_path, "run", "apply-schema", "--yes", "--format", "json", "-t", uri, **state)
    assert done.code == 3
    document = json.loads(done.out)
    assert (document["outcome"], {step["status"] for step in document["steps"]}) == ("refused", {"pending"})
    assert "audit trail" in done.err
    with any_pg.connect(database_here) as session:
        assert session.execute("SELECT to_regclass('public.schema_migrations')").fetchone() == (None,)


@pytest.fixture
def database_here(any_pg: Cluster) -> str:
    return any_pg.fresh_database(owner=OWNER)


async def test_a_run_is_told_by_the_pane_of_the_trail_and_that_of_the_database(
    pg: Cluster, pg_pipeline: str, trail: Trail
) -> None:
    steps = (
        Step("CREATE TABLE public.made AS SELECT 1 AS n FROM generate_series(1, 5)", undo="DROP TABLE public.made"),
        Step("ALTER TABLE public.made ADD CONSTRAINT x CHECK (n > 5)", execution=Standalone()),
    )
    done = await run(pg, pg_pipeline, trail, plan(*steps))
    assert done.outcome is Outcome.STOPPED
    server = PostgresServer(pg.uri(pg_pipeline))
    local = console_of(trail, [], server)
    (own,) = (await Reader(TRAIL).read(local)).records()
    (kept,) = (await Reader(DATABASE).read(local)).records()
    for told in (own, kept):
        assert (told["run"], told["action"], told["outcome"]) == (done.id, "test", "stopped")
        assert (told["user"], told["undo"]) == (OWNER, True)
        assert told["seconds"] > 0  # type: ignore[operator]
    assert (own["rows"], own["done"], own["steps"], own["parameters"]) == (5, 1, 2, "months=3 password=(hidden)")
    assert (own["server"], own["database"]) == (server.label, pg_pipeline)
    detail = list((await local.fetch("audit_run", {"run": done.id})).records())
    assert [(row["status"], row["sql"]) for row in detail] == [("done", steps[0].sql), ("not done", steps[1].sql)]
    kept_detail = await local.fetch("audit_database_run", {"run": done.id})
    assert kept_detail.values("sql") == (steps[0].sql, steps[0].undo)
    await server.close()


async def test_the_view_of_a_database_without_its_table_says_what_gives_it(pg: Cluster, database: str) -> None:
    server = PostgresServer(pg.uri(database))
    read = await Reader(DATABASE).read(console_of(Trail(Path("/nonexistent/x")), [], server))
    await server.close()
    assert read.rows == ()
    assert "apply-schema creates public.console_audit" in " ".join(read.notes)
    assert set(DATABASE.key) <= set(read.columns)


async def test_the_view_of_a_table_that_may_not_be_read_names_the_grant(any_pg: Cluster, pipeline: str) -> None:
    with any_pg.connect(pipeline) as session:
        session.execute(f"REVOKE ALL ON console_audit FROM {APPLICATION}")
    server = PostgresServer(any_pg.uri(pipeline, APPLICATION))
    read = await Reader(DATABASE).read(console_of(Trail(Path("/nonexistent/x")), [], server))
    await server.close()
    assert "GRANT SELECT ON public.console_audit" in " ".join(read.notes)


def test_show_audit_needs_no_server(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "pipeline-console" / "audit.jsonl")
    trail.write({"run": "a", "event": "start", "action": "vacuum-table", "subject": "public.t", "sql": ["VACUUM"]})
    trail.write({"run": "a", "event": "end", "outcome": "done", "seconds": 2.5, "undo": []})
    nowhere = "postgresql://127.0.0.1:1/x"
    done = command.run(tmp_path, "show", "audit", "-t", nowhere, "--format", "json", XDG_STATE_HOME=str(tmp_path))
    assert done.code == 0
    document = json.loads(done.out)
    assert document["server"]["kind"] == "console"
    (row,) = document["rows"]
    assert (row["action"], row["outcome"], row["seconds"], row["undo"]) == ("vacuum-table", "done", 2.5, False)
    assert command.run(tmp_path, "show", "activity", "-t", nowhere, XDG_STATE_HOME=str(tmp_path)).code == 0


async def test_a_trail_of_somebody_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Trouble, match="cannot be read"):
        await console_of(Trail(tmp_path / "file" / "audit.jsonl"), []).fetch("audit_trail")


# Activity


def entry(run: str, event: str, **more: object) -> dict[str, object]:
    return {"run": run, "event": event, "action": "archive", "subject": "public.t", "server": "s", **more}


async def activity(trail: Trail, runs: list[Run] | None = None) -> list[dict[str, object]]:
    return list((await Reader(RUNS).read(console_of(trail, runs or ()))).records())


async def test_the_own_runs_tell_their_step_rows_and_what_they_wait_for(trail: Trail) -> None:
    made = plan(Step("SELECT 1"), Step("SELECT 2"), Step("SELECT 3"))
    under_way = Run.of(made)
    under_way.steps[0].status, under_way.steps[0].rows = "done", 4
    (row,) = await activity(trail, [under_way])
    assert (row["status"], row["progress"]) == ("running", "1 of 3"), "between two steps it goes on"
    under_way.steps[1].status, under_way.steps[1].message = "waiting", "waiting for pid 7 (report)"
    (row,) = await activity(trail, [under_way])
    assert (row["status"], row["progress"], row["rows"]) == ("waiting", "2 of 3", 4)
    assert row["said"] == "waiting for pid 7 (report)"
    under_way.steps = [StepProgress(one.step, "done") for one in under_way.steps]
    under_way.outcome, under_way.seconds = Outcome.DONE, 3.0
    (row,) = await activity(trail, [under_way])
    assert (row["status"], row["progress"], row["seconds"]) == ("done", "3 of 3", 3.0)


async def test_a_run_of_another_console_runs_while_its_process_does_and_is_unfinished_afterwards(trail: Trail) -> None:
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    told = entry("a", "start", sql=["SELECT 1", "SELECT 2"], process=process(other.pid))
    trail.write(told)
    trail.write(entry("a", "step", sql="SELECT 1", rows=3))
    (row,) = await activity(trail)
    assert (row["status"], row["progress"], row["rows"]) == ("running", "2 of 2", 3)
    other.kill()
    await other.wait()
    (row,) = await activity(trail)
    assert row["status"] == "unfinished"
    assert "to resume" in str(row["said"])


async def test_an_unfinished_run_is_forgotten_once_the_same_action_was_done(trail: Trail) -> None:
    trail.write(entry("a", "start", sql=["SELECT 1"], process="elsewhere 1 1"))
    assert [row["run"] for row in await activity(trail)] == ["a"]
    trail.write(entry("b", "start", sql=["SELECT 1"]))
    trail.write(entry("b", "end", outcome="done"))
    assert await activity(trail) == []


def test_a_number_that_another_process_has_by_now_is_not_the_same_process() -> None:
    assert history.alive(process())
    host, number, *_ = process().split()
    if Path("/proc/self/stat").exists():
        assert not history.alive(f"{host} {number} 1")
    assert not history.alive(f"{host} {2**22 + 7}")
    assert not history.alive("")
    assert os.getpid() == int(number)


def test_the_pane_offers_undo() -> None:
    assert AUDIT.actions == ("undo",)
    assert AUDIT.source == "console"


async def test_what_a_run_told_in_the_end_is_kept_and_shown(trail: Trail) -> None:
    trail.write({"run": "r1", "event": "start", "action": "apply-indexes", "sql": ["CREATE INDEX i ON t (n)"]})
    trail.write({"run": "r1", "event": "end", "outcome": "done", "notes": ["cost 100 → 2", "password = 'x'"]})
    shown = await console_of(trail, []).fetch("audit_run", {"run": "r1"})
    told = [row["sql"] for row in shown.records() if row["status"] == "note"]
    assert told == ["cost 100 → 2", "password = (hidden)"]


async def test_a_read_of_the_trail_reads_only_what_was_appended(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    trail.write(*({"run": f"r{number}", "event": "end", "outcome": "done"} for number in range(50)))
    read: list[int] = []
    whole = Trail.entries_from

    def counted(self: Trail, offset: int) -> tuple[list[dict[str, object]], int]:
        entries, end = whole(self, offset)
        read.append(len(entries))
        return entries, end

    monkeypatch.setattr(Trail, "entries_from", counted)
    source = ConsoleSource(lambda: answers(trail, (), cast("PostgresServer", None)))
    assert len((await source.fetch("audit_trail")).rows) == 50
    with trail.path.open("a") as file:
        file.write('{"run": "new", "event": "end", "outcome": "failed"')  # another console is still writing
        file.flush()
        await source.fetch("audit_trail")
        file.write("}\n")
    rows = (await source.fetch("audit_trail")).rows
    await source.fetch("activity_run", {"run": "new"})
    assert read[0] == 50
    assert sum(read) == 51
    assert rows[0][0] == "new"
    trail.path.write_text('{"run": "another file", "event": "start"}\n')
    assert [row[0] for row in (await source.fetch("audit_trail")).rows] == ["another file"]


async def test_a_run_that_was_undone_is_shown_so_and_not_offered_again(trail: Trail) -> None:
    step = {"event": "step", "sql": "CREATE TABLE t ()", "undo": "DROP TABLE t"}
    trail.write(
        {"run": "made", "action": "x", **step},
        {"run": "made", "event": "end", "outcome": "done", "undo": ["DROP TABLE t"]},
        {"run": "kept", "action": "x", **step},
        {"run": "kept", "event": "end", "outcome": "done", "undo": ["DROP TABLE t"]},
        {"run": "undoing", "action": "undo", "parameters": {"run": "made"}, "event": "end", "outcome": "done"},
        {"run": "failing", "action": "undo", "parameters": {"run": "kept"}, "event": "end", "outcome": "failed"},
    )
    taken = await ConsoleSource(lambda: answers(trail, (), cast("PostgresServer", None))).fetch("audit_trail")
    rows = {row["run"]: (row["outcome"], row["undo"]) for row in taken.records()}
    assert (rows["made"], rows["kept"]) == (("undone", False), ("done", True))
