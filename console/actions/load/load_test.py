"""load-test: content requests are created and dashboards read by a load driver, measured, and removed again."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from console.actions.foreign_code import refuse_foreign_code
from console.actions.load.load_room import Route, refuse_without_room, route
from console.actions.needs import Needs
from console.actions.planning import Action, Request, whole_number
from console.actions.relations import relation, seen
from console.files import client_programs
from console.format import counted, one_line, safe
from console.model import (
    Batches,
    Choice,
    Claim,
    Kind,
    LoadScript,
    LoadTest,
    Parameter,
    Plan,
    Record,
    Seen,
    Step,
    Trouble,
    denied,
)
from console.records import dataclass
from console.sql import content

TABLES = ("organizations", "users", "brand_profiles", "content_requests")
SAFE = ("scratch", "demo")  # purposes of databases in which load tests may run without further ado
MARK = "ALTER DATABASE … SET pipeline_console.purpose = 'scratch'"
LOGGED = 2_000_000  # transactions of which pgbench keeps a log of about 70 MB
FASTEST = 5_000  # transactions a second, as expected without a rate
DETAILED = 15  # the version of pgbench that tells serialization failures from deadlocks, and retries both
TRIES = 3
PGBENCH, OWN = DRIVERS = ("pgbench", "console")
_NOTES = {
    PGBENCH: "pgbench stops a client at an error other than 40001 and 40P01; the server's log, where it can be read, "
    "has the SQLSTATE",
    OWN: "the console's own driver: after an error a client goes on; errors are counted by SQLSTATE",
}
_OF_CONSOLE = ("-P", "-m", "console.running.load.driver", f"--max-tries={TRIES}")
ATTACHED = "23503"  # foreign key violation: another program has just attached a row to a request
_TAG = re.compile(r"[a-z0-9]{1,20}")
_LOCK = "ROW EXCLUSIVE on public.content_requests"


@dataclass(frozen=True, slots=True)
class Driver:
    """What runs the scripts."""

    name: str  # "pgbench" or "console"
    program: str
    major: int = 0  # version of pgbench


@dataclass(frozen=True, slots=True)
class LoadFacts:
    """What the plan found: the driver, and what the database says."""

    driver: Driver
    tenants: int
    removal: str  # the statement that removes a batch


async def plan(request: Request) -> Plan:
    """Removes what a killed load test left, runs the scripts, removes what they created.

    Raises Trouble: REFUSED where the database is not marked for it, or the connections do not suffice; DENIED and
    MISSING for privileges, tables and pgbench.
    """
    given, server = request.parameters, request.server
    clients, seconds = whole_number(given, "clients", 1, 10_000), whole_number(given, "seconds", 1, 3600)
    (ready,) = (await server.fetch("actions/load_ready")).records()
    _refuse_unready(ready)
    _refuse_superuser(ready, is_superuser=server.facts.superuser)
    _refuse_unmarked(ready, server.facts.database, given["database"])
    await refuse_foreign_code(server, [f"public.{name}" for name in TABLES])
    to = await route(request)
    await refuse_without_room(request, to, clients, ready)
    driver = await _driver(given["driver"])
    tenants = await _tenants(request)
    load = _load(given, to, LoadFacts(driver, tenants, str(ready["removal"])))
    sides = await seen(server, (await relation(server, "public.content_requests")).oid)
    return Plan(
        Claim(f"load test of {one_line(server.facts.database)}", name="load-test"),
        _steps(load, str(ready["removed"]), sides),
        _notes(load, to, tenants),
        summary=f"{counted(clients, 'client')} for {seconds} s, {to.words}",
        result=f"load test {load.tag} run, everything it created removed",
        parameters={**given, "via": to.via, "tag": load.tag, "driver": driver.name},
    )


# Whether it may run


def _refuse_unready(ready: Record) -> None:
    if missing := _texts(ready["missing"]):
        what = f"load-test needs the tables of the pipeline; missing: {', '.join(missing)}."
        raise Trouble(Kind.MISSING, what, "Install the schema with apply-schema.")
    if lacking := _texts(ready["lacking"]):
        raise denied("The role lacks privileges that the statements of load-test need.", *lacking)


def _refuse_superuser(ready: Record, *, is_superuser: bool) -> None:
    """Raises Trouble(REFUSED) where the sessions of pgbench would run whatever code an owner adds meanwhile."""
    if is_superuser and ready["owner"] is not None:
        owner = one_line(ready["owner"])
        raise Trouble(
            Kind.REFUSED,
            f"Tables that load-test writes to belong to {owner}, who can add code to them while it runs: that would "
            "run with the rights of a superuser.",
            f"Connect as the owner of the tables: -U {owner}.",
        )


def _refuse_unmarked(ready: Record, database: str, typed: str) -> None:
    if ready["purpose"] in SAFE or typed == database:
        return
    if typed:
        raise Trouble(Kind.REFUSED, f"{safe(typed, 80)} is not the name of this database, {one_line(database)}.")
    raise Trouble(
        Kind.REFUSED,
        f"Database {one_line(database)} is not marked as scratch or demo: load-test does not run in production.",
        f"To run it here all the same, give the database's name: database={one_line(database)}. To mark it, as a "
        f"superuser: {MARK}.",
    )


def _texts(value: object) -> list[str]:
    return [one_line(each) for each in value] if isinstance(value, list) else []


async def _tenants(request: Request) -> int:
    ((tenants,),) = (await request.server.fetch("actions/load_tenants")).rows
    if not tenants:
        raise Trouble(Kind.REFUSED, "No organization has both a user and a brand, so no requests can be created.")
    return int(str(tenants))


async def _driver(wanted: str) -> Driver:
    """The driver that is asked for; else pgbench where it is installed, else the console's own."""
    if wanted not in ("", *DRIVERS):
        raise Trouble(Kind.USAGE, f"driver must be {' or '.join(DRIVERS)}, not {safe(wanted, 40)}.")
    path = await asyncio.to_thread(client_programs.find, PGBENCH) if wanted != OWN else ""
    if path:
        return await _pgbench(path)
    if wanted == PGBENCH:
        remedy = "Install it (on Debian and Ubuntu: package postgresql-contrib or postgresql), or set driver=console."
        raise Trouble(Kind.MISSING, "The program pgbench is not installed on this machine.", remedy)
    return Driver(OWN, sys.executable)


async def _pgbench(path: str) -> Driver:
    asked = await asyncio.create_subprocess_exec(
        *(path, "--version"), stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    said, _ = await asked.communicate()
    version = re.search(rb"\(PostgreSQL\) (\d+)", said)
    if version is None:
        raise Trouble(Kind.REFUSED, f"{safe(path)} is not pgbench: it prints no version of PostgreSQL.")
    return Driver(PGBENCH, path, int(version[1]))


# The steps


def _load(given: Mapping[str, str], to: Route, found: LoadFacts) -> LoadTest:
    clients, seconds = whole_number(given, "clients", 1, 10_000), whole_number(given, "seconds", 1, 3600)
    rate, mix = whole_number(given, "rate", 0, 1_000_000), whole_number(given, "mix", 0, 100)
    tag = given["tag"] or secrets.token_hex(6)
    if not _TAG.fullmatch(tag):
        raise Trouble(Kind.USAGE, f"tag must be up to 20 lower-case letters and digits, not {safe(tag, 40)}.")
    jobs, driver = min(clients, max(1, (os.cpu_count() or 1) // 2)), found.driver
    arguments = (
        *(_of_pgbench(driver.major, seconds * (rate or FASTEST)) if driver.name == PGBENCH else _OF_CONSOLE),
        *(f"--client={clients}", f"--jobs={jobs}", f"--time={seconds}"),
        *((f"--rate={rate}",) if rate else ()),
        *(f"--define=tag={tag}", f"--define=tenants={found.tenants}", "--define=left=0"),
    )
    pick = _script("pick")
    scripts = tuple(
        LoadScript(f"{name}.pgbench", weight, f"{pick}{_script(name)}")
        for name, weight in (("create", 100 - mix), ("dashboard", mix))
        if weight
    )
    return LoadTest(
        *(tag, driver.name, driver.program, arguments, scripts, seconds, clients, rate, found.removal),
        processes=jobs,
        address=to.address,
    )


def _of_pgbench(major: int, transactions: int) -> tuple[str, ...]:
    """Its own arguments; of more transactions than can be kept, a sample is logged."""
    logged = min(1.0, LOGGED / transactions)
    return (
        *("--no-vacuum", "--protocol=simple", "--progress=1"),
        *(("--failures-detailed", f"--max-tries={TRIES}") if major >= DETAILED else ()),
        *((f"--sampling-rate={logged:.4f}",) if logged < 1 else ()),
    )


def _script(name: str) -> str:
    return (content() / "sql" / "actions" / "load" / f"load_{name}.pgbench").read_text(encoding="utf-8")


def _steps(load: LoadTest, removed: str, sees: Sequence[Seen]) -> tuple[Step, ...]:
    files = [f"--file={script.name}@{script.weight}" for script in load.scripts]
    command = shlex.join([load.program, *load.arguments, *files])
    scripts = "\n".join(f"\n# {script.name}\n{script.text.rstrip()}" for script in load.scripts)
    remove = Step(
        load.removal, lock=_LOCK, on="public.content_requests", execution=Batches(conflict=ATTACHED), sees=tuple(sees)
    )
    return (
        replace(remove, note="removes what an earlier load test left that was killed"),
        Step(
            f"{command}\n{scripts}",
            lock=_LOCK,
            execution=load,
            note=f"runs the scripts; requests are titled [load-test {load.tag}]",
            sees=tuple(sees),
        ),
        replace(remove, note="removes what the scripts created", expect=removed),
    )


def _notes(load: LoadTest, to: Route, tenants: int) -> tuple[str, ...]:
    share = ", ".join(f"{script.name.removesuffix('.pgbench')} {script.weight} %" for script in load.scripts)
    pace = f"{load.rate} transactions a second" if load.rate else "as many transactions as possible"
    return (
        f"{pace}: {share}; {counted(tenants, 'organization')} by a power law, brand and user of the same one",
        *to.notes,
        _NOTES[load.by],
        "if it is stopped, what it created is removed at once; after a kill -9 the next load-test removes it",
        "requests have priority 0; what other programs attach to them during the run is removed with them",
    )


def _vias() -> tuple[Choice, ...]:
    return (
        Choice("pooler", "through PgBouncer"),
        Choice("direct", "to the server itself"),
    )


def _drivers() -> tuple[Choice, ...]:
    return (
        Choice(PGBENCH, "a client stops at its first error"),
        Choice(OWN, "its own: clients go on, errors by SQLSTATE"),
    )


LOAD_TEST = Action(
    name="load-test",
    title="Load test",
    help="Creates content requests and reads dashboards with pgbench, or a driver of its own where that is missing, "
    "measures throughput, latency and errors, and removes what it created. Only in a database that is marked as "
    "scratch or demo, or whose name is typed.",
    plan=plan,
    parameters=(
        Parameter("clients", "connections at a time", default="10"),
        Parameter("seconds", "how long", default="30"),
        Parameter("rate", "transactions a second of all clients; 0: as many as possible", default="0"),
        Parameter("mix", "percentage of dashboard reads; the others create requests", default="70"),
        Parameter("via", "pooler or direct; empty: pooler where one is configured", choices=_vias),
        Parameter("driver", "pgbench or console; empty: pgbench where it is installed", choices=_drivers),
        Parameter("tag", "marks what it creates, up to 20 lower-case letters and digits; empty: random"),
        Parameter("database", "name of this database, typed where it is not marked as scratch or demo"),
    ),
    needs=Needs(),
)
