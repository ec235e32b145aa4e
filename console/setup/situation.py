"""How far a database is on its way, read in one query: the pages decide by it what they would run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from console.actions.schema.apply_schema import ledger
from console.model import Facts, Kind, Source, Trouble
from console.settings.config import Settings
from console.sql import migrations

OWNER = "pipeline_owner"  # who owns the schema, where that role is there
_TABLE = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(public\.[a-z_][a-z0-9_]*)", re.MULTILINE)
_LEDGER = "public.schema_migrations"


@dataclass(frozen=True, slots=True)
class Situation:
    """What a server says of one database and of the role that is connected."""

    facts: Facts
    encoding: str
    standby: bool
    superuser: bool
    makes_roles: bool
    may_create: bool  # tables in schema public
    owner: str  # another role that is to own the schema and that this one may act as; empty: none
    ledger: bool  # of migrations, with rows in it: adopting makes the table first and fills it last
    tables: int  # of the pipeline schema, that are there
    policies: int  # tables that the configuration wants partitioned
    plain: tuple[str, ...]  # tables with a partition policy that are not partitioned
    unfilled: tuple[str, ...]  # views with a refresh policy that are not there or were never filled
    waiting: tuple[str, ...]  # settings that wait for a restart

    @property
    def grown(self) -> bool:
        """Whether tables of the pipeline are there without a ledger."""
        return self.tables > 0 and not self.ledger


async def read(server: Source, settings: Settings) -> Situation:
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


async def _is_empty(server: Source, owner: str) -> bool:
    try:
        return not await ledger(server, owner)
    except Trouble as why:
        if why.kind is Kind.UNREACHABLE:
            raise
        return False  # the page of the schema tells why it is not believed


def _tables() -> set[str]:
    files = migrations.migrations((99,))
    return {name for file in files for name in _TABLE.findall(file.text)} - {_LEDGER}
