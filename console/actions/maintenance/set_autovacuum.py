"""set-autovacuum: sets when and how fast autovacuum processes one table or its TOAST."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from console.actions.confinement import confined, role_of, run_as
from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, boolean, steps_from_rows
from console.actions.relations import relation
from console.format import one_line, safe
from console.model import Claim, Kind, Parameter, Plan, Snapshot, Trouble
from console.records import dataclass

RESET = "reset"  # the value that stands for the server's setting
_NUMBER = re.compile(r"[0-9]{1,10}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Option:
    """A storage parameter of tables: its name without `autovacuum_`, and the numbers that PostgreSQL accepts."""

    name: str
    least: float
    most: float
    whole: bool
    help: str
    toast: bool = True  # whether TOAST tables have it

    @property
    def parameter(self) -> str:
        """The name of the parameter of the action."""
        return self.name.replace("_", "-")


_ROWS = 2**31 - 1
OPTIONS = (
    Option("vacuum_threshold", 0, _ROWS, True, "dead tuples that trigger VACUUM, in addition to the scale factor"),
    Option("vacuum_scale_factor", 0, 100, False, "fraction of the rows added to vacuum-threshold, such as 0.05"),
    Option(
        "vacuum_insert_threshold", 0, _ROWS, True, "inserted rows that trigger VACUUM, in addition to the scale factor"
    ),
    Option("vacuum_insert_scale_factor", 0, 100, False, "fraction of the rows added to vacuum-insert-threshold"),
    Option(
        "analyze_threshold",
        0,
        _ROWS,
        True,
        "changed rows that trigger ANALYZE, in addition to the scale factor",
        toast=False,
    ),
    Option("analyze_scale_factor", 0, 100, False, "fraction of the rows added to analyze-threshold", toast=False),
    Option(
        "vacuum_cost_delay", 0, 100, False, "milliseconds that autovacuum sleeps when it has exceeded the cost limit"
    ),
    Option("vacuum_cost_limit", 1, 10_000, True, "accumulated cost that makes autovacuum sleep"),
    Option(
        "freeze_max_age", 100_000, 2_000_000_000, True, "age in transactions that forces a VACUUM against wraparound"
    ),
)


async def plan_set_autovacuum(request: Request) -> Plan:
    """One ALTER TABLE. Raises Trouble: USAGE for values PostgreSQL does not accept, REFUSED by the table."""
    table = await relation(request.server, request.parameters["table"])
    toast = boolean(request.parameters, "toast")
    wanted = _wanted(request.parameters, toast)
    server = await confined(request.server, table)
    parameters = {"oid": table.oid, "toast": toast, "names": list(wanted), "values": list(wanted.values())}
    found = await server.fetch("actions/set_autovacuum", parameters)
    steps = run_as(role_of(server), steps_from_rows(found))
    [row] = found.records()
    subject = f"{'TOAST of ' if toast else ''}{one_line(table.name)}"
    return Plan(
        Claim(one_line(table.name)),
        steps if row["changes"] else (),
        summary=f"autovacuum of {subject}",
        result=f"autovacuum of {subject} set",
        table=_shown(found, wanted),
    )


def _wanted(parameters: Mapping[str, str], toast: bool) -> dict[str, str | None]:
    """Storage parameter → its new value; None: it is reset. Raises Trouble(USAGE) if there is none or one is wrong."""
    wanted: dict[str, str | None] = {}
    if enabled := parameters["enabled"].strip().lower():
        wanted["autovacuum_enabled"] = _switch(enabled)
    for option in OPTIONS:
        if text := parameters[option.parameter].strip().lower():
            wanted[f"autovacuum_{option.name}"] = None if text == RESET else _checked(option, text)
            if toast and not option.toast:
                raise Trouble(Kind.USAGE, f"A TOAST table is never analyzed: {option.parameter} has no effect there.")
    if not wanted:
        names = ", ".join(("enabled", *(option.parameter for option in OPTIONS)))
        raise Trouble(Kind.USAGE, "set-autovacuum needs at least one value to set.", f"It takes {names}.")
    return wanted


def _switch(text: str) -> str | None:
    values: dict[str, str | None] = {"yes": "true", "no": "false", RESET: None}
    if text not in values:
        raise Trouble(Kind.USAGE, f"enabled must be yes, no or reset, not {safe(text, 40)}.")
    return values[text]


def _checked(option: Option, text: str) -> str:
    number = float(text) if _NUMBER.fullmatch(text) else None
    if number is None or not option.least <= number <= option.most or (option.whole and "." in text):
        kind = "a whole number" if option.whole else "a number"
        span = f"from {option.least:.0f} to {option.most:.0f}, or {RESET}"
        raise Trouble(Kind.USAGE, f"{option.parameter} must be {kind} {span}, not {safe(text, 40)}.")
    return text


def _shown(found: Snapshot, wanted: Mapping[str, str | None]) -> Snapshot:
    """Each parameter with its present and its new value; what is not set follows the server."""
    [row] = found.records()
    former, server = (list(value) if isinstance(value := row[name], list) else [] for name in ("former", "server"))
    rows = tuple(
        (name, *(value if value is not None else f"{usual or 'on'} (server)" for value in (now, new)))
        for (name, new), now, usual in zip(wanted.items(), former, server, strict=True)
    )
    return replace(found, columns=("parameter", "now", "new"), rows=rows)


_CHANGE = "; reset: the server's value; empty: unchanged"
SET_AUTOVACUUM = Action(
    name="set-autovacuum",
    title="Set autovacuum of a table",
    help="Sets when and how fast autovacuum processes a table or its TOAST, or resets that to the server's settings.",
    plan=plan_set_autovacuum,
    parameters=(
        Parameter("table", "name, with its schema if ambiguous", required=True),
        Parameter("toast", "yes: its TOAST table instead of the table itself", default="no"),
        Parameter("enabled", f"yes or no: whether autovacuum processes the table{_CHANGE}"),
        *(Parameter(option.parameter, f"{option.help}{_CHANGE}") for option in OPTIONS),
    ),
    row={"table": "table"},
    needs=Needs(Right.OWN, on_shards=True),
)
