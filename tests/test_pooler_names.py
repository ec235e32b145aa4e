"""Databases and users of PgBouncer with names that quote, mark up, steer a terminal or fill all 63 bytes."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from console.actions import action
from console.cli.table import table
from console.demo.account import give, server_account
from console.demo.passwords import write_private
from console.demo.ports import HOST, free_port, wait_until
from console.demo.supervisor import Launch
from console.format import is_pooler_identifier, pooler_identifier
from console.model import Outcome, Trouble, View
from console.panes.pooler import POOLER
from console.reading.reader import Reader
from console.rules.findings.pools import POOL_EXHAUSTED
from console.running.trail.audit import Trail
from console.watching.observer import Observer
from tests.acting import Desk
from tests.command import run_in_terminal
from tests.conftest import POOLERS
from tests.screens import console, settled
from tests.servers import PostgresServer, Servers
from tests.test_bad_input import harmless
from tests.waiting import PATIENCE, eventually

NAMES = {
    "quotes": """it's "q" `b` $$ ; SHOW""",
    "markup": "[/b][@click=app.quit]x[/] %s {0} \\",
    "control": "\x1b]0;owned\x07\x1b[31m\x9b2J \u202e\t",
    "longest": "Shop_" + "x" * 58,  # with quotes it is more than the admin console reads
    "unspeakable": "ü" * 31 + "x",  # and without quotes it does not read this one
    "words": "12 34",
}
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
INI = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = {host}
listen_port = {listens}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
admin_users = boss
pool_mode = transaction
default_pool_size = 1
"""


@dataclass(frozen=True, slots=True)
class Named:
    """A PgBouncer whose databases and users have such names, and a console that looks at it."""

    desk: Desk
    uri: str  # of its admin console
    port: int
    clients: ExitStack

    def client(self, name: str, **options: Any) -> psycopg.Connection[Any]:
        """A client of the database by the user of that name."""
        given = {"host": HOST, "port": self.port, "dbname": name, "user": name, "application_name": name, **options}
        return psycopg.connect(autocommit=True, prepare_threshold=None, **given)

    def flag(self, name: str, which: str) -> bool:
        """Whether the database is paused or disabled."""
        with psycopg.connect(
            self.uri, autocommit=True, prepare_threshold=None, cursor_factory=psycopg.ClientCursor
        ) as admin:
            cursor = admin.execute("SHOW DATABASES")
            columns = [column.name for column in cursor.description or ()]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor]
        (row,) = [row for row in rows if row["name"] == name]
        return bool(row[which])


@pytest.fixture(scope="module")
def named(request: pytest.FixtureRequest, pg_servers: Servers, any_pg: PostgresServer) -> Iterator[Named]:
    """Each database has a client in a transaction and one that waits for its connection."""
    found = request.config.stash[POOLERS]
    if not found:
        pytest.skip("no pgbouncer")
    listens, folder = free_port(), pg_servers.folder / f"names-{secrets.token_hex(3)}"
    folder.mkdir(mode=0o700)
    give(server_account(), folder)
    accounts = {**{name: secrets.token_hex(8) for name in NAMES.values()}, "boss": secrets.token_hex(8)}
    quoted = ("".join(f'"{part.replace(chr(34), chr(34) * 2)}" ' for part in each) for each in accounts.items())
    write_private(folder / "users", "\n".join(quoted) + "\n", server_account())
    ini = INI.format(host=HOST, port=any_pg.port, listens=listens, folder=folder)
    program = found[max(found)]
    command = Launch((program, str(write_private(folder / "ini", ini, server_account()))), folder, server_account())
    key = pg_servers.supervisor.start(command, folder / "out", (("SIGTERM", 1.0), ("SIGQUIT", 1.0)))
    assert wait_until(lambda: f"listening on {HOST}:{listens}" in (folder / "out").read_text(), PATIENCE)
    uri = f"postgresql://boss@{HOST}:{listens}/pgbouncer"
    with any_pg.connect() as owner, ExitStack() as clients:
        for name in NAMES.values():
            owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            secret = sql.Literal(accounts[name])
            owner.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), secret))
        desk = Desk(any_pg, "postgres", Trail(folder / "audit.jsonl"), poolers=(uri,))
        made = Named(desk, uri, listens, clients)
        for name in NAMES.values():
            holder = clients.enter_context(made.client(name))
            holder.execute("BEGIN")
            holder.execute("SELECT 1")
            waiting = clients.enter_context(made.client(name))
            clients.callback(waiting.pgconn.finish)  # before its transaction is ended
            waiting.pgconn.send_query(b"SELECT 1")
            waiting.pgconn.flush()
        yield made
        clients.close()
        pg_servers.supervisor.stop(key)
        for name in NAMES.values():
            owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.mark.parametrize("view", POOLER.views, ids=lambda view: view.name)
async def test_every_view_shows_names_as_text(named: Named, view: View) -> None:
    async with named.desk.workspace() as workspace:
        taken = await Reader(view, workspace.sources.named).read(workspace.sources.of(POOLER, view))
        shown = table(view, taken)
    assert not OBEYED.findall(shown)
    if view.name in {"pools", "clients", "servers", "databases", "stats"}:
        values = {value for row in taken.rows for value in row if isinstance(value, str)}
        assert set(NAMES.values()) <= values, "the names themselves, as actions need them"


async def test_the_finding_names_each_pool_and_a_terminal_obeys_none_of_it(named: Named, tmp_path: Path) -> None:
    async with named.desk.workspace() as workspace:
        observer = workspace.observing([POOL_EXHAUSTED])
        await eventually(lambda: found_all(observer))
        for finding in observer.verdict.findings:
            texts = [finding.sentence, finding.detail, *(each.value for each in finding.evidence)]
            assert not OBEYED.findall("".join(texts)), finding
    options = ("-t", named.desk.uri, "--pooler", named.uri, "--only", "pool-exhausted")
    done = run_in_terminal(tmp_path, "check", *options)
    harmless(type(done)(0, done.out))
    assert "[/b][@click=app.quit]x[/] %s {0}" in done.out.replace("\n", "")


async def found_all(observer: Observer) -> bool:
    verdict = await observer.look(everything=True)
    subjects = " ".join(finding.subject for finding in verdict.findings)
    return all(name in subjects for name in NAMES.values())


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=["80x24", "160x45"])
async def test_the_screen_shows_names_as_text(named: Named, size: tuple[int, int]) -> None:
    async with console(named.desk.uri, size, poolers=(named.uri,)) as (_, pilot):
        await pilot.press(POOLER.key)
        for view in POOLER.views:
            shown = await settled(pilot)
            assert not OBEYED.findall(shown.replace("\n", "")), view.name
            assert view.name in {"config", "doctor"} or "[/b][" in shown, shown
            await pilot.press("v")


@pytest.mark.parametrize("which", sorted(NAMES.keys() - {"unspeakable"}))
async def test_every_command_reaches_the_database_of_that_name(named: Named, which: str) -> None:
    name = NAMES[which]

    async def done(command: str, **given: str) -> None:
        run = await named.desk.run(action(command), PATIENCE, database=name, **given)
        assert run.outcome is Outcome.DONE, run.message
        assert not OBEYED.findall(run.message)

    named.clients.close()  # an open transaction would delay most of them
    with named.client(name):  # a database that no entry names is listed while it has clients
        await done("pooler-disable")
        assert named.flag(name, "disabled")
        await done("pooler-enable")
        assert not named.flag(name, "disabled")
        await done("pooler-reconnect")
        await done("pooler-pause", seconds="1")
        assert not named.flag(name, "paused")
        await done("pooler-kill")


async def test_a_name_that_no_command_can_carry_is_refused_before_anything_is_sent(named: Named) -> None:
    name = NAMES["unspeakable"]
    with named.client(name):
        for command in ("pooler-disable", "pooler-pause", "pooler-resume", "pooler-kill", "pooler-reconnect"):
            with pytest.raises(Trouble, match="No command of PgBouncer can name the database"):
                await named.desk.plan(action(command), database=name)


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("shop", '"shop"'),
        ('a"b', '"a""b"'),
        ("x" * 61, f'"{"x" * 61}"'),
        ("x" * 62, "x" * 62),
        ("1" * 62, None),
        ("ü" * 30 + "x", f'"{"ü" * 30}x"'),
        ("ü" * 31, None),
        ('"' * 31, None),
    ],
)
def test_a_name_is_quoted_as_long_as_it_then_fits(name: str, sent: str | None) -> None:
    assert is_pooler_identifier(name) is (sent is not None)
    assert sent is None or pooler_identifier(name) == sent
