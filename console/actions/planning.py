"""Actions: their declaration, the request for a plan, and steps from the rows of a query."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field, replace
from typing import Any

from console.actions.confinement import role_of, run_as
from console.actions.decodable import decodable, unnamable
from console.actions.foreign_code import refuse_event_triggers
from console.actions.needs import Needs
from console.format import one_line, safe
from console.model import (
    Batches,
    Database,
    Execution,
    Export,
    Facts,
    IndexHistory,
    Kind,
    Parameter,
    Plan,
    Record,
    Snapshot,
    Source,
    Standalone,
    Step,
    Transaction,
    Trouble,
)
from console.records import dataclass
from console.running.summary import summary
from console.settings.config import Settings

STEP = (  # columns that are fields of Step
    *("sql", "lock", "on", "undo", "estimate", "note"),
    *("expect", "settle", "failed", "canary", "holds_up", "keeps"),
)


LONGEST_NAME = 63  # characters
CITUS = "citus"
REPLICA = "replica"  # the parameter of actions of a standby that may also be run from its primary's console


@dataclass(frozen=True, slots=True)
class Request:
    """What a plan is made from: the server, the parameters with defaults filled in, and the policies."""

    server: Database
    parameters: Mapping[str, str]
    settings: Settings
    pooler: Source | None = None  # the PgBouncers; None: none is configured
    redis: str = field(default="", repr=False)  # URI of the Redis that caches brands; empty: none is configured
    poolers: tuple[str, ...] = field(default=(), repr=False)  # URIs of the admin consoles behind `pooler`
    replicas: Source | None = None  # the streaming replicas of the server; None: none is named
    indexes: Callable[[], IndexHistory] = IndexHistory  # reads what the rules know of indexes


@dataclass(frozen=True, slots=True)
class Action:
    """A change a DBA can make, as a declaration. One list drives keys, palette, command line and documentation."""

    name: str
    title: str
    help: str
    plan: Callable[[Request], Awaitable[Plan]]  # only reads and decides; raises Trouble when there can be no plan
    parameters: tuple[Parameter, ...] = ()
    # Parameter → column of the pane's row it is taken from, or several of which the first that the row has is taken.
    row: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    needs: Needs = field(default_factory=Needs)
    useless: Callable[[Record], str] = lambda _: ""  # why it would do nothing for a row of a pane; empty: it may help


async def plan(
    action: Action,
    server: Database,
    parameters: Mapping[str, str],
    settings: Settings,
    *,
    pooler: Source | None = None,
    redis: str = "",
    poolers: tuple[str, ...] = (),
    replicas: Source | None = None,
    replica: Callable[[str], Database | None] = lambda _: None,
    indexes: Callable[[], IndexHistory] = IndexHistory,
) -> Plan:
    """The plan of `action` now, with the action's name and its summary. `replica` finds a replica by its name.

    Raises Trouble: USAGE for parameters it does not accept, REFUSED by a guard or on a standby.
    """
    try:
        given = complete(action, parameters)
        named = given.get(REPLICA, "") if action.needs.standby else ""
        server = _replica(named, replica(named)) if named else server
        made = await _planned(action, Request(server, given, settings, pooler, redis, poolers, replicas, indexes))
        if named:
            where = f"Runs on replica {one_line(named)} ({_place(server)}), not on the primary."
            made = replace(made, replica=named, notes=(where, *made.notes))
    except UnicodeEncodeError as error:  # of a name that is looked up
        raise unnamable(str(error.object)) from None
    sendable = decodable(made)
    return await with_forecast(server, sendable) if sendable.changes else sendable


async def with_forecast(server: Database, made: Plan) -> Plan:
    """The plan with who will wait for each of its steps, and notes on who is in their way now."""
    from console.actions.lock_conflicts import conflicts  # noqa: PLC0415  the first plan loads both
    from console.forecast.forecasting import forecast_steps  # noqa: PLC0415

    try:
        steps, traffic = await forecast_steps(server, made.steps)
    except Trouble as why:
        return replace(made, notes=(*made.notes, f"Whether others hold conflicting locks could not be read: {why}"))
    return replace(made, steps=steps, notes=(*made.notes, *conflicts(steps)), traffic=traffic)


def _place(server: Database) -> str:
    """host:port of the server that answered."""
    from console.sources.postgres import describe, parse_target  # noqa: PLC0415  few plans are for a replica

    return describe(parse_target(server.facts.address))


def _replica(name: str, found: Database | None) -> Database:
    """The replica that was found by its name. Raises Trouble(USAGE) if none was."""
    if found is None:
        raise Trouble(
            Kind.USAGE,
            f"No replica is named {safe(name, 80)}.",
            "Name one of the target's replicas: those of the configuration, or of --replica.",
        )
    return found


async def _planned(action: Action, request: Request) -> Plan:
    server = request.server
    await server.learn()  # an extension may have been created since, a right granted
    if action.needs.primary and server.facts.standby:
        raise standby_refused(action.name)
    if action.needs.standby and not server.facts.standby:
        raise primary_refused(action.name)
    made = await (_planned_on_cluster(action, request) if CITUS in server.facts.extensions else action.plan(request))
    if made.changes:
        await refuse_event_triggers(server)
    if made.destructive and not is_short(made.claim.typed):
        made = replace(made, claim=replace(made.claim, name=server.facts.database))
    made = replace(made, notes=(*_assumed(server.facts), *made.notes))
    return replace(
        made, action=action.name, parameters=made.parameters or dict(request.parameters), summary=summary(made)
    )


async def _planned_on_cluster(action: Action, request: Request) -> Plan:
    """The plan of an action where Citus is installed. Raises Trouble(REFUSED) if it is not for distributed tables."""
    from console.actions.distributed import changed_by, named_by, refuse_distributed  # noqa: PLC0415  few have Citus

    configured = action.needs.relations(request.settings) if action.needs.relations else ()
    named = (*named_by(request.parameters), *configured)
    await refuse_distributed(request.server, action.name, action.needs, named)
    made = await action.plan(request)
    await refuse_distributed(request.server, action.name, action.needs, changed_by(made))
    return made


def is_short(name: str) -> bool:
    """Whether a person can be asked to type it: one word, no longer than the name of an object."""
    return len(name) <= LONGEST_NAME and not set(name) & set(" ,\t\n")


def _assumed(facts: Facts) -> tuple[str, ...]:
    """What to know of a superuser's session that acts as another role."""
    if not facts.assumed_by:
        return ()
    superuser, user = one_line(facts.assumed_by), one_line(facts.user)
    return (
        f"This is a session of the superuser {superuser}, acting as {user}: code that it runs can become {superuser}.",
    )


def standby_refused(name: str) -> Trouble:
    """Why the action called `name` is refused on a standby."""
    return Trouble(Kind.REFUSED, f"This server is a standby, which is read-only: run {name} on its primary.")


def primary_refused(name: str) -> Trouble:
    """Why the action called `name` is refused on a primary."""
    return Trouble(Kind.REFUSED, f"This server is a primary: run {name} on its standby.")


def complete(action: Action, parameters: Mapping[str, str]) -> dict[str, str]:
    """`parameters` with the defaults. Raises Trouble(USAGE) if a parameter is unknown, or required and missing."""
    accepted = {parameter.name: parameter for parameter in action.parameters}
    known = f"{action.name} accepts {', '.join(accepted)}." if accepted else f"{action.name} takes no parameters."
    for name in parameters:
        if name not in accepted:
            raise Trouble(Kind.USAGE, f"There is no parameter {safe(name, 80)}.", known)
    filled = {name: parameter.default for name, parameter in accepted.items()} | dict(parameters)
    for name, parameter in accepted.items():
        if parameter.required and not filled[name]:
            raise Trouble(Kind.USAGE, f"{action.name} needs --set {name}=…: {parameter.help}.", known)
    return filled


def boolean(parameters: Mapping[str, str], name: str) -> bool:
    """Whether the parameter is yes. Raises Trouble(USAGE) if it is neither yes nor no."""
    text = parameters[name].strip().lower()
    if text not in {"yes", "no"}:
        raise Trouble(Kind.USAGE, f"{name} must be yes or no, not {safe(text, 40)}.")
    return text == "yes"


def whole_number(parameters: Mapping[str, str], name: str, least: int = 0, most: int = 10_000) -> int:
    """A parameter as a whole number. Raises Trouble(USAGE) if it is not one, or out of range."""
    text = parameters[name].strip()
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
        given = f", not {safe(text, 40)}" if text else ""
        raise Trouble(Kind.USAGE, f"{name} must be a whole number from {least} to {most}{given}.")
    return int(text)


def refuse(record: Record) -> None:
    """Raise Trouble(REFUSED) if the row's `refused` is not null, with that sentence and the row's `remedy`."""
    if record.get("refused"):
        raise Trouble(Kind.REFUSED, safe(record["refused"]), safe(record.get("remedy") or ""))


async def steps_from_query(
    server: Source, name: str, parameters: Mapping[str, object] | None = None
) -> tuple[Step, ...]:
    """The steps that `sql/actions/<folder>/<name>.sql` returns, as `steps_from_rows` reads them, and confined."""
    return run_as(role_of(server), steps_from_rows(await server.fetch(f"actions/{name}", parameters)))


def steps_from_rows(snapshot: Snapshot) -> tuple[Step, ...]:
    """Each row of a snapshot as a step. Raises Trouble(REFUSED) if a row's `refused` is not null, with its `remedy`.

    Columns named as fields of Step become those fields; null stands for their default. How the step is run:

    - `file`, `manifest` and `query`: an Export, where `file` is not null;
    - `repeat` and `total`: Batches, where `repeat` is true;
    - `transaction`, `lock_timeout` and `again`: Standalone, where `transaction` is false;
    - `"group"`, `at_once` and `prelude`: a Transaction, in all other rows.

    Other columns are ignored: the action may read them itself.
    """
    found: list[Step] = []
    for record in snapshot.records():
        refuse(record)
        known: dict[str, Any] = {name: record[name] for name in STEP if record.get(name) is not None}
        found.append(Step(execution=_execution(record), **known))
    return tuple(found)


def split_notes(snapshot: Snapshot) -> tuple[Snapshot, tuple[str, ...]]:
    """The rows that are steps, and the notes of the others: those whose `notice` column is not null."""
    notes = snapshot.values("notice")
    rows = tuple(row for row, note in zip(snapshot.rows, notes, strict=True) if note is None)
    return replace(snapshot, rows=rows), tuple(str(note) for note in notes if note is not None)


def _execution(record: Record) -> Execution:
    if record.get("file") is not None:
        return Export(str(record["file"]), str(record["manifest"]), str(record["query"]))
    if record.get("repeat"):
        return Batches(int(str(record.get("total") or 0)))
    if record.get("transaction") is False:
        seconds = record.get("lock_timeout")
        return Standalone(None if seconds is None else float(str(seconds)), str(record.get("again") or ""))
    return Transaction(
        str(record.get("group") or ""), at_once=bool(record.get("at_once")), prelude=bool(record.get("prelude"))
    )
