"""Partitioned tables that pg_partman manages: actions on partitions skip them."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions.relations import Relation
from console.format import one_line
from console.model import Source


async def left_to_partman(server: Source, tables: Sequence[Relation]) -> tuple[str, ...]:
    """Why some of these tables are skipped, a sentence each; empty: none is. Raises Trouble."""
    found = await server.fetch("actions/partman_managed", {"oids": [table.oid for table in tables]})
    names = {table.oid: one_line(table.name) for table in tables}
    why: list[str] = []
    for row in found.records():
        name, schema = names[int(str(row["oid"]))], one_line(row["schema"])
        if not row["readable"]:
            grants = f"GRANT USAGE ON SCHEMA {schema} and SELECT ON {schema}.part_config"
            why.append(f"Whether pg_partman manages {name} cannot be read, so it is skipped: {grants} to this role.")
        elif row["managed"]:
            why.append(f"{name} is managed by pg_partman and skipped: {schema}.run_maintenance() takes care of it.")
    return tuple(why)
