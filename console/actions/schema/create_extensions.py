"""create-extensions: creates or updates the extensions that the panes and the schema use."""

from __future__ import annotations

import re

from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, split_notes, steps_from_rows
from console.format import counted, one_line, safe
from console.model import Claim, Kind, Parameter, Plan, Record, Trouble
from console.tuning.units import elements

CONTRIB = ("pg_stat_statements", "pgstattuple", "pg_buffercache", "pg_prewarm", "btree_gin")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
_PRELOADED = "pg_stat_statements"


async def plan(request: Request) -> Plan:
    """A step for each missing or outdated extension. Raises Trouble(REFUSED) if this role lacks a privilege."""
    server, given = request.server, request.parameters
    names = _named(given["extensions"])
    found = await server.fetch("actions/create_extensions", {"names": names, "schema": given["schema"]})
    rows, _ = split_notes(found)
    (facts,) = (await server.fetch("actions/extension_facts")).records()
    packages = _packages(str(facts["version"]), server.facts.major)
    many = counted(len(rows.rows), "extension")
    return Plan(
        Claim(f"extensions of {one_line(server.facts.database)}"),
        steps_from_rows(rows),
        summary=f"{many} to create or update",
        result=f"{many} created or updated",
        notes=(
            *(() if found.rows else (f"{', '.join(names)}: installed and up to date.",)),
            *(_skipped(row, packages) for row in found.records() if row["notice"] is not None),
            *(_preload(facts["preloaded"], bool(facts["waits"])) if _PRELOADED in names else ()),
        ),
    )


def _skipped(row: Record, packages: str) -> str:
    return f"{row['notice']}; {packages}." if row["unavailable"] else str(row["notice"])


def _named(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()] or list(CONTRIB)
    for name in names:
        if not _NAME.fullmatch(name):
            raise Trouble(Kind.USAGE, f"{safe(name, 80)} is not a valid extension name.")
    return list(dict.fromkeys(names))


def _packages(version: str, major: int) -> str:
    """How to install contrib: the package name depends on who built the server."""
    debian, other = f"postgresql-{major}", f"postgresql{major}-contrib"
    if "Debian" in version or "Ubuntu" in version:
        return f"install {debian} (contrib is part of it; others are {debian}-NAME)"
    if "Red Hat" in version or "SUSE" in version:
        return f"install {other}, or postgresql-contrib from the distribution itself"
    if "Alpine" in version:
        return f"install {other}"
    return f"install its package: postgresql-contrib, {debian} on Debian and Ubuntu, {other} of PGDG and Alpine"


def _preload(setting: object, waits: bool) -> tuple[str, ...]:
    if setting is None:
        return (f"This role cannot see whether {_PRELOADED} is preloaded; GRANT pg_monitor allows it.",)
    libraries = elements(str(setting))
    if _PRELOADED in libraries:
        return ()
    if waits:
        return (
            f"shared_preload_libraries was changed and needs a restart; until then {_PRELOADED} may collect nothing.",
        )
    line = one_line(", ".join([*libraries, _PRELOADED]))
    preload_note = f"{_PRELOADED} collects nothing until a restart with shared_preload_libraries = '{line}'."
    return (f"{preload_note} apply-tuning --set preset=monitoring writes the setting; the restart is up to you.",)


CREATE_EXTENSIONS = Action(
    name="create-extensions",
    title="Create extensions",
    help="Creates the extensions used by panes and schema, and updates outdated ones. Libraries that must be "
    "preloaded are reported, not configured.",
    plan=plan,
    parameters=(
        Parameter("extensions", f"names separated by commas; empty: {', '.join(CONTRIB)}"),
        Parameter("schema", "schema to create them in", "public"),
    ),
    needs=Needs(Right.CREATE_EXTENSIONS),
)
