"""What a statement does to whole tables: how long it holds its locks depends on their size."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Container, Iterator, Sequence

from console.explaining.tokens import Lexeme, tokens
from console.forecast.recognise import recognise
from console.forecast.relations import Relations
from console.forecast.requests import LockRequest, Reach
from console.forecast.storage import Stored
from console.forecast.tasks import TaskRequest
from console.forecast.words import Words
from console.forecast.work import is_stored, tasks_of
from console.model import Source, Trouble
from console.model.forecast import ExpectedWork, TableWork
from console.model.locks import LockMode

QUERY = "forecast_work"
_SIMPLE = re.compile(r'(\w+|"(?:[^"]|"")+")( \(.*\))?')
_COSTS = tuple(TableWork)  # the costliest first


async def expected_work(
    server: Source, statement: str, major: int, relations: Relations, path: Sequence[str]
) -> tuple[ExpectedWork, ...]:
    """What the statement goes through: what is sure, and the costliest, first. Raises Trouble."""
    (work,) = await work_of_steps(server, ((statement,),), major, relations, path)
    return work


async def work_of_steps(
    server: Source, steps: Sequence[Sequence[str]], major: int, relations: Relations, path: Sequence[str] = ()
) -> tuple[tuple[ExpectedWork, ...], ...]:
    """The same of the statements of each step, in the order in which they are run. Raises Trouble."""
    asked = [[task for statement in step for task in _tasks(statement, major)] for step in steps]
    everything = [task for tasks in asked for task in tasks]
    if not everything:
        return tuple(() for _ in steps)
    stored = await _stored(server, everything, relations, path)
    changed: set[int] = set()  # tables that the steps so far may have given a constraint or an index
    is_sparable = any(task.sparable for task in everything)
    works = []
    for step, tasks in zip(steps, asked, strict=True):
        works.append(work_of(tasks, relations, stored, changed) if tasks else ())
        if is_sparable:
            changed.update(_changed(step, major, relations))
    return tuple(works)


def _tasks(statement: str, major: int) -> tuple[TaskRequest, ...]:
    found = [token for token in tokens(statement) if not (token.sort is Lexeme.SIGN and token.text == ";")]
    return tasks_of(Words(found), major)


def _changed(step: Sequence[str], major: int, relations: Relations) -> Iterator[int]:
    for statement in step:
        with contextlib.suppress(Trouble):
            for request in recognise(statement, major).requests:
                yield from (relation.oid for relation in relations.meant(request))


async def _stored(server: Source, requests: Sequence[TaskRequest], relations: Relations, path: Sequence[str]) -> Stored:
    types = list(dict.fromkeys(name for each in requests for name in each.types))
    meant = {oid for each in requests for oid in _meant(each, relations)}
    parameters = {
        "oids": sorted({*meant, *relations.named.values()}),
        "types": types,
        "simple": [_simple(name) for name in types],
        "functions": list(dict.fromkeys(name for each in requests for name in each.functions)),
        "path": list(path),
    }
    return Stored.of((await server.fetch(QUERY, parameters)).records(), relations.named)


def work_of(
    requests: Sequence[TaskRequest], relations: Relations, stored: Stored, changed: Container[int] = ()
) -> tuple[ExpectedWork, ...]:
    """The tasks on what the relations mean, each table under its costliest one that is sure.

    Of tables that earlier steps have changed by then, less is known: a constraint that they added may spare a task.
    """
    done: dict[int, tuple[TableWork, bool]] = {}
    names: dict[int, str] = {}
    for request in sorted(requests, key=lambda each: _COSTS.index(each.task)):
        for oid in _meant(request, relations):
            answer = request.test(stored, oid) if is_stored(stored, oid) else False
            if answer and request.sparable and oid in changed:
                answer = None
            if answer is not False and (oid not in done or (answer and not done[oid][1])):
                done[oid] = request.task, answer is True
                own = oid if request.reach is Reach.DEFAULT else relations.named[request.name]
                names[oid] = relations.each[own].name
    groups: dict[tuple[TableWork, bool, str], list[int]] = {}
    for oid, (task, sure) in done.items():
        groups.setdefault((task, sure, names[oid]), []).append(oid)
    return tuple(
        _work(task, name, [_size(stored, oid, task) for oid in oids], sure=sure)
        for (task, sure, name), oids in sorted(
            groups.items(), key=lambda each: (not each[0][1], _COSTS.index(each[0][0]))
        )
    )


def _work(task: TableWork, name: str, sizes: Sequence[float | None], *, sure: bool) -> ExpectedWork:
    known = [size for size in sizes if size is not None]
    return ExpectedWork(task, name, len(sizes), sum(known), sure, unknown=len(sizes) - len(known))


def _size(stored: Stored, oid: int, task: TableWork) -> float | None:
    table = stored.tables[oid]
    return None if table.size is None else table.size + (table.further if task is TableWork.REWRITE else 0.0)


def _meant(request: TaskRequest, relations: Relations) -> list[int]:
    """The tables that it goes through."""
    wanted = LockRequest(LockMode.ACCESS_SHARE, request.name, request.reach)
    return [relation.oid for relation in relations.meant(wanted)]


def _simple(written: str) -> str | None:
    """The name of a type that is written without a schema; None: with one, or of several words."""
    found = _SIMPLE.fullmatch(written)
    if found is None:
        return None
    name = found[1]
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
