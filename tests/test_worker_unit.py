"""The systemd unit of the worker: shipped, and printed by setup for the server at hand."""

from __future__ import annotations

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


def test_the_unit_gives_a_running_job_time_to_finish_and_keeps_the_audit_trail_of_its_user() -> None:
    text = SHIPPED.read_text()
    for needed in ("TimeoutStopSec=60", "StateDirectory=pipeline-console", "XDG_STATE_HOME=/var/lib", "Restart="):
        assert needed in text
