"""repack-table: removes bloat by rewriting a table online: the server does it from 19 on, before that pg_repack."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace

from console.actions.foreign_code import refuse_foreign_code
from console.actions.needs import REPACK
from console.actions.planning import Action, Request, boolean, split_notes, steps_from_rows, whole_number
from console.actions.relations import TABLES, Relation, claim, find
from console.format import one_line, safe
from console.model import Kind, Parameter, Plan, Program, Snapshot, Step, Trouble

PROGRAM = REPACK.extension


async def plan(request: Request) -> Plan:
    """REPACK (CONCURRENTLY), or pg_repack after what an interrupted run left. Raises Trouble(REFUSED) if it cannot."""
    tables = await find(request.server, request.parameters["table"], TABLES)
    if len(tables) > 1:
        raise Trouble(Kind.USAGE, "repack-table rewrites one table at a time.", "Name one table.")
    patience = whole_number(request.parameters, "wait-timeout", 1, 3600)
    asked = {"oid": tables[0].oid, "patience": patience, "trusts": boolean(request.parameters, "trust-owner")}
    snapshot = await request.server.fetch("actions/repack_table", asked)
    notes: tuple[str, ...] = ()
    if "notice" in snapshot.columns:
        rows, notes = split_notes(snapshot)
        made = steps_from_rows(rows)
    else:
        made = await _with_program(request, tables[0], snapshot, patience)
    name = one_line(tables[0].name)
    return Plan(claim(tables), made, notes, summary=f"rewrite {name}", result=f"{name} repacked")


async def _with_program(request: Request, table: Relation, snapshot: Snapshot, patience: int) -> tuple[Step, ...]:
    await refuse_foreign_code(request.server, [table.name])  # its copies of the table belong to this role
    *before, last = steps_from_rows(snapshot)
    (record,) = (record for record in snapshot.records() if record["version"])
    argv = (
        await _program(str(record["version"]), request.server.facts.major),
        *("--no-order", "--no-kill-backend", "--no-password", f"--wait-timeout={patience}"),
        *(() if record["superuser"] else ("--no-superuser-check",)),
        f"--table={last.sql}",
    )
    return (*before, replace(last, sql=shlex.join(argv), execution=Program(argv)))


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
    help="Rewrites a bloated table and its indexes without blocking reads or writes: by REPACK (CONCURRENTLY) from "
    "PostgreSQL 19 on, before that by pg_repack.",
    plan=plan,
    parameters=(
        Parameter("table", "name, with its schema if ambiguous", required=True),
        Parameter(
            "wait-timeout",
            "seconds it waits for its short exclusive lock, and REPACK first for open transactions, before it gives up",
            default="60",
        ),
        Parameter(
            "trust-owner",
            "yes: also as a superuser on a table of another role, which could add functions to its indexes while "
            "pg_repack rebuilds them (REPACK runs as the owner)",
            default="no",
        ),
    ),
    row={"table": "table"},
    needs=REPACK,
)
