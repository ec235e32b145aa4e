"""Explains one statement: whose it is, whether it is safe to plan, its plan, its hints, and the plan it had before."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from console.explaining.hints import Hint, KnownOfPlan, hints, relations
from console.explaining.kept import Former, KeptPlans
from console.explaining.plan import Node, node
from console.explaining.rights import Settings, planning_role, planning_settings, refuse_foreign_code
from console.explaining.statement import Statement
from console.explaining.subject import KeptStatement, Subject, find
from console.format import counted, one_line
from console.model import Database, Kind, Record, Trouble
from console.records import dataclass
from console.sources.postgres import PostgresServer
from console.sources.postgres.explaining import Question

ANALYZE_SECONDS = 30.0
_UNITS = {"": 1024.0, "B": 1.0, "kB": 1024.0, "MB": 2.0**20, "GB": 2.0**30, "TB": 2.0**40}


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement to be explained, and how."""

    subject: Subject
    values: tuple[str | None, ...] | None = None  # of its parameters; None: a generic plan
    role: str = ""  # with whose rights; empty: those of the session
    search_path: str = ""  # empty: that of the sessions of its role
    analyze: bool = False


@dataclass(frozen=True, slots=True)
class ExplainedStatement:
    """The plan of one statement and what is worth knowing of it."""

    found: KeptStatement
    plan: Node
    role: str  # with whose rights it was planned
    how: str  # generic plan, or with values
    settings: Settings  # name, value, where it is set
    hints: tuple[Hint, ...]
    notes: tuple[str, ...]
    taken_at: datetime
    seconds: float
    question: Question  # what was sent
    milliseconds: float | None = None  # that it took, where it was run
    before: Former | None = None  # the last plan that worked in another way
    same_since: datetime | None = None  # when this plan was seen first
    tables: Mapping[tuple[str, str], Record] = field(default_factory=dict)
    advice: tuple[str, ...] = ()  # which indexes would pay, a sentence each


async def explain(
    server: PostgresServer, asked: Asked, kept: KeptPlans | None = None, key: str = ""
) -> ExplainedStatement:
    """Plan one statement, and with `analyze` run it. `key` is what `kept` calls the database. Raises Trouble."""
    began = time.monotonic()
    await server.connect()
    found = await find(server, asked.subject)
    role, own = await planning_role(server, asked.role)
    settings = await planning_settings(server, found.user or role, asked.search_path)
    question = _question(found.statement, asked, settings, "" if own else role)
    await refuse_foreign_code(server, found.statement, role, settings, asked.analyze)
    async with server.explaining() as session:
        document = await session.explain(question)
    plan = node(document["Plan"])
    tables = await _tables(server, plan)
    known = KnownOfPlan(tables, *_memory(settings), rows_a_call=found.rows_a_call)
    now = present_plan(document, plan, question)
    before, since, unkept = _past(kept, key, found.statement, now) if kept else (None, None, ())
    return ExplainedStatement(
        found,
        plan,
        role,
        _how(question),
        settings,
        hints(plan, known),
        (*found.statement.notes, *_notes(asked, found, settings), *unkept),
        datetime.now(UTC),
        time.monotonic() - began,
        question,
        milliseconds=None if "Execution Time" not in document else float(document["Execution Time"]),
        before=before,
        same_since=since,
        tables=tables,
    )


def _question(stated: Statement, asked: Asked, settings: Settings, confined_to: str) -> Question:
    """What is sent. Raises Trouble if values are missing, or the statement may not be run."""
    count = len(stated.parameters)
    if asked.values is not None and len(asked.values) != count:
        raise Trouble(
            Kind.USAGE,
            f"The statement has {counted(count, 'parameter')} ({', '.join(stated.parameters) or 'none'}), but "
            f"{counted(len(asked.values), 'value')} given.",
            r"Give a value for each, in their order; \N stands for NULL.",
        )
    if asked.analyze:
        _refuse_running(stated, asked)
    return Question(
        stated.text,
        count,
        asked.values,
        confined_to,
        {name: value for name, value, _ in settings},
        asked.analyze,
        *((ANALYZE_SECONDS,) if asked.analyze else ()),
    )


def _refuse_running(stated: Statement, asked: Asked) -> None:
    """Raises Trouble if EXPLAIN ANALYZE may not run the statement."""
    if stated.kind != "SELECT":
        raise Trouble(Kind.REFUSED, f"EXPLAIN ANALYZE would run the {stated.kind}; only a SELECT is run.")
    if stated.parameters and asked.values is None:
        names = ", ".join(stated.parameters)
        raise Trouble(Kind.USAGE, f"Running the statement takes values for its parameters: {names}.")


def _how(question: Question) -> str:
    if not question.parameters:
        return "plan"
    return "generic plan" if question.values is None else "plan with values"


async def _tables(server: Database, plan: Node) -> dict[tuple[str, str], Record]:
    places = relations([plan])
    if not places:
        return {}
    parameters = {"schemas": [schema for schema, _ in places], "tables": [name for _, name in places]}
    rows = (await server.fetch("explain_tables", parameters)).records()
    return {(str(row["schema"]), str(row["name"])): row for row in rows}


def _memory(settings: Settings) -> tuple[float, float]:
    """Bytes that a sort and a hash of the role may use."""
    values = {name: value for name, value, _ in settings}
    memory = in_bytes(values["work_mem"])
    return memory, memory * float(values["hash_mem_multiplier"])


def in_bytes(value: str) -> float:
    """A setting of memory in bytes; without a unit it is in kB."""
    digits = value.rstrip("kBMGT ")
    return float(digits) * _UNITS.get(value[len(digits) :].strip(), 1024.0)


def _notes(asked: Asked, found: KeptStatement, settings: Settings) -> tuple[str, ...]:
    path, source = next(((value, source) for name, value, source in settings if name == "search_path"), ("", ""))
    whose = f" {one_line(found.user)}" if found.user and source.startswith("of the role") else ""
    said = f"search_path {one_line(path)} ({source.replace('of the role', f'of the role{whose}')})"
    others = [
        f"{name} = {one_line(value)}"
        for name, value, where in settings
        if name != "search_path" and where != "of the server"
    ]
    notes = [f"{said}{'; ' if others else ''}{', '.join(others)}."]
    if asked.values is None and found.statement.parameters:
        notes.append("A generic plan: the planner assumes average values for the parameters.")
    return tuple(notes)


def present_plan(document: Mapping[str, Any], plan: Node, question: Question) -> Former:
    """The plan that a statement has now, as it is kept."""
    now = datetime.now(UTC)
    return Former(document["Plan"], plan.shape, _how(question), now, now)


def _past(
    kept: KeptPlans, key: str, stated: Statement, now: Former
) -> tuple[Former | None, datetime | None, tuple[str, ...]]:
    """The last plan of another shape, since when the present one is known, and why that could not be kept."""
    before = kept.of(key, stated.fingerprint)
    unkept: tuple[str, ...] = ()
    try:
        kept.keep(key, stated.fingerprint, now)
    except Trouble as why:
        unkept = (f"The plan was not kept: {why}",)
    other = next((each for each in before if each.shape != now.shape and each.how == now.how), None)
    same = next((each for each in before if each.shape == now.shape), None)
    return other, same.first if same else None, unkept
