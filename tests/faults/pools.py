"""Clients of PgBouncer that get no server connection, each time for another reason."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import psycopg

from console.rules.findings.pooler_versions import Vulnerability
from tests.faults.stage import Stage
from tests.servers import Pooler
from tests.waiting import wait


@dataclass(frozen=True, slots=True)
class Clients:
    """Clients of a stage's pooler, and its admin console."""

    pooler: Pooler
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def session_pool(self) -> str:
        """The entry of five server connections, each for as long as its client stays."""
        return f"{self.pooler.database}_session"

    def open(self, application: str, entry: str = "") -> psycopg.Connection[Any]:
        """A client that has asked once, so that it is logged in."""
        uri = self.pooler.uri(entry or None)
        opened = psycopg.connect(uri, application_name=application, autocommit=True, prepare_threshold=None)
        self.stack.callback(opened.close)
        opened.execute("SELECT 1")
        return opened

    def send(self, client: psycopg.Connection[Any], statement: str) -> None:
        """Send a statement and wait for no answer."""
        client.pgconn.send_query(statement.encode())
        client.pgconn.flush()

    def admin(self, *commands: str) -> None:
        """Run commands on the admin console."""
        with closing(psycopg.connect(self.pooler.admin_uri, autocommit=True)) as console:
            for command in commands:
                console.pgconn.exec_(command.encode())

    def exhaust(self, statement: str, limit: str, clients: int = 2) -> None:
        """Let an application use as many server connections as a setting then admits, and another one wait for one."""
        waiting, busy = self.open("shop"), [self.open("checkout-web") for _ in range(clients)]
        for client in busy:
            self.send(client, statement)
        wait(lambda: self.servers().count("active") >= len(busy))
        self.admin("SET reserve_pool_size = 0")
        self.admin(f"SET {limit} = {clients}")
        self.send(waiting, "SELECT 1")

    def servers(self) -> list[str]:
        """The states of all server connections."""
        options: dict[str, Any] = {"cursor_factory": psycopg.ClientCursor, "prepare_threshold": None}
        with closing(psycopg.connect(self.pooler.admin_uri, autocommit=True, **options)) as console:
            shown = console.execute("SHOW SERVERS")
            state = [column.name for column in shown.description or ()].index("state")
            return [row[state] for row in shown.fetchall()]

    def configure(self, pattern: str, value: str) -> None:
        """Replace a part of the configuration, and reload it."""
        file = self.pooler.process.folder / "pgbouncer.ini"
        text = file.read_text()
        changed = re.sub(pattern, value, text)
        assert changed != text
        file.write_text(changed)
        self.admin("RELOAD")


@contextmanager
def _clients(stage: Stage) -> Iterator[Clients]:
    """Clients that wait for as long as the test does, of pools that open no server connection without being asked.

    A server connection opened to keep min_pool_size would be one that RELOAD interrupts: PgBouncer then refuses clients
    instead of letting them wait.
    """
    assert stage.pooler
    clients = Clients(stage.pooler)
    clients.admin("SET query_wait_timeout = 0", "SET min_pool_size = 0")
    with clients.stack:
        yield clients


@contextmanager
def exhausted(stage: Stage, statement: str, limit: str, clients: int = 2) -> Iterator[None]:
    """Clients use all server connections that the setting `limit` admits with a statement; one more waits."""
    with _clients(stage) as opened:
        opened.exhaust(statement, limit, clients)
        yield


@contextmanager
def servers_held_by_idle_transactions(stage: Stage) -> Iterator[str]:
    """An application waits for its users in the middle of transactions; another one gets no server connection."""
    with exhausted(stage, "BEGIN; SELECT 1", "default_pool_size"):
        yield "held by open transactions, longest by checkout-web"


@contextmanager
def servers_held_by_long_statements(stage: Stage) -> Iterator[str]:
    """Statements without end use all server connections of a pool."""
    with exhausted(stage, "SELECT pg_sleep(600)", "default_pool_size"):
        yield "held by open transactions, longest by checkout-web"


@contextmanager
def clients_of_a_session_pool(stage: Stage) -> Iterator[str]:
    """Each idle client of a session pool keeps a server connection."""
    with _clients(stage) as clients:
        for _ in range(5):
            clients.open("crontab", clients.session_pool)
        clients.admin("SET reserve_pool_size = 0")
        waiting = psycopg.connect(clients.pooler.uri(clients.session_pool), application_name="shop", autocommit=True)
        clients.stack.callback(waiting.close)
        clients.send(waiting, "SELECT 1")
        yield "belong to connected clients: crontab 5"


@contextmanager
def pool_smaller_than_its_load(stage: Stage) -> Iterator[str]:
    """More clients than server connections, each with a statement of some seconds."""
    with _clients(stage) as clients:
        opened = [clients.open("basket") for _ in range(30)]  # a minute, however slowly it is looked at
        clients.admin("SET reserve_pool_size = 0", "SET default_pool_size = 1")
        for client in opened:
            clients.send(client, "SELECT pg_sleep(2)")
        yield "in use by short transactions: basket"


@contextmanager
def database_at_its_limit(stage: Stage) -> Iterator[str]:
    """All pools of a database together may have no further server connection."""
    with exhausted(stage, "BEGIN; SELECT 1", "max_db_connections"):
        yield f"database {stage.desk.database} of PgBouncer"


@contextmanager
def user_at_its_limit(stage: Stage) -> Iterator[str]:
    """All pools of a user together may have no further server connection."""
    with exhausted(stage, "BEGIN; SELECT 1", "max_user_connections"):
        yield "user pipeline_app of PgBouncer"


@contextmanager
def advisory_lock_left_in_a_pool(stage: Stage) -> Iterator[str]:
    """A job takes an advisory lock for its session, which is another client's next, and leaves."""
    with _clients(stage) as clients:
        clients.open("nightly-job").execute("SELECT pg_advisory_lock(17), pg_advisory_lock(-4, 2)")
        yield "holds 2 advisory locks: (-4, 2), 17"


@contextmanager
def database_that_is_paused(stage: Stage) -> Iterator[str]:
    """Somebody paused a database and forgot it."""
    with _clients(stage) as clients:
        waiting = clients.open("shop")
        clients.admin(f'PAUSE "{stage.desk.database}"')
        clients.send(waiting, "SELECT 1")
        yield f"database {stage.desk.database} of PgBouncer: 1 client has waited"
        clients.admin(f'RESUME "{stage.desk.database}"')


@contextmanager
def pooler_that_is_paused(stage: Stage) -> Iterator[str]:
    """Somebody paused everything and forgot it; PgBouncer reports it from 1.19 on, before it has no connection left."""
    with _clients(stage) as clients:
        waiting = clients.open("shop")
        clients.admin("PAUSE")
        clients.send(waiting, "SELECT 1")
        yield "because it is paused as a whole"
        clients.admin("RESUME")


@contextmanager
def database_that_is_disabled(stage: Stage) -> Iterator[str]:
    """Somebody disabled a database and forgot it."""
    with _clients(stage) as clients:
        clients.admin(f'DISABLE "{stage.desk.database}"')
        yield f"database {stage.desk.database} of PgBouncer is disabled"
        clients.admin(f'ENABLE "{stage.desk.database}"')


@contextmanager
def server_that_does_not_answer(stage: Stage) -> Iterator[str]:
    """The server accepts connections of PgBouncer and lets no login finish."""
    with _clients(stage) as clients, socket.create_server(("127.0.0.1", 0)) as silent:
        waiting, port = clients.open("shop"), silent.getsockname()[1]
        clients.admin("SET server_connect_timeout = 600")
        clients.configure(r"(?m)^(\S+ = host=\S+) port=\d+", rf"\1 port={port}")
        wait(lambda: not set(clients.servers()) & {"active", "idle", "used"})
        clients.send(waiting, "SELECT 1")
        yield f"open to 127.0.0.1:{port}"


@contextmanager
def as_many_clients_as_admitted(stage: Stage) -> Iterator[str]:
    """New clients are refused."""
    with _clients(stage) as clients:
        for _ in range(4):
            clients.open("leaky-app")
        clients.admin("SET max_client_conn = 5")
        yield "of max_client_conn = 5 clients: leaky-app 4"


@contextmanager
def version_with_a_vulnerability(stage: Stage) -> Iterator[str]:
    """A vulnerability becomes known: the list is changed, not the pooler."""
    new = Vulnerability("CVE-2026-0", (1, 0, 0), (99, 0, 0), "anybody can stop it")
    with patch("console.rules.findings.pooler_versions.VULNERABILITIES", (new,)):
        yield "CVE-2026-0 (anybody can stop it); 99.0.0 fixes it"


@contextmanager
def pooler_that_hangs(stage: Stage) -> Iterator[str]:
    """Its port accepts connections and nothing answers."""
    assert stage.pooler is not None
    pid = int((stage.pooler.process.folder / "pgbouncer.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        yield "PgBouncer does not answer"
    finally:
        os.kill(pid, signal.SIGCONT)
