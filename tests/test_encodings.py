"""Databases of another encoding than UTF8: every view is read, every action does its work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from console.actions import action
from console.demo.cluster import OWNER
from console.model import Kind, Outcome, Trouble
from console.panes import PANES
from console.running.trail.audit import Trail
from console.settings import config
from console.settings.config import Wanted
from console.workspace import Workspace
from tests.acting import Desk
from tests.room import AGO, ROOM, clones, migrations
from tests.servers import PostgresServer
from tests.test_action_waits import CASES, Case, prepared

__all__ = ["migrations"]

ENCODINGS = ("LATIN1", "SQL_ASCII")
# In pg_stat_statements a text that is no UTF-8 would fail whatever test looks at the texts of this server later.
UNCOUNTED = b"SET pg_stat_statements.track = 'none'"
LETTERS = (
    *(f'ALTER TABLE public.{table} ADD COLUMN "größe" text' for table in ("t", "facts", "archive", "events")),
    *(f"UPDATE public.{table} SET \"größe\" = 'é' || id" for table in ("t", "facts", "events")),
    'CREATE INDEX "é_größe" ON public.t ("größe")',
    "COMMENT ON TABLE public.events IS 'événements'",
    'CREATE TABLE public."café" (id int PRIMARY KEY, "größe" text)',
    "INSERT INTO public.\"café\" SELECT g, 'é' FROM generate_series(1, 50) g",
)
OTHERS = (
    Case("create-extensions", (("extensions", "pg_stat_statements"),)),
    Case("reset-statements", before="create-extensions", before_given=(("extensions", "pg_stat_statements"),)),
    Case("vacuum-table", (("table", 'public."café"'),)),
    Case("reindex", (("index", 'public."é_größe"'),)),
    Case("drop-index", (("index", 'public."é_größe"'),)),
    Case("set-autovacuum", (("table", 'public."café"'), ("vacuum-threshold", "1000"))),
)


def database(pg: PostgresServer, encoding: str, name: str, template: str = "template0") -> None:
    with pg.connect() as session:
        session.execute(
            f"CREATE DATABASE \"{name}\" TEMPLATE {template} ENCODING '{encoding}' LOCALE 'C' OWNER {OWNER}".encode()
        )


@pytest.fixture(params=ENCODINGS)
def room(any_pg: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with all that the actions act on, and names and texts with letters that ASCII lacks."""
    name = f"room_{request.param.lower()}"
    database(any_pg, request.param, name)
    with any_pg.connect(name, client_encoding="UTF8") as session:
        for statement in (*ROOM, *LETTERS):
            session.execute(statement.encode())
    yield name
    any_pg.drop_database(name)


@pytest.fixture
def desks(
    any_pg: PostgresServer, room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Desk]]:
    """Makes consoles, each of a clone of the room."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with clones(any_pg, room) as make:
        yield make


def in_utf8(desk: Desk, query: str) -> str:
    """The first value of a query, whose text and answer are UTF-8."""
    with desk.session(client_encoding="UTF8") as session:
        row = session.execute(query.encode()).fetchone()
    assert row is not None
    return bytes(row[0], "utf-8").decode() if isinstance(row[0], str) else bytes(row[0]).decode()


async def tried(case: Case, desk: Desk, folder: Path, turn: asyncio.Semaphore) -> str:
    """Why the action did not do its work; empty: it did."""
    month = await asyncio.to_thread(in_utf8, desk, f"SELECT to_char({AGO['old']}, 'YYYY-MM')")
    given: dict[str, Any] = {name: value.format(month=month, folder=folder) for name, value in case.given}
    async with turn:
        try:
            run = await desk.run(action(case.action), **given)
        except Trouble as why:
            return f"{case.name or case.action}: {why}"
    return "" if run.outcome is Outcome.DONE else f"{case.name or case.action}: {run.message}"


@pytest.mark.slow
async def test_every_action_does_its_work(desks: Callable[[], Desk], migrations: Path, tmp_path: Path) -> None:
    cases = [case for case in (*CASES, *OTHERS) if case.action != "apply-schema"]  # it refuses the encoding
    desk_of = await prepared(cases, desks, migrations, tmp_path)
    turn = asyncio.Semaphore(4)
    failed = await asyncio.gather(*(tried(case, desk, tmp_path, turn) for case, desk in desk_of))
    assert [why for why in failed if why] == []
    values = "SELECT count(*) || ' ' || min(\"größe\") FROM public.facts WHERE \"größe\" LIKE 'é%'"
    assert {in_utf8(desk, values) for case, desk in desk_of if case.action == "create-partitions"} == {"300 é1"}


@pytest.mark.parametrize(
    ("room", "letters"),
    [("LATIN1", "utf-8"), ("SQL_ASCII", "utf-8"), ("SQL_ASCII", "latin-1")],
    indirect=["room"],
)
async def test_every_view_is_read_and_every_rule_judged(any_pg: PostgresServer, room: str, letters: str) -> None:
    if letters == "latin-1":  # SQL_ASCII takes any bytes
        with any_pg.connect(room) as session:
            session.execute(UNCOUNTED)
            session.execute('CREATE TABLE public."naïve" (id int PRIMARY KEY, "größe" text)'.encode("latin-1"))
            session.execute('CREATE MATERIALIZED VIEW public."né" AS SELECT 1 AS "é"'.encode("latin-1"))
    async with Workspace(config.load(environ={}), Wanted(any_pg.uri(room))) as workspace:
        failed = []
        for view in (view for pane in PANES for view in pane.views if pane.source_of(view) == "postgres"):
            try:
                await workspace.sources.postgres.fetch(view.query)
            except Trouble as why:
                if why.kind is not Kind.MISSING:
                    failed.append(f"{view.query}: {why}")
        assert failed == []
        verdict = await workspace.observer.look(everything=True)
        assert [each for each in verdict.unknown if "encoding" in each.why or "byte" in each.why] == []


IN_BYTES = (
    b'CREATE TABLE public."na\xefve" (id int)',
    b'CREATE INDEX "na\xefve_id" ON public."na\xefve" (id)',
    b"UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.\"na\xefve_id\"'::regclass",
)
IN_LETTERS = (
    rb'CREATE TABLE public."na\xefve" (id int)',
    rb'CREATE INDEX "na\xefve_id" ON public."na\xefve" (id)',
)


async def test_a_name_that_cannot_be_sent_is_never_mistaken_for_another(any_pg: PostgresServer, tmp_path: Path) -> None:
    database(any_pg, "SQL_ASCII", "mixed")
    try:
        with any_pg.connect("mixed", client_encoding="SQL_ASCII") as session:
            for statement in (UNCOUNTED, *IN_BYTES, *IN_LETTERS):
                session.execute(statement)
        trail = Trail(tmp_path / "audit.jsonl")
        async with Workspace(config.load(environ={}), Wanted(any_pg.uri("mixed")), trail=trail) as workspace:
            with pytest.raises(Trouble, match="A name in it is not UTF-8") as caught:
                await workspace.plan(action("repair-invalid-indexes"), {})
            assert caught.value.kind is Kind.REFUSED
            assert r'public."na\xefve_id"' in caught.value.sentence
            with pytest.raises(Trouble, match="A name in it is not UTF-8"):
                await workspace.plan(action("vacuum-table"), {"table": 'public."na\udcefve"'})  # as a terminal gives it
            plan = await workspace.plan(action("vacuum-table"), {"table": r'public."na\xefve"'})
            assert [step.sql for step in plan.steps] == [r'VACUUM (ANALYZE) public."na\xefve"']
            assert (await workspace.run(plan)).outcome is Outcome.DONE
        vacuumed = b"SELECT pg_stat_get_vacuum_count('public.\"na%sve\"'::regclass)"
        with any_pg.connect("mixed", client_encoding="SQL_ASCII") as session:
            counts = [session.execute(vacuumed.replace(b"%s", part)).fetchone() for part in (b"\xef", rb"\xef")]
        assert counts == [(0,), (1,)]
    finally:
        any_pg.drop_database("mixed")
