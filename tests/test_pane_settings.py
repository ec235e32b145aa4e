"""The settings pane on every server: what differs, where it stands, what waits, who has their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from console.doctor import Status, rights
from console.format import FORMATS
from console.model import Kind, Snapshot, Trouble
from console.panes.settings import SETTINGS
from console.reading.arrange import arrange
from console.reading.reader import Reader
from console.tui.layout import place
from console.tui.table_lines import fit
from tests.activity import console, pairs
from tests.servers import PostgresServer, Servers
from tests.tuning import server_of_files
from tests.waiting import wait


@pytest.fixture(scope="module")
def own(pg_servers: Servers) -> Iterator[PostgresServer]:
    """The newest server, with settings of its own in its files."""
    if pg_servers.choices[pg_servers.newest].installation is None:
        pytest.skip("needs local binaries")
    server = server_of_files(pg_servers, pg_servers.newest)
    with server.connect() as connection:
        connection.execute("ALTER SYSTEM SET work_mem = '8MB'")
        connection.execute("ALTER SYSTEM SET max_connections = 77")
        connection.execute("ALTER SYSTEM SET port = 1")  # the command line has another one
        connection.execute("ALTER ROLE postgres IN DATABASE postgres SET enable_seqscan = on")
        connection.execute("SELECT pg_reload_conf()")
        wait(lambda: connection.execute("SHOW work_mem").fetchone() == ("8MB",))
    yield server
    server.stop()


async def look(server: PostgresServer, view: str, user: str = "postgres") -> Snapshot:
    """What a view of the pane shows."""
    chosen = SETTINGS.view(view)
    async with console(server, "postgres", user) as reading:
        return arrange(await Reader(chosen).read(reading), chosen)


async def named(server: PostgresServer, view: str) -> dict[str, dict[str, object]]:
    """The rows of a view by the name of the setting."""
    return {str(row["name"]): row for row in (await look(server, view)).records()}


@pytest.mark.parametrize("view", [view.name for view in SETTINGS.views])
async def test_every_view_is_read_on_every_server(pg: PostgresServer, view: str) -> None:
    snapshot = await look(pg, view)
    assert {column.name for column in SETTINGS.view(view).columns} <= set(snapshot.columns)
    async with console(pg, "postgres") as reading:
        detail = await reading.fetch("settings_detail", {"name": "work_mem"})
    assert str(pairs(detail)["what for"]).startswith("Sets the maximum memory")


async def test_what_differs_from_the_defaults_is_shown_with_file_and_line(own: PostgresServer) -> None:
    changed = await named(own, "changed")
    assert (changed["work_mem"]["value"], changed["work_mem"]["default"]) == ("8MB", "4MB")
    assert str(changed["work_mem"]["origin"]).startswith("postgresql.auto.conf:")
    assert changed["fsync"]["value"] == "off"
    assert str(changed["fsync"]["origin"]).startswith("postgresql.conf:")
    assert not {"random_page_cost", "config_file", "archive_command", "block_size"} & set(changed)
    assert "lock_timeout" not in changed
    assert (await named(own, "all"))["lock_timeout"]["origin"] == "default"


SERVER = {  # what the console sets for its own session, and a value that psql would show instead
    "statement_timeout": "33s",
    "lock_timeout": "7s",
    "idle_in_transaction_session_timeout": "11min",
    "search_path": "app, public",
    "TimeZone": "Asia/Tokyo",
    "DateStyle": "German, DMY",
    "IntervalStyle": "iso_8601",
    "application_name": "shop",
    "client_min_messages": "warning",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "default_transaction_read_only": "on",
    "client_encoding": "LATIN1",
}


@pytest.mark.parametrize(
    ("statement", "origin"),
    [
        ("ALTER SYSTEM", "postgresql.auto.conf:"),
        ("ALTER DATABASE postgres", "database"),
        ("ALTER ROLE postgres", "role"),
        ("ALTER ROLE postgres IN DATABASE postgres", "role in database"),
        ("ALTER ROLE ALL", "all roles"),
    ],
)
async def test_the_values_of_the_server_are_shown_and_not_those_of_the_console(
    own: PostgresServer, statement: str, origin: str
) -> None:
    try:
        for name, value in SERVER.items():
            written = value if name == "search_path" else f"'{value}'"
            with own.connect(options="-c default_transaction_read_only=off") as connection:
                connection.execute(f"{statement} SET {name} = {written}")
                connection.execute("SELECT pg_reload_conf()")
        with own.connect(options="-c default_transaction_read_only=off") as connection:
            wait(lambda: connection.execute("SHOW statement_timeout").fetchone() == ("33s",))
            rows = connection.execute("SELECT name, setting FROM pg_settings WHERE source <> 'client'").fetchall()
        psql = {name: setting for name, setting in rows if name in SERVER}
        every = {name: row for name, row in (await named(own, "all")).items() if name in SERVER}
        changed = await named(own, "changed")
    finally:
        with own.connect(options="-c default_transaction_read_only=off") as connection:
            connection.execute("SET statement_timeout = 0")
            for name in SERVER:
                connection.execute(f"{statement} RESET {name}")
            connection.execute("SELECT pg_reload_conf()")
    assert {name: every[name]["setting"] for name in psql} == psql
    assert set(SERVER) - set(changed) <= {"client_min_messages", "jit"}
    found = {str(changed[name]["origin"]) for name in SERVER if name in changed and name != "client_encoding"}
    assert all(where.startswith(origin) for where in found), found


async def test_values_are_read_where_operators_of_the_search_path_are_traps(own: PostgresServer) -> None:
    """The query runs under the server's own search_path: no operator or function of a user may run in it."""
    with own.connect() as connection:
        connection.execute("CREATE DATABASE trapped")
    with own.connect("trapped") as connection:
        connection.execute("CREATE SCHEMA trap")
        for operator, right in (("~*", "text"), ("~", "text"), ("<>", "text"), ("=", "text"), ("/", "int")):
            name = f"trap.f{ord(operator[0])}{len(operator)}"
            connection.execute(
                f"CREATE FUNCTION {name}({right}, {right}) RETURNS bool LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE 'trapped'; END $$"
            )
            connection.execute(
                f"CREATE OPERATOR trap.{operator} (FUNCTION = {name}, LEFTARG = {right}, RIGHTARG = {right})"
            )
        connection.execute("ALTER DATABASE trapped SET search_path = trap, pg_catalog")
    try:
        async with console(own, "trapped", "postgres") as reading:
            rows = (await Reader(SETTINGS.view("all")).read(reading)).records()
            assert {row["name"]: row["setting"] for row in rows}["search_path"] == "trap, pg_catalog"
            assert (await reading.fetch("actions/tuning_settings")).rows
            own_path = await reading.ask("path", "SELECT pg_catalog.current_setting('search_path')")
            assert own_path.rows == (("pg_catalog, pg_temp",),)
    finally:
        own.drop_database("trapped")


async def test_values_are_read_though_the_server_leaves_no_time_for_statements(own: PostgresServer) -> None:
    with own.connect() as connection:
        connection.execute("ALTER ROLE postgres SET statement_timeout = '1ms'")
        try:
            found = (await named(own, "changed"))["statement_timeout"]
        finally:
            connection.execute("ALTER ROLE postgres RESET statement_timeout")
    assert found["value"] == "1ms"
    assert found["origin"] in {"role", "the server"}


async def test_what_waits_for_a_restart_is_shown_and_is_no_error(own: PostgresServer) -> None:
    pending = await named(own, "pending")
    assert set(pending) == {"max_connections", "port"}
    row = pending["max_connections"]
    assert row["value"] != "77"
    assert (row["next_value"], row["danger"]) == ("77", None)
    verdicts = {
        str(row["name"]): row["verdict"] for row in (await look(own, "files")).records() if row["setting"] == "77"
    }
    assert verdicts == {"max_connections": "needs restart"}
    snapshot = await look(own, "files")
    assert "error" not in snapshot.values("verdict")


async def test_a_restart_is_not_said_to_bring_what_the_command_line_overrides(own: PostgresServer) -> None:
    row = (await named(own, "pending"))["port"]
    assert row["next_value"] == row["value"] == str(own.port)
    assert "command line takes precedence over 1 in" in str(row["danger"])
    async with console(own, "postgres") as reading:
        (restart,) = (check for check in await rights(reading) if check.name == "restart")
    assert restart.why == "max_connections"


DANGEROUS = {
    "shared_preload_libraries": ("'auto_explain,pg_stat_statements'", "quote each library by itself"),
    "superuser_reserved_connections": ("100", "the server does not start"),
    "wal_level": ("minimal", "the server does not start"),
}


async def test_a_waiting_value_with_which_the_server_will_not_start_is_named(pg_servers: Servers) -> None:
    if pg_servers.choices[pg_servers.newest].installation is None:
        pytest.skip("needs local binaries")
    server = server_of_files(pg_servers, pg_servers.newest)
    try:
        with server.connect() as connection:
            for name, (value, _) in DANGEROUS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = {value}".encode())
            connection.execute("SELECT pg_reload_conf()")
            count = "SELECT count(*) FROM pg_settings WHERE pending_restart"
            wait(lambda: connection.execute(count).fetchone() == (len(DANGEROUS),))
        pending = await named(server, "pending")
        async with console(server, "postgres") as reading:
            (restart,) = (check for check in await rights(reading) if check.name == "restart")
        for name, (value, why) in DANGEROUS.items():
            assert str(pending[name]["next_value"]).strip('"') == value.strip("'")
            assert why in str(pending[name]["danger"]), name
            assert name in restart.why or why in restart.why
        assert restart.state is Status.CANNOT
        assert "Restart the server." not in restart.remedy
    finally:
        server.stop()


async def test_a_value_that_does_harm_is_named_with_the_reason(pg_servers: Servers) -> None:
    if pg_servers.choices[pg_servers.newest].installation is None:
        pytest.skip("needs local binaries")
    server = server_of_files(pg_servers, pg_servers.newest)
    try:
        with server.connect() as connection:
            connection.execute("ALTER SYSTEM SET autovacuum = off")
            connection.execute("ALTER SYSTEM SET log_min_duration_statement = 0")
            connection.execute("ALTER SYSTEM SET max_locks_per_transaction = 10")
            connection.execute("SELECT pg_reload_conf()")
            wait(lambda: connection.execute("SHOW autovacuum").fetchone() == ("off",))
        changed, pending = await named(server, "changed"), await named(server, "pending")
        assert "transaction ids run out" in str(changed["autovacuum"]["harm"])
        assert changed["max_wal_size"]["harm"] is None
        assert "makes statements fail" in str(pending["max_locks_per_transaction"]["danger"])
        async with console(server, "postgres") as reading:
            (check,) = (check for check in await rights(reading) if check.name == "harmful settings")
        assert check.state is Status.LIMITED
        for name in ("autovacuum", "log_min_duration_statement", "max_locks_per_transaction"):
            assert name in check.what
            assert f"{name} = " in check.why
        assert "fsync" not in check.what  # has a check of its own
    finally:
        server.stop()


async def test_a_wrong_line_of_a_file_is_an_error(own: PostgresServer) -> None:
    assert own.data is not None
    file = own.data / "postgresql.conf"
    text = file.read_text(encoding="utf-8")
    file.write_text(f"{text}\nno_such_setting = 1\n", encoding="utf-8")
    try:
        first = next(iter((await look(own, "files")).records()))
    finally:
        file.write_text(text, encoding="utf-8")
    assert (first["name"], first["verdict"]) == ("no_such_setting", "error")
    assert first["origin"] == f"postgresql.conf:{len(text.splitlines()) + 2}"


async def test_what_the_preset_would_change_is_shown_with_the_reason(own: PostgresServer) -> None:
    wanted = await named(own, "preset")
    assert (wanted["random_page_cost"]["wanted"] if "random_page_cost" in wanted else None) is None
    assert (wanted["max_wal_size"]["value"], wanted["max_wal_size"]["wanted"]) == ("256MB", "2GB")
    assert wanted["track_io_timing"]["why"]
    assert "shared_buffers" not in wanted


async def test_roles_and_databases_with_their_own_are_shown(own: PostgresServer) -> None:
    (row,) = (await look(own, "overrides")).records()
    assert (row["name"], row["value"], row["role"], row["database"]) == ("enable_seqscan", "on", "postgres", "postgres")


async def test_passwords_in_settings_are_not_read(own: PostgresServer) -> None:
    with own.connect() as connection:
        connection.execute("ALTER SYSTEM SET primary_conninfo = 'host=h user=u password=hushhush'")
        connection.execute("ALTER ROLE postgres SET app.api_key = 'hushhush'")
        connection.execute("SELECT pg_reload_conf()")
        wait(lambda: connection.execute("SHOW primary_conninfo").fetchone() != ("",))
        try:
            async with console(own, "postgres") as reading:
                detail = await reading.fetch("settings_detail", {"name": "app.api_key"})
            seen = [await look(own, view.name) for view in SETTINGS.views] + [detail]
        finally:
            connection.execute("ALTER SYSTEM RESET primary_conninfo")
            connection.execute("ALTER ROLE postgres RESET app.api_key")
    assert not [snapshot.name for snapshot in seen if "hushhush" in str(snapshot.rows)]
    assert ("role postgres", "***") in detail.rows
    assert any("primary_conninfo" in str(row) and "***" in str(row) for row in seen[0].rows)


async def test_a_role_that_may_not_see_the_files_is_told_so(own: PostgresServer) -> None:
    with own.connect() as connection:
        rows = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolcanlogin AND NOT rolsuper ORDER BY 1"
        ).fetchall()
    for (role,) in rows:
        snapshot = await look(own, "changed", role)
        hidden = any("pg_read_all_settings" in note for note in snapshot.notes)
        shown = any("postgresql.conf:" in str(origin) for origin in snapshot.values("origin"))
        assert hidden is not shown
        with pytest.raises(Trouble) as told:
            await look(own, "files", role)
        assert told.value.kind is Kind.DENIED


# Of 19: its last 20 characters are also those of autovacuum_freeze_score_weight.
ALIKE = "autovacuum_multixact_freeze_score_weight"


@pytest.mark.parametrize("view", [view.name for view in SETTINGS.views])
async def test_at_80_columns_no_two_settings_look_the_same(pg: PostgresServer, view: str) -> None:
    with pg.connect("postgres") as connection:
        names = [str(name) for (name,) in connection.execute("SELECT name FROM pg_settings").fetchall()]
    beside_a_scroll_bar = place(SETTINGS.view(view).columns, 79)
    (name,) = (each for each in beside_a_scroll_bar if each.column.name == "name")
    shown = [fit(text, name.width, right=False, end=FORMATS[name.column.format].end) for text in names if text != ALIKE]
    assert sorted(text for text, times in Counter(shown).items() if times > 1) == []
