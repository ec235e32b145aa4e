"""undo: the statements that take back a former run on this server, from the audit trail."""

from __future__ import annotations

import re
from collections.abc import Sequence

from console import history
from console.actions.planning import Action, Request
from console.audit import HIDDEN, default_trail
from console.format import moment, one_line, safe
from console.history import Past
from console.model import Facts, Kind, Parameter, Plan, Step, Trouble

NAME = "undo"
_DROPS = re.compile(r"\b(DROP\s+(TABLE|MATERIALIZED|SCHEMA|SEQUENCE)|TRUNCATE|DELETE)\b", re.IGNORECASE)

_INDEX = re.compile(r"\bINDEX\s+CONCURRENTLY\b", re.IGNORECASE)
_DETACH = re.compile(r"\bDETACH\b.*\bCONCURRENTLY\s*;?\s*$", re.IGNORECASE | re.DOTALL)


async def plan(request: Request) -> Plan:
    """What takes the last run back, or the named one; what an undo that was broken off left goes first."""
    facts = await _facts(request)
    here = (facts.label, facts.database, facts.user)
    runs = [past for past in history.runs(default_trail().entries()) if past.where == here]
    chosen = _named(runs, request.given["run"]) if request.given["run"] else _last(runs)
    statements = _left(runs, chosen)
    if HIDDEN in "".join(statements):
        raise Trouble(
            Kind.REFUSED,
            f"{_title(chosen)} cannot be undone from here: it concerns a password, which the audit trail never keeps.",
        )
    return Plan(
        action=NAME,
        subject=chosen.subject,
        steps=tuple(
            Step(
                statement,
                transaction=False,
                note=f"takes back: {_origin(chosen, statement)}",
                lock_timeout=_patience(statement),
            )
            for statement in statements
        ),
        parameters={"run": chosen.id},
        notes=(f"Undoes {_title(chosen)}.", *_later(runs, chosen)),
        destructive=any(_DROPS.search(statement) for statement in statements),
    )


async def _facts(request: Request) -> Facts:
    await request.server.fetch("server_facts")  # connects, so that it is known which server this is
    return request.server.facts


def _last(runs: Sequence[Past]) -> Past:
    """The last run that can be undone. Trouble (REFUSED) when there is none or the newest was an undo."""
    changed = [past for past in runs if past.finished]
    if changed and changed[-1].action == NAME:
        target = _target(runs, changed[-1])
        if target is not None and changed[-1].status != "done" and _left(runs, target):
            return target
        raise Trouble(
            Kind.REFUSED,
            "The last run here was itself an undo.",
            "The audit pane has the older runs; --set run=… names one.",
        )
    for past in reversed(changed):
        if past.undo and _left(runs, past) and past.status != history.RUNNING:
            return past
    raise Trouble(
        Kind.REFUSED, "There is nothing to undo: no run of this role on this database left anything that can be."
    )


def _named(runs: Sequence[Past], name: str) -> Past:
    for past in runs:
        if past.id == name:
            if not past.undo:
                raise Trouble(Kind.REFUSED, f"{_title(past)} left nothing that can be undone.")
            return past
    raise Trouble(
        Kind.USAGE, f"There is no run {safe(name, 40)} of this role on this database.", "show audit lists the runs."
    )


def _left(runs: Sequence[Past], chosen: Past) -> tuple[str, ...]:
    """What undoes `chosen`, without what former undos of it did."""
    left = list(chosen.undo)
    for past in runs:
        if past.action == NAME and past.parameters.get("run") == chosen.id:
            for one in past.finished:
                if one.sql in left:
                    left.remove(one.sql)
    return tuple(left)


def _patience(statement: str) -> float | None:
    """As Step.lock_timeout says of such statements."""
    if _INDEX.search(statement):
        return 0.0
    return 3.0 if _DETACH.search(statement) else None


def _target(runs: Sequence[Past], undo: Past) -> Past | None:
    return next((past for past in runs if past.id == undo.parameters.get("run")), None)


def _later(runs: Sequence[Past], chosen: Past) -> list[str]:
    after = [past for past in runs[runs.index(chosen) + 1 :] if past.finished and past.action != NAME]
    return [f"Later runs stay as they are: {', '.join(map(_title, after[-5:]))}."] if after else []


def _origin(chosen: Past, statement: str) -> str:
    done = next((one.sql for one in chosen.finished if one.undo == statement), chosen.action)
    return one_line(done)[:200]


def _title(past: Past) -> str:
    return f"{past.action} of {one_line(past.subject)} at {moment(past.at)} UTC (run {past.id})"


UNDO = Action(
    name=NAME,
    title="Undo",
    help="Takes back the last run on this database that left statements for it, as the audit trail of this user tells.",
    plan=plan,
    parameters=(Parameter("run", "which run, as the audit pane names it; empty: the last that can be undone"),),
    row={"run": "run"},
)
