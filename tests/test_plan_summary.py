"""A plan in one line and as lines: lock modes as PostgreSQL has them, how much, who may wait, every statement."""

from __future__ import annotations

import ast
from pathlib import Path

import psycopg
import pytest

import console
from console.actions import action
from console.actions.trail.undo import UNDO
from console.model import Batches, Claim, LocalFile, Plan, Program, Standalone, Step, Transaction, Trouble
from console.model.locks import LockMode, lock_of, locks, modes, strongest
from console.running.execution import executor, groups
from console.running.plan_lines import Sort, plan_lines
from console.running.progress import Run
from console.running.summary import summary
from console.running.trail.audit import default_trail
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster


@pytest.mark.parametrize("mode", LockMode, ids=lambda mode: mode.value)
def test_a_mode_blocks_what_the_server_makes_wait(any_pg: Cluster, pipeline: str, mode: LockMode) -> None:
    reads, writes = LockMode.ACCESS_SHARE, LockMode.ROW_EXCLUSIVE
    blocked = {reads: False, writes: False}
    with any_pg.connect(pipeline) as holder, holder.transaction(), any_pg.connect(pipeline) as other:
        holder.execute(f"LOCK TABLE public.organizations IN {mode.value} MODE".encode())
        for wanted in blocked:
            statement = f"LOCK TABLE public.organizations IN {wanted.value} MODE NOWAIT"
            try:
                with other.transaction():
                    other.execute(statement.encode())
            except psycopg.errors.LockNotAvailable:
                blocked[wanted] = True
    assert mode.blocks == ("reads and writes" if blocked[reads] else "writes" if blocked[writes] else "")


@pytest.mark.parametrize(
    ("lock", "found"),
    [
        ("SHARE UPDATE EXCLUSIVE on public.t", ["SHARE UPDATE EXCLUSIVE"]),
        ("ROW SHARE on public.a, SHARE ROW EXCLUSIVE on public.b", ["ROW SHARE", "SHARE ROW EXCLUSIVE"]),
        ("SHARE on public.t; up to ACCESS EXCLUSIVE on public.u, which is read", ["SHARE", "ACCESS EXCLUSIVE"]),
        ('SHARE on public."x ACCESS EXCLUSIVE on y"', ["SHARE"]),
        ("new objects only", []),
        ("none", []),
        ("", []),
    ],
)
def test_the_modes_of_a_lock_are_read(lock: str, found: list[str]) -> None:
    assert [mode.value for mode in modes(lock)] == found
    most = strongest(["ACCESS SHARE on public.z", lock])
    assert most is not None
    assert most.strength >= max((LockMode(name).strength for name in found), default=0)


@pytest.mark.parametrize(
    ("lock", "found"),
    [
        ("SHARE on public.t", [("SHARE", "public.t")]),
        ("ROW SHARE on public.a, SHARE on public.b", [("ROW SHARE", "public.a"), ("SHARE", "public.b")]),
        (
            "SHARE UPDATE EXCLUSIVE on public.t, ACCESS EXCLUSIVE on public.t briefly at the end",
            [("SHARE UPDATE EXCLUSIVE", "public.t"), ("ACCESS EXCLUSIVE", "public.t")],
        ),
        (
            "SHARE on public.t; up to ACCESS EXCLUSIVE on u, which is read",
            [("SHARE", "public.t"), ("ACCESS EXCLUSIVE", "u")],
        ),
        ('SHARE on public."x ACCESS EXCLUSIVE on ""y"""', [("SHARE", 'public."x ACCESS EXCLUSIVE on ""y"""')]),
        ("new objects only", []),
    ],
)
def test_the_relation_of_each_lock_is_read(lock: str, found: list[tuple[str, str]]) -> None:
    assert [(mode.value, relation) for mode, relation in locks(lock)] == found


LOCKING = (
    ("ALTER TABLE public.facts DETACH PARTITION public.facts_1", "public.facts"),
    ("DROP TABLE public.plain", "public.plain"),
    ("DROP INDEX public.plain_id", "public.plain_id"),
    ("ALTER TABLE public.plain DROP CONSTRAINT positive", "public.plain"),
    ("ALTER TABLE public.plain ALTER COLUMN id DROP NOT NULL", "public.plain"),
    ("ALTER TABLE public.plain RESET (fillfactor)", "public.plain"),
    ("COMMENT ON TABLE public.plain IS 'x'", "public.plain"),
    ("DELETE FROM public.plain", "public.plain"),
)


@pytest.mark.parametrize(("statement", "relation"), LOCKING, ids=[statement for statement, _ in LOCKING])
def test_what_an_undo_locks_is_what_the_server_locks(pg: Cluster, database: str, statement: str, relation: str) -> None:
    with pg.connect(database) as session:
        session.execute(
            "CREATE TABLE public.facts (day date) PARTITION BY RANGE (day);"
            "CREATE TABLE public.facts_1 PARTITION OF public.facts FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');"
            "CREATE TABLE public.plain (id int NOT NULL CONSTRAINT positive CHECK (id > 0));"
            "CREATE INDEX plain_id ON public.plain (id)"
        )
        with session.transaction(force_rollback=True):
            query = (
                "SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND relation = "
                "%s::regclass::oid"
            )
            (oid,) = session.execute("SELECT %s::regclass::oid", (relation,)).fetchone() or (0,)
            session.execute(statement.encode())
            held = session.execute(query.replace("%s::regclass::oid", str(oid)).encode()).fetchall()
    names = {mode.value.replace(" ", "").lower() + "lock": mode for mode in LockMode}
    most = max((names[str(mode).lower()] for (mode,) in held), key=lambda mode: mode.strength)
    assert lock_of(statement, relation) == f"{most.value} on {relation}"


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        (Plan(Claim("x")), "Nothing to do."),
        (
            Plan(Claim("x"), (Step("SELECT 1", "SHARE UPDATE EXCLUSIVE on public.t", "public.t"),)),
            "1 step on public.t, strongest lock SHARE UPDATE EXCLUSIVE, reads and writes go on.",
        ),
        (
            Plan(
                Claim("x"),
                (
                    Step("SELECT 1", "ACCESS EXCLUSIVE on the new table"),
                    Step("SELECT 2", "SHARE ROW EXCLUSIVE on public.t", "public.t"),
                    Step("SELECT 3", "ACCESS SHARE on public.u", "public.u", Batches(1_500)),
                ),
                summary="2 partitions for 1 table",
            ),
            (
                "2 partitions for 1 table, about 1500 rows in batches, strongest lock SHARE ROW EXCLUSIVE "
                "(queued for it < 0.2 s), blocks writes while held."
            ),
        ),
        (
            Plan(Claim("x"), (Step("pg_repack", "ACCESS EXCLUSIVE on public.t", "public.t", Program(("true",))),)),
            "1 step on public.t, strongest lock ACCESS EXCLUSIVE, blocks reads and writes while held.",
        ),
        (
            Plan(Claim("x"), (Step("users", execution=LocalFile("/f", "secret")),)),
            "1 step, no lock on existing tables.",
        ),
    ],
    ids=["nothing", "online", "several", "unknown wait", "file"],
)
def test_the_summary_says_how_much_the_strongest_lock_and_who_waits(plan: Plan, line: str) -> None:
    assert summary(plan) == line


def test_neighbours_of_one_group_are_one_transaction_and_everything_else_is_on_its_own() -> None:
    steps = (
        *(Step("1", execution=Transaction("a")), Step("2", execution=Transaction("a"))),
        *(Step("3", execution=Transaction("b")), Step("4", execution=Standalone()), Step("5", execution=Batches())),
        *(Step("6", execution=Batches()), Step("7", execution=Transaction("b"))),
    )
    run = Run.of(Plan(Claim("x"), steps))
    assert [[one.step.sql for one in group] for group in groups(run.steps)] == [
        *(["1", "2"], ["3"], ["4"], ["5"], ["6"], ["7"]),
    ]
    assert executor(LocalFile("/new", "text", "digest", "/kept")).restores == (("/kept", "/new"),)


def test_the_lines_of_a_plan_hide_secrets_and_begin_with_the_summary() -> None:
    step = Step("ALTER ROLE x PASSWORD 'hush'", note="why", undo="DROP TABLE public.t", on="public.t")
    lines = list(plan_lines(Plan(Claim("roles"), (step,), summary="One line.")))
    assert [lines[0].sort, lines[0].text] == [Sort.SUMMARY, "One line."]
    text = "\n".join(line.text for line in lines)
    assert "hush" not in text
    assert "PASSWORD (hidden)" in text
    assert "undo · lock: ACCESS EXCLUSIVE on public.t" in text


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    desk = Desk(pg, database, default_trail())
    desk.do("CREATE TABLE public.facts (id bigint, day date) PARTITION BY RANGE (day)")
    return desk


async def test_a_plan_and_its_undo_say_what_they_lock_and_ask_for_a_short_name(desk: Desk) -> None:
    made = await desk.plan(action("create-partitions"), table="public.facts", months="2")
    assert made.action == "create-partitions"
    assert made.summary.startswith("3 partitions for 1 table, strongest lock SHARE UPDATE EXCLUSIVE, reads and writes")
    await desk.run(action("create-partitions"), table="public.facts", months="2")
    undo = await desk.plan(UNDO)
    assert {step.lock for step in undo.steps} == {"ACCESS EXCLUSIVE on public.facts"}
    assert (
        "strongest lock ACCESS EXCLUSIVE (queued for it < 0.2 s), blocks reads and writes while held." in undo.summary
    )
    assert (undo.destructive, undo.claim.typed) == (True, "facts")


def recorded(desk: Desk, action: str, undo: str) -> None:
    """A run as a version before left it in the trail."""
    facts = {"server": desk.cluster.host + f":{desk.cluster.port}", "database": desk.database, "user": desk.user}
    about = {"run": "old", "action": action, "subject": "files", **facts}
    desk.trail.write({**about, "event": "start", "sql": ["x"], "undo": [undo], "expect": [""], "transactions": [None]})
    desk.trail.write({**about, "event": "step", "sql": "x", "undo": undo, "rows": 0, "seconds": 0.1})
    desk.trail.write({**about, "event": "end", "outcome": "done", "message": "", "undo": [undo], "seconds": 0.1})


async def test_a_file_that_an_earlier_version_replaced_is_restored_by_hand(desk: Desk) -> None:
    recorded(desk, "write-pgbouncer-config", "cp -p -- /etc/kept /etc/pgbouncer.ini")
    with pytest.raises(Trouble, match="earlier version") as refused:
        await desk.plan(UNDO)
    assert refused.value.remedy.endswith("run: cp -p -- /etc/kept /etc/pgbouncer.ini")


async def test_a_password_that_an_earlier_version_hid_in_its_words_is_not_undone(desk: Desk) -> None:
    recorded(desk, "create-roles", "ALTER ROLE x PASSWORD (not kept)")
    with pytest.raises(Trouble, match="password"):
        await desk.plan(UNDO)


def test_every_plan_with_steps_says_itself_what_it_does() -> None:
    """Else its first line is "25 steps on 8 relations"."""
    silent = [
        f"{path.name}:{call.lineno}"
        for path in sorted((Path(console.__file__).parent / "actions").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Plan"
        if _has_steps(call) and "summary" not in {each.arg for each in call.keywords}
    ]
    assert silent == []


def _has_steps(call: ast.Call) -> bool:
    given = [*call.args[1:2], *(each.value for each in call.keywords if each.arg == "steps")]
    return any(not (isinstance(steps, ast.Tuple) and not steps.elts) for steps in given)
