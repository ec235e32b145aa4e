"""A difference between a database and the expected schema, and the two sides of the comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from enum import Enum, StrEnum

from console.drift.schema_entries import SchemaEntry
from console.records import dataclass

SEARCH = ("content_requests", "search_vector")
SEARCHED = ("title", "description", "content_brief")
SEARCH_FUNCTION = "content_requests_search_vector()"
# Without btree_gin the organization is not in the index.
SEARCH_ALONE = "gin (search_vector) WITH (fastupdate=off)"


class Problem(StrEnum):
    """What is wrong with an object."""

    MISSING_FUNCTION = "missing function"
    ANOTHER_FUNCTION = "another function"
    MISSING_TABLE = "missing table"
    MISSING_MATERIALIZED_VIEW = "missing materialized view"
    UNLOGGED = "unlogged"
    ANOTHER_VIEW = "another view"
    NOT_POPULATED = "not populated"
    MISSING_SETTINGS = "missing settings"
    NOT_PARTITIONED = "not partitioned"
    PARTITIONED = "partitioned"
    ANOTHER_KIND = "another kind"
    MISSING_GRANT = "missing grant"
    MISSING_COLUMN = "missing column"
    NARROWER_TYPE = "narrower type"
    UNFIT_TYPE = "unfit type"
    MAY_BE_NULL = "may be null"
    MUST_NOT_BE_NULL = "must not be null"
    NOT_MAINTAINED = "not maintained"
    ANOTHER_DEFAULT = "another default"
    NO_IDENTITY = "no identity"
    MISSING_DEFAULT = "missing default"
    ANOTHER_EXPRESSION = "another expression"
    MISSING_UNIQUE = "missing unique"
    NOT_VALIDATED = "not validated"
    ANOTHER_ACTION = "another action"
    ANOTHER_KEY = "another key"
    MISSING_KEY = "missing key"
    MISSING_FOREIGN_KEY = "missing foreign key"
    MISSING_CHECK = "missing check"
    INVALID_INDEX = "invalid index"
    MISSING_INDEX = "missing index"


class Remedy(Enum):
    """What fixes a difference."""

    ADOPT = "adopt-schema"
    PARTITION = "partition-table"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that is missing or differs from the expected schema."""

    wanted: SchemaEntry
    problem: Problem
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
