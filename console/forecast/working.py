"""What a statement does to whole tables: how long it holds its locks depends on their size."""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.explaining.tokens import Lexeme, tokens
from console.forecast.relations import Relations
from console.forecast.requests import LockRequest, Reach
from console.forecast.storage import Stored
from console.forecast.tasks import TaskRequest
from console.forecast.words import Words
from console.forecast.work import is_stored, tasks_of
from console.model import Source
from console.model.forecast import ExpectedWork, TableWork
from console.model.locks import LockMode

QUERY = "forecast_work"
_SIMPLE = re.compile(r'(\w+|"(?:[^"]|"")+")( \(.*\))?')
_COSTS = tuple(TableWork)  # the costliest first


async def expected_work(
    server: Source, statement: str, major: int, relations: Relations, path: Sequence[str]
) -> tuple[ExpectedWork, ...]:
    """What the statement goes through: what is sure, and the costliest, first. Raises Trouble."""
    found = [token for token in tokens(statement) if not (token.sort is Lexeme.SIGN and token.text == ";")]
    requests = tasks_of(Words(found), major)
    if not requests:
        return ()
    return work_of(requests, relations, await _stored(server, requests, relations, path))


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


def work_of(requests: Sequence[TaskRequest], relations: Relations, stored: Stored) -> tuple[ExpectedWork, ...]:
    """The tasks on what the relations mean, each table under its costliest one that is sure."""
    done: dict[int, tuple[TableWork, bool]] = {}
    names: dict[int, str] = {}
    for request in sorted(requests, key=lambda each: _COSTS.index(each.task)):
        for oid in _meant(request, relations):
            answer = request.test(stored, oid) if is_stored(stored, oid) else False
            if answer is not False and (oid not in done or (answer and not done[oid][1])):
                done[oid] = request.task, answer is True
                own = oid if request.reach is Reach.DEFAULT else relations.named[request.name]
                names[oid] = relations.each[own].name
    groups: dict[tuple[TableWork, bool, str], list[int]] = {}
    for oid, (task, sure) in done.items():
        groups.setdefault((task, sure, names[oid]), []).append(oid)
    return tuple(
        ExpectedWork(task, name, len(oids), sum(_size(stored, oid, task) for oid in oids), sure)
        for (task, sure, name), oids in sorted(
            groups.items(), key=lambda each: (not each[0][1], _COSTS.index(each[0][0]))
        )
    )


def _size(stored: Stored, oid: int, task: TableWork) -> float:
    table = stored.tables[oid]
    return table.size + (table.further if task is TableWork.REWRITE else 0.0)


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
