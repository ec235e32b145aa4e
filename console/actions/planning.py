"""What every action is made of: its declaration, a request for a plan, steps that PostgreSQL itself writes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, runtime_checkable

from console.format import safe
from console.model import Facts, Kind, Parameter, Plan, Snapshot, Source, Step, Trouble
from console.settings.config import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """A wish for a plan: on which server, with which parameters (defaults filled in), under which policies."""

    server: Source
    given: Mapping[str, str]
    settings: Settings


@dataclass(frozen=True, slots=True)
class Action:
    """A change a DBA can make, as a declaration. One list drives keys, palette, command line and documentation."""

    name: str
    title: str
    help: str
    plan: Callable[[Request], Awaitable[Plan]]  # only reads and decides; raises Trouble when there can be no plan
    parameters: tuple[Parameter, ...] = ()
    key: str = ""  # a key that works in every pane
    row: Mapping[str, str] = field(default_factory=dict)  # parameter → column of the pane's row it is taken from


@runtime_checkable
class Learns(Protocol):
    """A server whose facts can be read anew."""

    async def learn(self) -> Facts: ...


async def plan(action: Action, server: Source, given: Mapping[str, str], settings: Settings) -> Plan:
    """The plan of `action` now. Raises Trouble: USAGE for parameters it does not take, REFUSED by a guard."""
    request = Request(server, complete(action, given), settings)
    if isinstance(server, Learns):
        await server.learn()  # an extension may have been created since, a right given
    return await action.plan(request)


def complete(action: Action, given: Mapping[str, str]) -> dict[str, str]:
    """`given` with the defaults. Trouble (USAGE) for a parameter that is unknown, or required and missing."""
    accepted = {parameter.name: parameter for parameter in action.parameters}
    known = f"{action.name} accepts {', '.join(accepted)}." if accepted else f"{action.name} takes no parameters."
    for name in given:
        if name not in accepted:
            raise Trouble(Kind.USAGE, f"There is no parameter {safe(name, 80)}.", known)
    filled = {name: parameter.default for name, parameter in accepted.items()} | dict(given)
    for name, parameter in accepted.items():
        if parameter.required and not filled[name]:
            raise Trouble(Kind.USAGE, f"{action.name} needs --set {name}=…: {parameter.help}.", known)
    return filled


def whole(given: Mapping[str, str], name: str, least: int = 0, most: int = 10_000) -> int:
    """A whole number among the parameters. Trouble (USAGE) when it is none or out of range."""
    text = given[name].strip()
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
        raise Trouble(Kind.USAGE, f"{name} must be a whole number from {least} to {most}, not {safe(text, 40)}.")
    return int(text)


async def written(server: Source, name: str, parameters: Mapping[str, object] | None = None) -> tuple[Step, ...]:
    """The steps that `sql/actions/<name>.sql` returns, one a row; its columns are named as the fields of Step.

    A row whose `refused` column is not null refuses the whole plan with that sentence.
    """
    return steps(await server.fetch(f"actions/{name}", parameters))


def divided(snapshot: Snapshot) -> tuple[Snapshot, tuple[str, ...]]:
    """The rows that are steps, and what the others tell: those whose `told` column is not null."""
    told = snapshot.values("told")
    rows = tuple(row for row, said in zip(snapshot.rows, told, strict=True) if said is None)
    return replace(snapshot, rows=rows), tuple(str(said) for said in told if said is not None)


def steps(snapshot: Snapshot) -> tuple[Step, ...]:
    """Each row of a snapshot as a step; columns that a step does not have are left out. Trouble (REFUSED) as above."""
    names = {one.name for one in fields(Step)}
    found: list[Step] = []
    for record in snapshot.records():
        if record.get("refused"):
            raise Trouble(Kind.REFUSED, safe(record["refused"]), safe(record.get("remedy") or ""))
        known: dict[str, Any] = {name: value for name, value in record.items() if name in names and value is not None}
        found.append(Step(**known))
    return tuple(found)
