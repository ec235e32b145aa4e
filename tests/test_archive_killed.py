"""kill -9 of the console at random moments of an archive while rows come in: each row is once, after one more run."""

from __future__ import annotations

import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.audit import Trail
from tests.acting import Desk
from tests.command import argv, environment, run
from tests.servers import PostgresServer as Cluster

KILLS = 10
ROWS = 200_000
MONTHS = 20
CONFIGURATION = """
archives:
  - {table: public.facts, archive: public.archive, key: day, keep_months: 1}
"""
MONTH = "(date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => {}))::date"
DIGEST = (
    "SELECT ROW(count(*), count(DISTINCT id), sum(hashtextextended(ROW(id, day, note)::text, 0)))::text "
    "FROM (SELECT id, day, note FROM public.facts UNION ALL SELECT id, day, note FROM public.archive) x"
)


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    desk.do(
        "CREATE TABLE public.facts (id bigint, day date, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)"
    )
    (tmp_path / "console.yml").write_text(CONFIGURATION)
    return desk


def fill(desk: Desk, months: int) -> None:
    """So many expired months with all rows, the current month, and an archive like it."""
    for ago in range(months + 1):
        at = ago + 1 if ago else 0
        desk.do(
            f"DO $$ BEGIN EXECUTE format('CREATE TABLE public.facts_{at} PARTITION OF public.facts FOR VALUES "
            f"FROM (%L) TO (%L)', {MONTH.format(at)}, {MONTH.format(at - 1)}); END $$"
        )
    desk.do(
        f"INSERT INTO public.facts SELECT g, {MONTH.format(f'2 + g % {months}')} + (g / 1000 % 28)::int, 'note ' || g "
        f"FROM generate_series(1, {ROWS}) g"
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


def killed(desk: Desk, home: Path) -> int:
    """Archive again and again, each run killed a moment after one of its first steps; how many were cut off."""
    cut = 0
    for _ in range(KILLS):
        with subprocess.Popen(
            argv(*arguments(desk, home)),
            env=environment(home),
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            steps, last = 0, random.randint(1, 8)
            for line in process.stderr or ():
                steps += " running " in line
                if steps >= last or "rows/s" in line:
                    cut += died(process, random.uniform(0, 0.1))
                    break
    return cut


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
    """Run it to its end; for a moment the server may still be ending the session of the last one that was killed."""
    for _ in range(30):
        done = run(home, *arguments(desk, home))
        if done.code == 0:
            return
        assert done.code == 3, done
        assert "Another session is changing" in done.out + done.err
    pytest.fail(str(done))


@pytest.mark.pg("!= 14, != 16, != 17")
@pytest.mark.parametrize("form", ["whole partitions", "batches"])
def test_no_row_is_lost_or_doubled(desk: Desk, tmp_path: Path, form: str) -> None:
    if form == "batches":
        fill(desk, 1)
        desk.do("CREATE TABLE public.archive (note text, day date, id bigint PRIMARY KEY)")
        late = MONTH.format(2)
    else:
        fill(desk, MONTHS)
        desk.do(
            "CREATE TABLE public.archive (LIKE public.facts, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
        )
        late = MONTH.format(0)
    before = desk.ask("SELECT sum(hashtextextended(ROW(id, day, note)::text, 0)) FROM public.facts")
    with coming_in(desk, late) as arrived:
        cut = killed(desk, tmp_path)
    finish(desk, tmp_path)
    expected = desk.ask(
        f"SELECT ROW({ROWS + len(arrived)}, {ROWS + len(arrived)}, {before} + "
        f"(SELECT coalesce(sum(hashtextextended(ROW(g, {late}, 'late')::text, 0)), 0) "
        f"FROM generate_series(10000000::bigint, {9_999_999 + len(arrived)}::bigint) g))::text"
    )
    assert cut, "no kill met a running console"
    assert desk.ask(DIGEST) == expected
    assert desk.ask(f"SELECT count(*) FROM public.facts WHERE day < {MONTH.format(1)}") == 0
    assert desk.ask("SELECT count(*) FROM pg_description WHERE description LIKE 'pipeline-console:%'") == 0
