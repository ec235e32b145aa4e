"""What a catalogue says of a schema, an entry a fact; the expected ones are data that travels with the console."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from console import sql
from console.model import Snapshot

# Keys of entities are made by the newest function that the server has.
UUID_KEY = "gen_random_uuid()"
ORDERED_UUID_KEY = "uuidv7()"
SINCE_ORDERED = 18

# The console's own, and names that any database may have.
_COMMON = {
    *("schema_migrations", "console_refreshes", "console_audit", "users", "organizations", "user_sessions"),
    *("subscriptions", "notifications", "webhooks", "campaigns", "audit_events", "feature_flags", "background_jobs"),
}
_KEPT = ("kind", "relation", "name", "definition", "detail", "required", "needs")


@dataclass(frozen=True, slots=True)
class SchemaEntry:
    """One fact of sql/monitoring/drift_catalog.sql, which says what the columns mean for each kind."""

    kind: str
    relation: str
    name: str
    definition: str
    detail: str = ""
    required: bool = False  # NOT NULL of a column, uniqueness of an index
    needs: tuple[str, ...] = ()  # "table.column"
    valid: bool = True
    oid: int = 0

    def as_data(self) -> dict[str, Any]:
        """What is kept of it in the file; the rest belongs to one database."""
        return {name: value for name in _KEPT if (value := getattr(self, name)) not in ("", False, ())}


def entries(snapshot: Snapshot) -> tuple[SchemaEntry, ...]:
    """The catalogue of a database as it was read; none where it has no table of the pipeline."""
    return tuple(_entry(record) for record in snapshot.records())


@cache
def expected() -> tuple[SchemaEntry, ...]:
    """What the migrations make on every version of the server."""
    text = (sql.content() / "sql" / "expected" / "schema.json").read_text(encoding="utf-8")
    return tuple(_entry(record) for record in json.loads(text))


@cache
def telling_tables() -> tuple[str, ...]:
    """Names of tables that a pipeline alone has; drift_catalog.sql knows them too."""
    tables = (one.relation for one in expected() if one.kind == "relation" and one.definition.startswith("table"))
    return tuple(name for name in tables if name not in _COMMON)


def as_text(found: Iterable[SchemaEntry]) -> str:
    """The file of the expected schema, made of the catalogue of a database fresh from the migrations."""
    kept = (_portable(entry).as_data() for entry in found if _matters(entry))
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in kept)
    return f"[\n{lines}\n]\n"


def _matters(entry: SchemaEntry) -> bool:
    # The index of a constraint is said by it. Comments on keys differ between versions.
    implied = entry.kind == "index" and entry.detail == "constraint"
    return not implied and not (entry.kind == "comment" and entry.name == "id")


def _portable(entry: SchemaEntry) -> SchemaEntry:
    detail = UUID_KEY if entry.detail == ORDERED_UUID_KEY else entry.detail
    return SchemaEntry(entry.kind, entry.relation, entry.name, entry.definition, detail, entry.required, entry.needs)


def _entry(record: Any) -> SchemaEntry:
    return SchemaEntry(
        str(record["kind"]),
        str(record.get("relation") or ""),
        str(record.get("name") or ""),
        str(record.get("definition") or ""),
        str(record.get("detail") or ""),
        bool(record.get("required")),
        tuple(sorted(record.get("needs") or ())),
        bool(record.get("valid", True)),
        int(record.get("oid") or 0),
    )
