"""What the catalogs say about tables that decides whether a statement rewrites or reads them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from console.forecast.requests import TypedName
from console.model import Record
from console.records import dataclass

STORING = frozenset({"r", "m"})  # kinds that have rows of their own


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table and where it lies."""

    kind: str
    persistence: str
    method: str
    tablespace: str
    size: float | None  # bytes, estimated, as are the next; None: it was never vacuumed or analyzed
    further: float  # bytes of its indexes and its TOAST table


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column."""

    generated: str  # s stored, v virtual, or empty
    written: str  # its type with its modifiers
    type: int  # that of its domain, if it is of one
    not_null: bool


@dataclass(frozen=True, slots=True)
class StoredConstraint:
    """A CHECK, NOT NULL or foreign key."""

    kind: str
    text: str
    columns: frozenset[str]
    is_valid: bool


@dataclass(frozen=True, slots=True)
class NamedType:
    """A type that a statement names."""

    base: int  # the type itself, or that below a domain
    has_default: bool
    is_bound: bool  # a domain with constraints


@dataclass(slots=True)
class Stored:
    """The answer to the query forecast_work."""

    named: Mapping[TypedName, int] = field(default_factory=dict)

    tables: dict[int, StoredTable] = field(default_factory=dict)
    columns: dict[tuple[int, str], StoredColumn] = field(default_factory=dict)
    constraints: dict[int, dict[str, StoredConstraint]] = field(default_factory=lambda: defaultdict(dict))
    indexes: dict[int, dict[str, tuple[str, ...]]] = field(default_factory=lambda: defaultdict(dict))
    types: dict[str, NamedType] = field(default_factory=dict)
    casts: set[tuple[int, int]] = field(default_factory=set)  # that change no byte
    volatile: dict[str, bool | None] = field(default_factory=dict)  # None: some of that name are

    @classmethod
    def of(cls, rows: Iterable[Record], named: Mapping[TypedName, int]) -> Stored:
        """From the rows of the query; `named` are the oids of the relations that a statement names."""
        found = cls(named)
        for row in rows:
            found._add(row)
        return found

    def is_not_null(self, oid: int, column: str) -> bool:
        """Whether no row can have NULL there: it is declared, or a valid CHECK says so."""
        known = self.columns.get((oid, column))
        if known is not None and known.not_null and not self._is_doubtful(oid, column):
            return True
        checks = (each for each in self.constraints[oid].values() if each.kind == "c" and each.is_valid)
        return any(_says_not_null(each.text, column) for each in checks)

    def _is_doubtful(self, oid: int, column: str) -> bool:
        """Whether its NOT NULL was not validated, as it can be from version 18 on."""
        return any(
            each.kind == "n" and not each.is_valid and column in each.columns for each in self.constraints[oid].values()
        )

    def checks_of(self, oid: int, column: str) -> Iterator[StoredConstraint]:
        """The CHECKs on a column."""
        return (each for each in self.constraints[oid].values() if each.kind == "c" and column in each.columns)

    def _add(self, row: Record) -> None:
        oid, name = int(str(row["oid"] or 0)), str(row["name"])
        match row["what"]:
            case "table":
                size = None if row["bytes"] is None else float(str(row["bytes"]))
                self.tables[oid] = StoredTable(
                    name, str(row["kind"]), str(row["other"]), str(row["place"] or ""), size, float(str(row["further"]))
                )
            case "column":
                known = StoredColumn(str(row["kind"]), str(row["other"]), int(str(row["type"])), bool(row["flag"]))
                self.columns[oid, name] = known
            case "check":
                columns = frozenset(str(row["place"] or "").split(" "))
                known_text = str(row["other"])
                self.constraints[oid][name] = StoredConstraint(str(row["kind"]), known_text, columns, bool(row["flag"]))
            case "index":
                self.indexes[oid][name] = tuple(str(row["place"]).split(" "))
            case "type":
                self.types[name] = NamedType(int(str(row["type"])), row["place"] is not None, bool(row["flag"]))
            case "cast":
                self.casts.add((oid, int(str(row["type"]))))
            case "function":
                self.volatile[name] = None if row["flag"] is None else bool(row["flag"])


def _says_not_null(check: str, column: str) -> bool:
    """Whether a part of a CHECK, joined to the others by AND, is that the column is not null."""
    quoted = column if re.fullmatch(r"[a-z_][a-z0-9_$]*", column) else '"' + column.replace('"', '""') + '"'
    inner = check.removeprefix("CHECK ").removesuffix(" NO INHERIT")
    while inner.startswith("(") and inner.endswith(")") and _is_closed(inner[1:-1]):
        inner = inner[1:-1]
    return any(part.strip("()") == f"{quoted} IS NOT NULL" for part in inner.split(" AND ")) and " OR " not in inner


def _is_closed(text: str) -> bool:
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0
