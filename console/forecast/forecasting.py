"""Forecasts who will wait for a statement that is typed, without running it, or for the steps of a plan."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from console.explaining.rights import role_settings, schemas_of
from console.explaining.tokens import Lexeme, tokens
from console.forecast.durations import seconds_of
from console.forecast.recognise import is_utility, recognise
from console.forecast.relations import Related, Relations
from console.forecast.requests import LockRequest, Recognised, TypedName
from console.forecast.traffic import Traffic, read_traffic
from console.forecast.working import expected_work, work_of_steps
from console.format import counted, one_line
from console.model import Database, Kind, Record, Source, Step, Transaction, Trouble
from console.model.forecast import ExpectedLock, Forecast, LockHolder, TrafficReading
from console.model.locks import LockMode, locks
from console.records import dataclass

if TYPE_CHECKING:
    from console.sources.postgres import PostgresServer

SAMPLE = 2.0  # seconds between the two readings of what uses the tables
_NAMES = {mode: f"{mode.value.title().replace(' ', '')}Lock" for mode in LockMode}  # as in pg_locks
_MODES = {name: mode for mode, name in _NAMES.items()}
LONG = 1.0  # seconds from which a lock is worth naming in a plan
Wanted = dict[int, tuple[LockMode, Related]]
Pair = tuple[int, LockMode]
Conflicts = Mapping[Pair, Record]


@dataclass(frozen=True, slots=True)
class AskedForecast:
    """A statement to be forecast, and how."""

    text: str
    lock_timeout: float | None = None  # seconds; None: that of the sessions of the role
    search_path: str = ""  # empty: that of the sessions of the role
    sample: float = SAMPLE  # seconds for which arrivals are counted; 0: not at all


async def forecast(server: PostgresServer, asked: AskedForecast) -> Forecast:
    """Who will wait for a statement, and for whom it will wait. The server parses it, and does not run it.

    Raises Trouble: REFUSED if it is not one statement of SQL, UNSUPPORTED if its locks are not known, MISSING if it
    names what does not exist.
    """
    facts = await server.connect()
    known = await _recognised(server, asked.text, facts.major)
    settings = {name: value for name, value, _ in await role_settings(server, "")}
    path = schemas_of(asked.search_path or settings["search_path"])
    relations = await _relations(server, [known], path)
    _refuse_missing(known, relations, path)
    wanted = _wanted(known.requests, relations)
    before = await read_traffic(server, _counted(wanted, relations)) if asked.sample else TrafficReading()
    await asyncio.sleep(asked.sample)
    now = await read_traffic(server, before.uses) if asked.sample else before
    conflicts = await _conflicts(server, _pairs(wanted), least=0.0)
    made = _forecast(known.kind, wanted, relations, conflicts, Traffic(before, now))
    timeout = seconds_of(settings["lock_timeout"]) if asked.lock_timeout is None else asked.lock_timeout
    work = await expected_work(server, asked.text, facts.major, relations, path)
    return replace(made, lock_timeout=timeout, notes=_notes(known, relations), work=work)


async def _recognised(server: PostgresServer, text: str, major: int) -> Recognised:
    """What the statement locks, once the server has parsed it. Raises Trouble."""
    try:
        known = recognise(text, major)
    except Trouble as why:
        if why.kind is Kind.UNSUPPORTED and is_utility(text):
            await server.parse(text)  # whatever is wrong with its syntax is the better answer
        raise
    if not known.analysed:
        await server.parse(text)
    return known


def _refuse_missing(known: Recognised, relations: Relations, path: Sequence[str]) -> None:
    for request in known.requests:
        if request.name not in relations.named and request.name not in known.optional:
            where = f"search_path {one_line(', '.join(path))}" if request.name.schema is None else "this database"
            raise Trouble(
                Kind.MISSING,
                f"The statement names {one_line(request.name)}, which does not exist in {where}.",
                "Name its schema, or give the search_path.",
            )


def _notes(known: Recognised, relations: Relations) -> tuple[str, ...]:
    notes = list(known.notes)
    if relations.event_triggers:
        names = one_line(", ".join(relations.event_triggers))
        triggers = counted(len(relations.event_triggers), "event trigger")
        notes.append(f"What the {triggers} of this database may lock besides is not known: {names}.")
    if known.analysed:
        notes.append("The server did not check its syntax: parsing a query locks what it reads.")
    return tuple(notes)


async def _relations(server: Source, all_known: Iterable[Recognised], path: Sequence[str]) -> Relations:
    """What the catalogs say around the names of some statements. Raises Trouble."""
    recognised = tuple(all_known)
    names = list(dict.fromkeys(request.name for known in recognised for request in known.requests))
    parameters = {
        "schemas": [name.schema for name in names],
        "names": [name.name for name in names],
        "path": list(path),
        "cascades": any(known.cascades for known in recognised),
    }
    return Relations.of(names, (await server.fetch("forecast_relations", parameters)).records())


def _wanted(requests: Iterable[LockRequest], relations: Relations) -> Wanted:
    """The strongest mode on each relation, those that are named first."""
    wanted: Wanted = {}
    for request in requests:
        for relation in relations.meant(request):
            before = wanted.get(relation.oid)
            if before is None or before[0].strength < request.mode.strength:
                wanted[relation.oid] = (request.mode, relation)
    return wanted


def _counted(wanted: Wanted, relations: Relations) -> set[int]:
    """The tables whose use is counted: an index is used with its table."""
    return {relations.tables.get(oid, oid) for oid in wanted}


async def _conflicts(server: Source, pairs: Iterable[Pair], least: float) -> Conflicts:
    """Who has held a conflicting lock for `least` seconds, and how many wait, for each pair. Raises Trouble."""
    asked = list(dict.fromkeys(pairs))
    if not asked:
        return {}
    parameters = {"oids": [oid for oid, _ in asked], "modes": [_NAMES[mode] for _, mode in asked], "least": least}
    found = await server.fetch("actions/lock_conflicts", parameters)
    return {(int(str(row["oid"])), _MODES[str(row["wanted"])]): row for row in found.records()}


def _pairs(wanted: Wanted) -> Iterator[Pair]:
    return ((oid, mode) for oid, (mode, _) in wanted.items())


def _forecast(kind: str, wanted: Wanted, relations: Relations, conflicts: Conflicts, traffic: Traffic) -> Forecast:
    used: set[int] = set()  # a table and its indexes are requested together
    expected = []
    for oid, (mode, relation) in sorted(wanted.items(), key=lambda each: -each[1][0].strength):
        table = relations.tables.get(oid, oid)
        arrivals = None if table in used else traffic.arrivals(table, mode)
        used.add(table)
        expected.append(_expected(mode, relation, conflicts.get((oid, mode)), arrivals))
    return Forecast(kind, tuple(expected), None, traffic.transactions(), traffic.now.clients)


def _expected(mode: LockMode, relation: Related, row: Record | None, arrivals: float | None) -> ExpectedLock:
    if row is None:
        return ExpectedLock(mode, relation.name, relation.kind, arrivals=arrivals)
    holder = None
    if row["who"] is not None:
        pid, age = row["pid"], row["age"]
        holder = LockHolder(
            None if pid is None else int(str(pid)),
            str(row["who"]),
            _MODES[str(row["held"])],
            None if age is None else float(str(age)),
            int(str(row["others"])),
        )
    return ExpectedLock(mode, relation.name, relation.kind, holder, int(str(row["waiting"])), arrivals)


async def forecast_steps(
    server: Database, steps: Sequence[Step], before: TrafficReading | None = None
) -> tuple[tuple[Step, ...], TrafficReading]:
    """The steps of a plan, each with its forecast, and the counters of their tables for the next time. Raises Trouble.

    Besides what its statement locks, a step locks what it declares. Who has held a conflicting lock for less than a
    second is left out.
    """
    known = [_of_step(step, server.facts.major) for step in steps]
    relations = await _relations(server, known, ())
    each_wanted = [_wanted(each.requests, relations) for each in known]
    pairs = [pair for wanted in each_wanted for pair in _pairs(wanted)]
    if not pairs:
        return tuple(steps), TrafficReading()
    now = await read_traffic(server, {relations.tables.get(oid, oid) for oid, _ in pairs})
    conflicts = await _conflicts(server, pairs, LONG)
    traffic = Traffic(before or now, now)
    texts = [tuple(_statements(step.sql)) for step in steps]
    works = await work_of_steps(server, texts, server.facts.major, relations)
    made = tuple(
        _with_forecast(step, replace(_forecast(each.kind, wanted, relations, conflicts, traffic), work=work), bound)
        for step, each, wanted, bound, work in zip(steps, known, each_wanted, _bounds(steps), works, strict=True)
    )
    return made, now


def _with_forecast(step: Step, made: Forecast, bound: float | None) -> Step:
    return replace(step, forecast=replace(made, lock_timeout=bound)) if made.locks else step


def _bounds(steps: Sequence[Step]) -> Iterator[float | None]:
    """How long each step waits for a lock: what it sets itself, or a step before it in its transaction."""
    group, local = "", None
    for step in steps:
        now = step.execution.group if isinstance(step.execution, Transaction) else ""
        local = local if now and now == group else None
        group = now
        for text in _statements(step.sql):
            local = _lock_timeout(text, local)
        yield step.execution.queue if local is None else local


def _lock_timeout(text: str, known: float | None) -> float | None:
    """The lock_timeout that a statement sets, in seconds; else that which is `known`."""
    found = [token for token in tokens(text) if not token.is_word("local", "session")]
    if len(found) != 4 or not (found[0].is_word("set") and found[1].is_word("lock_timeout")):
        return known
    try:
        return seconds_of(found[3].text.strip("'"))
    except Trouble:  # DEFAULT
        return None


def _of_step(step: Step, major: int) -> Recognised:
    """What a step declares, and what its statements lock as far as that is known."""
    found = [LockRequest(mode, name) for mode, text in locks(step.lock) if (name := _typed(text))]
    kind, cascades = "", False
    for text in _statements(step.sql):
        try:
            known = recognise(text, major)
        except Trouble:  # a setting, a query, or a statement that is known only by what the action declares
            continue
        kind, cascades = known.kind, cascades or known.cascades
        found += known.requests
    return Recognised(kind, tuple(found), cascades=cascades)


def _statements(text: str) -> Iterator[str]:
    """The statements of a step; none if it is no SQL, such as the command line of a program."""
    try:
        ends = [token.start for token in tokens(text) if token.sort is Lexeme.SIGN and token.text == ";"]
    except Trouble:
        return
    for begin, end in pairwise([-1, *ends, len(text)]):
        yield text[begin + 1 : end]


def _typed(name: str) -> TypedName | None:
    """A qualified name as SQL quotes it."""
    parts = [token.text for token in tokens(name) if token.is_name]
    return TypedName(parts[1], parts[0]) if len(parts) == 2 else None
