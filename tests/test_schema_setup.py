"""`setup --yes` on an empty database of every version: done, nothing left to plan, and the schema as it must be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.demo.cluster import SETTINGS
from tests import command
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers

DATABASE = "first_day"


@pytest.fixture
def empty(pg: Cluster, pg_servers: Servers) -> Iterator[Cluster]:
    """A server of its own, because roles and settings are of the whole server, as initdb leaves it."""
    if pg_servers.choices[pg.major].installation is None:
        pytest.skip("a server of its own needs local binaries")
    server = pg_servers.new(pg.major, {})
    with server.connect() as session:
        session.execute(f"DROP ROLE {', '.join(SETTINGS)}")
        session.execute(f"CREATE DATABASE {DATABASE}")
    yield server
    server.stop()


def test_an_empty_server_is_set_up_and_the_second_time_nothing_is_planned(empty: Cluster, tmp_path: Path) -> None:
    uri = empty.uri(DATABASE)
    done = command.run(tmp_path, "setup", "--yes", "-t", uri, "--format", "json")
    assert done.code == 0, done.out + done.err
    first = pages(done.out)
    assert {page["state"] for page in first.values()} <= {"done", "to read", "not applicable"}, done.out
    assert len(first["schema"]["steps"]) > 10
    assert {step["status"] for page in first.values() for step in page["steps"]} == {"done"}

    again = command.run(tmp_path, "setup", "--yes", "-t", uri, "--format", "json")
    assert again.code == 0, again.out + again.err
    assert json.loads(again.out)["outcome"] == "nothing to do"
    assert {name: page["steps"] for name, page in pages(again.out).items() if page["steps"]} == {}

    shown = json.loads(command.run(tmp_path, "show", "schema", "-t", uri, "--format", "json").out)
    assert {row["status"] for row in shown["rows"]} == {"applied"}
    drift = command.run(tmp_path, "show", "schema", "--view", "drift", "-t", uri, "--format", "json")
    assert (drift.code, json.loads(drift.out)["rows"]) == (0, [])
    with empty.connect(DATABASE) as session:
        assert session.execute("SELECT count(*) FROM pg_index WHERE NOT indisvalid").fetchone() == (0,)
        assert session.execute("SELECT bool_and(relispopulated) FROM pg_class WHERE relkind = 'm'").fetchone() == (
            True,
        )


def pages(document: str) -> dict[str, Any]:
    return {page["name"]: page for page in json.loads(document)["pages"]}
