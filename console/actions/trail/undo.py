"""undo: the statements that undo an earlier run on this server, from the audit trail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from console.actions.confinement import roles_of, run_as
from console.actions.needs import Needs
from console.actions.planning import Action, Request, standby_refused
from console.actions.pooler.chosen import named
from console.actions.pooler.commands import undoing
from console.actions.pooler.reload import taking_back
from console.actions.relations import find_any
from console.actions.trail.cut_off import Besides, besides, sentences
from console.files import local_files
from console.format import counted, moment, one_line, safe
from console.model import (
    Claim,
    Database,
    Execution,
    Facts,
    Kind,
    Parameter,
    Plan,
    Source,
    Standalone,
    Step,
    Transaction,
    Trouble,
)
from console.model.locks import lock_of
from console.records import dataclass
from console.redaction import hides
from console.running.trail import history
from console.running.trail.audit import default_trail
from console.running.trail.history import Past, Planned

NAME = "undo"
NOTHING = "There is nothing to undo: no run of this role on this database can be undone."
_DROPS = re.compile(r"\b(DROP\s+(TABLE|MATERIALIZED|SCHEMA|SEQUENCE)|TRUNCATE|DELETE)\b", re.IGNORECASE)
_ALONE = re.compile(r"\bCONCURRENTLY\b|^\s*(ALTER\s+SYSTEM|VACUUM|REINDEX)\b", re.IGNORECASE)
_INDEX = re.compile(r"\bINDEX\s+CONCURRENTLY\b", re.IGNORECASE)
_DETACH = re.compile(r"\bDETACH\b.*\bCONCURRENTLY\s*;?\s*$", re.IGNORECASE | re.DOTALL)
# Their runs undo a file by a shell command; trails of versions before do not say which files it copies.
_OF_FILES = frozenset({"write-pgbouncer-config"})


async def plan(request: Request) -> Plan:
    """Undoes the last run, or the named one; first what an interrupted undo left to do."""
    facts = await _facts(request)
    here = (facts.label, facts.database, facts.user)
    runs = [past for past in history.runs(default_trail().entries()) if past.where == here]
    wanted = request.parameters["run"]
    chosen = await (_named(request.server, runs, wanted) if wanted else _last(request.server, runs))
    past, statements = chosen.past, chosen.statements
    if facts.standby and not past.standby:
        raise standby_refused(NAME)
    if any(map(hides, statements)):
        raise Trouble(
            Kind.REFUSED,
            f"{_title(past)} cannot be undone from here: it concerns a password, which the audit trail never keeps.",
        )
    steps: list[Step] = []
    for at, statement in enumerate(statements):
        steps += [*await _remains(request.server, statement), await _step(request, past, at, statement)]
    return Plan(
        Claim(past.subject, past.parts, past.cluster_wide, name=past.name or facts.database),
        tuple(steps),
        notes=(f"Undoes {_title(past)}.", *sentences(chosen.besides.unknown), *_later(runs, past)),
        summary=f"undo {counted(len(statements), 'step')} of {past.action}",
        result=f"{counted(len(statements), 'step')} of {past.action} undone",
        destructive=any(_DROPS.search(statement) for statement in statements),
        parameters={"run": past.id},
    )


@dataclass(frozen=True, slots=True)
class Chosen:
    """A run and what undoes it, in the order to run it, without what earlier undos of it did."""

    past: Past
    statements: tuple[str, ...]
    besides: Besides


async def _chosen(server: Source, runs: Sequence[Past], past: Past) -> Chosen:
    more = await besides(server, past)
    left = [statement.undo for statement in reversed(more.done) if statement.undo] + list(past.undo)
    for undo in runs:
        if undo.action == NAME and undo.parameters.get("run") == past.id:
            for sql in (
                *(statement.sql for statement in undo.finished),
                *(statement.sql for statement in (await besides(server, undo)).done),
            ):
                if sql in left:
                    left.remove(sql)
    return Chosen(past, tuple(left), more)


async def _remains(server: Source, statement: str) -> list[Step]:
    """Removes the invalid index that stands in the way of a statement because an earlier undo was interrupted."""
    if not _INDEX.search(statement):
        return []
    found = await server.fetch("actions/undo_remains", {"statement": statement})
    return [
        Step(
            f"DROP INDEX CONCURRENTLY {row['name']}",
            lock=f"SHARE UPDATE EXCLUSIVE on {row['on']}",
            on=str(row["on"]),
            execution=Standalone(undo_lock_timeout(statement)),
            note="an interrupted undo left this index invalid; it is built again",
        )
        for row in found.records()
    ]


async def _step(request: Request, past: Past, at: int, statement: str) -> Step:
    planned = next((step for step in past.planned if step.undo == statement), None)
    if planned and planned.pooler:
        name, uri = named(request.poolers, planned.pooler)
        note = f"undoes: {_origin(past, statement)}"
        copies = planned.undo_files
        execution = taking_back(uri, name, copies) if copies else undoing(uri, name, statement)
        return Step(statement, lock="none", execution=execution, note=note)
    on = planned.on if planned else ""
    step = Step(
        statement,
        lock_of(statement, on),
        on,
        execution=_execution(past, planned, at, statement),
        note=f"undoes: {_origin(past, statement)}",
    )
    (confined_step,) = run_as(planned.role if planned and planned.role else await _owner(request.server, on), [step])
    return confined_step


async def _owner(server: Database, on: str) -> str:
    """The role that a change of the relation `on` is confined to; empty: none."""
    found = await find_any(server, on) if on else ()
    roles = await roles_of(server, [each.oid for each in found])
    return next(iter(roles.values()), "")


def _execution(past: Past, planned: Planned | None, at: int, statement: str) -> Execution:
    """In a transaction where possible: then the trail shows whether a killed undo took effect."""
    if planned and planned.undo_files:
        ((kept, path),) = planned.undo_files
        return local_files.restored(Path(kept), Path(path))
    if past.action in _OF_FILES:
        raise Trouble(
            Kind.REFUSED,
            f"{_title(past)} was recorded by an earlier version, which does not say which file it kept where.",
            f"As the owner of the files, run: {one_line(statement)}",
        )
    return Standalone(undo_lock_timeout(statement)) if _ALONE.search(statement) else Transaction(str(at))


async def _facts(request: Request) -> Facts:
    await request.server.fetch("server_facts")  # connects, so that it is known which server this is
    return request.server.facts


async def _last(server: Source, runs: Sequence[Past]) -> Chosen:
    """The last run. Raises Trouble(REFUSED) if it cannot be undone: no older one is undone unless it is named."""
    changed = [past for past in runs if past.finished or past.under_way.steps]
    while changed and not await _had_effect(server, changed[-1]):
        changed.pop()
    if not changed:
        raise Trouble(Kind.REFUSED, NOTHING)
    newest, older = changed[-1], await _undoable(server, runs, changed[:-1])
    if newest.action == NAME:
        target = _target(runs, newest)
        if target is not None and newest.status != "done":
            chosen = await _chosen(server, runs, target)
            if chosen.statements:
                return chosen
        raise Trouble(Kind.REFUSED, "The last run here was itself an undo.", _naming(older))
    if newest.status == history.RUNNING:
        raise Trouble(Kind.REFUSED, f"The last run here has not ended: {_title(newest)}.", _naming(older))
    chosen = await _chosen(server, runs, newest)
    if chosen.statements:
        return chosen
    _say_unknown(chosen)
    if older is None:
        raise Trouble(Kind.REFUSED, NOTHING)
    raise Trouble(Kind.REFUSED, f"The last run here cannot be undone: {_title(newest)}.", _naming(older))


async def _had_effect(server: Source, past: Past) -> bool:
    """Whether the run changed anything, or may have."""
    if past.finished or past.status == history.RUNNING:
        return True
    more = await besides(server, past)
    return bool(more.done or more.unknown)


async def _undoable(server: Source, runs: Sequence[Past], older: Sequence[Past]) -> Past | None:
    """The newest of the `older` runs that can be undone."""
    for past in reversed(older):
        if past.action != NAME and past.undoable and past.status != history.RUNNING:
            statements = (await _chosen(server, runs, past)).statements
            if statements and not any(map(hides, statements)):
                return past
    return None


def _naming(past: Past | None) -> str:
    """How to undo an older run."""
    if past is None:
        return "No older run here can be undone."
    how = f"pipeline-console run undo --set run={past.id}, or undo on its row of the audit pane"
    return f"The newest run that can be is {_title(past)}. To undo it: {how}."


def _say_unknown(chosen: Chosen) -> None:
    """Raises Trouble(REFUSED) if it is unknown whether the run had any effect: no older run is undone instead."""
    if chosen.besides.unknown and not chosen.statements:
        raise Trouble(
            Kind.REFUSED,
            f"{_title(chosen.past)} was interrupted. {' '.join(sentences(chosen.besides.unknown))}",
            "Running the action itself again finishes what it began.",
        )


async def _named(server: Source, runs: Sequence[Past], name: str) -> Chosen:
    for past in runs:
        if past.id == name:
            chosen = await _chosen(server, runs, past)
            _say_unknown(chosen)
            if not past.undo and not chosen.besides.done:
                raise Trouble(Kind.REFUSED, f"{_title(past)} left nothing that can be undone.")
            return chosen
    raise Trouble(
        Kind.USAGE, f"There is no run {safe(name, 40)} of this role on this database.", "show audit lists the runs."
    )


def undo_lock_timeout(statement: str) -> float | None:
    """The lock_timeout that the docstring of Standalone recommends for such statements."""
    if _INDEX.search(statement):
        return 0.0
    return 3.0 if _DETACH.search(statement) else None


def _target(runs: Sequence[Past], undo: Past) -> Past | None:
    return next((past for past in runs if past.id == undo.parameters.get("run")), None)


def _later(runs: Sequence[Past], chosen: Past) -> list[str]:
    after = [past for past in runs[runs.index(chosen) + 1 :] if past.finished and past.action != NAME]
    return [f"Later runs are not undone: {', '.join(map(_title, after[-5:]))}."] if after else []


def _origin(chosen: Past, statement: str) -> str:
    sent = [(step.sql, step.undo) for step in chosen.finished] + [(step.sql, step.undo) for step in chosen.planned]
    done = next((sql for sql, undo in sent if undo == statement), chosen.action)
    return one_line(done)[:200]


def _title(past: Past) -> str:
    return f"{past.action} of {one_line(past.subject)} at {moment(past.at)} UTC (run {past.id})"


UNDO = Action(
    name=NAME,
    title="Undo",
    help="Undoes the last run on this database, or the named one, by the audit trail of this user. If the last one "
    "cannot be undone, that is refused and the newest that can be is named.",
    plan=plan,
    parameters=(Parameter("run", "which run, as the audit pane names it; empty: the last one"),),
    row={"run": "run"},
    needs=Needs(primary=False, on_shards=True, in_words="the rights of the run that is undone", planned=False),
)
