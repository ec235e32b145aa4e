"""kill -9 of the console at random moments of an archive while rows come in: each row is once, after one more run."""

from __future__ import annotations

import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.command import argv, environment, run
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait

CONFIGURATION = """
archives:
  - {table: public.facts, archive: public.archive, key: day, keep_months: 1}
"""
MONTH = "(date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => {}))::date"
LEFT = f"SELECT EXISTS (SELECT FROM public.facts WHERE day < {MONTH.format(1)})"
ACTING = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE application_name = 'pipeline-console act' AND datname = current_database()"
)
DIGEST = (
    "SELECT ROW(count(*), count(DISTINCT id), sum(hashtextextended(ROW(id, day, note)::text, 0)))::text "
    "FROM (SELECT id, day, note FROM public.facts UNION ALL SELECT id, day, note FROM public.archive) x"
)


@pytest.fixture
def desks(pg: Cluster, database: str, tmp_path: Path) -> Iterator[list[Desk]]:
    """A console for each form, with a database of its own."""
    names = [database, pg.fresh_database()]
    yield [Desk(pg, name, Trail(tmp_path / "audit.jsonl")) for name in names]
    pg.drop_database(names[1])


@dataclass(frozen=True, slots=True)
class Backlog:
    """As much as so many runs do not finish that are killed: a few steps of whole months, or a few batches of rows."""

    kills: int

    @property
    def months(self) -> int:
        return 8 + 2 * self.kills

    @property
    def rows(self) -> int:
        return 40_000 + 8_000 * self.kills


def fill(desk: Desk, months: int, rows: int) -> None:
    """So many expired months with all rows, the current month, and an archive like it."""
    desk.do(
        "CREATE TABLE public.facts (id bigint, day date, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)"
    )
    for ago in range(months + 1):
        at = ago + 1 if ago else 0
        desk.do(
            f"DO $$ BEGIN EXECUTE format('CREATE TABLE public.facts_{at} PARTITION OF public.facts FOR VALUES "
            f"FROM (%L) TO (%L)', {MONTH.format(at)}, {MONTH.format(at - 1)}); END $$"
        )
    desk.do(
        f"INSERT INTO public.facts SELECT g, {MONTH.format(f'2 + g % {months}')} + (g / 1000 % 28)::int, 'note ' || g "
        f"FROM generate_series(1, {rows}) g"
    )


@contextmanager
def coming_in(desk: Desk, day: str) -> Iterator[list[int]]:
    """A session that inserts rows of a day one by one; the list gets the ids that were committed."""
    arrived: list[int] = []
    stop = threading.Event()

    def insert() -> None:
        with desk.session() as session:
            while not stop.wait(0.01):
                number = 10_000_000 + len(arrived)
                session.execute(f"INSERT INTO public.facts VALUES (%s, {day}, 'late')".encode(), (number,))
                arrived.append(number)

    thread = threading.Thread(target=insert)
    thread.start()
    try:
        yield arrived
    finally:
        stop.set()
        thread.join()


def killed(desk: Desk, home: Path, kills: int) -> int:
    """Archive until so many runs were killed at a random moment of their work, or it is done; how many were cut off."""
    seed = random.randrange(2**32)
    print(f"moments of seed {seed}")  # shown when the test fails
    chance = random.Random(seed)
    cut = 0
    while cut < kills and desk.ask(LEFT):
        gone(desk)
        with subprocess.Popen(
            argv(*arguments(desk, home)),
            env=environment(home),
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            steps, last = 0, chance.randint(1, 4)
            for line in process.stderr or ():
                steps += " running " in line
                if steps >= last or "rows/s" in line:
                    cut += died(process, chance.uniform(0, 0.02))
                    break
    return cut


def gone(desk: Desk) -> None:
    """Wait until the server has noticed that the last console is dead."""
    wait(lambda: desk.ask(ACTING) == 0)


def died(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kill a run after so many seconds; whether it still ran."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return True
    return False


def arguments(desk: Desk, home: Path) -> list[str]:
    return ["run", "archive-analytics", "-t", desk.uri, "--config", str(home / "console.yml"), "--yes"]


def finish(desk: Desk, home: Path) -> None:
    """Run it to its end, once the server has ended the session of the last one that was killed."""
    gone(desk)
    done = run(home, *arguments(desk, home))
    assert done.code == 0, done


def whole(desk: Desk, size: Backlog) -> str:
    """Whole partitions; rows come into the current month, while others are detached. Their day."""
    fill(desk, size.months, size.rows)
    desk.do("CREATE TABLE public.archive (LIKE public.facts, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)")
    return MONTH.format(0)


def batches(desk: Desk, size: Backlog) -> str:
    """Batches; rows come into the month that is moved. Their day."""
    fill(desk, 1, size.rows)
    desk.do("CREATE TABLE public.archive (note text, day date, id bigint PRIMARY KEY)")
    return MONTH.format(2)


def tried(desk: Desk, home: Path, form: Callable[[Desk, Backlog], str], size: Backlog, confined: bool) -> int:
    """Kill and rerun; how many consoles were cut off, after all rows were found to be there once."""
    home.mkdir()
    (home / "console.yml").write_text(CONFIGURATION)
    late = form(desk, size)
    if confined:
        desk.give_away()
    before = desk.ask("SELECT sum(hashtextextended(ROW(id, day, note)::text, 0)) FROM public.facts")
    with coming_in(desk, late) as arrived:
        cut = killed(desk, home, size.kills)
    finish(desk, home)
    expected = desk.ask(
        f"SELECT ROW({size.rows + len(arrived)}, {size.rows + len(arrived)}, {before} + "
        f"(SELECT coalesce(sum(hashtextextended(ROW(g, {late}, 'late')::text, 0)), 0) "
        f"FROM generate_series(10000000::bigint, {9_999_999 + len(arrived)}::bigint) g))::text"
    )
    assert desk.ask(DIGEST) == expected
    assert desk.ask(f"SELECT count(*) FROM public.facts WHERE day < {MONTH.format(1)}") == 0
    assert desk.ask("SELECT count(*) FROM pg_description WHERE description LIKE 'pipeline-console:%'") == 0
    return cut


@pytest.mark.pg("!= 16, != 17")
@pytest.mark.parametrize("confined", [False, True], ids=["own", "confined"])
@pytest.mark.parametrize("kills", [pytest.param(4, marks=pytest.mark.brief), pytest.param(20, marks=pytest.mark.slow)])
def test_no_row_is_lost_or_doubled(desks: list[Desk], tmp_path: Path, kills: int, confined: bool) -> None:
    homes, same = (tmp_path / "whole", tmp_path / "batches"), (confined, confined)
    with ThreadPoolExecutor() as pool:
        cut = list(pool.map(tried, desks, homes, (whole, batches), (Backlog(kills), Backlog(kills)), same))
    assert min(cut) >= kills // 2, f"{cut} kills met a running console"
