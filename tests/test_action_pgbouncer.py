"""write-pgbouncer-config: what it renders starts for real, takes logins over TCP with SCRAM, and fits the server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from console.actions.trail.undo import UNDO
from console.cli.plan_text import plan_text, run_document
from console.demo.ports import HOST, free_port
from console.files.pooler_config import ADMIN, LOOKUP, STATS
from console.model import Kind, Outcome, Trouble
from console.settings.config import Target
from tests.acting import Desk
from tests.founding import Ground, bare_server, borrowed, empty_ground  # noqa: F401  fixtures, found by name
from tests.written_pooler import (  # noqa: F401  fixtures, found by name
    Start,
    pooler_folder,
    replaced,
    roles,
    start_written,
    write,
    written,
)

pytestmark = pytest.mark.usefixtures("pg")


async def test_what_is_written_starts_and_users_log_in_with_scram(ground: Ground, folder: Path, start: Start) -> None:
    await roles(ground)
    done = await write(ground, folder)
    assert written(folder) == ["pgbouncer.ini", "users.txt"]
    for path in written(folder):
        assert (folder / path).stat().st_mode & 0o777 == 0o600
    port = start(folder / "pgbouncer.ini")
    for user in ("pipeline_app", "pipeline_readonly"):
        for database in (ground.desk.database, f"{ground.desk.database}_session"):
            with ground.login(user, port=port, database=database) as session:
                assert session.execute("SELECT current_user").fetchone() == (user,)
    with pytest.raises(psycopg.OperationalError):
        ground.login("pipeline_app", "wrong", port=port)
    with pytest.raises(psycopg.OperationalError):
        ground.login("postgres", "anything", port=port)
    with ground.login(STATS, port=port, database="pgbouncer") as session:
        assert ground.desk.database in [row[0] for row in session.execute("SHOW POOLS").fetchall()]
        with pytest.raises(psycopg.Error):
            session.execute("RELOAD")
    with ground.login(ADMIN, port=port, database="pgbouncer") as session:
        shown = {row[0]: row[1] for row in session.execute("SHOW CONFIG").fetchall()}
    wanted = {
        "pool_mode": "transaction",
        "max_client_conn": "1000",
        "default_pool_size": "25",
        "max_db_connections": "50",
        "reserve_pool_size": "5",
        "server_reset_query": "",
        "auth_type": "scram-sha-256",
    }
    assert {name: shown[name] for name in wanted} == wanted
    assert any("pgbouncer -d" in note for note in done.plan.notes)
    assert any("LimitNOFILE=" in note for note in done.plan.notes), "it can serve the clients that it promises"


async def test_no_secret_is_shown_or_kept(ground: Ground, folder: Path) -> None:
    await roles(ground)
    done = await write(ground, folder)
    seen = run_document(done) + plan_text(done.plan) + ground.desk.trail.path.read_text()
    for name in (ADMIN, STATS, LOOKUP):
        assert ground.known[name] not in seen
    assert "SCRAM-SHA-256$4096" not in seen
    users = (folder / "users.txt").read_text()
    assert ground.known[ADMIN] not in users
    assert f'"{LOOKUP}" "{ground.known[LOOKUP]}"' in users


async def test_again_plans_nothing_and_a_change_shows_what_goes_and_comes(ground: Ground, folder: Path) -> None:
    await roles(ground)
    ini = folder / "pgbouncer.ini"
    port = str(free_port())
    await write(ground, folder, given={"listen_port": port})
    assert (await write(ground, folder, given={"listen_port": port})).outcome is Outcome.NOTHING
    mine = ini.read_text() + "server_tls_sslmode = require\n"
    ini.write_text(mine)
    ini.chmod(0o640)
    done = await write(ground, folder, given={"listen_port": port, "pool": "10"})
    assert done.plan.table is not None
    assert set(done.plan.table.rows) == {
        ("removed", "default_pool_size = 25"),
        ("added", "default_pool_size = 10"),
        ("removed", "server_tls_sslmode = require"),
    }
    (kept,) = replaced(folder)
    assert kept.read_text() == mine
    assert ini.stat().st_mode & 0o777 == 0o640


async def test_undo_restores_the_file_that_was_replaced(
    ground: Ground, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.actions.trail.undo.default_trail", lambda: ground.desk.trail)
    await roles(ground)
    ini = folder / "pgbouncer.ini"
    ini.write_text("[databases]\n")
    await write(ground, folder)
    done = await ground.desk.run(UNDO)
    assert done.outcome is Outcome.DONE, done.message
    assert ini.read_text() == "[databases]\n"


async def test_pools_that_the_server_has_not_are_refused(ground: Ground, folder: Path) -> None:
    await roles(ground)
    for given in ({"database_connections": "95"}, {"poolers": "2"}, {"others": "60"}):
        with pytest.raises(Trouble, match="the server has only 97 for ordinary roles") as why:
            await write(ground, folder, given=given)
        assert why.value.kind is Kind.REFUSED
    assert "database-connections=27" in why.value.remedy
    assert written(folder) == []
    await write(ground, folder, given={"others": "60", "database_connections": "27"})


async def test_poolers_of_the_configuration_are_counted(ground: Ground, folder: Path) -> None:
    await roles(ground)
    label = f"{HOST}:{ground.desk.cluster.port}"
    target = Target("here", ground.desk.uri, ("postgresql://a/pgbouncer", "postgresql://b/pgbouncer"), label)
    desk = replace(ground.desk, settings=replace(ground.desk.settings, targets={"here": target}))
    with pytest.raises(Trouble, match="could open 120 connections"):
        await write(ground, folder, desk)


@pytest.mark.parametrize(("version", "line"), [("1.21", True), ("1.25.2", True), ("1.18", False)])
async def test_prepared_statements_are_known_by_version(ground: Ground, folder: Path, version: str, line: bool) -> None:
    await roles(ground)
    await write(ground, folder, given={"version": version})
    lines = (folder / "pgbouncer.ini").read_text().splitlines()
    assert ("max_prepared_statements = 200" in lines) is line


async def test_without_a_look_up_users_are_listed(ground: Ground, folder: Path, start: Start) -> None:
    desk = borrowed(ground, "CREATEROLE")
    if desk.cluster.major >= 16:
        ground.desk.do("GRANT pg_monitor, pg_signal_backend TO dba WITH ADMIN OPTION")
    await roles(ground, desk)
    done = await write(ground, folder, desk)
    assert any("listed in users.txt" in note for note in done.plan.notes)
    with ground.login("pipeline_app", port=start(folder / "pgbouncer.ini")) as session:
        assert session.execute("SELECT current_user").fetchone() == ("pipeline_app",)


async def test_a_password_that_is_not_known_is_asked_for(ground: Ground, folder: Path) -> None:
    await roles(ground)
    ground.passwords.write_text("")
    with pytest.raises(Trouble, match="has no password for pgbouncer_auth") as why:
        await write(ground, folder)
    assert "create-roles --set renew=pgbouncer_auth" in why.value.remedy
    await roles(ground, renew="pgbouncer_auth")
    await write(ground, folder)


async def test_names_that_would_add_lines_are_refused(ground: Ground, folder: Path) -> None:
    await roles(ground)
    for given in ({"server_host": "a b"}, {"listen_address": "x\nadmin_users = me"}, {"server_host": "%include"}):
        with pytest.raises(Trouble) as why:
            await write(ground, folder, given=given)
        assert why.value.kind is Kind.USAGE


async def test_a_database_with_a_hostile_name_is_reached(ground: Ground, folder: Path, start: Start) -> None:
    name = "a b';\"=#%x"
    quoted = name.replace('"', '""')
    await roles(ground)
    ground.desk.do(f'CREATE DATABASE "{quoted}"')
    try:
        desk = Desk(ground.desk.cluster, name, ground.desk.trail)
        await roles(ground, desk)
        await write(ground, folder, desk)
        with ground.login("pipeline_app", port=start(folder / "pgbouncer.ini"), database="a_b______x") as session:
            assert session.execute("SELECT current_database()").fetchone() == (name,)
    finally:
        with ground.desk.session() as session:
            session.execute(f'DROP DATABASE "{quoted}" WITH (FORCE)'.encode())
