"""The command line on real servers."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import psycopg
import pytest

from console.cli import main
from console.cli.arguments import parser
from console.cli.commands import COMMANDS
from console.cli.table import table
from console.demo.redis_server import RedisProcess
from console.format import cells
from console.model import Column, Pane, Rule, Snapshot, View, above
from console.panes import PANES
from console.settings.config import Settings, Wanted
from scripts.servers import poolers
from tests.command import argv, environment, run, run_in_terminal
from tests.servers import Pooler, PostgresServer, Servers
from tests.waiting import PATIENCE

pytestmark = pytest.mark.host

# Those of a cluster are in tests/test_pane_cluster.py and those of the log in tests/test_pane_log.py, because they need
# Citus, or a server that keeps a log.
VIEWS = [(pane, view) for pane in PANES for view in pane.views if pane.name not in {"cluster", "log"}]
Call = Callable[..., str]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Runs a command in this process and returns its result; it must exit with 0 and say nothing else."""
    for name in [name for name in os.environ if name.startswith(("PG", "PIPELINE_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))

    def run_here(*arguments: str, says: str = "") -> str:
        code = main(arguments)
        out, err = capsys.readouterr()
        assert code == 0, err
        assert says in err
        assert says or not err
        return out

    return run_here


@pytest.fixture
def database(any_pg: PostgresServer) -> Iterator[str]:
    """URI of an empty database, reached as a superuser."""
    name = any_pg.fresh_database()
    yield any_pg.uri(name)
    any_pg.drop_database(name)


@pytest.fixture
def pooler(any_pg: PostgresServer, pgbouncer: Callable[[PostgresServer, str], Pooler]) -> Pooler:
    """A PgBouncer before an empty database."""
    return pgbouncer(any_pg, any_pg.fresh_database())


def test_list_tells_every_pane(call: Call) -> None:
    lines = call("list", "panes").splitlines()
    assert [line.split()[0] for line in lines] == [pane.name for pane in PANES]
    listed = json.loads(call("list", "panes", "--format", "json"))
    assert [entry["key"] for entry in listed] == [pane.key for pane in PANES]
    assert [view["name"] for view in listed[0]["views"]] == [view.name for view in PANES[0].views]


@pytest.mark.parametrize("what", ["actions", "presets"])
def test_list_of_what_there_is_not_yet_is_an_empty_list(call: Call, what: str) -> None:
    listed = json.loads(call("list", what, "--format", "json"))
    assert isinstance(listed, list)
    assert call("list", what)


def test_version(call: Call) -> None:
    assert call("--version").startswith("pipeline-console ")


@pytest.fixture(scope="module")
def measured(any_pg: PostgresServer) -> Iterator[str]:
    """URI of a database with the extensions that views need."""
    name = any_pg.fresh_database()
    with any_pg.connect(name) as connection:
        connection.execute("create extension pg_stat_statements")
        connection.execute("create extension pg_buffercache")
    yield any_pg.uri(name)
    any_pg.drop_database(name)


@pytest.fixture(scope="module")
def standing_pooler(any_pg: PostgresServer, pg_servers: Servers) -> Iterator[Pooler]:
    """The oldest PgBouncer, before an empty database, for all tests that only read."""
    if not (found := poolers()):
        pytest.skip("no pgbouncer")
    pooler = pg_servers.pooler(any_pg, any_pg.fresh_database(), found[min(found)])
    yield pooler
    pooler.stop()


@pytest.mark.parametrize(("pane", "view"), VIEWS, ids=lambda one: one.name)
def test_show_prints_every_view_as_the_agreed_document(
    call: Call, measured: str, standing_pooler: Pooler, shared_redis: RedisProcess, pane: Pane, view: View
) -> None:
    servers = (
        "-t",
        measured,
        "--pooler",
        standing_pooler.stats_uri,
        "--redis",
        shared_redis.uri,
        "--replica",
        measured,
    )
    options = (*servers, "--view", view.name, "--sample", "0")
    made = json.loads(call("show", pane.name, "--format", "json", *options))
    assert (made["pane"], made["view"]) == (pane.name, view.name)
    assert datetime.fromisoformat(made["taken_at"]).tzinfo is not None
    source = pane.source_of(view)
    kind = {
        "rules": "console",
        "capacity": "postgres",
        "waits": "postgres",
        "clock": "postgres",
        "advice": "postgres",
        "slower": "postgres",
    }.get(source, source)
    assert made["server"]["kind"] == kind
    assert {column.name for column in view.columns} <= set(made["columns"])
    assert all(list(row) == made["columns"] for row in made["rows"])


def test_markdown_is_a_report_in_which_text_of_the_server_is_no_markup(call: Call, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute('create table "a|b <i>*x*</i>" (n int)')
        connection.execute('insert into "a|b <i>*x*</i>" select generate_series(1, 1000)')
        connection.execute("analyze")
    lines = call("show", "capacity", "-t", database, "--format", "markdown").splitlines()
    assert lines[0] == "## Capacity: Growth"
    titles, rules, *rows = [line for line in lines if line.startswith("|")]
    assert titles.startswith("| table | size | a month |")
    assert rules.startswith("| --- | ---: | ---: |")
    assert len({row.replace("\\|", "").count("|") for row in (titles, rules, *rows)}) == 1
    assert [row for row in rows if row.startswith(r"| a\|b \<i\>\*x\*\</i\> | ")]


def test_csv_has_raw_values_under_the_columns_of_the_read(call: Call, database: str) -> None:
    options = ("connections", "-t", database, "--limit", "3")
    made = json.loads(call("show", *options, "--format", "json"))
    header, *_ = list(csv.reader(io.StringIO(call("show", *options, "--format", "csv"))))
    assert header == made["columns"]


SESSION = """\
import psycopg, sys
connection = psycopg.connect(sys.argv[1], application_name=sys.argv[2], prepare_threshold=None)
connection.execute(f"select 1 -- {sys.argv[2]}")
print("on", flush=True)
sys.stdin.read()
"""


def sessions(uri: str, name: str) -> subprocess.Popen[bytes]:
    """A session that waits, under an application name."""
    process = subprocess.Popen(
        [sys.executable, "-c", SESSION, uri, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline() == b"on\n"
    return process


@contextmanager
def idle_sessions(uri: str, *names: str) -> Iterator[None]:
    """Sessions that stay in a transaction."""
    processes = [sessions(uri, name) for name in names]
    try:
        yield
    finally:
        for process in processes:
            with process:
                process.communicate()


def test_rows_are_filtered_sorted_and_limited(call: Call, database: str) -> None:
    def names(*options: str) -> list[str]:
        base = ("show", "connections", "-t", database, "--format", "json", "--filter", "shop-")
        return [row["application"] for row in json.loads(call(*base, *options))["rows"]]

    with idle_sessions(database, "shop-a", "shop-b", "shop-c"):
        assert names("--sort", "application") == ["shop-a", "shop-b", "shop-c"]
        assert names("--sort", "-application") == ["shop-c", "shop-b", "shop-a"]
        assert names("--sort", "-application", "--limit", "2") == ["shop-c", "shop-b"]
        assert names("--sort", "pid", "--limit", "0") == []


def test_what_is_looked_up_is_filled_in_for_the_printed_rows(call: Call, database: str) -> None:
    with idle_sessions(database, "shop-a"):
        [row] = json.loads(
            call("show", "connections", "-t", database, "--format", "json", "--filter", "application=shop-a")
        )["rows"]
    assert row["query"] == "select 1 -- shop-a"


def test_rates_need_two_reads_and_can_be_done_without(call: Call, pooler: Pooler) -> None:
    base = ("show", "pooler", "--view", "stats", "--pooler", pooler.stats_uri, "--format", "json")
    with idle_sessions(pooler.uri(), "shop"):
        [measured] = json.loads(call(*base, "--sample", "0.2"))["rows"]
        [single] = json.loads(call(*base, "--sample", "0"))["rows"]
    assert measured["queries"] is not None
    assert single["queries"] is None
    assert single["total_query_count"] == measured["total_query_count"]


def test_a_target_of_the_configuration_brings_its_pooler(call: Call, tmp_path: Path, pooler: Pooler) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(f"default_target: prod\ntargets: {{prod: {{uri: host=h, poolers: ['{pooler.stats_uri}']}}}}\n")
    assert pooler.database in call("show", "pooler", "--view", "databases", "--config", str(file))


def test_a_password_in_an_argument_works_with_a_warning(call: Call, any_pg: PostgresServer) -> None:
    secret = any_pg.passfile.read_text().split(":")[4].split("\n")[0]
    uri = f"postgresql://postgres:{secret}@{any_pg.host}:{any_pg.port}/postgres"
    out = call("show", "connections", "-t", uri, "--format", "json", says="process list")
    assert secret not in out


@contextmanager
def watching(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A running `show --watch`, interrupted at the end if it still runs."""
    with subprocess.Popen(
        argv("show", *arguments),
        env=environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=PATIENCE)


def line(stream: IO[str] | None) -> str:
    """The next line of a stream."""
    assert stream
    return stream.readline()


def test_watch_prints_a_document_a_line_until_it_is_interrupted(tmp_path: Path, database: str) -> None:
    with watching(tmp_path, "connections", "-t", database, "--watch", "0.2", "--format", "json") as process:
        taken = [json.loads(line(process.stdout))["taken_at"] for _ in range(3)]
        assert taken == sorted(set(taken))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert err == ""


def test_watch_as_csv_has_one_header_and_says_when(tmp_path: Path, database: str) -> None:
    with (
        idle_sessions(database, "shop"),
        watching(
            tmp_path, "connections", "-t", database, "--watch", "0.2", "--format", "csv", "--filter", "shop"
        ) as on,
    ):
        header, *rows = (line(on.stdout) for _ in range(3))
    assert header.startswith("taken_at,")
    assert len({row.split(",")[0] for row in rows}) == 2


def test_watch_outlives_a_restart_of_the_server_and_says_so(tmp_path: Path, pg_servers: Servers) -> None:
    server = pg_servers.new(pg_servers.newest, {})
    arguments = ("connections", "-t", server.uri(), "--watch", "0.2", "--format", "json")
    with watching(tmp_path, *arguments) as process:
        before = json.loads(line(process.stdout))
        server.stop()
        assert "Trying again" in line(process.stderr)
        server.start()
        while "answers again" not in (said := line(process.stderr)):
            assert "Trying again" in said
        while json.loads(line(process.stdout))["taken_at"] <= before["taken_at"]:
            pass
    server.stop()
    assert process.returncode == 130


def test_a_reader_that_closes_the_pipe_ends_the_command_quietly(tmp_path: Path, database: str) -> None:
    with watching(tmp_path, "connections", "-t", database, "--watch", "0.2") as process:
        line(process.stdout)
        assert process.stdout
        process.stdout.close()
        assert process.wait(PATIENCE) == 141
        assert process.stderr
        assert process.stderr.read() == ""


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_a_table_fits_the_terminal_and_is_as_wide_as_it_is_in_a_pipe(
    tmp_path: Path, database: str, columns: int
) -> None:
    shown = run_in_terminal(tmp_path, "show", "connections", "-t", database, columns=columns)
    assert shown.code == 0
    assert max(map(len, shown.out.splitlines())) <= columns
    assert "pid" in shown.out
    assert "xmin age" in run(tmp_path, "show", "connections", "-t", database).out


@pytest.mark.parametrize(("extra", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_a_bad_value_is_marked_and_coloured_only_where_colours_are_wanted(
    tmp_path: Path, pooler: Pooler, extra: dict[str, str], coloured: bool
) -> None:
    with pooler_paused(pooler):
        shown = run_in_terminal(
            tmp_path, "show", "pooler", "--view", "databases", "--pooler", pooler.stats_uri, columns=120, **extra
        )
    [bad] = [text for text in shown.out.splitlines() if text[3:].startswith(f"{pooler.database} ")]
    assert bad.startswith("!  ")
    assert ("\x1b[33m" in bad) is coloured


@contextmanager
def pooler_paused(pooler: Pooler) -> Iterator[None]:
    """The pooled database paused, which the pane warns about."""
    with psycopg.connect(
        pooler.admin_uri, autocommit=True, prepare_threshold=None, cursor_factory=psycopg.ClientCursor
    ) as admin:
        with idle_sessions(pooler.uri(), "shop"):
            pass  # a database is paused by its name, once it is known
        admin.execute(f'PAUSE "{pooler.database}"'.encode())
        try:
            yield
        finally:
            admin.execute(f'RESUME "{pooler.database}"'.encode())


def test_open_passes_target_poolers_and_pane_to_the_console(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[Wanted] = []

    def remember(settings: Settings, wanted: Wanted) -> int:
        assert settings.theme == "auto"
        opened.append(wanted)
        return 0

    monkeypatch.setattr("console.tui.start.run_console", remember)
    monkeypatch.setattr("console.cli.commands._need_terminal", lambda: None)
    call("open", "host=a", "--pooler", "host=b", "--pane", "locks", "--read-only")
    call("open", "-t", "host=a")
    call()
    call("-t", "host=a", "--pane", "locks")
    call("-h", "a", "-d", "show")
    assert opened == [
        Wanted("host=a", "", ("host=b",), read_only=True, pane="locks", options="-t host=a --pooler host=b"),
        Wanted("host=a", options="-t host=a"),
        Wanted(""),
        Wanted("host=a", pane="locks", options="-t host=a"),
        Wanted("host='a' dbname='show'", options="-h a -d show"),
    ]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("-t", "host=a", "doctor"), "The command doctor comes before its options."),
        (("--nothing",), "unrecognized arguments: --nothing."),
    ],
)
def test_options_without_a_command_are_those_of_open(
    capsys: pytest.CaptureFixture[str], given: tuple[str, ...], sentence: str
) -> None:
    assert main(given) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err


RULE = Rule("count", "A count", "rows", above(50), ("x",))
ROWS = Snapshot("x", ("id", "note", "more"), ((1, "日本語", "a"), (99, "plain", "b\x1b[2J")), datetime.now(UTC))
VIEW = View(
    "x",
    "X",
    "x",
    (
        Column("id", "id", "count", rule=RULE),
        Column("note", "note", "text", grow=True),
        Column("more", "more", "text", extra=True),
    ),
    ("id",),
)


def test_wide_characters_keep_the_columns_in_line() -> None:
    head, first, second = table(VIEW, ROWS).splitlines()
    assert cells("日本語") == 6
    assert cells(first[: first.index("a")]) == second.index("b") == head.index("more")
    assert second.startswith("!")
    assert first.startswith(" ")


def test_a_narrow_table_leaves_extra_columns_out_and_cuts_before_it_drops() -> None:
    assert "more" not in table(VIEW, ROWS, 14).splitlines()[0]
    long = Snapshot("x", ("id", "note"), ((1, "n" * 100),), datetime.now(UTC))
    for width in range(5, 120):
        lines = table(VIEW, long, width).splitlines()
        assert all(cells(text) <= width for text in lines)
    assert "…" in table(VIEW, long, 40)


def test_severity_of_a_hidden_column_marks_the_row() -> None:
    hidden = View("x", "X", "x", (VIEW.columns[1], Column("id", "id", "count", extra=True, rule=RULE)), ("id",))
    _, first, second = table(hidden, ROWS, 10).splitlines()
    assert (first[:2], second[:2]) == ("  ", "! ")


def test_the_options_of_psql_name_the_server_and_replace_parts_of_a_target(
    any_pg: PostgresServer, tmp_path: Path
) -> None:
    database = any_pg.fresh_database()
    given = {"-h": any_pg.host, "-p": str(any_pg.port), "-U": "postgres", "-d": database}
    parts = [word for pair in given.items() for word in pair]
    elsewhere = "postgresql://nobody@127.0.0.1:1/nowhere?connect_timeout=3"
    conninfo = "host=127.0.0.1 port=1 dbname=nowhere"
    secret = {"PGPASSFILE": str(any_pg.passfile)}
    ways: list[tuple[list[str], dict[str, str]]] = [
        (parts, {}),
        (["-t", elsewhere, *parts], {}),
        (["-t", conninfo, *parts], {}),
        (["-d", any_pg.uri(database)], {}),
        (["-d", database], {"PIPELINE_CONSOLE_TARGET": any_pg.uri()}),
        (parts, {"PIPELINE_CONSOLE_TARGET": elsewhere}),
    ]
    for words, extra in ways:
        done = run(tmp_path, "show", "connections", *words, "--format", "json", **secret, **extra)
        assert done.code == 0, (words, done.err)
        assert json.loads(done.out)["server"]["database"] == database
    twice = run(tmp_path, "show", "connections", "-t", elsewhere, "-d", elsewhere)
    assert (twice.code, "given twice" in twice.err) == (2, True)
    any_pg.drop_database(database)


def test_every_help_states_the_exit_codes(tmp_path: Path) -> None:
    for name in COMMANDS:
        text = " ".join(run(tmp_path, name, "--help").out.split())
        codes = (*("0", "1", "2"), *(("3", "4") if name in {"run", "setup"} else ()), "130", "141")
        stated = text.partition("Exit codes: ")[2]
        assert all(f"{code} " in stated for code in codes), name


@pytest.mark.parametrize("columns", [80, 120])
def test_every_help_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    whole = parser()
    shell = "pipeline-console completion"  # commands to copy are not wrapped
    commands = [made for action in whole._actions if isinstance(made := action.choices, dict)]
    for each in (whole, *commands[0].values()):
        lines = each.format_help().splitlines()
        assert [line for line in lines if len(line) > columns and shell not in line] == []


def test_a_statement_stands_behind_who_runs_it() -> None:
    view = next(pane for pane in PANES if pane.name == "connections").views[0]
    columns = tuple(column.name for column in view.columns)
    read = Snapshot("connections", columns, (), datetime(2026, 1, 1, tzinfo=UTC))
    for width in (0, 80):
        header = table(view, read, width).splitlines()[0]
        assert header.index("user") < header.index("query")


def test_what_the_driver_logs_is_not_printed_over_the_screen() -> None:
    script = "import logging; import console.workspace; logging.getLogger('psycopg').warning('closing connection')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
