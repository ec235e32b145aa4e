"""apply-tuning on real servers: planned, applied, restarted, undone; nothing dangerous, nobody locked out."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from console import sql
from console.actions.planning import Request, plan, steps_from_query
from console.actions.trail.undo import UNDO
from console.actions.tuning.apply_tuning import APPLY_TUNING
from console.actions.tuning.tuning_reading import read, read_machine
from console.model import Claim, Kind, Outcome, Plan, Trouble
from console.running.progress import Run
from console.running.runner import Runner
from console.running.trail.audit import default_trail
from console.sources.postgres import ActingSession, PostgresServer
from console.tuning import machine, presets
from console.tuning.forbidden import forbidden
from console.tuning.guards import dangers, server_state
from console.tuning.harm import unaccepted
from console.tuning.presets import PresetSetting
from console.tuning.proposals import Proposal
from console.tuning.units import elements
from tests.acting import Desk, own_waits, timed
from tests.harms import EXAMPLES, ORDINARY
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.tuning import server_of_files
from tests.waiting import wait

# What is there before: entries of somebody's own, a list among them.
FORMER = (
    "ALTER SYSTEM SET shared_preload_libraries = 'pg_prewarm'",
    "ALTER SYSTEM SET work_mem = '5000kB'",
    "ALTER SYSTEM SET random_page_cost = '3.5'",
    "ALTER SYSTEM SET log_min_duration_statement = '2500ms'",
)
FACTS: dict[str, Any] = {"ram": "4GB", "cores": "4", "storage": "ssd", "pools": "120", "disk": "50GB"}
AS_THE_CONSOLE = {"application_name": "test"}

Given = dict[str, str]


@pytest.fixture(scope="module")
def tuned(request: pytest.FixtureRequest, pg_servers: Servers) -> Iterator[Cluster]:
    """A server of each major version, whose settings stand in its files, some of them written by somebody before."""
    server = server_of_files(pg_servers, request.param)
    with server.connect() as connection:
        for statement in FORMER:
            connection.execute(statement.encode())
    server.restart()
    yield server
    server.stop()


@pytest.fixture
def desk(tuned: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A console of that server, which finds its files as they were afterwards."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    desk = Desk(tuned, "postgres", default_trail())
    before = entries(desk)
    yield desk
    assert entries(desk) == before


Write = Callable[..., str]


@pytest.fixture
def preset(tmp_path: Path) -> Write:
    """Writes a preset of the settings given, and returns its path."""

    def write(accepting: str = "", **settings: str) -> str:
        risk = f", accepted_risk: {accepting}" if accepting else ""
        lines = [f"  {name}: {{why: a test, value: {json.dumps(value)}{risk}}}" for name, value in settings.items()]
        path = tmp_path / "mine.yml"
        path.write_text("\n".join(["name: mine", "title: Mine", "settings:", *lines]), encoding="utf-8")
        return str(path)

    return write


def entries(desk: Desk) -> dict[str, str]:
    """What postgresql.auto.conf says."""
    assert desk.cluster.data is not None
    lines = (desk.cluster.data / "postgresql.auto.conf").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" = ", 1) for line in lines if " = " in line)


def values(desk: Desk) -> dict[str, str]:
    """Every setting of the server, as a new session sees it."""
    with desk.session(**AS_THE_CONSOLE) as session:
        rows = session.execute("SELECT name, setting FROM pg_settings WHERE name NOT LIKE 'tcp_%%' AND name <> 'port'")
        return dict(rows.fetchall())


def undo(desk: Desk, run: Run) -> None:
    desk.do(*run.undo)


async def refusal(desk: Desk, **given: str) -> Trouble:
    with pytest.raises(Trouble) as told:
        await desk.plan(APPLY_TUNING, **given)
    return told.value


@pytest.mark.parametrize("name", presets.names())
async def test_a_preset_is_planned_applied_restarted_and_undone(desk: Desk, name: str) -> None:
    before, files = values(desk), entries(desk)
    planned = await desk.plan(APPLY_TUNING, preset=name, **FACTS)
    assert (values(desk), entries(desk)) == (before, files)
    assert planned.table is not None
    run = await desk.run(APPLY_TUNING, preset=name, **FACTS)
    assert run.outcome in {Outcome.DONE, Outcome.NOTHING}, run.message
    desk.cluster.restart()
    now = await desk.plan(APPLY_TUNING, preset=name, **FACTS)
    assert now.table is not None
    again = {str(row[0]): row for row in now.table.rows}
    for setting, current, proposed, *_ in planned.table.rows:
        if proposed is not None:
            assert again[str(setting)][1] == proposed, (setting, current)
            assert again[str(setting)][4] in {"as proposed", "kept"}
    undo(desk, run)
    desk.cluster.restart()
    assert entries(desk) == files
    assert values(desk) == before


async def test_libraries_are_quoted_one_by_one_beside_those_that_are_there_and_extensions_follow(desk: Desk) -> None:
    planned = await desk.plan(APPLY_TUNING, preset="monitoring", only="shared_preload_libraries")
    assert [step.sql for step in planned.steps][1:-1] == [
        "ALTER SYSTEM SET shared_preload_libraries = 'pg_prewarm', 'pg_stat_statements'"
    ]
    assert planned.steps[1].undo == "ALTER SYSTEM SET shared_preload_libraries = 'pg_prewarm'"
    assert "-c shared_preload_libraries='pg_prewarm'" in planned.recipe
    assert "ALTER SYSTEM SET shared_preload_libraries = 'pg_prewarm';" in planned.recipe
    first = await desk.run(APPLY_TUNING, preset="monitoring", only="shared_preload_libraries,pg_stat_statements.max")
    assert any("Restart pending: shared_preload_libraries" in note for note in first.notes)
    waiting = await desk.plan(APPLY_TUNING, preset="monitoring", only="shared_preload_libraries,pg_stat_statements.max")
    assert not waiting.steps
    assert any("restart pending: shared_preload_libraries" in note for note in waiting.notes)
    assert any("pg_stat_statements is not loaded yet" in note for note in waiting.notes)
    desk.cluster.restart()
    second = await desk.run(APPLY_TUNING, preset="monitoring", only="pg_stat_statements.max,pg_stat_statements.track")
    assert [one.step.sql for one in second.steps][1:-1] == [
        "ALTER SYSTEM SET pg_stat_statements.track = 'all'",
        "ALTER SYSTEM SET pg_stat_statements.max = '10000'",
    ]
    undo(desk, second)
    undo(desk, first)
    desk.cluster.restart()


async def test_the_undo_action_brings_back_what_the_files_said(desk: Desk) -> None:
    before = entries(desk)
    run = await desk.run(APPLY_TUNING, preset="planner-ssd")
    assert run.outcome is Outcome.DONE
    assert desk.ask("SHOW random_page_cost") == "1.1"
    undone = await desk.run(UNDO)
    assert undone.outcome is Outcome.DONE, undone.message
    assert entries(desk) == before
    assert desk.ask("SHOW random_page_cost") == "3.5"


# Accepted by ALTER SYSTEM, and the end of the server or of everybody's work.
DANGEROUS: dict[str, Given] = {
    "a library that is missing": {"shared_preload_libraries": "no_such_library"},
    "a list in one literal": {"shared_preload_libraries": '"pg_stat_statements, pg_prewarm"'},
    "a library every session misses": {"session_preload_libraries": "no_such_library"},
    "a library of ordinary sessions": {"local_preload_libraries": "no_such_library"},
    "shared memory over RAM": {"min_dynamic_shared_memory": "1TB"},
    "a group that is missing": {"unix_socket_group": "no_such_group"},
    "no time to think": {"idle_session_timeout": "1ms"},
    "memory over RAM": {"shared_buffers": "1TB"},
    "more sessions than memory": {"max_connections": "200000"},
    "sorts over RAM": {"work_mem": "1GB"},
    "locks over RAM": {"max_locks_per_transaction": "100000000"},
    "prepared transactions over RAM": {"max_prepared_transactions": "262143"},
    "texts over RAM": {"track_activity_query_size": "1MB", "max_connections": "5000"},
    "too many processes": {"max_worker_processes": "262143"},
    "an address that is not ours": {"listen_addresses": "203.0.113.9"},
    "a low port": {"port": "1"},
    "a directory that is missing": {"unix_socket_directories": "/nonexistent"},
    "ssl without a certificate": {"ssl": "on"},
    "ssl files": {"ssl_cert_file": "nothing.crt"},
    "another data directory": {"data_directory": "/nonexistent"},
    "another hba file": {"hba_file": "/nonexistent"},
    "another log directory": {"log_directory": "/nonexistent/log", "logging_collector": "on"},
    "huge pages that are not there": {"huge_pages": "on"},
    "no WAL for standbys": {"wal_level": "minimal"},
    "all connections reserved": {"superuser_reserved_connections": "100"},
    "few connections left": {"superuser_reserved_connections": "96"},
    "WAL of one segment": {"max_wal_size": "16MB", "min_wal_size": "16MB"},
    "WAL over the disk": {"max_wal_size": "40GB"},
    "WAL for standbys over the disk": {"wal_keep_size": "40GB"},
    "WAL for slots over the disk": {"max_slot_wal_keep_size": "40GB"},
    "few files": {"max_files_per_process": "64"},
    "no time for statements": {"statement_timeout": "1ms"},
    "no time to log in": {"authentication_timeout": "1s"},
    "nothing may be written": {"default_transaction_read_only": "on"},
    "data lost in a crash": {"fsync": "off"},
    "a command of the system": {"archive_command": "rm -rf /tmp/x"},
    "a standby that does not exist": {"synchronous_standby_names": "nobody"},
    "a late log-in": {"pre_auth_delay": "60"},
    "functions from elsewhere": {"search_path": "evil"},
}


@pytest.mark.parametrize("what", DANGEROUS)
async def test_dangerous_values_are_refused(desk: Desk, preset: Write, what: str) -> None:
    before = entries(desk)
    why = await refusal(desk, preset=preset(**DANGEROUS[what]), **FACTS)
    assert why.kind is Kind.REFUSED, why
    assert any(name in why.sentence for name in (*DANGEROUS[what], "memory", "server would use", "connections")), why
    assert entries(desk) == before


async def test_memory_of_an_extension_counts(desk: Desk, preset: Write) -> None:
    run = await desk.run(APPLY_TUNING, preset="monitoring", only="shared_preload_libraries")
    desk.cluster.restart()
    why = await refusal(desk, preset=preset(**{"pg_stat_statements.max": "1073741823"}), **FACTS)
    assert "Shared memory of 51" in why.sentence
    planned = await desk.plan(APPLY_TUNING, preset=preset(**{"pg_stat_statements.max": "100000"}), **FACTS)
    assert len(planned.steps) == 3
    undo(desk, run)
    desk.cluster.restart()


async def test_more_memory_than_was_measured_is_refused(desk: Desk) -> None:
    why = await refusal(desk, preset="memory", **{**FACTS, "ram": "900TB"})
    assert why.kind is Kind.REFUSED
    assert "ram = 900 TB, but the machine of the server has " in why.sentence


def known_examples(desk: Desk, harmful: bool) -> Given:
    """The harmful or the harmless examples of the settings that this server has and presets may write."""
    known = values(desk)
    found = {
        name: pair[not harmful]
        for name, pair in EXAMPLES.items()
        if name in known and name.islower() and not forbidden(name)  # a preset names no setting with capital letters
    }
    return {name: value for name, value in found.items() if value and (not harmful or value != known[name])}


async def test_every_harmful_value_is_refused_unless_the_preset_accepts_it(desk: Desk, preset: Write) -> None:
    harmful = known_examples(desk, harmful=True)
    assert len(harmful) > 90
    why = await refusal(desk, preset=preset(**harmful), **FACTS)
    assert [name for name in harmful if f"{name} = " not in why.sentence] == []
    assert "accepted_risk" in str(why)
    only = {"autovacuum", "statement_timeout", "temp_file_limit", "random_page_cost"}
    path = preset(accepting="a bulk load", **harmful)
    planned = await desk.plan(APPLY_TUNING, preset=path, only=",".join(only), **FACTS)
    assert len([note for note in planned.notes if note.startswith("Accepted risk: ")]) == len(only)
    assert all("accepted risk: a bulk load" in (step.note or "") for step in planned.steps[1:-1])


def ordinary(desk: Desk) -> list[Any]:
    """The answers of a new connection to ordinary statements."""
    answers: list[Any] = []
    with desk.session() as session:
        for statement in ORDINARY:
            found = session.execute(statement.encode())
            answers.append(found.fetchall() if found.description else found.rowcount)
    return answers


async def test_with_the_harmless_values_everything_goes_on(desk: Desk, preset: Write) -> None:
    before = ordinary(desk)
    run = await desk.run(APPLY_TUNING, preset=preset(**known_examples(desk, harmful=False)), **FACTS)
    assert run.outcome is Outcome.DONE, run.message
    assert ordinary(desk) == before
    desk.cluster.restart()
    assert ordinary(desk) == before
    undo(desk, run)
    desk.cluster.restart()


async def let_through(desk: Desk, most: bool) -> Given:
    """The highest or the lowest value of each setting of the server that no guard refuses, alone."""
    server = PostgresServer(desk.uri)
    try:
        found = await read(server)
        measured = await read_machine(server, found.row)
    finally:
        await server.close()
    facts = {"ram": float(measured.ram or 1 << 32), "disk": float(measured.disk or 1 << 34)}
    state = server_state(found.row, facts, 0.0, {})
    allowed = {}
    for setting in found.state.settings.values():
        if setting.vartype == "string" or setting.context == "internal" or setting.source == "command line":
            continue
        ends = setting.words or ({"bool": ("off", "on")}.get(setting.vartype) or (setting.least, setting.most))
        for value in reversed(ends) if most else ends:
            made = Proposal(PresetSetting(setting.name, "why"), setting, value, "change")
            if not dangers([made], found.state.settings, state) and not unaccepted([made]):
                allowed[setting.name] = value
                break
    return allowed


@pytest.mark.parametrize("most", [False, True], ids=["lowest", "highest"])
async def test_what_no_guard_refuses_stops_and_changes_nothing(desk: Desk, most: bool) -> None:
    before, former = ordinary(desk), (desk.cluster.data or Path()) / "postgresql.auto.conf"
    text = former.read_text(encoding="utf-8")
    try:
        with desk.session() as session:
            for name, value in (await let_through(desk, most)).items():
                with suppress(psycopg.Error):  # the server itself refuses it
                    session.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
            session.execute("SELECT pg_reload_conf()")
        assert ordinary(desk) == before
        desk.cluster.restart()
        assert ordinary(desk) == before
    finally:
        former.write_text(text, encoding="utf-8")
        desk.cluster.restart()


@pytest.mark.parametrize(
    ("setting", "value"), [("max_connections", "0"), ("work_mem", "lots"), ("wal_level", "archive")]
)
async def test_values_a_setting_cannot_have_are_wrong_usage(
    desk: Desk, preset: Write, setting: str, value: str
) -> None:
    why = await refusal(desk, preset=preset(**{setting: value}), **FACTS)
    assert why.kind is Kind.USAGE
    assert f"settings.{setting} must be" in why.sentence


@contextmanager
def connecting(desk: Desk) -> Iterator[list[float]]:
    """Somebody who connects all the time; the list gets the moments at which that worked."""
    worked: list[float] = []
    stop = threading.Event()

    def connect() -> None:
        while not stop.is_set():
            try:
                desk.session().close()
                worked.append(time.monotonic())
            except psycopg.OperationalError:
                stop.wait(0.01)

    thread = threading.Thread(target=connect)
    thread.start()
    try:
        yield worked
    finally:
        stop.set()
        thread.join()


async def unguarded(desk: Desk, name: str, value: str) -> Run:
    """A run that writes a value which planning would have refused."""
    server = PostgresServer(desk.uri)
    body = [{"name": name, "values": [value], "former": None, "written": True, "note": "a test wants it"}]
    try:
        steps = await steps_from_query(server, "tuning_steps", {"settings": json.dumps(body)})
        made = Plan(Claim("settings of the server"), steps, action="apply-tuning")
        return await Runner(ActingSession(desk.uri), server, desk.trail).run(made)
    finally:
        await server.close()


async def test_a_value_that_locks_everybody_out_is_taken_back_within_two_seconds(desk: Desk) -> None:
    with timed(desk.session, "SELECT 1", 0.005) as control, connecting(desk) as worked:
        run = await unguarded(desk, "session_preload_libraries", "no_such_library")
        desk.session().close()
        worked.append(time.monotonic())
    assert run.outcome is Outcome.FAILED
    assert "Everything was undone; new connections are possible." in run.message
    assert [one.status for one in run.steps] == ["undone", "undone", "undone"]
    gaps = [(former, later - former) for former, later in pairwise(sorted(worked))]
    assert max(own_waits(gaps, control)) < 2


async def test_what_a_failed_statement_left_is_taken_back(desk: Desk) -> None:
    run = await unguarded(desk, "work_mem", "no number")
    assert run.outcome is Outcome.FAILED
    assert "Everything was undone" in run.message
    assert run.steps[0].status == "undone"


async def test_roles_and_databases_that_have_their_own_are_named(desk: Desk) -> None:
    desk.do("ALTER ROLE postgres IN DATABASE postgres SET random_page_cost = 7")
    try:
        run = await desk.run(APPLY_TUNING, preset="planner-ssd", only="random_page_cost")
    finally:
        desk.do("ALTER ROLE postgres IN DATABASE postgres RESET random_page_cost")
    assert run.outcome is Outcome.DONE
    assert any("In effect: random_page_cost = 1.1" in note for note in run.notes)
    assert any("random_page_cost = 7 is set for role postgres in database postgres" in note for note in run.notes), (
        run.notes
    )
    assert desk.ask("SHOW random_page_cost") == "1.1"
    undo(desk, run)


async def test_a_file_that_cannot_be_applied_stops_it(desk: Desk) -> None:
    assert desk.cluster.data is not None
    file = desk.cluster.data / "postgresql.conf"
    text = file.read_text(encoding="utf-8")
    file.write_text(text + "\nno_such_setting = 1\n", encoding="utf-8")
    try:
        why = await refusal(desk, preset="planner-ssd")
    finally:
        file.write_text(text, encoding="utf-8")
    assert why.kind is Kind.REFUSED
    assert "no_such_setting" in why.sentence
    assert f"line {len(text.splitlines()) + 2}" in why.sentence


async def test_what_others_wrote_and_did_not_reload_is_told(desk: Desk) -> None:
    desk.do("ALTER SYSTEM SET log_disconnections = on", "ALTER SYSTEM SET deadlock_timeout = '2s'")
    planned = await desk.plan(APPLY_TUNING, preset="planner-ssd")
    desk.do("ALTER SYSTEM RESET log_disconnections", "ALTER SYSTEM RESET deadlock_timeout")
    assert any("The reload also applies deadlock_timeout," in note for note in planned.notes)


async def test_a_run_that_was_killed_before_its_reload_goes_on(desk: Desk) -> None:
    desk.do("ALTER SYSTEM SET random_page_cost = '1.1'")
    run = await desk.run(APPLY_TUNING, preset="planner-ssd", only="random_page_cost")
    assert run.outcome is Outcome.DONE
    assert [one.step.sql for one in run.steps][1:] == ["SELECT pg_catalog.pg_reload_conf()"]
    assert desk.ask("SHOW random_page_cost") == "1.1"
    desk.do("ALTER SYSTEM SET random_page_cost = '3.5'", "SELECT pg_reload_conf()")


async def test_two_databases_are_no_way_to_tune_a_server_twice_at_once(desk: Desk) -> None:
    planned = await desk.plan(APPLY_TUNING, preset="planner-ssd", only="random_page_cost")
    with desk.cluster.connect("template1") as other:
        other.execute(sql.load("actions/take_subject").text, {"subject": planned.claim.subject})
        run = await desk.run(APPLY_TUNING, preset="planner-ssd", only="random_page_cost")
    assert run.outcome is Outcome.REFUSED
    assert "in database template1" in run.message


async def test_a_role_without_rights_gets_the_values_and_the_grants(desk: Desk) -> None:
    desk.do("CREATE ROLE tuner LOGIN PASSWORD 'x'")
    try:
        await _as_role(desk)
    finally:
        desk.do("DROP OWNED BY tuner", "DROP ROLE tuner")


async def _as_role(desk: Desk) -> None:
    mine = replace(desk, user="tuner")
    uri = f"{desk.cluster.uri('postgres', 'tuner').split('?')[0]}?password=x"
    server = PostgresServer(uri)

    async def planned() -> Plan:
        given = {"preset": "planner-ssd", "only": "random_page_cost"}
        return await plan(APPLY_TUNING, server, given, mine.settings)

    try:
        with pytest.raises(Trouble) as told:
            await planned()
        assert told.value.kind is Kind.REFUSED
        assert "random_page_cost = 1.1" in told.value.remedy
        if desk.cluster.major < 15:
            assert "only a superuser" in told.value.remedy
            return
        grants = [part.strip() for part in told.value.remedy.split("To allow it: ")[1].split(";") if part.strip()]
        assert grants[0] == "GRANT ALTER SYSTEM ON PARAMETER random_page_cost TO tuner"
        desk.do(*grants)
        made = await planned()
        run = await Runner(ActingSession(uri), server, desk.trail).run(made)
        assert run.outcome is Outcome.DONE, run.message
        undo(desk, run)
    finally:
        await server.close()


async def test_where_alter_system_is_not_allowed_the_values_are_told(desk: Desk) -> None:
    if desk.cluster.major < 17:
        pytest.skip("allow_alter_system is there from 17 on")
    assert desk.cluster.data is not None
    file = desk.cluster.data / "postgresql.conf"
    text = file.read_text(encoding="utf-8")
    file.write_text(text + "\nallow_alter_system = off\n", encoding="utf-8")
    try:
        _reload(desk, "allow_alter_system", "off")
        why = await refusal(desk, preset="planner-ssd")
    finally:
        file.write_text(text, encoding="utf-8")
        _reload(desk, "allow_alter_system", "on")
    assert why.kind is Kind.REFUSED
    assert "allow_alter_system is off" in why.sentence
    assert "random_page_cost = 1.1" in why.remedy


def _reload(desk: Desk, setting: str, value: str) -> None:
    desk.do("SELECT pg_reload_conf()")
    wait(lambda: desk.ask(f"SHOW {setting}") == value)


async def test_wal_level_stays_where_logical_slots_are(desk: Desk, preset: Write) -> None:
    if desk.cluster.major not in {15, 18}:
        pytest.skip("two versions tell enough")
    desk.do("ALTER SYSTEM SET wal_level = 'logical'")
    desk.cluster.restart()
    desk.do("SELECT pg_create_logical_replication_slot('kept', 'pgoutput')")
    try:
        why = await refusal(desk, preset=preset(wal_level="replica"), **FACTS)
        assert "1 logical replication slots" in why.sentence
        why = await refusal(desk, preset=preset(max_replication_slots="0"), **FACTS)
        assert "there are 1 replication slots" in why.sentence
        kept = await desk.plan(APPLY_TUNING, preset="wal", only="wal_level")
        assert not kept.steps
    finally:
        desk.do("SELECT pg_drop_replication_slot('kept')", "ALTER SYSTEM RESET wal_level")
        desk.cluster.restart()


@pytest.mark.pg("<= 18")  # 19 is run through a loader of its own here, and its process is not known as a server's
async def test_the_machine_is_measured_here_or_through_the_server_and_never_guessed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await desk.plan(APPLY_TUNING, preset="memory", only="shared_buffers")
    assert "measured on this machine" in here.notes[0]
    elsewhere: Any = lambda *_: None  # noqa: E731  a server on another machine has no process here
    monkeypatch.setattr(machine, "local", elsewhere)
    through = await desk.plan(APPLY_TUNING, preset="memory", only="shared_buffers")
    assert "read through the server" in through.notes[0]
    assert through.table is not None
    assert here.table is not None
    assert through.table.rows == here.table.rows
    desk.do("CREATE ROLE watcher LOGIN PASSWORD 'x'", "GRANT pg_monitor TO watcher")
    server = PostgresServer(f"{desk.cluster.uri('postgres', 'watcher').split('?')[0]}?password=x")
    try:
        with pytest.raises(Trouble, match="ram is unknown; give --set ram="):
            await plan(APPLY_TUNING, server, {"preset": "memory"}, desk.settings)
        with pytest.raises(Trouble, match=r"For a configuration file.*shared_buffers = 512MB"):
            await plan(APPLY_TUNING, server, {"preset": "memory", "ram": "2GB"}, desk.settings)
    finally:
        await server.close()
        desk.do("DROP OWNED BY watcher", "DROP ROLE watcher")


async def test_what_the_command_line_gives_is_left_alone(any_pg: Cluster, tmp_path: Path) -> None:
    server = PostgresServer(any_pg.uri())
    try:
        planned = await APPLY_TUNING.plan(
            Request(
                server,
                {name.name: name.default for name in APPLY_TUNING.parameters}
                | {"preset": "memory", "ram": "2GB", "only": "shared_buffers"},
                Desk(any_pg, "postgres", default_trail({"XDG_STATE_HOME": str(tmp_path)})).settings,
            )
        )
    finally:
        await server.close()
    assert not planned.steps
    assert any("command line" in note for note in planned.notes)


async def test_edited_values_replace_those_of_the_preset(desk: Desk) -> None:
    planned = await desk.plan(APPLY_TUNING, preset="memory", values="work_mem=7MB", only="work_mem", **FACTS)
    assert planned.steps[1].sql == "ALTER SYSTEM SET work_mem = '7MB'"
    assert planned.steps[1].undo == "ALTER SYSTEM SET work_mem = '5000kB'"
    assert elements("a, b") == ("a", "b")
    assert planned.table is not None
    assert planned.table.rows[0][1:4] == ("5000kB", "7MB", "4MB")
    assert any("Worst-case memory" in note and "of 4.00 GB" in note for note in planned.notes)
