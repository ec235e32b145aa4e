"""repack-table: removes bloat by rewriting a table online with pg_repack."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace

from console.actions.foreign_code import refuse_foreign_code
from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, steps_from_rows, whole_number
from console.actions.relations import TABLES, claim, find
from console.format import one_line, safe
from console.model import Kind, Parameter, Plan, Program, Trouble

PROGRAM = "pg_repack"


async def plan(request: Request) -> Plan:
    """Drops what an interrupted run left, then runs pg_repack. Raises Trouble(REFUSED) if it cannot run."""
    tables = await find(request.server, request.parameters["table"], TABLES)
    if len(tables) > 1:
        raise Trouble(Kind.USAGE, "repack-table rewrites one table at a time.", "Name one table.")
    await refuse_foreign_code(request.server, [tables[0].name])  # its copies of the table belong to this role
    patience = whole_number(request.parameters, "wait-timeout", 1, 3600)
    snapshot = await request.server.fetch("actions/repack_table", {"oid": tables[0].oid})
    *before, last = steps_from_rows(snapshot)
    (record,) = (record for record in snapshot.records() if record["version"])
    argv = (
        await _program(str(record["version"]), request.server.facts.major),
        *("--no-order", "--no-kill-backend", "--no-password", f"--wait-timeout={patience}"),
        *(() if record["superuser"] else ("--no-superuser-check",)),
        f"--table={last.sql}",
    )
    shown = replace(last, sql=shlex.join(argv), execution=Program(argv))
    return Plan(claim(tables), (*before, shown), result="1 table repacked")


async def _program(version: str, major: int) -> str:
    """Path of the client program whose version is that of the extension; another one would refuse to work."""
    seen: list[str] = []
    for path in _candidates(major):
        said = await _version(path)
        if said == version:
            return path
        seen.append(f"{safe(path)} is {safe(said, 40) or 'of an unknown version'}")
    get = f"on Debian and Ubuntu: apt-get install postgresql-{major}-repack"
    if not seen:
        raise Trouble(Kind.REFUSED, f"The program {PROGRAM} is not installed on this machine.", f"Install it; {get}.")
    raise Trouble(
        Kind.REFUSED,
        f"The extension is {PROGRAM} {safe(version, 40)}, but {'; '.join(seen)}.",
        f"Both must have the same version; {get}, or run ALTER EXTENSION {PROGRAM} UPDATE;",
    )


def _candidates(major: int, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    found = shutil.which(PROGRAM, path=environ.get("PATH"))
    own = f"/usr/lib/postgresql/{major}/bin/{PROGRAM}"  # where Debian keeps one for each version of the server
    yield from dict.fromkeys(path for path in (own, found) if path and os.access(path, os.X_OK))


async def _version(path: str) -> str:
    try:
        asked = await asyncio.create_subprocess_exec(
            path, "--version", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(asked.communicate(), 10)
    except (OSError, TimeoutError):
        return ""
    match = re.search(r"pg_repack ([0-9][\w.]*)", one_line(said.decode(errors="replace")))
    return match[1] if match else ""


REPACK_TABLE = Action(
    name="repack-table",
    title="Repack a table",
    help="Rewrites a bloated table and its indexes without blocking reads or writes; requires pg_repack.",
    plan=plan,
    parameters=(
        Parameter("table", "name, with its schema if ambiguous", required=True),
        Parameter(
            "wait-timeout", "seconds pg_repack tries to get its short exclusive lock before it gives up", default="60"
        ),
    ),
    row={"table": "table"},
    needs=Needs(Right.OWN, extension=PROGRAM),
)
