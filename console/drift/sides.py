"""A difference between a database and the expected schema, and the two sides of the comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from console.drift.schema_entries import SchemaEntry

SEARCH = ("content_requests", "search_vector")
SEARCHED = ("title", "description", "content_brief")
SEARCH_FUNCTION = "content_requests_search_vector()"
# Without btree_gin the organization is not in the index.
SEARCH_ALONE = "gin (search_vector) WITH (fastupdate=off)"


class Remedy(Enum):
    """What fixes a difference."""

    ADOPT = "adopt-schema"
    PARTITION = "partition-table"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that is missing or differs from the expected schema."""

    wanted: SchemaEntry
    problem: str  # "missing index", "another type"
    found: str = ""
    remedy: Remedy = Remedy.ADOPT
    why: str = ""  # nothing is done about it
    found_oid: int = 0

    @property
    def name(self) -> str:
        """The name of the object, as a DBA would call it."""
        wanted = self.wanted
        if wanted.kind in {"function", "relation"}:
            return wanted.name or wanted.relation
        if wanted.kind in {"index", "constraint"} and wanted.name.startswith(wanted.relation):
            return wanted.name
        return f"{wanted.relation}.{wanted.name}" if wanted.kind == "column" else f"{wanted.relation}: {wanted.name}"


@dataclass(slots=True)
class Side:
    """The entries of one catalog, by kind and relation."""

    found: dict[tuple[str, str], list[SchemaEntry]] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[SchemaEntry]) -> Side:
        side = cls()
        for entry in entries:
            side.found.setdefault((entry.kind, entry.relation), []).append(entry)
        return side

    def all(self, kind: str, relation: str) -> Sequence[SchemaEntry]:
        return self.found.get((kind, relation), ())

    def find(self, kind: str, relation: str, name: str) -> SchemaEntry | None:
        return next((entry for entry in self.all(kind, relation) if entry.name == name), None)
