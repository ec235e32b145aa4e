"""The state of a database before its set-up, in one query: from it the pages decide what to run."""

from __future__ import annotations

from typing import Any

from console.actions.schema.apply_schema import ledger
from console.drift.reading import drift
from console.drift.schema_entries import expected
from console.model import Database, Facts, Kind, Trouble
from console.records import dataclass
from console.settings.config import Settings

OWNER = "pipeline_owner"  # owns the schema, if that role exists
_LEDGER = "public.schema_migrations"


@dataclass(frozen=True, slots=True)
class Situation:
    """What was read about one database and the connected role."""

    facts: Facts
    encoding: str
    standby: bool
    superuser: bool
    makes_roles: bool
    may_create: bool  # tables in schema public
    owner: str  # another role that is to own the schema and that this one may SET ROLE to; empty: none
    ledger: bool  # schema_migrations, with rows: adopt-schema creates the table first and fills it last
    tables: int  # of the pipeline schema that exist
    policies: int  # tables with a partition policy in the configuration
    plain: tuple[str, ...]  # tables with a partition policy that are not partitioned
    unfilled: tuple[str, ...]  # views with a refresh policy that do not exist or were never populated
    waiting: tuple[str, ...]  # settings with a restart pending

    @property
    def grown(self) -> bool:
        """Whether tables of the pipeline exist without a ledger."""
        return self.tables > 0 and not self.ledger


async def read(server: Database, settings: Settings) -> Situation:
    """The situation now. Raises Trouble."""
    snapshot = await server.fetch(
        "setup/situation",
        {
            "names": sorted(_tables()),
            "tables": [policy.table for policy in settings.partitions],
            "views": [policy.view for policy in settings.refreshes],
            "owner": OWNER,
        },
    )
    (row,) = snapshot.records()
    found: dict[str, Any] = dict(row)
    kept = found["ledger"] and not await _is_empty(server, found["owner"] or "")
    return Situation(
        facts=server.facts,
        encoding=found["encoding"],
        standby=found["standby"],
        superuser=found["superuser"],
        makes_roles=found["makes_roles"],
        may_create=found["may_create"],
        owner=found["owner"] or "",
        ledger=kept,
        tables=found["tables"],
        policies=len(settings.partitions),
        plain=tuple(found["plain"]),
        unfilled=tuple(found["unfilled"]),
        waiting=tuple(found["waiting"]),
    )


async def is_missing(server: Database) -> bool:
    """Whether the database has nothing of the pipeline schema, which most databases have not: asks little of them.

    Tables that any database may have, such as users, do not make a pipeline. Raises Trouble.
    """
    names = sorted(name.rpartition(".")[2] for name in (*_tables(), _LEDGER))
    (row,) = (await server.fetch("setup/pipeline_relations", {"names": names})).records()
    found = row["relations"]
    if not isinstance(found, list) or not found:
        return True
    has_ledger = _LEDGER.rpartition(".")[2] in found and not await _is_empty(server, "")
    return not has_ledger and not (await drift(server)).present


async def _is_empty(server: Database, owner: str) -> bool:
    try:
        return not await ledger(server, owner)
    except Trouble as why:
        if why.kind is Kind.UNREACHABLE:
            raise
        return False  # the schema page reports why it is not trusted


def _tables() -> set[str]:
    """Those that the migrations create, without reading all of them."""
    tables = {
        entry.relation for entry in expected() if entry.kind == "relation" and entry.definition.startswith("table")
    }
    return {f"public.{name}" for name in tables} - {_LEDGER}
