"""apply-schema: runs pending migrations of the pipeline schema, each in one transaction with its ledger row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Sized

from console.actions.confinement import confined, role_of
from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, refuse
from console.actions.relations import find_any, relation
from console.drift.schema_entries import telling_tables
from console.format import counted, one_line
from console.model import (
    Claim,
    Database,
    Kind,
    OwnTable,
    Parameter,
    Plan,
    Source,
    Standalone,
    Step,
    Transaction,
    Trouble,
    denied,
)
from console.records import dataclass
from console.sql import migrations
from console.sql.migrations import Applied, Migration

# The migrations name every relation with its schema.
_RELATION = re.compile(r"\bpublic\.[a-z_][a-z0-9_]*")
_LEDGER = "public.schema_migrations"
_BEGAN = "pipeline_console.migration_began"
# Undoes what an earlier file may have set for the whole session.
_SETTINGS = "SET LOCAL search_path = pg_catalog;\n"


async def plan(request: Request) -> Plan:
    """One step for each pending file. Raises Trouble(REFUSED) if applied files were edited or are missing."""
    server = request.server
    set_role, role = await _role(request)
    applied = await ledger(server, request.parameters["owner"])
    facts = server.facts
    if not applied:
        await _refuse_grown(server)
    try:
        todo = migrations.pending(migrations.migrations((facts.major,)), applied)
    except Trouble as why:
        raise Trouble(Kind.REFUSED, why.sentence, why.remedy) from None
    ledger_of = OwnTable(migrations.LEDGER, ledger=True, owner=request.parameters["owner"])
    steps: list[Step] = []
    for migration in todo:
        present = await _present(server, migration)
        theirs = role or await _owner(server, present)
        steps += _steps(migration, present, _Rights(set_role, role, theirs, ledger_of))
    return Plan(
        Claim(f"schema of {one_line(facts.database)}", advisory_lock=migrations.LOCK),
        tuple(steps),
        summary=counted(len(todo), "migration"),
        result=f"{counted(len(todo), 'migration')} applied",
        notes=(f"{counted(len(applied), 'migration')} {_be(applied)} applied, {len(todo)} {_be(todo)} pending.",),
    )


def _be(migrations: Sized) -> str:
    return "is" if len(migrations) == 1 else "are"


@dataclass(frozen=True, slots=True)
class _Rights:
    """Whose rights a migration has."""

    set_role: str  # the statement that makes what it creates belong to another role, where it is not confined to that
    role: str  # what it is confined to with its ledger row
    theirs: str  # what it is confined to without
    ledger: OwnTable


async def ledger(server: Database, owner: str = "") -> tuple[Applied, ...]:
    """The rows of the ledger, which `owner` may have created; none if there is no ledger.

    Raises Trouble: REFUSED if another role may have created it, DENIED if this role may not read it.
    """
    await _refuse_false_ledger(server, owner)
    if found := await find_any(server, _LEDGER):
        server = await confined(server, *found)
    (state,) = (await server.fetch("schema_state")).in_full().records()
    if state["unreadable"]:
        raise denied(
            f"The migration ledger {_LEDGER} cannot be read, so the pending migrations are unknown.",
            f"SELECT ON {_LEDGER}",
            remedy=f"GRANT SELECT ON {_LEDGER} TO the role, or connect as the owner of the schema.",
        )
    if state["ledger"] is None:
        return ()
    (row,) = (await server.fetch("schema_ledger", {"ledger": [state["ledger"]]})).in_full().records()
    versions, names, checksums = row["versions"], row["names"], row["checksums"]
    if not (isinstance(versions, list) and isinstance(names, list) and isinstance(checksums, list)):
        return ()  # the ledger is empty
    return tuple(Applied(*each) for each in zip(versions, names, checksums, strict=True))


async def _refuse_false_ledger(server: Source, owner: str) -> None:
    for row in (await server.fetch("actions/ledger_trust", {"owner": owner})).records():
        refuse(row)
    harmless = await server.fetch("actions/harmless_table", {"name": migrations.LEDGER})
    if False in harmless.values("harmless"):
        raise Trouble(Kind.REFUSED, *migrations.CODE)


async def _refuse_grown(server: Source) -> None:
    names = [f"public.{name}" for name in telling_tables()]
    found = (await server.fetch("actions/apply_schema_present", {"names": names})).values("name")
    if found:
        raise Trouble(
            Kind.REFUSED,
            "This database has tables of the pipeline, such as " + one_line(found[0]) + ", but no migration ledger.",
            "Use adopt-schema, which compares them with the schema and adds missing objects.",
        )


async def _role(request: Request) -> tuple[str, str]:
    """How what a file creates belongs to the owner that was given: the statement before it, or the role it runs as."""
    (row,) = (
        await request.server.fetch("actions/apply_schema_ready", {"owner": request.parameters["owner"]})
    ).records()
    refuse(row)
    if row["confined"]:
        return "", str(row["confined"])
    return (f"{row['role']}\n" if row["role"] else ""), ""


async def _owner(server: Database, present: Sequence[str]) -> str:
    """The role that changes of these tables are confined to; empty: none."""
    return role_of(await confined(server, *[await relation(server, name) for name in present]))


async def _present(server: Source, migration: Migration) -> tuple[str, ...]:
    names = sorted(set(_RELATION.findall(migration.text)) - {_LEDGER})
    if not names:
        return ()
    return tuple(map(str, (await server.fetch("actions/apply_schema_present", {"names": names})).values("name")))


def _steps(migration: Migration, present: tuple[str, ...], rights: _Rights) -> Iterable[Step]:
    lock = migration.locks or _lock(present)
    on = present[0] if present else ""
    why = f"{migration.name}: {migration.help}"
    text = migration.text.rstrip()
    ended = text if text.endswith(";") and "--" not in text.rpartition("\n")[2] else f"{text}\n;"
    if migration.transactional:
        row = _record(migration, "pg_catalog.transaction_timestamp()")
        body = f"{_SETTINGS}{rights.set_role}{ended}"
        if rights.theirs == rights.role:
            how = Transaction(migration.name, rights.role)
            yield Step(f"{body}\n{row}", lock, on, how, note=why, writes=rights.ledger)
            return
        yield Step(body, lock, on, Transaction(migration.name, rights.theirs), note=why)
        note = f"{migration.name}: ledger row"
        yield Step(row, execution=Transaction(migration.name, rights.role), note=note, writes=rights.ledger)
        return
    began = f"pg_catalog.current_setting('{_BEGAN}')::timestamptz"
    yield Step(
        f"SELECT pg_catalog.set_config('{_BEGAN}', pg_catalog.clock_timestamp()::text, false)",
        execution=Transaction(f"{migration.name} began"),
        note=f"{migration.name}: start time, for the ledger",
    )
    yield Step(text, lock, on, Standalone(), note=why)
    yield Step(
        _record(migration, began),
        execution=Transaction(f"{migration.name} ledger", rights.role),
        note=f"{migration.name}: ledger row",
        writes=rights.ledger,
    )


def _lock(present: tuple[str, ...]) -> str:
    if not present:
        return "new objects only"
    return f"up to ACCESS EXCLUSIVE on {', '.join(present)}, which exist already"


def _record(migration: Migration, began: str) -> str:
    """The ledger row. Name and checksum consist of word characters, so plain quotes are enough."""
    return (
        f"INSERT INTO {_LEDGER} (version, name, checksum, seconds)\n"
        f"VALUES ({migration.version}, '{migration.name}', '{migration.checksum}',\n"
        f"        greatest(0, pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - {began})));"
    )


APPLY_SCHEMA = Action(
    name="apply-schema",
    title="Apply schema migrations",
    help="Applies pending migrations of the pipeline schema, one transaction each, and records them in a ledger.",
    plan=plan,
    parameters=(Parameter("owner", "role that owns the created objects; empty: the connected role"),),
    needs=Needs(Right.CREATE_TABLES),
)
