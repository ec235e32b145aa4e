"""No action of a superuser runs a plain user's code, whatever of theirs it is pointed at: no plan and no run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from console.actions import ACTIONS, confinement
from console.actions.planning import Action, plan
from console.actions.pooler.chosen import NEEDS as POOLER_NEEDS
from console.demo.cluster import OWNER
from console.model import Plan, Trouble
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.settings.config import ArchivePolicy, PartitionPolicy, RefreshPolicy, Settings
from console.sources.postgres import ActingSession, PostgresServer
from tests import hostile
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster

# What changes the server itself or ends sessions is planned only; what drops keys of Redis, or is sent to PgBouncer,
# names no relation.
PLANNED_ONLY = {
    *("apply-tuning", "create-roles", "write-pgbouncer-config", "terminate-idle", "reset-statements"),
    "limit-idle-transactions",
    *("invalidate-brand", "flush-tenant"),
    *(each.name for each in ACTIONS if each.needs is POOLER_NEEDS),
}
SENSIBLE = {
    "preset": "planner-ssd",
    "month": "2019-01",
    "pid": "0",
    "drop": "yes",
    "verify": "yes",
    "analyze": "yes",
    "key": "day",
    "anyway": "yes",
    "role": OWNER,
    "gid": "none",
    "slot": "none",
    "enabled": "no",
    "columns": "day",
    "job": "1",
}
EXTENSIONS = tuple(f"CREATE EXTENSION {name} SCHEMA public" for name in ("pgstattuple", "pg_prewarm", "pg_buffercache"))
THEIRS = (
    "SELECT array_agg(oid::regclass::text ORDER BY oid) FROM pg_class "
    f"WHERE relowner = '{OWNER}'::regrole AND relnamespace = 'public'::regnamespace AND relkind IN "
)

pytestmark = pytest.mark.pg("!= 16, != 17")


@pytest.fixture(scope="module")
def trapped(pg: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A superuser's console, configured for a database of somebody who set traps in it."""
    home: Path = tmp_path_factory.mktemp("state")
    name = pg.fresh_database()
    desk = Desk(pg, name, Trail(home / "pipeline-console" / "audit.jsonl"))
    desk.do(*EXTENSIONS, f"GRANT ALL ON SCHEMA public TO {OWNER}")
    hostile.set_traps(pg, name, OWNER, hostile.MOVING)
    yield replace(desk, settings=_policies(desk))
    pg.drop_database(name)


def _policies(desk: Desk) -> Settings:
    return replace(
        desk.settings,
        partitions=(PartitionPolicy("public.evil_events", "day"), PartitionPolicy("public.evil_rows", "day")),
        archives=(
            ArchivePolicy("public.evil_events", "public.evil_archive", "day", 1),
            ArchivePolicy("public.evil_rows", "public.evil_kept", "day", 1),
        ),
        refreshes=(RefreshPolicy("public.evil_matview"),),
    )


@pytest.fixture(scope="module")
def theirs(trapped: Desk) -> dict[str, list[str]]:
    """What an action may be pointed at, by the parameter that names it."""
    return _relations(trapped)


def _relations(desk: Desk) -> dict[str, list[str]]:
    with desk.session(options="-c search_path=pg_catalog") as session:
        (tables,), (indexes,) = (
            session.execute((THEIRS + kinds).encode()).fetchone() or ([],)
            for kinds in ("('r', 'p', 'm', 'v')", "('i', 'I')")
        )
    return {"table": tables, "view": tables, "index": indexes}


def wishes(action: Action, theirs: dict[str, list[str]], folder: Path) -> Iterator[dict[str, str]]:
    """The action as it is, and pointed at each thing of theirs that it may be pointed at."""
    taken = {parameter.name for parameter in action.parameters}
    plain = {name: value for name, value in (SENSIBLE | {"directory": str(folder)}).items() if name in taken}
    required = {one.name for one in action.parameters if one.required} - set(plain)
    if not required:
        yield plain
    for name in sorted(taken & set(theirs)):
        for relation in theirs[name]:
            given = {**plain, **dict.fromkeys(required, relation), name: relation}
            if "way" in taken:
                yield {**given, "way": "copy"}
            yield given


@pytest.mark.spread
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
async def test_no_code_of_theirs_runs_as_a_superuser(
    trapped: Desk, theirs: dict[str, list[str]], action: Action, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(trapped.trail.path.parent.parent))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    told = await _told(trapped, action, list(wishes(action, theirs, tmp_path)))
    assert told or action.name in PLANNED_ONLY
    assert [each for each in told if hostile.SPRUNG in each] == []


async def _told(
    desk: Desk, action: Action, wanted: list[dict[str, str]], late: str = "", walls: bool = True
) -> list[str]:
    """What planning and running the action says; the statements `late` are run in between, by the owner.

    Without `walls` the steps look at nothing again.
    """
    told: list[str] = []
    plans: list[tuple[dict[str, str], Plan]] = []
    server = PostgresServer(desk.uri)

    async def run() -> None:
        for given, made in plans:
            try:
                ended = await Runner(ActingSession(desk.uri), server, desk.trail).run(made, patience=2)
                told.extend(f"{given}: {each}" for each in (ended.message, *ended.notes))
            except Trouble as why:
                told.append(f"{given}: {why}")
        plans.clear()

    for given in wanted:
        try:
            made = await plan(action, server, given, desk.settings)
            if not walls:
                made = replace(made, steps=tuple(replace(step, sees=(), writes=None) for step in made.steps))
            made = replace(made, steps=tuple(replace(step, settle=min(step.settle, 0.2)) for step in made.steps))
            plans.append((given, made))
        except Trouble as why:
            told.append(f"{given}: {why}")
        if not late and action.name not in PLANNED_ONLY:
            await run()
    if late:
        with desk.session(OWNER) as session:
            session.execute(late.encode())
        await run()
    await server.close()
    return told


@pytest.fixture
def clean(pg: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A superuser's console of a database whose owner has set no trap yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    name = pg.fresh_database()
    desk = Desk(pg, name, Trail(tmp_path / "pipeline-console" / "audit.jsonl"))
    desk.do(*EXTENSIONS, f"GRANT ALL ON SCHEMA public TO {OWNER}")
    with desk.session(OWNER) as session:
        session.execute((hostile.SPRING + hostile.CLEAN).encode())
    yield replace(desk, settings=_policies(desk))
    pg.drop_database(name)


ACTING = [action for action in ACTIONS if action.name not in PLANNED_ONLY]
# What runs code of the owner where nothing keeps it from that.
CONCERNED = {
    *("archive-analytics", "restore-analytics", "export-archive", "create-partitions"),
    *("partition-table", "partition-by-hash", "refresh-views"),
}


@pytest.mark.spread
@pytest.mark.parametrize("late", [hostile.LATE, hostile.SWAPPED], ids=["traps", "swapped"])
@pytest.mark.parametrize("action", ACTING, ids=lambda action: action.name)
async def test_no_trap_laid_between_plan_and_run_springs(
    clean: Desk, action: Action, late: str, tmp_path: Path
) -> None:
    told = await _told(clean, action, list(wishes(action, _relations(clean), tmp_path)), late)
    assert [each for each in told if hostile.SPRUNG in each] == []


@pytest.mark.spread
@pytest.mark.parametrize("action", [each for each in ACTING if each.name in CONCERNED], ids=lambda action: action.name)
async def test_the_traps_spring_where_nothing_confines_an_action(
    clean: Desk, action: Action, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confinement, "_role", lambda _: "")
    told = await _told(clean, action, list(wishes(action, _relations(clean), tmp_path)), hostile.LATE, walls=False)
    assert [each for each in told if hostile.SPRUNG in each] != []
