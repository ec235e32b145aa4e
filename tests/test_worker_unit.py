"""The systemd unit of the worker: shipped, and printed by setup for the server at hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.model import Facts
from console.setup.worker_unit import FILE, worker_target, worker_unit
from console.sources.postgres import parse_target
from tests.command import CHECKOUT

SHIPPED = CHECKOUT / "config" / "systemd" / FILE


def test_the_unit_names_the_server_the_database_and_the_owner_and_no_password() -> None:
    facts = Facts("postgres", 180004, "18.4", address="host=db1 port=5433", database="100%", user="postgres")
    lines = worker_unit(facts, "pipeline_owner")
    target = 'Environment="PIPELINE_CONSOLE_TARGET=host=db1 port=5433 dbname=100%% user=pipeline_owner"'
    assert target in lines
    assert [line for line in lines if line != target] == [
        line for line in SHIPPED.read_text().splitlines() if line and "PIPELINE_CONSOLE_TARGET" not in line
    ]


def test_the_command_of_the_worker_names_the_same_as_a_target() -> None:
    facts = Facts("postgres", 180004, "18.4", address="host=db1 port=5433", database="shop", user="postgres")
    assert parse_target(worker_target(facts, "pipeline_owner")) == {
        "host": "db1",
        "port": "5433",
        "dbname": "shop",
        "user": "pipeline_owner",
    }


@pytest.mark.parametrize(
    ("started", "program"),
    [
        ("/opt/console/bin/pipeline-console", "/opt/console/bin/pipeline-console"),
        ("/home/dba/.venv/bin/pipeline-console", "/usr/local/bin/pipeline-console"),  # hidden from services
        ("/usr/lib/python3/pytest", "/usr/local/bin/pipeline-console"),
    ],
)
def test_the_unit_starts_the_console_that_printed_it(
    monkeypatch: pytest.MonkeyPatch, started: str, program: str
) -> None:
    monkeypatch.setattr("sys.argv", [started, "setup"])
    facts = Facts("postgres", 180004, "18.4", address="host=db1", database="shop", user="postgres")
    assert f"ExecStart={program} worker" in worker_unit(facts, "pipeline_owner")


def test_the_worker_follows_a_failover_and_encrypts_what_the_console_does() -> None:
    address = "host=db1.example.net hostaddr=10.0.0.1 port=5432 target_session_attrs=any"
    facts = Facts("postgres", 180004, "18.4", address=address, database="a b", user="postgres", tls=True)
    assert worker_target(facts, "pipeline_owner") == (
        "host=db1.example.net port=5432 sslmode=require dbname='a b' user=pipeline_owner"
    )
    alone = replace(facts, address="hostaddr=10.0.0.1 port=5432", tls=False)
    assert "hostaddr=10.0.0.1" in worker_target(alone, "pipeline_owner")


def test_the_unit_gives_a_running_job_time_to_finish_and_keeps_the_audit_trail_of_its_user() -> None:
    text = SHIPPED.read_text()
    for needed in ("TimeoutStopSec=60", "StateDirectory=pipeline-console", "XDG_STATE_HOME=/var/lib", "Restart="):
        assert needed in text
