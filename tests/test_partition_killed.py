"""kill -9 of the console at random moments of partition-table while others write: no row lost or doubled."""

from __future__ import annotations

import random
import subprocess
import threading
from pathlib import Path

import pytest

from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.command import argv, environment, run
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait
from tests.writers import FIRST, Written, writing

ROWS = 60_000


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    desk.do(
        "CREATE TABLE public.orgs (id int PRIMARY KEY)",
        "INSERT INTO public.orgs SELECT generate_series(1, 10)",
        "CREATE TABLE public.facts (id bigint PRIMARY KEY, at timestamptz NOT NULL, org int REFERENCES public.orgs, "
        "note text)",
        "INSERT INTO public.facts SELECT g, now() - interval '125 days' * (g::float8 / "
        f"{ROWS}), 1 + g % 10, 'note ' || g FROM generate_series(1, {ROWS}) g",
        "CREATE INDEX ON public.facts (at)",
        "ANALYZE public.facts",
    )
    return desk


def arguments(desk: Desk, way: str) -> list[str]:
    given = ("--set", "table=public.facts", "--set", "key=at", "--set", f"way={way}")
    return ["run", "partition-table", "-t", desk.uri, *given, "--yes"]


def killed(desk: Desk, home: Path, way: str, kills: int) -> int:
    """Run it again and again, each run killed a moment after a random one of its steps; how many were cut off."""
    cut = 0
    for attempt in range(kills):
        with subprocess.Popen(
            argv(*arguments(desk, way)),
            env=environment(home),
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            steps, last = 0, random.randint(1, 3 + 5 * attempt)
            for line in process.stderr or ():
                steps += " running " in line
                if steps >= last or "rows/s" in line:
                    cut += died(process, random.uniform(0, 0.1) if attempt else 0)  # the first one meets it at work
                    break
    return cut


def died(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kill a run after so many seconds; whether it still ran."""
    drained = threading.Thread(target=lambda: process.stderr and process.stderr.read())
    drained.start()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return True
    finally:
        drained.join()
    return False


def finish(desk: Desk, home: Path, way: str) -> None:
    """Run it to its end, once the server has ended the session of the last one that was killed."""
    acting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pipeline-console act'"
    wait(lambda: desk.ask(f"{acting} AND datname = current_database()") == 0)
    done = run(home, *arguments(desk, way))
    assert done.code == 0, done


def check(desk: Desk, written: Written) -> None:
    with desk.session() as session:
        rows = session.execute("SELECT id, note FROM public.facts").fetchall()
    wanted = {number: f"note {number}" for number in range(1, ROWS + 1)} | written.rows
    assert len(rows) == len(dict(rows)), "a row is there twice"
    assert dict(rows) == {number: note for number, note in wanted.items() if number not in written.deleted}


@pytest.mark.parametrize("kills", [pytest.param(3, marks=pytest.mark.brief), pytest.param(6, marks=pytest.mark.slow)])
@pytest.mark.parametrize("way", ["attach", "copy"])
@pytest.mark.parametrize("confined", [False, True], ids=["own", "confined"])
def test_no_row_is_lost_or_doubled_and_no_write_fails(
    desk: Desk, tmp_path: Path, way: str, kills: int, confined: bool
) -> None:
    if confined:
        desk.give_away()
    with writing(desk, ROWS) as written:
        cut = killed(desk, tmp_path, way, kills)
        finish(desk, tmp_path, way)
    assert (cut > 0, written.failed) == (True, [])
    assert any(number >= FIRST for number in written.rows)
    check(desk, written)
    assert desk.ask("SELECT relkind FROM pg_class WHERE oid = 'public.facts'::regclass") == "p"
    assert desk.ask("SELECT count(*) FROM pg_class WHERE relname LIKE 'pipeline\\_console\\_%'") == 0
    assert desk.ask("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
    assert desk.ask("SELECT bool_and(convalidated) FROM pg_constraint WHERE contype = 'f'")
