"""PgBouncer's configuration as text: names, limits, users."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.files.pooler_config import PoolerSettings, auth_file, entry, most_connections, open_files, render, version
from console.files.scram import matches
from console.model import Kind, Trouble

SETTINGS = PoolerSettings("app", "db.example", 5432, "127.0.0.1", 6432, "/l", "/p", "/u")


@pytest.mark.parametrize(
    ("users", "changed", "most"),
    [
        (1, {}, 30 + 10),
        (2, {}, 50 + 10),
        (1, {"pool": 10, "reserve": 0, "session_connections": 3}, 10 + 3),
        (3, {"pool": 10, "reserve": 5, "database_connections": 45}, 45 + 10),
        (3, {"pool": 10, "reserve": 5, "database_connections": 44}, 44 + 10),
        (0, {}, 0),
    ],
)
def test_the_pools_take_at_most_what_their_limits_allow(users: int, changed: dict[str, int], most: int) -> None:
    assert most_connections(replace(SETTINGS, **changed), users) == most  # type: ignore[arg-type]


@pytest.mark.parametrize(("clients", "files"), [(1000, 1200), (1060, 1200), (1061, 1300), (100, 300)])
def test_every_connection_needs_an_open_file_and_the_pooler_some_of_its_own(clients: int, files: int) -> None:
    assert most_connections(SETTINGS, 1) == 40
    assert open_files(clients, 40) == files


@pytest.mark.parametrize(
    ("database", "name"),
    [("app", "app"), ("My-App_2.0", "My-App_2.0"), ("my app;x", "my_app_x"), ("naïve", "na_ve"),
     ("pgbouncer", "pgbouncer_"), ("pgbouncer2", "pgbouncer2")],
)  # fmt: skip
def test_clients_call_a_database_by_what_the_pooler_reads(database: str, name: str) -> None:
    assert entry(database) == name
    assert f"\n{name} = " in render(replace(SETTINGS, database=database))


@pytest.mark.parametrize(
    ("text", "found"),
    [("PgBouncer 1.18.0", (1, 18)), ("PgBouncer 1.24.1\nlibevent 2.1", (1, 24)), ("", None), ("PgBouncer", None)],
)
def test_a_version_is_found_in_a_text(text: str, found: tuple[int, int] | None) -> None:
    assert version(text) == found


@pytest.mark.parametrize(("at", "prepared"), [((1, 20), False), ((1, 21), True), ((2, 0), True), (None, False)])
def test_prepared_statements_are_kept_from_version_1_21_on(at: tuple[int, int] | None, prepared: bool) -> None:
    lines = render(replace(SETTINGS, version=at)).splitlines()
    assert ("max_prepared_statements = 200" in lines) is prepared


@pytest.mark.parametrize("lookup", [True, False])
def test_users_are_looked_up_only_where_that_is_possible(lookup: bool) -> None:
    text = render(replace(SETTINGS, lookup=lookup))
    assert ("auth_user=pgbouncer_auth" in text) is lookup
    assert any(line.startswith("auth_query = ") for line in text.splitlines()) is lookup


@pytest.mark.parametrize(
    ("pool", "connections", "least", "of_user"), [(25, 50, 2, 40), (1, 50, 1, 40), (45, 50, 2, 45), (2, 2, 2, 2)]
)
def test_limits_that_follow_from_others(pool: int, connections: int, least: int, of_user: int) -> None:
    lines = render(replace(SETTINGS, pool=pool, database_connections=connections)).splitlines()
    assert f"min_pool_size = {least}" in lines
    assert f"max_user_connections = {of_user}" in lines


def test_values_of_a_connection_string_are_quoted_or_refused() -> None:
    assert "dbname='it''s'" in render(replace(SETTINGS, database="it's"))
    with pytest.raises(Trouble) as wrong:
        render(replace(SETTINGS, database="a\nadmin_users = eve"))
    assert wrong.value.kind is Kind.USAGE


def test_a_verifier_stays_while_it_fits_the_password() -> None:
    first = auth_file({"a": "x", 'odd"name': "y"}, {"lookup": 'pl"ain'})
    lines = first.splitlines()
    assert lines[2] == '"lookup" "pl""ain"'
    assert lines[1].startswith('"odd""name" "SCRAM-SHA-256$4096:')
    assert matches("x", lines[0].split('"')[3])
    assert auth_file({"a": "x", 'odd"name': "y"}, {"lookup": 'pl"ain'}, first) == first
    changed = auth_file({"a": "other", 'odd"name': "y"}, {}, first).splitlines()
    assert changed[0] != lines[0]
    assert changed[1] == lines[1]
