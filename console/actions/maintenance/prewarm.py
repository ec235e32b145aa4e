"""prewarm: loads tables and indexes into shared buffers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from console.actions.needs import Needs
from console.actions.planning import Action, Request, boolean, refuse
from console.actions.relations import INDEXES, TABLES, Relation, claim, find
from console.format import counted, one_line, percent, size
from console.model import Database, Kind, Parameter, Plan, Prewarm, Step, Trouble, number
from console.records import dataclass

EXTENSION = "pg_prewarm"
COUNTS = "pg_buffercache"  # what tells which blocks are cached
ROOM = 0.75  # share of shared_buffers that a part of something larger takes
MUCH = 0.5  # share of shared_buffers from which the plan warns that the load displaces what others use


@dataclass(frozen=True, slots=True)
class File:
    """Blocks of a relation that are to be loaded."""

    oid: int
    name: str  # schema-qualified, quoted where SQL needs it
    blocks: int  # that it has
    first: int = 0  # the first one to be loaded; all after it are, too

    @property
    def load(self) -> int:
        """How many blocks are loaded."""
        return self.blocks - self.first


@dataclass(frozen=True, slots=True)
class Cached:
    """What shared buffers held of some files."""

    of: Mapping[int, int]  # OID → how many of the blocks to be loaded
    unused: int  # buffers


@dataclass(frozen=True, slots=True)
class Cache:
    """The shared buffers of the server."""

    buffers: int
    block: int  # bytes

    def size(self, blocks: int) -> str:
        """How many blocks, and how many bytes that is."""
        return f"{counted(blocks, 'block', shown='{:,.0f}'.format)} ({size(blocks * self.block)})"


async def plan(request: Request) -> Plan:
    """A step for each file. Raises Trouble(REFUSED) for more than shared_buffers holds, unless a part is wanted."""
    roots = await _roots(request)
    asked = {
        "oid": [each.oid for each in roots],
        "indexes": boolean(request.parameters, "indexes"),
        "toast": boolean(request.parameters, "toast"),
    }
    files, cache, skipped = await _files(request.server, asked)
    whole = sum(file.blocks for file in files)
    if whole > cache.buffers:
        if not boolean(request.parameters, "part"):
            raise _too_large(whole, cache)
        files = fitting(files, int(cache.buffers * ROOM))
    cached = await _cached(request.server, files)
    if cached and all(cached.of[file.oid] == file.load for file in files):
        return Plan(claim(roots), (), (*_nothing(files, cache), *skipped), left=skipped)
    what = f"{cache.size(sum(file.load for file in files))} of {counted(len(files), 'relation')}"
    return Plan(
        claim(roots),
        tuple(_step(file, cache, cached, _function(request.server)) for file in files),
        (*_notes(files, whole, cache, cached), *skipped),
        left=skipped,
        summary=f"load {what} into shared_buffers",
        result=f"{what} loaded into shared_buffers",
        read_back=partial(_read_back, files=files, before=cached),
    )


async def _roots(request: Request) -> tuple[Relation, ...]:
    table, index = request.parameters["table"], request.parameters["index"]
    if not (table or index):
        raise Trouble(Kind.USAGE, "prewarm needs --set table=… or --set index=…: what to load.")
    return (
        *(await find(request.server, table, TABLES) if table else ()),
        *(await find(request.server, index, INDEXES) if index else ()),
    )


async def _files(server: Database, asked: Mapping[str, object]) -> tuple[tuple[File, ...], Cache, tuple[str, ...]]:
    """The files to load, in order, and what is skipped. Raises Trouble(REFUSED) without the right to load one."""
    rows = list((await server.fetch("actions/prewarm", asked)).records())
    for row in rows:
        refuse(row)
    files = tuple(
        File(int(number(row["oid"])), str(row["name"]), int(number(row["blocks"])))
        for row in rows
        if not row["skipped"] and row["blocks"]
    )
    skipped = tuple(one_line(row["skipped"]) for row in rows if row["skipped"])
    first = rows[0] if rows else {}
    return files, Cache(int(number(first.get("buffers"))), int(number(first.get("block")))), skipped


def fitting(files: Sequence[File], room: int) -> tuple[File, ...]:
    """The first files that fit into that many buffers, the last blocks of the one that does not, and no more."""
    taken: list[File] = []
    for file in files:
        part = min(file.blocks, room)
        if part:
            taken.append(replace(file, first=file.blocks - part))
        room -= part
    return tuple(taken)


def _nothing(files: Sequence[File], cache: Cache) -> tuple[str, ...]:
    total = sum(file.load for file in files)
    return (f"{cache.size(total)} are already in shared_buffers: there is nothing left to load.",) if total else ()


def _too_large(whole: int, cache: Cache) -> Trouble:
    what = f"It has {cache.size(whole)}, more than shared_buffers holds: {cache.size(cache.buffers)}."
    part = int(cache.buffers * ROOM)
    remedy = f"With --set part=yes {cache.size(part)} of it are loaded, the last blocks of what does not fit."
    return Trouble(Kind.REFUSED, what, remedy)


async def _cached(server: Database, files: Iterable[File]) -> Cached | None:
    """What is cached now of what is to be loaded; None: that cannot be known, without extension or privilege."""
    listed = list(files)
    if COUNTS not in server.facts.extensions:
        return None
    asked: dict[str, object] = {
        "oid": [file.oid for file in listed],
        "first": [file.first for file in listed],
        "last": [file.blocks - 1 for file in listed],
    }
    try:
        rows = (await server.fetch("actions/prewarm_cached", asked)).records()
    except Trouble as why:
        if why.kind in {Kind.DENIED, Kind.BUSY}:
            return None
        raise
    held = {row["oid"]: int(number(row["buffers"])) for row in rows}
    return Cached({file.oid: held.get(file.oid, 0) for file in listed}, held.get(None, 0))


def _function(server: Database) -> str:
    schema = server.facts.extensions[EXTENSION].schema
    return '"' + schema.replace('"', '""') + '".pg_prewarm'


def _step(file: File, cache: Cache, before: Cached | None, function: str) -> Step:
    load = Prewarm(function, file.oid, file.name, file.first, file.blocks - 1)
    cached = f", {before.of[file.oid]:,} cached already" if before else ""
    part = f"the last {file.load:,} of {file.blocks:,} blocks of " if file.first else ""
    return Step(
        load.statement("'" + file.name.replace("'", "''") + "'", load.first, load.last),
        f"ACCESS SHARE on {file.name}",
        file.name,
        load,
        estimate=f"{cache.size(file.load)}{cached}",
        note=f"load {part}{one_line(file.name)}",
    )


def _notes(files: Sequence[File], whole: int, cache: Cache, before: Cached | None) -> tuple[str, ...]:
    """How much of it fits, how much is cached, and what it displaces."""
    total = sum(file.load for file in files)
    share = 100 * total / cache.buffers if cache.buffers else 0.0
    notes = [f"That is {percent(share)} of shared_buffers, {cache.size(cache.buffers)}."]
    if total < whole:
        notes.append(f"Only a part is loaded: {cache.size(whole)} are more than shared_buffers holds.")
    if before is None:
        notes.append(f"How much is cached already is unknown: that needs the extension {COUNTS} and pg_monitor.")
    else:
        notes.append(_displaced(total - sum(before.of.values()), before.unused, cache))
    if share > 100 * MUCH:
        notes.append("Other sessions may then read again what is evicted; buffers in frequent use stay cached.")
    return tuple(notes)


def _displaced(new: int, unused: int, cache: Cache) -> str:
    """How many blocks are read, and how many others make room for them."""
    read = f"{cache.size(new)} are read into shared_buffers, of which {cache.size(unused)} are unused"
    return f"{read}; {cache.size(new - unused)} of other data are evicted." if new > unused else f"{read}."


async def _read_back(server: Database, files: Sequence[File], before: Cached | None) -> tuple[str, ...]:
    """How much is cached now and was before, for each file."""
    after = await _cached(server, files)
    if after is None or before is None:
        return ()
    return tuple(_cached_now(file, before.of[file.oid], after.of[file.oid]) for file in files)


def _cached_now(file: File, before: int, after: int) -> str:
    lost = "; the others were evicted again, because other data are in use" if after < file.load else ""
    return f"{one_line(file.name)}: {after:,} of {file.load:,} blocks cached, {before:,} before{lost}."


PREWARM = Action(
    name="prewarm",
    title="Load into shared buffers",
    help="Reads tables or indexes into shared_buffers, with the indexes of the tables; requires pg_prewarm.",
    plan=plan,
    parameters=(
        Parameter("table", "name, with its schema if ambiguous; several separated by commas"),
        Parameter("index", "index, with its schema if ambiguous; several separated by commas"),
        Parameter("indexes", "yes or no: also the indexes of the tables", default="yes"),
        Parameter("toast", "yes or no: also the TOAST of the tables", default="no"),
        Parameter(
            "part",
            "yes or no: of what is larger than shared_buffers, load the part that fits; no refuses it",
            default="no",
        ),
    ),
    row={"table": "table", "index": "index"},
    needs=Needs(
        extension=EXTENSION,
        primary=False,
        instead="SELECT run_command_on_shards(table, 'SELECT pg_prewarm(%L)') loads the shards where they are.",
    ),
)
