"""`run`: the plan, the question, the run, the document, the exit code, on real servers in processes of their own."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from console.actions import ACTIONS
from console.cli.plan_text import LEAVES, ending
from console.demo.cluster import APPLICATION, OWNER
from console.model import Claim, Outcome, Plan, Program, Standalone, Step, Transaction
from console.running import progress
from console.sql import migrations
from tests import command
from tests.command import Done
from tests.servers import Pooler
from tests.servers import PostgresServer as Cluster
from tests.waiting import PATIENCE, wait

FILES = len(migrations.migrations((18,)))
STEP = {"sql", "lock", "transaction", "undo", "status", "seconds", "rows"}

Run = Callable[..., Done]


@pytest.fixture
def uri(pg: Cluster, database: str) -> str:
    """The owner's way to an empty database."""
    return pg.uri(database, OWNER)


@pytest.fixture
def run(tmp_path: Path, uri: str) -> Run:
    """Run an action on that database."""
    return lambda *arguments, **extra: command.run(tmp_path, "run", *arguments, "-t", uri, **extra)


def scalar(uri: str, query: str) -> Any:
    with psycopg.connect(uri, autocommit=True) as session:
        row = session.execute(query).fetchone()
    return row[0] if row else None


def execute(uri: str, statement: str) -> None:
    with psycopg.connect(uri, autocommit=True) as session:
        session.execute(statement)


def applied(uri: str) -> int:
    """How many migrations the database has."""
    if scalar(uri, "SELECT to_regclass('public.schema_migrations')") is None:
        return 0
    return int(scalar(uri, "SELECT count(*) FROM public.schema_migrations"))


# Plans


def test_a_dry_run_shows_every_statement_and_changes_nothing(run: Run, uri: str) -> None:
    done = run("apply-schema", "--dry-run")
    assert (done.code, done.err) == (0, "")
    for part in ("CREATE TABLE public.schema_migrations", "new objects only", "in a transaction", "Dry run"):
        assert part in done.out
    assert done.out.count("INSERT INTO public.schema_migrations") == FILES
    document = json.loads(run("apply-schema", "--dry-run", "--format", "json").out)
    assert (document["action"], document["outcome"], document["undo"]) == ("apply-schema", "planned", [])
    assert {step["status"] for step in document["steps"]} == {"pending"}
    assert applied(uri) == 0


def test_a_run_tells_its_steps_and_the_same_again_has_nothing_to_do(run: Run, uri: str) -> None:
    done = run("apply-schema", "--yes")
    assert done.code == 0
    steps = re.search(r"(\d+)/\1 done", done.err)
    assert steps is not None
    assert int(steps[1]) >= FILES
    assert applied(uri) == FILES
    again = run("apply-schema")  # nothing to say yes to
    assert (again.code, "nothing to do" in again.out) == (0, True)


def test_the_document_of_a_run_is_as_agreed(run: Run, uri: str) -> None:
    done = run("apply-schema", "--yes", "--format", "json")
    document = json.loads(done.out)
    assert done.code == 0
    assert {"action", "outcome", "steps", "undo"} <= set(document)
    assert (document["action"], document["outcome"], document["undo"]) == ("apply-schema", "done", [])
    assert all(set(step) >= STEP for step in document["steps"])
    assert {step["status"] for step in document["steps"]} == {"done"}
    assert all(step["seconds"] >= 0 for step in document["steps"])
    assert {step["transaction"] for step in document["steps"]} == {True, False}, "some files run outside a transaction"
    assert json.loads(run("apply-schema", "--format", "json").out)["outcome"] == "nothing to do"


# Refusals


@pytest.mark.parametrize("form", ["text", "json"])
def test_without_a_terminal_and_without_yes_the_plan_is_shown_and_refused(run: Run, uri: str, form: str) -> None:
    done = run("apply-schema", "--format", form)
    assert done.code == 3
    assert "CREATE TABLE public.schema_migrations" in done.out
    assert "--yes" in done.err
    if form == "json":
        assert json.loads(done.out)["outcome"] == "refused"
    assert applied(uri) == 0


def test_read_only_refuses(run: Run, uri: str) -> None:
    done = run("apply-schema", "--yes", "--read-only", "--format", "json")
    assert (done.code, json.loads(done.out)["outcome"]) == (3, "refused")
    assert "read-only" in done.err
    assert applied(uri) == 0
    assert run("apply-schema", "--dry-run", "--read-only").code == 0


def test_somebody_else_at_it_is_named(run: Run, uri: str) -> None:
    with psycopg.connect(uri, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (migrations.LOCK,))
        done = run("apply-schema", "--yes", "--format", "json")
        assert (done.code, json.loads(done.out)["outcome"]) == (3, "refused")
        assert f"pid {other.info.backend_pid}" in done.err
    assert applied(uri) == 0


def test_a_pooler_is_refused(
    any_pg: Cluster, pipeline: str, pgbouncer: Callable[[Cluster, str], Pooler], tmp_path: Path
) -> None:
    execute(any_pg.uri(pipeline), "DELETE FROM schema_migrations WHERE version = 5")
    pooler = pgbouncer(any_pg, pipeline)
    done = command.run(tmp_path, "run", "apply-schema", "--yes", "--format", "json", "-t", pooler.uri())
    assert done.code == 3
    assert "pooler" in done.err
    assert json.loads(done.out)["steps"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no-such-action",), "apply-schema"),
        (("apply-schema", "--set", "colour=red"), "accepts owner"),
        (("create-partitions", "--set", "month=3"), "accepts months, table"),
        (("create-partitions", "--set", "months"), "key=value"),
        (("create-partitions", "--set", "months=1", "--set", "months=2"), "twice"),
        (("create-partitions", "--set", "months=many"), "whole number"),
        ((), "ACTION"),
    ],
)
def test_wrong_usage_says_what_is_accepted(
    tmp_path: Path, any_pg: Cluster, arguments: tuple[str, ...], said: str
) -> None:
    done = command.run(tmp_path, "run", *arguments, "-t", any_pg.uri())
    assert (done.code, done.out) == (2, "")
    assert said in done.err


# Failures


def test_a_failure_that_lost_nothing_is_1(pg: Cluster, database: str, tmp_path: Path) -> None:
    uri = pg.uri(database, APPLICATION)
    execute(pg.uri(database), "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    done = command.run(tmp_path, "run", "apply-schema", "--yes", "--format", "json", "-t", uri)
    document = json.loads(done.out)
    assert (done.code, document["outcome"]) == (1, "failed")
    assert [step["status"] for step in document["steps"]][:2] == ["failed", "pending"]
    assert "0001_ledger" in done.err


def test_a_server_that_is_not_there_is_1(tmp_path: Path) -> None:
    nowhere = "postgresql://u:hush@127.0.0.1:1/x"
    done = command.run(tmp_path, "run", "apply-schema", "--yes", "--format", "json", "-t", nowhere)
    assert (done.code, json.loads(done.out)["outcome"]) == (1, "failed")
    assert "hush" not in done.out + done.err


def test_a_run_that_stopped_part_way_is_4_and_the_same_command_goes_on(run: Run, uri: str) -> None:
    execute(uri, "CREATE TABLE public.background_jobs (mine int)")
    done = run("apply-schema", "--yes", "--format", "json")
    document = json.loads(done.out)
    assert (done.code, document["outcome"]) == (4, "stopped")
    assert [step["status"] for step in document["steps"]] == [
        *["done"] * 6,
        "failed",
        *["pending"] * (len(document["steps"]) - 7),
    ], done.err
    assert "Step 7 failed: 0007_background_jobs" in done.err
    execute(uri, "DROP TABLE public.background_jobs")
    assert run("apply-schema", "--yes").code == 0
    assert applied(uri) == FILES


# Stopping


@contextmanager
def started(home: Path, uri: str, **extra: str) -> Iterator[subprocess.Popen[str]]:
    line = command.argv("run", "apply-schema", "--yes", "--format", "json", "-t", uri)
    environment = command.environment(home, extra)
    pipe = subprocess.PIPE
    with subprocess.Popen(line, env=environment, cwd=home, text=True, stdout=pipe, stderr=pipe) as process:
        yield process
        if process.poll() is None:
            process.kill()


SLOW = """
CREATE FUNCTION public.slow() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(120); END';
CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('{tag}') EXECUTE FUNCTION public.slow();
"""


@pytest.mark.pg(">= 15")
@pytest.mark.parametrize(
    ("number", "tag", "code", "outcome"),
    [
        (signal.SIGINT, "CREATE TABLE", 1, "failed"),
        (signal.SIGTERM, "CREATE MATERIALIZED VIEW", 4, "stopped"),
        (signal.SIGHUP, "CREATE MATERIALIZED VIEW", 4, "stopped"),
    ],
)
def test_an_interrupt_cancels_the_statement_on_the_server_and_tells_the_outcome(
    pg: Cluster, database: str, uri: str, tmp_path: Path, number: int, tag: str, code: int, outcome: str
) -> None:
    with slow(pg, database, tag) as at_it:
        with started(tmp_path, uri) as process:
            wait(at_it)
            process.send_signal(number)
            out, err = process.communicate(timeout=PATIENCE)
        wait(lambda: not at_it())
    assert (process.returncode, json.loads(out)["outcome"]) == (code, outcome)
    assert "Stopped on request" in err
    done = command.run(tmp_path, "run", "apply-schema", "--yes", "-t", uri)
    assert (done.code, applied(uri)) == (0, FILES)


@contextmanager
def slow(pg: Cluster, database: str, tag: str) -> Iterator[Callable[[], bool]]:
    """Statements with that tag take two minutes; yields whether one is at it."""
    execute(pg.uri(database), SLOW.format(tag=tag))
    asleep = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    yield lambda: bool(scalar(pg.uri(database), asleep))
    execute(pg.uri(database), "DROP EVENT TRIGGER slow; DROP FUNCTION public.slow()")


@pytest.mark.pg(">= 15")
def test_of_two_consoles_one_does_it_and_the_other_is_told_who(
    pg: Cluster, database: str, uri: str, run: Run, tmp_path: Path
) -> None:
    with slow(pg, database, "CREATE MATERIALIZED VIEW") as at_it, started(tmp_path, uri) as first:
        wait(at_it)
        second = run("apply-schema", "--yes", "--format", "json")
        assert (second.code, json.loads(second.out)["outcome"]) == (3, "refused")
        pid = scalar(uri, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        assert f"pid {pid} of {OWNER}" in second.err
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=PATIENCE)


@pytest.mark.pg(">= 15")
def test_a_console_killed_in_the_middle_is_shown_as_unfinished_and_one_rerun_ends_what_it_began(
    pg: Cluster, database: str, uri: str, run: Run, tmp_path: Path
) -> None:
    with slow(pg, database, "CREATE MATERIALIZED VIEW") as at_it:
        with started(tmp_path, uri) as process:
            wait(at_it)
            process.kill()
            process.communicate(timeout=PATIENCE)
        wait(lambda: not at_it())  # the server notices within client_connection_check_interval
    shown = json.loads(command.run(tmp_path, "show", "activity", "--format", "json", "-t", uri).out)["rows"]
    assert [(row["action"], row["status"]) for row in shown] == [("apply-schema", "unfinished")]
    assert run("apply-schema", "--yes").code == 0
    assert applied(uri) == FILES
    assert json.loads(command.run(tmp_path, "show", "activity", "--format", "json", "-t", uri).out)["rows"] == []
    trail = json.loads(command.run(tmp_path, "show", "audit", "--format", "json", "-t", uri).out)["rows"]
    assert [row["outcome"] for row in trail] == ["done", "unfinished"]


# At a terminal


class Terminal:
    """A command in a pseudo-terminal that is answered."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self.said = ""
        self.process = subprocess.Popen(
            command.argv("run", *arguments),
            env=command.environment(home),
            cwd=home,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def shows(self, text: str) -> None:
        """Wait until it says `text`."""
        wait(lambda: text in self._read())

    def types(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Its exit code, once it has ended."""
        wait(self._ended)
        self._read()
        os.close(self._ours)
        return self.process.returncode

    def _ended(self) -> bool:
        self._read()  # a program whose output is not read does not end
        return self.process.poll() is not None

    def _read(self) -> str:
        try:
            while select.select([self._ours], [], [], 0.05)[0]:
                part = os.read(self._ours, 65536)
                if not part:
                    break
                self.said += part.decode(errors="replace")
        except OSError:  # the terminal is gone with its last user
            pass
        return self.said


@pytest.mark.parametrize(
    ("answer", "code"), [("y\n", 0), ("yes\n", 0), ("n\n", 3), ("\n", 3), ("\x04", 3)], ids=["y", "yes", "n", "", "^D"]
)
def test_a_terminal_is_asked(any_pg: Cluster, tmp_path: Path, answer: str, code: int) -> None:
    database = any_pg.fresh_database(owner=OWNER)
    uri = any_pg.uri(database, OWNER)
    terminal = Terminal(tmp_path, "apply-schema", "-t", uri)
    terminal.shows("Run this? [y/N]")
    assert "CREATE TABLE public.schema_migrations" in terminal.said
    assert applied(uri) == 0
    terminal.types(answer)
    assert terminal.end() == code
    assert applied(uri) == (FILES if code == 0 else 0)
    if code == 0:
        assert re.search(r"\r\x1b\[K(\d+)/\1 done", terminal.said)  # one line that changes
        assert "Done: " in terminal.said
    any_pg.drop_database(database)


def test_an_interrupt_at_the_question_means_no(any_pg: Cluster, tmp_path: Path) -> None:
    database = any_pg.fresh_database(owner=OWNER)
    terminal = Terminal(tmp_path, "apply-schema", "-t", any_pg.uri(database, OWNER))
    terminal.shows("Run this? [y/N]")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 3
    assert applied(any_pg.uri(database, OWNER)) == 0
    any_pg.drop_database(database)


def test_a_destructive_plan_wants_a_short_name_typed(any_pg: Cluster, pipeline: str, tmp_path: Path) -> None:
    uri = any_pg.uri(pipeline, OWNER)
    created = command.run(tmp_path, "run", "create-partitions", "--set", "months=5", "--yes", "-t", uri)
    assert created.code == 0
    assert f"To undo: pipeline-console run undo -t {shlex.quote(uri)}\n" in created.out
    before = scalar(uri, "SELECT count(*) FROM pg_inherits")
    plain = command.run(tmp_path, "run", "undo", "--format", "json", "--dry-run", "-t", uri)
    document = json.loads(plain.out)
    assert document["destructive"]
    assert " " not in document["confirm"]
    for answer, code in (("y\n", 3), (f"{document['confirm']}\n", 0)):
        terminal = Terminal(tmp_path, "undo", "-t", uri)
        terminal.shows(f"Type {document['confirm']} to run this:")
        terminal.types(answer)
        assert terminal.end() == code
        assert (scalar(uri, "SELECT count(*) FROM pg_inherits") < before) is (code == 0)


# Lists


def test_list_actions_tells_names_parameters_and_help(tmp_path: Path) -> None:
    listed = json.loads(command.run(tmp_path, "list", "actions", "--format", "json").out)
    assert [one["name"] for one in listed] == [action.name for action in ACTIONS]
    text = command.run(tmp_path, "list", "actions").out
    for one, action in zip(listed, ACTIONS, strict=True):
        assert [each["name"] for each in one["parameters"]] == [each.name for each in action.parameters]
        assert one["help"] == action.help
        assert f"{action.name}  {action.help}" in text
        assert all(f"--set {each.name}=" in text for each in action.parameters)


@pytest.mark.parametrize(("execution", "can_leave"), [(Standalone(), True), (Program(("true",)), True), (None, False)])
def test_a_failed_run_is_not_said_to_have_changed_nothing_where_its_step_can_leave_something(
    execution: Standalone | Program | None, can_leave: bool
) -> None:
    run = progress.Run.of(Plan(Claim("public.t"), (Step("SELECT 1", execution=execution or Transaction()),)))
    run.outcome, run.message = Outcome.FAILED, "The server's disk is full."
    run.steps[0].status = "failed"
    assert (LEAVES in ending(run)) is can_leave
    assert ("Nothing was changed." in ending(run)) is not can_leave
