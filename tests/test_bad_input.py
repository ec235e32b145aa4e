"""Everything that can be wrong outside the console: a sentence and an exit code, never a traceback, never a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from console.actions import ACTIONS
from console.actions.planning import Action, plan
from console.actions.pooler.chosen import NEEDS as POOLER_NEEDS
from console.cli import main
from console.demo.cluster import MONITOR
from console.demo.ports import free_port
from console.model import Kind, Pane, Trouble, View
from console.panes import PANES
from console.panes.pooler import POOLER
from console.settings.config import load
from console.sources.postgres import ActingSession
from console.sources.postgres import PostgresServer as Postgres
from console.sql import load as load_query
from tests.command import Done, run, run_in_terminal
from tests.fake_pgbouncer import fake_pgbouncer
from tests.servers import PostgresServer, Servers
from tests.standbys import standby_of

SECRET = "hush-hush"
SENTENCE = re.compile(r"pipeline-console: [^\n]+[.!]")
VIEWS = [(p, view) for p in PANES if not p.extension for view in p.views if p.source_of(view) == "postgres"]
each_view = pytest.mark.parametrize(("pane", "view"), VIEWS, ids=lambda one: one.name)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home without servers and configuration."""
    for name in ("PGHOST", "PGPORT", "PGSERVICE", "PGPASSWORD", "PIPELINE_CONSOLE_TARGET", "PIPELINE_CONSOLE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    return tmp_path


class Console:
    """Runs commands in this process and keeps what came of them."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Done:
        code = main(arguments)
        out, err = self._capsys.readouterr()
        for line in err.splitlines():
            assert SENTENCE.fullmatch(line), line
        return Done(code, out, err)

    def show(self, *arguments: str) -> Done:
        """The command `show`."""
        return self("show", *arguments)


Show = Callable[..., Done]


@pytest.fixture
def console(capsys: pytest.CaptureFixture[str], quiet: Path) -> Console:
    """The command line."""
    return Console(capsys)


@pytest.fixture
def show(console: Console) -> Show:
    """`show` on the command line."""
    return console.show


def refused(done: Done, code: int) -> str:
    """What a command said that could not be done: nothing on stdout, no traceback and no secret."""
    assert done.code == code, done.err
    assert done.out == ""
    assert "Traceback" not in done.err
    assert SECRET not in done.err
    assert done.err.startswith("pipeline-console: ")
    return done.err


# What the user types


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "conections"), "There is no pane conections. Panes: overview, connections,"),
        (("show", "\x1b[2J[/b]"), "There is no pane ␛[2J[/b]."),
        (("open", "--pane", "nope"), "There is no pane nope."),
        (("show", "connections", "--view", "nope"), "connections has no view nope. Views: "),
        (("show", "bloat", "--view", "wraparound"), "The view wraparound is in: vacuum."),
        (("show", "connections", "--limit", "-1"), "a whole number from 0 on is needed"),
        (("show", "connections", "--limit", "many"), "a whole number from 0 on is needed"),
        (("show", "connections", "--watch", "0"), "a number from 0.2 to 86400 is needed"),
        (("show", "connections", "--watch", "nan"), "a number from 0.2 to 86400 is needed"),
        (("show", "connections", "--format", "xml"), "invalid choice: 'xml'"),
        (("show", "connections", "--config", "missing.yml"), "There is no configuration file missing.yml."),
        (("show", "connections", "-t", "nowhere"), "nowhere is neither a connection string,"),
        (("show",), "the following arguments are required: PANE."),
        (("list", "things"), "invalid choice: 'things'"),
        (("explode",), "invalid choice: 'explode'"),
        (("demo", "--scale", "0"), "a number from 0.01 to 1000 is needed"),
        (("open", "host=a", "-t", "host=b"), "The target is given twice."),
        ((), "The console needs a terminal"),
        (("open", "host=h"), "The console needs a terminal"),
        (("demo",), "The console needs a terminal"),
    ],
    ids=lambda value: " ".join(value)[:30].encode("ascii", "replace").decode() if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(console: Console, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(console(*arguments), 2)


@pytest.mark.parametrize("arguments", [("open",), ("show", "nope"), ("show", "connections", "-t", f"x://u:{SECRET}@h")])
def test_the_process_ends_with_that_exit_code(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    refused(run(tmp_path, *arguments), 2)


@pytest.mark.parametrize(
    "target",
    [
        f"postgresql://dba:{SECRET}@[host/db",
        f"postgresql://dba:{SECRET}@host:port/db",
        f"postgresql://dba:{SECRET}@more@host/db",
        f"postgresql://dba:{SECRET}/more@host/db",
        f"postgresql://dba:%zz{SECRET}@host/db",
        f"postgresql://dba@host/db?password={SECRET}&nonsense=1",
        f"postgres//dba:{SECRET}@host/db",
        f"http://dba:{SECRET}@host/db",
        f"host=h password={SECRET} nonsense=1",
        f"host=h password='{SECRET}",
    ],
)
@pytest.mark.parametrize("option", ["--target", "--pooler", "argument", "command", "environment"])
def test_a_bad_uri_is_wrong_usage_and_never_repeated(
    console: Console, monkeypatch: pytest.MonkeyPatch, target: str, option: str
) -> None:
    pane = "pooler" if option == "--pooler" else "connections"
    commands = {"argument": ("show", pane, target), "command": (target,), "environment": ("show", pane)}
    if option == "environment":
        monkeypatch.setenv("PIPELINE_CONSOLE_TARGET", target)
    assert "hush" not in refused(console(*commands.get(option, ("show", pane, option, target))), 2)


def test_broken_yaml_is_told_with_file_line_and_key(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(
        f"theme: dark\ntargets:\n  prod: {{uri: 'postgresql://u:{SECRET}@h'\nkeymap: x\n"
    )
    said = refused(run(tmp_path, "show", "connections", "--config", "mine.yml"), 2)
    assert "mine.yml, line 4, column 1: at key keymap, this is not YAML: " in said


def test_a_column_that_is_not_there_is_wrong_usage(show: Show, any_pg: PostgresServer) -> None:
    said = refused(show("connections", "-t", any_pg.uri(), "--sort", "-size"), 2)
    assert "There is no column size. Columns: pid, " in said


@pytest.mark.parametrize("text", ["size>1MB", "nosuch=1", '"no such"!=1', "pid>many"])
def test_a_filter_that_cannot_be_applied_is_wrong_usage(show: Show, any_pg: PostgresServer, text: str) -> None:
    said = refused(show("connections", "-t", any_pg.uri(), "--filter", text), 2)
    assert ("Columns: pid, " in said) is (text != "pid>many")


@pytest.mark.parametrize(("pane", "view"), [("locks", "blocking"), ("indexes", "unused"), ("settings", "pending")])
def test_a_filter_that_matches_nothing_says_so_and_nothing_of_the_server(
    show: Show, any_pg: PostgresServer, pane: str, view: str
) -> None:
    chosen = next(each for found, each in VIEWS if found.name == pane and each.name == view)
    for form in ("table", "csv", "json", "markdown"):
        done = show(pane, "--view", view, "-t", any_pg.uri(), "--filter", "nosuch", "--format", form)
        assert done.code == 0
        assert chosen.empty not in done.out + done.err
        assert "No row matches the filter." in (done.out if form in {"json", "markdown"} else done.err)


def test_a_filter_finds_what_has_to_be_looked_up(show: Show, any_pg: PostgresServer) -> None:
    database = any_pg.fresh_database()
    with any_pg.connect(database) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.execute("SELECT pg_stat_statements_reset()")
        for number in range(150):  # of a shape each: the names of columns do not make another statement
            connection.execute(f"SELECT {', '.join(['1'] * (number + 2))}".encode())
        connection.execute("SELECT 'x'::text AS found_by_its_text")
    done = show(
        "slow-queries",
        "--view",
        "totals",
        "-t",
        any_pg.uri(database),
        "--filter",
        "query~found_by_its",
        "--format",
        "json",
    )
    any_pg.drop_database(database)
    assert len(usable(done)) == 1


# What cannot be reached


@pytest.mark.parametrize("pane", ["connections", "pooler"])
def test_a_host_that_does_not_listen(show: Show, pane: str) -> None:
    port = free_port()
    uri = f"postgresql://dba:{SECRET}@127.0.0.1:{port}/db"
    said = refused(show(pane, "-t", uri, "--pooler", uri), 1)
    assert f"Cannot connect to 127.0.0.1:{port}: " in said


def test_a_host_that_does_not_exist(show: Show) -> None:
    assert "no-such-host.invalid" in refused(show("connections", "-t", "host=no-such-host.invalid"), 1)


def test_a_wrong_password(show: Show, any_pg: PostgresServer) -> None:
    uri = f"postgresql://postgres:{SECRET}@{any_pg.host}:{any_pg.port}/postgres"
    assert "password authentication failed" in refused(show("connections", "-t", uri), 1)


def test_an_unknown_database_and_an_unknown_role(show: Show, any_pg: PostgresServer) -> None:
    assert '"nope" does not exist' in refused(show("connections", "-t", any_pg.uri("nope")), 1)
    uri = f"postgresql://nobody:{SECRET}@{any_pg.host}:{any_pg.port}/postgres"
    assert "nobody" in refused(show("connections", "-t", uri), 1)


async def test_a_server_that_is_too_old(tmp_path: Path) -> None:
    # PostgreSQL 13 is not to be had any more; what it answers up to the end of the log-in is.
    from asyncio import to_thread  # noqa: PLC0415

    async with fake_pgbouncer("13.14") as old:
        done = await to_thread(run, tmp_path, "show", "connections", "-t", f"{old.uri}/db")
    assert "runs PostgreSQL 13; the console reads 14 and later. Upgrade the server" in refused(done, 1)


@pytest.mark.parametrize("view", [view.name for view in POOLER.views])
def test_no_pooler_is_named(show: Show, any_pg: PostgresServer, view: str) -> None:
    said = refused(show("pooler", "--view", view, "-t", any_pg.uri()), 1)
    assert "There is no pooler to look at. Give --pooler postgresql://USER@HOST:6432/pgbouncer" in said


# What a server lacks


def usable(done: Done) -> list[dict[str, object]]:
    """The rows of a read that either worked, or said in a sentence what is missing."""
    assert done.code in (0, 1), done.err
    assert "Traceback" not in done.err
    if done.code:
        assert done.out == ""
        return []
    rows: list[dict[str, object]] = json.loads(done.out, parse_constant=no_json)["rows"]
    return rows


def no_json(constant: str) -> None:
    """NaN and Infinity are no JSON, though Python reads them."""
    pytest.fail(f"{constant} is not JSON")


@pytest.fixture(scope="module")
def counted(any_pg: PostgresServer) -> Iterator[PostgresServer]:
    """The newest server, where the buffers of its first database can be counted."""
    with any_pg.connect() as connection:
        connection.execute("create extension pg_buffercache")
    yield any_pg
    with any_pg.connect() as connection:
        connection.execute("drop extension pg_buffercache")


@pytest.fixture(scope="module")
def plain_role(counted: PostgresServer) -> Iterator[str]:
    """URI of a role that may log in and nothing else."""
    with counted.connect() as connection:
        connection.execute(f"create role plain_role login password '{SECRET}'")
    yield f"postgresql://plain_role:{SECRET}@{counted.host}:{counted.port}/postgres"
    with counted.connect() as connection:
        connection.execute("drop role plain_role")


@each_view
def test_a_role_without_pg_monitor_sees_what_it_may(show: Show, plain_role: str, pane: Pane, view: View) -> None:
    done = show(pane.name, "--view", view.name, "-t", plain_role, "--format", "json", "--sample", "0")
    usable(done)
    assert SECRET not in done.out + done.err


def test_a_role_without_pg_monitor_is_told_that_it_does_not_see_all(show: Show, plain_role: str) -> None:
    done = show("connections", "-t", plain_role, "--format", "json")
    assert any("pg_monitor" in note or "see" in note for note in json.loads(done.out)["notes"])


def test_without_the_extension_slow_queries_name_the_command_that_makes_it(show: Show, any_pg: PostgresServer) -> None:
    database = any_pg.fresh_database()
    said = refused(show("slow-queries", "-t", any_pg.uri(database)), 1)
    any_pg.drop_database(database)
    assert "pg_stat_statements is not installed" in said
    assert "CREATE EXTENSION pg_stat_statements" in said


def test_an_extension_that_is_not_loaded_names_the_setting(show: Show, pg_servers: Servers) -> None:
    server = pg_servers.new(pg_servers.newest, {"shared_preload_libraries": ""})
    with server.connect() as connection:
        connection.execute("create extension pg_stat_statements")
    said = refused(show("slow-queries", "-t", server.uri()), 1)
    server.stop()
    assert "shared_preload_libraries" in said


@pytest.fixture(scope="module")
def standby(pg_servers: Servers, counted: PostgresServer) -> Iterator[str]:
    """URI of a streaming standby of the newest server."""
    with standby_of(pg_servers, counted) as server:
        yield server.uri()


@each_view
def test_a_standby_is_read_like_a_primary(show: Show, standby: str, pane: Pane, view: View) -> None:
    done = show(pane.name, "--view", view.name, "-t", standby, "--format", "json", "--sample", "0")
    usable(done)
    assert "recovery" not in done.err
    if done.code == 0:
        assert json.loads(done.out)["server"]["role"] == "standby"


@pytest.mark.parametrize(
    ("attributes", "role"),
    [
        ("any", "standby"),
        ("read-write", "primary"),
        ("primary", "primary"),
        ("read-only", "standby"),
        ("standby", "standby"),
        ("prefer-standby", "standby"),
    ],
)
def test_the_host_that_target_session_attrs_asks_for_is_read_and_named(
    show: Show, any_pg: PostgresServer, standby: str, attributes: str, role: str
) -> None:
    ports = {"standby": conninfo_to_dict(standby)["port"], "primary": any_pg.port}
    both = make_conninfo(any_pg.uri(), host=f"{any_pg.host},{any_pg.host}", port=",".join(map(str, ports.values())))
    target = f"{both} target_session_attrs={attributes}"
    server = json.loads(show("connections", "-t", target, "--format", "json").out)["server"]
    assert (server["role"], server["host"]) == (role, f"{any_pg.host}:{ports[role]}")


def test_a_server_of_the_wrong_role_is_refused_with_that_reason(
    show: Show, any_pg: PostgresServer, standby: str
) -> None:
    for uri, attributes in ((any_pg.uri(), "standby"), (any_pg.uri(), "read-only"), (standby, "read-write")):
        said = refused(show("connections", "-t", make_conninfo(uri, target_session_attrs=attributes)), 1)
        assert f"Only a server that is {attributes} was wanted (target_session_attrs)." in said


async def test_both_reading_sessions_and_the_changing_one_meet_the_same_host(
    any_pg: PostgresServer, standby: str
) -> None:
    port = conninfo_to_dict(standby)["port"]
    target = make_conninfo(
        any_pg.uri(),
        host=f"{any_pg.host},{any_pg.host}",
        port=f"{port},{any_pg.port}",
        load_balance_hosts="random",
    )
    for _ in range(5):
        server = Postgres(target)
        facts = await server.connect()
        acting = ActingSession(target, address=facts.address)
        await acting.open()
        try:
            slow = await server.ask("role", "SELECT pg_catalog.pg_is_in_recovery()")
            assert slow.rows == ((facts.standby,),)
            assert await acting.query("SELECT pg_catalog.pg_is_in_recovery()") == [(facts.standby,)]
        finally:
            await acting.close()
            await server.close()


def test_the_doctor_tells_of_a_standby_what_it_shows_and_that_nothing_changes_there(
    standby: str, tmp_path: Path
) -> None:
    done = run(tmp_path, "doctor", "-t", standby, "--format", "json", "--seconds", "120")
    assert done.code == 0
    checks = {(check["subject"], check["name"]): check for check in json.loads(done.out)["checks"]}
    assert checks["server", "role"]["state"] == "limited"
    assert checks["action", "vacuum-table"]["remedy"] == ["Give the primary as target."]
    assert checks["action", "terminate-backend"]["state"] == "ok"
    assert {state["state"] for (subject, name), state in checks.items() if subject == "pane"} <= {
        "ok",
        "unknown",
        "cannot",
    }
    assert checks["pane", "connections"]["state"] == "ok"


def test_a_standby_is_not_set_up_and_its_primary_named_as_the_way(standby: str, tmp_path: Path) -> None:
    done = run(tmp_path, "setup", "--yes", "-t", standby)
    assert done.code == 3
    assert "This server is a standby" in done.out
    assert "remedy: Connect to its primary." in done.out
    assert "Schema" not in done.out


ON_A_STANDBY = {
    *("cancel-backend", "terminate-backend", "terminate-idle"),
    *("apply-tuning", "write-pgbouncer-config", "undo", "drop-slot", "resume-replay", "reset-statements"),
    *(each.name for each in ACTIONS if each.needs is POOLER_NEEDS),
    "prewarm",
}


@pytest.mark.parametrize("chosen", ACTIONS, ids=lambda action: action.name)
async def test_a_plan_that_writes_is_refused_on_a_standby(
    standby: str, chosen: Action, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    given = {one.name: "planner-ssd" if one.name == "preset" else "1" for one in chosen.parameters if one.required}
    server = Postgres(standby)
    try:
        await plan(chosen, server, given, load(environ={}))
        refused = None
    except Trouble as why:
        refused = why
    finally:
        await server.close()
    if chosen.name in ON_A_STANDBY:
        assert refused is None or "standby" not in refused.sentence
        return
    assert refused is not None
    assert refused.kind is Kind.REFUSED
    assert refused.sentence == f"This server is a standby, which is read-only: run {chosen.name} on its primary."


# What a server holds

NAMES = "\x1b]0;owned\x07 [/b] [@click=app.quit]x[/] \u202e\x9b2J"


@contextmanager
def busy(uri: str, *statements: str, **options: str) -> Iterator[None]:
    """A session whose last statement is on the screen."""
    with psycopg.connect(uri, autocommit=False, **options) as connection:  # type: ignore[arg-type]
        for statement in statements:
            connection.execute(statement.encode(connection.info.encoding))
        yield
        connection.rollback()


@pytest.fixture(scope="module")
def strange(any_pg: PostgresServer) -> Iterator[str]:
    """URI of a database full of strange names, texts and times, with a session that waits for another."""
    database = any_pg.fresh_database()
    name = '"' + NAMES[:50] + '"'
    uri = any_pg.uri(database)
    with any_pg.connect(database) as connection:
        connection.execute("create extension pg_stat_statements")
        connection.execute("create extension pg_buffercache")
        connection.execute(f"create table {name} (id int primary key, day timestamptz, text text)")
        connection.execute(f"insert into {name} values (1, 'infinity', '[/b]'), (2, '-infinity', null)")
        connection.execute(f'create index {name[:-1]}i" on {name} (day)')
        connection.execute(f'create materialized view {name[:-1]}v" as select * from {name}')
        connection.execute("create table spans (day timestamptz) partition by range (day)")
        connection.execute("create table spans_all partition of spans for values from (minvalue) to ('infinity')")
        connection.execute("create table spans_old (id bigint, day date) partition by range (day)")
        connection.execute(
            "create table spans_bc partition of spans_old for values from ('-infinity') to ('0044-03-15 BC')"
        )
        connection.execute("create role forever valid until 'infinity'")
        connection.execute(f"analyze {name}")
    with ExitStack() as stack:
        stack.enter_context(busy(uri, f"lock table {name}", f"select '{NAMES}'", application_name="shop [/b]"))
        yield uri
    any_pg.drop_database(database)
    with any_pg.connect() as connection:
        connection.execute("drop role forever")


@each_view
def test_strange_names_texts_and_times_are_read(
    show: Show, strange: str, any_pg: PostgresServer, pane: Pane, view: View
) -> None:
    if (any_pg.major,) < load_query(view.query).since:
        pytest.skip("needs a newer server")
    done = show(pane.name, "--view", view.name, "-t", strange, "--format", "json", "--sample", "0")
    assert done.code == 0, done.err
    assert done.out.isascii()
    usable(done)


@each_view
def test_nothing_that_a_terminal_would_obey_reaches_it(tmp_path: Path, strange: str, pane: Pane, view: View) -> None:
    arguments = ("show", pane.name, "--view", view.name, "-t", strange, "--sample", "0")
    harmless(run_in_terminal(tmp_path, *arguments, NO_COLOR="1"))


@pytest.mark.parametrize("pane", ["connections", "locks"])
def test_csv_on_a_terminal_is_as_harmless(tmp_path: Path, strange: str, pane: str) -> None:
    harmless(run_in_terminal(tmp_path, "show", pane, "-t", strange, "--format", "csv"))


def harmless(done: Done) -> None:
    """The command succeeded and printed nothing but text and line ends."""
    assert done.code == 0, done.out
    assert not re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", done.out)


def test_markup_in_a_query_is_shown_as_it_is(tmp_path: Path, strange: str) -> None:
    done = run(tmp_path, "show", "connections", "-t", strange)
    assert "[/b] [@click=app.quit]x[/]" in done.out
    assert "␛]0;owned␇" in done.out


def test_a_session_in_another_encoding_does_not_lose_the_others(show: Show, any_pg: PostgresServer) -> None:
    with any_pg.connect() as connection:
        connection.execute("create database latin encoding 'LATIN1' locale 'C' template template0")
    try:
        with busy(any_pg.uri("latin"), "select 'caf\u00e9'", client_encoding="LATIN1", application_name="latin-shop"):
            done = show("connections", "-t", any_pg.uri(), "--format", "json", "--filter", "latin-shop")
            [row] = usable(done)
            assert row["query"] == r"select 'caf\xe9'"
            own = usable(show("connections", "-t", any_pg.uri("latin"), "--format", "json", "--filter", "latin-shop"))
            assert own[0]["query"] == "select 'caf\u00e9'"
    finally:
        any_pg.drop_database("latin")


def test_a_role_without_free_connections_reads_which_ways_are_left(show: Show, any_pg: PostgresServer) -> None:
    role = sql.Identifier(MONITOR)
    with any_pg.connect() as session:
        session.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT 0").format(role))
        try:
            said = refused(show("connections", "-t", any_pg.uri("postgres", MONITOR)), 1)
        finally:
            session.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT -1").format(role))
    assert "too many connections for role" in said
    assert "Superusers, roles with pg_use_reserved_connections" in said
    assert "is a connection pooler" not in said
    assert "heck host" not in said
