"""What a query names in the catalogs may be gone on another release: that costs what is made of it, never a pane."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from console import sql
from console.model import Snapshot, Source, Trouble, View
from console.panes import PANES
from console.reading.reader import Reader
from console.running.trail.audit import Trail
from console.settings import config
from console.settings.config import Wanted
from console.sources.postgres import PostgresServer
from console.watching import advice, capacity, slower, vacuum_clock, waits
from console.workspace import Workspace
from tests.catalogs import NAILED, SYSTEM_MODS, Name, named_by, standing_in, texts, without
from tests.servers import PostgresServer as Cluster

MADE = {**capacity.READS, **slower.READS, **waits.READS, **advice.READS, **vacuum_clock.READS}
PASSING = (Name("TABLE", "pg_am", "amname"), Name("VIEW", "pg_roles", "rolname"), Name("ROUTINE", "pg_has_role"))
# Functions that describe a server; the others are what SQL is made of, such as count() and format().
DESCRIBES = re.compile(
    r"pg_\w+|has_\w+|age|mxid_age|row_security_active|to_regclass|format_type|obj_description|aclexplode"
)
TOGETHER = ("connections_recent", "connections_steady", "connections_vitals")  # sessions and metrics in one statement
# Functions of SQL → queries of which nothing is left without them: their views show why, in one sentence. That of
# buffers is replaced by the one for servers without pg_buffercache: array_agg() makes the list of extensions, too.
BUILT_OF = {
    "array_agg": {"bloat_estimates", "buffer_summary", *TOGETHER, "job_schedules"},
    "ceil": {"bloat_estimates"},
    "count": {"capacity_of_server", "capacity_tables", "partition_parents"},
    "format": {"upgrade_obstacles"},
    "max": {*TOGETHER, "vitals"},
    "substring": {"locks"},
    "sum": {"partitions"},
    "timezone": {"capacity_samples", "job_queue"},
    "unnest": {
        *(
            "advice_tables",
            "explain_tables",
            "forecast_relations",
            "forecast_work",
            "matview_refreshes",
            "partition_parents",
        ),
        *("rights_held", "statement_texts", "tenants", "upgrade_obstacles"),
    },
}
SOME = {
    Name("TABLE", "pg_sequence"),
    Name("TABLE", "pg_sequence", "seqmax"),
    Name("TABLE", "pg_rewrite", "ev_class"),  # which pg_get_viewdef() reads by a statement of its own
    Name("VIEW", "pg_stats", "avg_width"),
    Name("VIEW", "pg_stat_progress_vacuum"),
    Name("ROUTINE", "pg_prepared_xact"),
    Name("ROUTINE", "pg_prepared_xact", "transaction"),
}
FEW = 3  # columns, such as those of sizes by OID: without what it joins by, nothing of such a query is left
VIEWS: tuple[tuple[str, View], ...] = tuple((pane.source_of(view), view) for pane in PANES for view in pane.views)


@dataclass(slots=True)
class Catalogs:
    """A server whose catalogs are changed in one database, and what the queries answered before."""

    pg: Cluster
    database: str
    owner: Any
    trail: Path
    texts: dict[str, str] = field(default_factory=dict)
    named: dict[Name, set[str]] = field(default_factory=dict)
    before: dict[str, Snapshot] = field(default_factory=dict)
    steady: dict[str, set[str]] = field(default_factory=dict)  # columns of queries that do not change by themselves

    async def learn(self) -> None:
        """What there is to ask, and what it names."""
        async with self._console() as server:
            self.texts = texts(server)
        self.named = named_by(self.pg, self.database, self.texts)

    async def costs(self, names: Iterable[Name]) -> list[str]:
        """What else than what is made of it goes wrong where the catalogs lack one of the names after the other."""
        found: list[str] = []
        for relation, group in groupby(
            sorted(names), lambda name: name.of if name.column and name.of in NAILED else ""
        ):
            with standing_in(self.owner, relation) if relation else nullcontext():
                named = list(group)
                await self._settle({query for name in named for query in self.named[name]})
                for name in named:
                    found += [f"{name}: {why}" for why in await self.cost(name)]
        return found

    async def _settle(self, queries: set[str]) -> None:
        """Read what is answered, and again, for what changes by itself."""
        self.before = await self._all(queries)
        for name in PASSING:  # takes ids of transactions and leaves dead tuples, as every change does
            with without(self.owner, name):
                pass
        again = await self._all(queries)
        self.steady = {
            query: {name for name in taken.columns if _bag(taken, [name]) == _bag(again[query], [name])}
            for query, taken in self.before.items()
        }

    async def _all(self, queries: set[str]) -> dict[str, Snapshot]:
        async with self._console() as server:
            return {query: await self._read(server, query) for query in sorted(queries)}

    async def cost(self, name: Name) -> list[str]:
        """What else than what is made of it goes wrong where the catalogs lack `name`."""
        queries, found = self.named[name], []
        other: dict[str, set[str]] = {}
        with without(self.owner, name):
            async with self._workspace() as workspace:
                try:
                    await workspace.sources.postgres.connect()
                except Trouble as why:
                    return [f"no connection: {why}"]
                for query in sorted(queries):
                    taken, lost = await self._lost(workspace, name, query)
                    found += [f"{query}: {each}" for each in lost]
                    if taken is not None and not lost and (columns := self._other(query, taken)):
                        other[query] = columns
                for source, view in VIEWS:
                    if queries.intersection((view.query, *MADE.get(view.query, ()))):
                        broken = await _shown(workspace.sources.named(source), view)
                        found += [f"{source} {view.name}: {broken}"] if broken else []
        return found + await self._lasting(other)

    def _other(self, query: str, taken: Snapshot) -> set[str]:
        """Columns that have other values than before, of those that are known and have not moved yet."""
        known = [each for each in taken.columns if each in self.steady[query] - {*taken.unknown}]
        return set() if taken.is_partial else _differing(taken, self.before[query], known)

    async def _lasting(self, other: Mapping[str, set[str]]) -> list[str]:
        """What is wrong of other values, now that nothing is missing: what does not come back moved by itself."""
        found = []
        for query, taken in (await self._all({*other})).items() if other else ():
            moved = _differing(taken, self.before[query], other[query])
            self.steady[query] -= moved
            found += [f"{query}: other values of {sorted(wrong)}"] if (wrong := other[query] - moved) else []
        return found

    async def _lost(self, workspace: Workspace, name: Name, query: str) -> tuple[Snapshot | None, Sequence[str]]:
        """What is read where the catalogs lack `name`, and what goes wrong other than its values."""
        before = self.before[query]
        try:
            taken = await self._read(workspace.sources.postgres, query)
        except Trouble as why:
            is_whole = sql.load(query).is_whole and (name.column or name.of) in str(why)
            return None, () if is_whole else (str(why),)
        if taken.columns != before.columns:
            return taken, (f"{set(before.columns) ^ set(taken.columns)}",)
        return taken, self._said(taken, name, query)

    def _said(self, taken: Snapshot, name: Name, query: str) -> Sequence[str]:
        """What goes wrong with what is said of the missing name."""
        is_named = re.search(rf"\b{name.column or name.of}\b", _code(self.texts[query])) is not None
        is_silent = not (taken.unknown or taken.is_partial or taken.hidden)
        if is_named and is_silent and (name.kind != "ROUTINE" or not name.column):
            return ("nothing is said of it",)
        if name.column not in {"", "oid"} and len(taken.columns) > FEW and set(taken.columns) <= set(taken.unknown):
            return ("nothing is left",)
        return ()

    async def _read(self, server: Source, query: str) -> Snapshot:
        return await server.fetch(query, dict.fromkeys(_parameters(self.texts[query])))

    @asynccontextmanager
    async def _workspace(self) -> AsyncIterator[Workspace]:
        wanted = Wanted(self.pg.uri(self.database))
        async with Workspace(config.load(environ={}), wanted, trail=Trail(self.trail)) as workspace:
            yield workspace

    @asynccontextmanager
    async def _console(self) -> AsyncIterator[PostgresServer]:
        server = PostgresServer(self.pg.uri(self.database))
        try:
            await server.connect()
            yield server
        finally:
            await server.close()


async def _shown(source: Source, view: View) -> str:
    """What goes wrong when a view is read that is made of it; empty: nothing, or a sentence in its place."""
    try:
        await Reader(view).read(source)
    except Trouble:
        return ""  # what is lost of its queries is judged for itself
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, ArithmeticError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _differing(taken: Snapshot, other: Snapshot, columns: Iterable[str]) -> set[str]:
    """The columns whose values are others; all of them where only the rows that they make together are."""
    every = list(columns)
    alone = {column for column in every if _bag(taken, [column]) != _bag(other, [column])}
    return alone or {*(every if _bag(taken, every) != _bag(other, every) else ())}


def _bag(taken: Snapshot, columns: Sequence[str]) -> Counter[str]:
    """The values in these columns, in any order."""
    at = [taken.index(column) for column in columns]
    return Counter(repr([row[i] for i in at]) for row in taken.rows)


def _code(text: str) -> str:
    return re.sub(r"--[^\n]*|'(?:[^']|'')*'", "", text)


def _parameters(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


@pytest.fixture
async def catalogs(pg: Cluster, pg_pipeline: str, tmp_path: Path) -> AsyncIterator[Catalogs]:
    """The catalogs of a pipeline database with the extensions that come with PostgreSQL."""
    with pg.connect(pg_pipeline, options=SYSTEM_MODS) as owner:
        owner.execute("CREATE EXTENSION IF NOT EXISTS pg_buffercache")
        made = Catalogs(pg, pg_pipeline, owner, tmp_path / "audit.jsonl")
        await made.learn()
        yield made


@pytest.mark.brief
@pytest.mark.pg(">= 18, < 19")
async def test_what_is_gone_costs_what_is_made_of_it(catalogs: Catalogs) -> None:
    assert sorted(SOME - catalogs.named.keys()) == []
    lost = await catalogs.costs(SOME)
    assert not lost, "\n".join(lost)


@pytest.mark.pg(">= 18, < 19")
async def test_a_column_that_is_gone_costs_what_is_made_of_it(catalogs: Catalogs) -> None:
    names = sorted(name for name in catalogs.named if name.column and name.kind != "ROUTINE")
    assert len(names) > 250
    lost = await catalogs.costs(names)
    assert not lost, "\n".join(lost)


@pytest.mark.pg(">= 18, < 19")
async def test_a_column_of_a_function_that_is_gone_costs_what_is_made_of_it(catalogs: Catalogs) -> None:
    names = sorted(name for name in catalogs.named if name.column and name.kind == "ROUTINE")
    assert len(names) > 200
    lost = await catalogs.costs(names)
    assert not lost, "\n".join(lost)


@pytest.mark.pg(">= 18, < 19")
async def test_a_view_or_a_catalog_that_is_gone_costs_what_is_made_of_it(catalogs: Catalogs) -> None:
    names = sorted(name for name in catalogs.named if not name.column and name.kind != "ROUTINE")
    assert len(names) > 40
    lost = await catalogs.costs(names)
    assert not lost, "\n".join(lost)


@pytest.mark.pg(">= 18, < 19")
async def test_a_function_that_is_gone_costs_what_is_made_of_it(catalogs: Catalogs) -> None:
    called = (name for name in catalogs.named if not name.column and name.kind == "ROUTINE")
    names = sorted(name for name in called if DESCRIBES.fullmatch(name.of))
    assert len(names) > 90
    lost = await catalogs.costs(names)
    assert not lost, "\n".join(lost)


@pytest.mark.pg(">= 18, < 19")
async def test_a_function_of_sql_that_is_gone_costs_a_query_and_a_sentence_at_most(catalogs: Catalogs) -> None:
    called = (name for name in catalogs.named if not name.column and name.kind == "ROUTINE")
    names = sorted(name for name in called if not DESCRIBES.fullmatch(name.of))
    assert len(names) > 50
    sayings = {f"{name}: {query}: " for name, queries in BUILT_OF.items() for query in queries}
    lost = [each for each in await catalogs.costs(names) if not each.startswith(tuple(sayings))]
    assert not lost, "\n".join(lost)
