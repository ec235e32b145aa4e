"""No action of a superuser runs a plain user's code, whatever of theirs it is pointed at: no plan and no run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from console.actions import ACTIONS
from console.actions.planning import Action, plan
from console.demo.cluster import OWNER
from console.model import Trouble
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.settings.config import ArchivePolicy, PartitionPolicy, RefreshPolicy
from console.sources.postgres import ActingSession, PostgresServer
from tests import hostile
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster

# What changes the server itself or ends sessions is planned only.
PLANNED_ONLY = {"apply-tuning", "create-roles", "write-pgbouncer-config", "terminate-idle"}
SENSIBLE = {
    "preset": "planner-ssd",
    "month": "2019-01",
    "pid": "0",
    "drop": "yes",
    "verify": "yes",
    "analyze": "yes",
    "key": "day",
    "anyway": "yes",
}
THEIRS = (
    "SELECT array_agg(oid::regclass::text ORDER BY oid) FROM pg_class "
    f"WHERE relowner = '{OWNER}'::regrole AND relnamespace = 'public'::regnamespace AND relkind IN "
)


@pytest.fixture(scope="module")
def trapped(pg: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A superuser's console, configured for a database of somebody who set traps in it."""
    home: Path = tmp_path_factory.mktemp("state")
    name = pg.fresh_database()
    desk = Desk(pg, name, Trail(home / "pipeline-console" / "audit.jsonl"))
    desk.do("CREATE EXTENSION pgstattuple SCHEMA public", f"GRANT ALL ON SCHEMA public TO {OWNER}")
    hostile.set_traps(pg, name, OWNER, hostile.MOVING)
    policies = replace(
        desk.settings,
        partitions=(PartitionPolicy("public.evil_events", "day"), PartitionPolicy("public.evil_rows", "day")),
        archives=(
            ArchivePolicy("public.evil_events", "public.evil_archive", "day", 1),
            ArchivePolicy("public.evil_rows", "public.evil_kept", "day", 1),
        ),
        refreshes=(RefreshPolicy("public.evil_matview"),),
    )
    yield replace(desk, settings=policies)
    pg.drop_database(name)


@pytest.fixture(scope="module")
def theirs(trapped: Desk) -> dict[str, list[str]]:
    """What an action may be pointed at, by the parameter that names it."""
    with trapped.session(options="-c search_path=pg_catalog") as session:
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


@pytest.mark.pg("!= 14, != 16, != 17")
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
async def test_no_code_of_theirs_runs_as_a_superuser(
    trapped: Desk, theirs: dict[str, list[str]], action: Action, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(trapped.trail.path.parent.parent))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    told: list[str] = []
    server = PostgresServer(trapped.uri)
    for given in wishes(action, theirs, tmp_path):
        try:
            made = await plan(action, server, given, trapped.settings)
            if action.name not in PLANNED_ONLY:
                run = await Runner(ActingSession(trapped.uri), server, trapped.trail).run(made, patience=2)
                told += [f"{given}: {each}" for each in (run.message, *run.notes)]
                assert run.outcome is not None
        except Trouble as why:
            told.append(f"{given}: {why}")
    await server.close()
    assert told or action.name in PLANNED_ONLY
    assert [each for each in told if hostile.SPRUNG in each] == []
