"""The doctor on real servers: what it says is true, and what it advises is enough."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from console.actions import ACTIONS
from console.actions.pooler.chosen import NEEDS as POOLER_NEEDS
from console.actions.tuning.tuning_reading import harms
from console.doctor import Check, Report, Status, examine, rights, role_script, text
from console.format import cells
from console.model import Kind, Trouble
from console.opening import sources_for
from console.panes import PANES
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.settings import config
from console.settings.config import Wanted
from console.sources.postgres import PostgresServer as Looked
from console.sources.postgres.lane import Lane, Result
from console.sources.registry import CAPACITY, OPTIONAL, WAITS
from console.tui.dialogs import TextDialog
from console.watching.asks import applicable
from console.watching.capacity import Capacity, capacity_source
from console.watching.store import Store
from console.watching.waits import Waits, waits_source
from tests.acting import Desk, held
from tests.command import run, run_in_terminal
from tests.screens import console, shows
from tests.servers import Pooler, PostgresServer, Servers
from tests.tuning import server_of_files
from tests.waiting import wait

pytestmark = pytest.mark.host

HOSTILE = 'o\'neil "x"; --'
# Actions whose extension no database of the tests has.
UNINSTALLED = {"repack-table", "rebalance-cluster", "cancel-cluster-job", "distribute-table"}
ELSEWHERE = {"log", "pooler", "cache", "cluster"}  # without a pooler, a Redis, Citus, or a log that the server keeps


def not_here(pg: PostgresServer) -> set[str]:
    """The panes that this server cannot show, whatever the role may do."""
    return ELSEWHERE | ({"io"} if pg.major < 16 else set())


@pytest.fixture
def role(pg: PostgresServer) -> Iterator[Callable[..., tuple[str, str]]]:
    """Makes a role with a hostile name that may log in and nothing else: its name, and its target in a database."""
    made: list[tuple[str, str]] = []

    def make(database: str, create: bool = True) -> tuple[str, str]:
        name, password = f"{HOSTILE} {secrets.token_hex(3)}", secrets.token_hex(8)
        made.append((name, database))
        if create:
            with pg.connect() as session:
                session.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
                give_password(session, name, password)
        return name, target(pg, database, name, password)

    yield make
    for name, database in made:
        with pg.connect(database) as session:
            if session.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchone() is not None:
                session.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(name)))


def give_password(session: psycopg.Connection[object], name: str, password: str) -> None:
    """As \\password does."""
    session.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), sql.Literal(password)))


def target(pg: PostgresServer, database: str, user: str, password: str) -> str:
    """A conninfo with a password, which names of this kind need."""
    return make_conninfo(host=pg.host, port=pg.port, dbname=database, user=user, password=password)


async def look(uri: str, *poolers: str, read_only: bool = False) -> Report:
    """The report of a target."""
    wanted = Wanted(uri, poolers=poolers, read_only=read_only)
    servers = sources_for(wanted)
    try:
        with TemporaryDirectory() as folder:
            store = Store(Path(folder) / "state" / "findings.sqlite3")
            servers.add_later(CAPACITY, lambda: capacity_source(Capacity(servers, store), servers.postgres))
            servers.add_later(WAITS, lambda: waits_source(Waits(servers), servers.postgres))
            return await examine(servers, wanted, config.load(environ={}), seconds=120)
    finally:
        await servers.close()


def found(report: Report, subject: str, name: str) -> Check:
    """The one check of that name."""
    (check,) = (check for check in report.of(subject) if check.name == name)
    return check


def states(report: Report, subject: str) -> dict[str, Status]:
    """How far each thing works."""
    return {check.name: check.state for check in report.of(subject)}


def grants(checks: tuple[Check, ...]) -> list[str]:
    """The statements about the role among the remedies, each once."""
    lines = (line for check in checks for line in check.remedy.splitlines())
    return list(dict.fromkeys(line for line in lines if line.startswith(("GRANT ", "ALTER ROLE "))))


async def test_a_plain_role_is_told_the_grants_that_show_it_every_pane(
    pg: PostgresServer, pg_pipeline: str, role: Callable[..., tuple[str, str]]
) -> None:
    _, uri = role(pg_pipeline)
    with pg.connect(pg_pipeline, "pipeline_app", application_name="somebody else"):
        before = await look(uri)
    assert set(states(before, "pane")) == {pane.name for pane in PANES}
    assert found(before, "role", "sessions").state is Status.LIMITED
    assert found(before, "role", "sessions").what.startswith("You see 1 of ")
    for name in ("connections", "slow-queries", "bloat", "settings", "schema"):
        assert found(before, "pane", name).state in {Status.LIMITED, Status.CANNOT}, name
    with pg.connect(pg_pipeline) as session:
        for statement in grants(before.of("pane")):
            session.execute(statement.encode())
    after = await look(uri)
    assert {name for name, state in states(after, "pane").items() if state is not Status.OK} == not_here(pg), text(
        after
    )
    assert found(after, "role", "sessions").state is Status.OK


async def test_a_plain_role_gets_the_grants_with_which_every_rule_can_be_evaluated(
    pg: PostgresServer, pg_pipeline: str, role: Callable[..., tuple[str, str]]
) -> None:
    _, uri = role(pg_pipeline)
    before = await look(uri)
    assert set(states(before, "rule")) == {rule.name for rule in applicable(DIAGNOSES, OPTIONAL)}
    lacking = [check for check in before.of("rule") if check.state in {Status.CANNOT, Status.LIMITED}]
    assert len(lacking) > 2
    assert [check.name for check in lacking if not check.remedy] == []
    with pg.connect(pg_pipeline) as session:
        for statement in grants(before.of("rule")):
            session.execute(statement.encode())
    after = await look(uri)
    left = {check.name for check in after.of("rule") if check.state in {Status.CANNOT, Status.LIMITED}}
    assert left == set(), text(after)


async def test_a_plain_role_is_told_the_grants_that_let_it_act(
    pg: PostgresServer, pg_pipeline: str, role: Callable[..., tuple[str, str]]
) -> None:
    _, uri = role(pg_pipeline)
    before = await look(uri)
    for name in ("apply-schema", "vacuum-table", "drop-index", "create-partitions", "refresh-views", "apply-tuning"):
        assert found(before, "action", name).state is Status.CANNOT, name
        assert found(before, "action", name).remedy, name
    assert found(before, "action", "cancel-backend").state is Status.LIMITED
    with pg.connect(pg_pipeline) as session:
        for statement in grants((*before.of("role"), *before.of("action"))):
            session.execute(statement.encode())
    after = await look(uri)
    cannot = {check.name: check.why for check in after.of("action") if check.state is Status.CANNOT}
    assert set(cannot) - UNINSTALLED == ({"apply-tuning"} if pg.major == 14 else set()), cannot
    short = {name for name, state in states(after, "role").items() if state is not Status.OK}
    assert short == ({"reserved", "settings"} if pg.major == 14 else {"reserved"}), text(after)


# They are sent to PgBouncer.
POOLED = {action.name for action in ACTIONS if action.needs is POOLER_NEEDS}


async def test_a_role_of_the_script_sees_every_pane_and_changes_nothing(
    pg: PostgresServer, pg_pipeline: str, role: Callable[..., tuple[str, str]]
) -> None:
    name, uri = role(pg_pipeline, create=False)
    password = psycopg.conninfo.conninfo_to_dict(uri)["password"]
    server = Looked(pg.uri(pg_pipeline))
    try:
        script = await role_script(server, name)
        assert "PASSWORD '" not in script.upper()
        with pg.connect(pg_pipeline) as session:
            session.execute(script.encode())
            give_password(session, name, str(password))
            assert session.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", (name,)).fetchone() == (False,)
            session.execute((await role_script(server, name)).encode())  # once more, now that it is there
    finally:
        await server.close()
    report = await look(uri)
    less = {name for name, state in states(report, "pane").items() if state is not Status.OK}
    assert less == not_here(pg) | {"bloat", "capacity"}, text(report)  # statistics and sequences that it cannot read
    assert "pg_read_all_data" in found(report, "pane", "bloat").remedy
    assert "-- GRANT pg_read_all_data" in script
    changes = {name for name, state in states(report, "action").items() if state is Status.OK}
    elsewhere = {"write-pgbouncer-config", "invalidate-brand", "flush-tenant", *POOLED}
    assert changes <= {"audit trail", "undo", *elsewhere}, text(report)


async def test_a_place_where_no_trail_can_be_is_told(
    any_pg: PostgresServer, pipeline: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")
    trail = found(await look(any_pg.uri(pipeline)), "action", "audit trail")
    assert trail.state is Status.CANNOT, trail


async def test_the_dashes_off_every_line_of_the_script_every_action_can_run(
    pg: PostgresServer, pg_pipeline: str, role: Callable[..., tuple[str, str]]
) -> None:
    name, uri = role(pg_pipeline)
    server = Looked(pg.uri(pg_pipeline))
    try:
        script = (await role_script(server, name)).replace("-- GRANT ", "GRANT ").replace("-- ALTER ", "ALTER ")
    finally:
        await server.close()
    with pg.connect(pg_pipeline) as session:
        session.execute(script.encode())
    report = await look(uri)
    assert {name for name, state in states(report, "pane").items() if state is not Status.OK} == not_here(pg)
    # CREATEROLE is no right for a monitoring role.
    known = {
        *UNINSTALLED,
        "create-roles",
        "limit-idle-transactions",
        "create-extensions",
        *(("apply-tuning",) if pg.major == 14 else ()),
    }
    assert {name for name, state in states(report, "action").items() if state is Status.CANNOT} <= known, text(report)


async def test_a_superuser_sees_everything_and_is_warned(pg: PostgresServer, pg_pipeline: str) -> None:
    report = await look(pg.uri(pg_pipeline))
    assert found(report, "role", "superuser").state is Status.LIMITED
    assert "--role-script" in found(report, "role", "superuser").remedy
    assert {name for name, state in states(report, "pane").items() if state is not Status.OK} == not_here(pg), text(
        report
    )
    cannot = {name for name, state in states(report, "action").items() if state is Status.CANNOT}
    assert cannot <= UNINSTALLED, text(report)


async def test_what_panes_rules_and_actions_read_alike_is_read_once(
    any_pg: PostgresServer, pipeline: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: Counter[tuple[str, str, str]] = Counter()
    run_in_lane = Lane.run

    async def counted(lane: Lane, text: str, parameters: Mapping[str, object], *more: Any, **options: Any) -> Result:
        sent[text, repr(parameters), repr(more)] += 1
        return await run_in_lane(lane, text, parameters, *more, **options)

    monkeypatch.setattr(Lane, "run", counted)
    await look(any_pg.uri(pipeline))
    assert len(sent) > 100
    # Some rules compare two readings: what they read is read once more, nothing is a third time.
    assert max(sent.values()) == 2
    assert sum(sent.values()) < 1.2 * len(sent)


@pytest.mark.spread
async def test_a_missing_extension_is_named_with_the_statement_that_brings_it(
    pg: PostgresServer, database: str
) -> None:
    uri = pg.uri(database)
    before = await look(uri)
    check = found(before, "extension", "pg_stat_statements")
    assert check.state is Status.CANNOT
    assert found(before, "pane", "slow-queries").state is Status.CANNOT
    with pg.connect(database) as session:
        session.execute(check.remedy.encode())
    after = await look(uri)
    assert found(after, "extension", "pg_stat_statements").state is Status.OK
    assert found(after, "pane", "slow-queries").state is Status.OK


async def test_an_old_version_of_an_extension_is_told(any_pg: PostgresServer, pipeline: str) -> None:
    with any_pg.connect(pipeline) as session:
        session.execute("DROP EXTENSION pg_stat_statements")
        session.execute("CREATE EXTENSION pg_stat_statements VERSION '1.8'")
    check = found(await look(any_pg.uri(pipeline)), "extension", "pg_stat_statements")
    assert check.state is Status.LIMITED
    with any_pg.connect(pipeline) as session:
        session.execute(check.remedy.encode())
    assert found(await look(any_pg.uri(pipeline)), "extension", "pg_stat_statements").state is Status.OK


async def test_a_library_that_is_not_preloaded_is_told_with_the_line_that_loads_it(pg_servers: Servers) -> None:
    server = server_of_files(pg_servers, pg_servers.newest)
    try:
        with server.connect() as session:
            session.execute("CREATE EXTENSION pg_stat_statements")
            session.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_prewarm'")
            session.execute("ALTER SYSTEM SET track_io_timing = off")
        server.restart()
        before = await look(server.uri())
        check = found(before, "extension", "pg_stat_statements")
        assert check.state is Status.CANNOT
        assert "'pg_prewarm', 'pg_stat_statements'" in check.remedy
        assert found(before, "pane", "slow-queries").remedy == check.remedy
        timing = found(before, "server", "track_io_timing")
        assert timing.state is Status.LIMITED
        with server.connect() as session:
            session.execute(check.remedy.splitlines()[0].encode())
            for line in timing.remedy.splitlines():
                session.execute(line.encode())
            session.execute("SELECT pg_reload_conf()")
            waits = "SELECT pending_restart FROM pg_settings WHERE name = 'shared_preload_libraries'"
            wait(lambda: session.execute(waits).fetchone() == (True,))
        waiting = found(await look(server.uri()), "extension", "pg_stat_statements")
        assert waiting.state is Status.CANNOT
        assert waiting.remedy.startswith("Restart the server"), "what waits already must not be written over"
        server.restart()
        after = await look(server.uri())
        assert found(after, "extension", "pg_stat_statements").state is Status.OK
        assert found(after, "server", "track_io_timing").state is Status.OK
        assert found(after, "pane", "slow-queries").state is Status.OK
    finally:
        server.stop()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_an_encoding_that_cannot_hold_every_text_is_told(any_pg: PostgresServer, encoding: str) -> None:
    name = f"test_{encoding.lower()}_{secrets.token_hex(3)}"
    with any_pg.connect() as session:
        session.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    try:
        report = await look(any_pg.uri(name))
    finally:
        any_pg.drop_database(name)
    check = found(report, "server", "encoding")
    assert check.state is Status.LIMITED
    assert encoding in check.why
    assert "UTF8" in check.remedy


async def test_the_server_is_judged_by_what_it_says(pg: PostgresServer, database: str) -> None:
    report = await look(pg.uri(database))
    told = states(report, "server")
    assert report.server is not None
    assert report.server.major == pg.major
    for name in ("role", "tls", "pooler between", "encoding", "kind", "client_connection_check_interval"):
        assert told[name] is Status.OK, name
    assert told["fsync"] is Status.LIMITED  # the test servers run without it
    with pg.connect(database) as session:
        row = session.execute("SHOW max_connections").fetchone()
    assert row is not None
    assert f"max_connections = {row[0]}" in found(report, "server", "connections").why


async def test_no_value_that_initdb_wrote_does_harm(pg: PostgresServer, database: str) -> None:
    server = Looked(pg.uri(database))
    found = await harms(server)
    await server.close()
    assert found.keys().isdisjoint({"DateStyle", "TimeZone", "default_text_search_config"}), found


async def test_a_lock_in_the_way_is_waited_out(any_pg: PostgresServer, pipeline: str, tmp_path: Path) -> None:
    desk = Desk(any_pg, pipeline, Trail(tmp_path / "audit.jsonl"))
    with held(desk, "LOCK TABLE public.api_usage IN ACCESS EXCLUSIVE MODE", seconds=1.0):
        report = await look(any_pg.uri(pipeline))
    assert {name for name, state in states(report, "pane").items() if state is Status.CANNOT} <= not_here(any_pg)


async def test_a_read_only_console_can_run_nothing(any_pg: PostgresServer, pipeline: str) -> None:
    report = await look(any_pg.uri(pipeline), read_only=True)
    can = {name for name, state in states(report, "action").items() if state is not Status.CANNOT}
    assert can <= {"audit trail", "write-pgbouncer-config"}


async def test_poolers_are_judged_by_who_asks(
    any_pg: PostgresServer, pipeline: str, pgbouncer: Callable[[PostgresServer, str], Pooler]
) -> None:
    pooler = pgbouncer(any_pg, pipeline)
    for uri, state in ((pooler.admin_uri, Status.OK), (pooler.stats_uri, Status.LIMITED)):
        report = await look(any_pg.uri(pipeline), uri)
        told = {check.name: check for check in report.of("pooler")}
        assert told["reached"].state is Status.OK
        assert told["admin"].state is state
        assert told["authentication"].state is Status.OK
        assert "the limit of the process is" in told["open files"].why
        assert told["prepared statements"].state is (Status.OK if "1.2" in told["reached"].what else Status.LIMITED)
        assert found(report, "pane", "pooler").state is Status.OK
    assert "pgbouncer.ini" in told["admin"].remedy


async def test_a_pooler_that_does_not_answer_is_one_check(any_pg: PostgresServer, pipeline: str) -> None:
    report = await look(any_pg.uri(pipeline), "host=127.0.0.1 port=1 user=nobody")
    (check,) = report.of("pooler")
    assert check.state is Status.CANNOT
    assert found(report, "role", "superuser")


async def test_the_guide_gets_what_the_role_may_do(any_pg: PostgresServer, pipeline: str) -> None:
    server = Looked(any_pg.uri(pipeline))
    try:
        told = await rights(server)
    finally:
        await server.close()
    assert {check.subject for check in told} == {"server", "role", "extension"}


@pytest.mark.parametrize("name", ["", "pg_console", "public", "a" * 64, "new\nline"])
async def test_what_cannot_be_a_role_is_refused(any_pg: PostgresServer, name: str) -> None:
    server = Looked(any_pg.uri())
    try:
        with pytest.raises(Trouble) as why:
            await role_script(server, name)
    finally:
        await server.close()
    assert why.value.kind is Kind.USAGE


def test_the_command_prints_one_document(any_pg: PostgresServer, pipeline: str, tmp_path: Path) -> None:
    done = run(
        tmp_path, "doctor", "-t", any_pg.uri(pipeline, "pipeline_monitor"), "--format", "json", "--seconds", "120"
    )
    assert done.code == 0
    assert all(line.startswith("pipeline-console: checking ") for line in done.err.splitlines())
    told = json.loads(done.out)
    assert (told["role"], told["server"]["database"]) == ("pipeline_monitor", pipeline)
    assert {check["state"] for check in told["checks"]} <= {state.value for state in Status}
    assert all(check["what"] and isinstance(check["remedy"], list) for check in told["checks"])


def test_the_command_fits_eighty_columns(any_pg: PostgresServer, pipeline: str, tmp_path: Path) -> None:
    target = any_pg.uri(pipeline, "pipeline_app")
    short = run_in_terminal(tmp_path, "doctor", "--seconds", "120", "-t", target, NO_COLOR="1").out
    whole = run_in_terminal(tmp_path, "doctor", "--seconds", "120", "--all", "-t", target, NO_COLOR="1").out
    for line in (*short.splitlines(), *whole.splitlines()):
        is_command = line.strip().startswith("-> pipeline-console ")  # not folded, so that it can be pasted
        assert cells(line) <= 80 or " " not in line.strip() or is_command, line
    assert "GRANT pg_monitor TO pipeline_app;" in short
    assert " ok: " in short
    assert " ok: " not in whole
    assert "track_activities: " in whole
    assert "80x24" in whole


def test_the_command_prints_a_role_script(any_pg: PostgresServer, pipeline: str, tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", "-t", any_pg.uri(pipeline), "--role-script")
    assert done.code == 0
    assert "CREATE ROLE pipeline_console LOGIN;" in done.out
    assert run(tmp_path, "doctor", "-t", any_pg.uri(pipeline), "--role-script", "pg_me").code == 2


def test_without_a_server_this_machine_is_still_told(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", "-t", "host=127.0.0.1 port=1")
    assert done.code == 1
    assert "Connection refused" in done.out
    assert "Terminal\n" in done.out


async def test_the_palette_shows_the_report(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline, "pipeline_app")) as (app, pilot):
        app.action_doctor()
        await shows(pilot, "Doctor", "-> what to do", "Esc close")
        dialog = app.screen
        assert isinstance(dialog, TextDialog)
        assert "GRANT pg_monitor TO pipeline_app;" in dialog._body.plain
        assert max(map(cells, dialog._body.plain.splitlines())) <= 70


async def test_a_bare_server_is_not_advised_what_it_does_not_need(pg: PostgresServer, database: str) -> None:
    report = await look(pg.uri(database))
    of_citus = [each for each in report.checks if "citus" in f"{each.name} {each.why}".lower()]
    assert {each.subject for each in of_citus} == {"pane", "rule", "action"}
    assert {(each.state, each.remedy) for each in of_citus} == {(Status.UNKNOWN, "")}
    for name in (*POOLED, "invalidate-brand", "flush-tenant"):
        assert found(report, "action", name).what == "Not checked.", name
        assert found(report, "action", name).remedy.startswith("Give --"), name
    log = found(report, "pane", "log")
    assert log.why.count("logging_collector is off") <= 1, log.why
    # An extension that the server has no files of is named with its package, wherever it is missing.
    if pg.major < 19:
        with pg.connect(database) as session:
            there = session.execute("SELECT FROM pg_available_extensions WHERE name = 'pg_repack'").rowcount
        *package, statement = found(report, "action", "repack-table").remedy.splitlines()
        assert statement == "CREATE EXTENSION pg_repack; -- as a superuser"
        assert [f"postgresql-{pg.major}-repack" in line for line in package] == [True] * (1 - there)
    whole = found(report, "extension", "pg_stat_statements").remedy
    assert found(report, "pane", "slow-queries").remedy == whole
    assert found(report, "action", "reset-statements").remedy == whole
