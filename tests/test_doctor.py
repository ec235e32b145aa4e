"""What the doctor makes of terminals, multiplexers, keys and poolers that are not at hand, and how it tells it."""

from __future__ import annotations

import os
import pty
import resource
import shutil
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.doctor import Check, Report, Status, text
from console.doctor.check import on_target
from console.doctor.pooler import Pool, judge
from console.doctor.server import Found, judge_version
from console.doctor.terminal import Terminal, checks, here
from console.files.open_files import soft_limit
from console.format import cells
from console.model import Facts
from tests.command import CHECKOUT, environment
from tests.waiting import PATIENCE

GOOD = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "de_DE.UTF-8", "KITTY_WINDOW_ID": "1"}
TMUX = {
    "version": "3.4",
    "prefix": "C-b",
    "escape-time": "500",
    "set-clipboard": "external",
    "mouse": "off",
    "default-terminal": "screen",
}
WIDE = (160, 50)


def terminal(
    size: tuple[int, int] = WIDE, flow: bool = True, tmux: Mapping[str, str] | None = None, **own: str
) -> Terminal:
    """A good terminal with variables changed; an empty one is not set."""
    environ = {name: value for name, value in (GOOD | own).items() if value}
    return Terminal(environ, True, size, flow, tmux or {})


def judged(one: Terminal, **keymap: str) -> dict[str, Check]:
    """The checks by name; a keymap with underscores for dots and hyphens."""
    return {check.name: check for check in checks(one, {name.replace("__", "."): key for name, key in keymap.items()})}


def test_a_good_terminal_is_fine() -> None:
    assert {check.state for check in judged(terminal()).values()} == {Status.OK}


@pytest.mark.parametrize(
    ("one", "name", "state", "remedy"),
    [
        (terminal(TERM="dumb"), "kind", Status.CANNOT, "export TERM="),
        (terminal(TERM="linux", COLORTERM=""), "colours", Status.LIMITED, "TERM=xterm-256color"),
        (terminal(COLORTERM=""), "colours", Status.OK, ""),
        (terminal(TERM="vt100", NO_COLOR="1", COLORTERM=""), "colours", Status.OK, ""),
        (terminal(LANG="C"), "locale", Status.LIMITED, "export LC_ALL=C.UTF-8"),
        (terminal(LC_ALL="POSIX"), "locale", Status.LIMITED, "export LC_ALL=C.UTF-8"),
        (terminal(LC_ALL="en_US.utf8", LANG="C"), "locale", Status.OK, ""),
        (terminal(LANG=""), "locale", Status.LIMITED, "export LC_ALL=C.UTF-8"),
        (terminal((79, 50)), "size", Status.LIMITED, "80x24"),
        (terminal((80, 24)), "size", Status.OK, ""),
        (terminal(KITTY_WINDOW_ID="", TERM_PROGRAM="Apple_Terminal"), "copy", Status.CANNOT, "e exports"),
        (terminal(KITTY_WINDOW_ID=""), "copy", Status.UNKNOWN, "Try y"),
        (terminal(STY="1.pts"), "copy", Status.CANNOT, "e exports"),
        (terminal(TMUX="/tmp/x,1,0", tmux=TMUX), "copy", Status.CANNOT, "set-clipboard on"),
        (terminal(TMUX="/tmp/x,1,0", tmux=TMUX | {"set-clipboard": "on"}), "copy", Status.OK, ""),
        (terminal(TMUX="/tmp/x,1,0"), "copy", Status.UNKNOWN, ""),
        (terminal(TMUX="/tmp/x,1,0", tmux=TMUX), "escape", Status.LIMITED, "escape-time 10"),
        (terminal(TMUX="/tmp/x,1,0", tmux=TMUX), "mouse", Status.LIMITED, "mouse on"),
        (
            terminal(TMUX="/tmp/x,1,0", tmux=TMUX, TERM="screen", COLORTERM=""),
            "colours",
            Status.LIMITED,
            "default-terminal",
        ),
        (terminal(flow=False), "flow control", Status.OK, ""),
    ],
)
def test_what_a_terminal_lacks_is_told(one: Terminal, name: str, state: Status, remedy: str) -> None:
    check = judged(one)[name]
    assert check.state is state
    assert remedy in check.remedy
    assert bool(check.remedy) >= bool(remedy)


def test_the_prefix_of_tmux_does_not_arrive() -> None:
    check = judged(terminal(TMUX="/tmp/x,1,0", tmux=TMUX))["key table.page-up"]
    assert check.state is Status.LIMITED
    assert "pageup does" in check.what
    assert check.remedy == "Press ctrl+b twice."
    other = judged(terminal(TMUX="/tmp/x,1,0", tmux=TMUX | {"prefix": "C-a"}))
    assert other["keys"].state is Status.OK


def test_keys_of_the_keymap_that_no_terminal_delivers_are_told() -> None:
    told = judged(terminal(), pane__locks="ctrl+i", pane__bloat="ctrl+m,b", act__R="f1")
    assert told["key pane.locks"].state is Status.CANNOT
    assert "arrives as tab" in told["key pane.locks"].why
    assert "keymap:" in told["key pane.locks"].remedy
    assert told["key pane.bloat"].state is Status.LIMITED
    assert "keys" not in told


def test_in_screen_its_own_key_and_flow_control_are_told() -> None:
    told = judged(terminal(STY="1.pts"), pane__locks="ctrl+a", pane__bloat="ctrl+s")
    assert told["key pane.locks"].state is Status.CANNOT
    assert "Press ctrl+a twice." in told["key pane.locks"].remedy
    assert told["key pane.bloat"].state is Status.CANNOT


def test_the_console_gets_ctrl_s_though_the_terminal_has_flow_control(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    assert termios.tcgetattr(theirs)[0] & termios.IXON
    try:
        code = (
            "from textual.app import App\n"
            "class One(App):\n"
            "    def on_key(self, event): self.exit(7 if event.key == 'ctrl+s' else 8, return_code=7)\n"
            "    def on_ready(self): open('ready', 'w').close()\n"
            "app = One(); app.run(); raise SystemExit(app.return_code)"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=tmp_path,
            env=environment(tmp_path),
        ) as process:
            os.set_blocking(ours, False)
            sent = False
            while process.poll() is None:
                try:
                    os.read(ours, 65536)
                except BlockingIOError:
                    if not sent and (tmp_path / "ready").exists():
                        os.write(ours, b"\x13")
                        sent = True
            assert process.returncode == 7
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[list[str]]:
    """The command line of a tmux server of its own."""
    program = shutil.which("tmux")
    if program is None:
        pytest.skip("no tmux")
    command = [program, "-S", str(tmp_path / "socket"), "-f", "/dev/null"]
    yield command
    subprocess.run([*command, "kill-server"], check=False, capture_output=True)


def test_a_real_tmux_is_asked_for_its_options(tmux: list[str], tmp_path: Path) -> None:
    code = "import json; from console.doctor.terminal import here; one = here(); print(json.dumps(dict(one.tmux)))"
    script = tmp_path / "ask.sh"
    script.write_text(f"cd {tmp_path} && {sys.executable} -c '{code}' > told.new && mv told.new told\n")
    env = environment(tmp_path)
    subprocess.run([*tmux, "new-session", "-d", "-x", "100", "-y", "30", "cat"], env=env, check=True)
    subprocess.run([*tmux, "set-option", "-g", "prefix", "C-a"], env=env, check=True)
    subprocess.run([*tmux, "set-option", "-s", "set-clipboard", "on"], env=env, check=True)
    subprocess.run(
        [*tmux, "new-window", "-e", f"PYTHONPATH={CHECKOUT}", f"sh {script}; tmux wait-for -S done"],
        env=env,
        check=True,
    )
    subprocess.run([*tmux, "wait-for", "done"], env=env, check=True, timeout=PATIENCE)
    told = (tmp_path / "told").read_text()
    assert '"prefix": "C-a"' in told
    assert '"set-clipboard": "on"' in told


def test_this_process_has_a_terminal_or_not() -> None:
    found = here({"TERM": "xterm"})
    assert found.tmux == {}
    assert found.tty == (os.isatty(0) and os.isatty(1))


POOL = Pool(
    name="pool",
    version=12502,
    version_text="1.25.2",
    user="admin",
    config={
        "admin_users": "admin, root",
        "stats_users": "stats",
        "pool_mode": "transaction",
        "max_prepared_statements": "200",
        "server_reset_query": "",
        "auth_type": "scram-sha-256",
        "listen_addr": "127.0.0.1",
        "listen_port": "6432",
        "query_wait_timeout": "15",
        "max_client_conn": "1000",
    },
    databases=(
        {"name": "pgbouncer", "pool_mode": "statement", "pool_size": 2, "reserve_pool_size": 0, "max_connections": 0},
        {"name": "shop", "pool_mode": None, "pool_size": 20, "reserve_pool_size": 5, "max_connections": 0},
    ),
    pools=({"database": "shop", "user": "a"}, {"database": "shop", "user": "b"}),
    files=1200,
)


def pooled(pool: Pool, usable: int | None = 97, **changed: str) -> dict[str, Check]:
    """The checks of a pool with its configuration changed, without the pooler's name."""
    one = replace(pool, config={**pool.config, **changed})
    return {check.name: check for check in judge(one, usable)}


def test_a_good_pooler_is_fine() -> None:
    assert {name for name, check in pooled(POOL).items() if check.state is not Status.OK} == set()


@pytest.mark.parametrize(
    ("found", "name", "remedy"),
    [
        (pooled(replace(POOL, user="stats")), "admin", "admin_users = admin, root, stats"),
        (pooled(replace(POOL, version=12501, version_text="1.25.1")), "stats users", "1.25.2"),
        (pooled(POOL, max_prepared_statements="0"), "prepared statements", "max_prepared_statements = 200"),
        (pooled(POOL, server_reset_query="DISCARD ALL"), "reset", "server_reset_query ="),
        (pooled(POOL, usable=40), "pools", "max_db_connections = 32"),
        (pooled(replace(POOL, files=1024)), "open files", "LimitNOFILE=1200"),
        (pooled(POOL, max_client_conn="5000"), "open files", "LimitNOFILE=5200"),
        (pooled(POOL, auth_type="md5"), "authentication", "auth_type = scram-sha-256"),
        (pooled(POOL, auth_type="trust"), "authentication", "auth_type = scram-sha-256"),
        (pooled(POOL, listen_addr=""), "listening", "listen_addr = 127.0.0.1"),
        (pooled(POOL, query_wait_timeout="120"), "waiting", "query_wait_timeout = 15"),
        (pooled(POOL, query_wait_timeout="0"), "waiting", "query_wait_timeout = 15"),
    ],
)
def test_what_bites_of_a_pooler_is_told_with_its_line(found: Mapping[str, Check], name: str, remedy: str) -> None:
    assert {one for one, check in found.items() if check.state is not Status.OK} == {name}
    assert remedy in found[name].remedy


def test_a_limit_that_is_not_visible_is_no_warning_but_says_what_is_needed() -> None:
    check = pooled(replace(POOL, files=None))["open files"]
    assert check.state is Status.OK
    assert "needs 1200 open files" in check.why


def test_the_open_files_of_a_process_are_read_from_this_machine_alone(tmp_path: Path) -> None:
    pidfile = tmp_path / "pid"
    pidfile.write_text(f"{os.getpid()}\n")
    name = Path("/proc/self/comm").read_text().strip()
    assert soft_limit(str(pidfile), name) == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert soft_limit(str(pidfile), "pgbouncer") is None
    assert soft_limit("", name) is None
    pidfile.write_text("999999999")
    assert soft_limit(str(pidfile), name) is None


def test_versions_without_kill_client_or_without_stats_users_are_safe() -> None:
    assert pooled(replace(POOL, version=12301))["stats users"].state is Status.OK
    assert pooled(replace(POOL, version=12501), stats_users="")["stats users"].state is Status.OK


def test_pools_of_many_users_count_up_to_the_limit_of_the_database() -> None:
    # Two users with 20 each and 5 in reserve.
    assert "at most 45 " in pooled(POOL)["pools"].why
    shop = {**POOL.databases[1], "max_connections": 30}
    assert "at most 30 " in pooled(replace(POOL, databases=(POOL.databases[0], shop)))["pools"].why


@pytest.mark.parametrize(
    ("version", "state", "remedy"),
    [
        (140023, Status.LIMITED, "Upgrade the server."),
        (180004, Status.OK, ""),
        (190000, Status.OK, ""),
        (200000, Status.LIMITED, "Upgrade the console."),
    ],
)
def test_a_version_out_of_care_or_newer_than_tested_is_told(version: int, state: Status, remedy: str) -> None:
    facts = Facts("postgres", version, f"{version // 10000}.{version % 10000}")
    check = judge_version(Found(facts, {"now": datetime(2026, 12, 1, tzinfo=UTC)}, {}))
    assert (check.state, check.remedy) == (state, remedy)


def test_the_text_tells_what_is_not_fine_and_sums_up_the_rest() -> None:
    facts = Facts("postgres", 180004, "18.4", "db\x1b[2J:5432", database="shop", user="me")
    report = Report(
        facts,
        (
            Check("role", "one", Status.OK, "Fine."),
            Check("role", "two", Status.CANNOT, "Not at all.", "because", "GRANT a TO b;\nGRANT c TO d;"),
            Check("pane", "three", Status.LIMITED, "Shows " + "much " * 40 + "less.", "because"),
        ),
    )
    told = text(report, 60)
    assert "\x1b" not in told
    assert "!! two: Not at all. (because)\n   -> GRANT a TO b;\n   -> GRANT c TO d;\n   1 ok: one\n" in told
    assert "\n1 not working, 1 limited, 1 ok\n" in told
    assert max(map(cells, told.splitlines())) <= 60
    assert "   one: Fine.\n" in text(report, 60, every=True)
    same = [Check("action", name, Status.CANNOT, "Cannot run.", "because", "GRANT a TO b;") for name in "xyz"]
    assert "!! x, y, z: Cannot run. (because)\n   -> GRANT a TO b;\n" in text(Report(facts, tuple(same)), 60)
    assert "\x1b[1;31m!!" in text(report, 60, colour=True)


RUN = "pipeline-console run terminate-idle"


def remedies(remedy: str, width: int) -> list[str]:
    """The lines of a report from the first one of a remedy on."""
    lines = text(Report(None, (Check("server", "it", Status.CANNOT, "No.", "", remedy),)), width).splitlines()
    return lines[next(at for at, line in enumerate(lines) if line.startswith("   -> ")) :]


def test_a_command_in_a_remedy_names_the_target_that_was_checked() -> None:
    remedy = f"{RUN}  # ends idle sessions\nALTER SYSTEM SET a = 1;\n{RUN} --set older-than=1h\nSee pipeline-console."
    check = on_target(Check("server", "it", Status.CANNOT, "No.", "", remedy), "-t 'my shop'")
    assert check.remedy.splitlines() == [
        f"{RUN} -t 'my shop'  # ends idle sessions",
        "ALTER SYSTEM SET a = 1;",
        f"{RUN} --set older-than=1h -t 'my shop'",
        "See pipeline-console.",
    ]


def test_no_command_is_folded_and_no_folded_comment_becomes_a_statement() -> None:
    command = f"{RUN} -t 'host=db.example port=5432 dbname=shop'"
    assert remedies(f"{command}  # ends sessions that have been idle for long", 40) == [
        f"   -> {command}",
        "      # ends sessions that have been",
        "      # idle for long",
    ]
    grant = "GRANT pg_read_all_data TO dba; -- it lets the role read every row"
    assert remedies(grant, 40) == [
        "   -> GRANT pg_read_all_data TO dba;",
        "      -- it lets the role read every row",
    ]
    assert remedies(grant, 80) == [f"   -> {grant}"]
