"""The relations around those that a statement names, and which of them a request means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from console.forecast.requests import LockRequest, Reach, TypedName
from console.model import Record
from console.records import dataclass

INDEXES = ("i", "I")


@dataclass(frozen=True, slots=True)
class Related:
    """A relation."""

    oid: int
    name: str  # schema-qualified, quoted where SQL needs it
    kind: str  # pg_class.relkind
    partition: bool = False
    default: int = 0  # the oid of its DEFAULT partition; 0: it has none


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key."""

    name: str
    table: int
    referenced: int
    columns: frozenset[str]
    referenced_columns: frozenset[str]
    key: str  # the constraint that it relies on
    own: bool  # not a partition's share of its parent's


@dataclass(slots=True)
class Relations:
    """What the catalogs say around the named relations."""

    named: dict[TypedName, int] = field(default_factory=dict)
    each: dict[int, Related] = field(default_factory=dict)
    children: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    parents: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    tables: dict[int, int] = field(default_factory=dict)  # of indexes
    keys: list[ForeignKey] = field(default_factory=list)
    reads: list[tuple[int, int, frozenset[str]]] = field(default_factory=list)  # view, what it reads, which columns
    event_triggers: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, names: Sequence[TypedName], rows: Iterable[Record]) -> Relations:
        """From the rows of forecast_relations, asked for `names`."""
        found = cls()
        for row in rows:
            found._add(names, row)
        return found

    def meant(self, request: LockRequest) -> Iterator[Related]:
        """The relations that a request locks; none if its name does not exist."""
        start = self.named.get(request.name)
        if start is not None:
            oids = _REACHES[request.reach](self, start, request.part)
            yield from (self.each[oid] for oid in dict.fromkeys(oids) if oid in self.each)

    def tree(self, oid: int) -> Iterator[int]:
        """A relation and everything below it."""
        yield oid
        for child in self.children.get(oid, ()):
            yield from self.tree(child)

    def partitions(self, oid: int) -> Iterator[int]:
        """A relation, and everything below it if it is partitioned."""
        return self.tree(oid) if self._is_partitioned(oid) else iter((oid,))

    def _is_partitioned(self, oid: int) -> bool:
        return oid in self.each and self.each[oid].kind in {"p", "I"}

    def _add(self, names: Sequence[TypedName], row: Record) -> None:
        what, oid, other = str(row["what"]), int(str(row["oid"])), int(str(row["other"] or 0))
        match what:
            case "name":
                self.named[names[other - 1]] = oid
            case "relation" | "index":
                self.each[oid] = Related(oid, str(row["name"]), str(row["kind"]), bool(row["flag"]), other)
                if what == "index":
                    self.tables[oid] = other
                    self.each[oid] = Related(oid, str(row["name"]), str(row["kind"]))
            case "child":
                self.children[other].append(oid)
                self.parents[oid].append(other)
            case "key":
                sides = frozenset(_texts(row["columns"])), frozenset(_texts(row["others"]))
                key = str(row["kind"] or "")
                self.keys.append(ForeignKey(str(row["name"]), oid, other, *sides, key, bool(row["flag"])))
            case "read":
                self.reads.append((oid, other, frozenset(_texts(row["columns"]))))
            case "event trigger":
                self.event_triggers.append(str(row["name"]))


def _texts(value: object) -> Iterator[str]:
    return (str(each) for each in value) if isinstance(value, list) else iter(())


Expansion = Callable[[Relations, int, str], Iterator[int]]


def _itself(_: Relations, oid: int, __: str) -> Iterator[int]:
    yield oid


def _tree(seen: Relations, oid: int, _: str) -> Iterator[int]:
    return seen.tree(oid)


def _partitions(seen: Relations, oid: int, _: str) -> Iterator[int]:
    return seen.partitions(oid)


def _inherited(seen: Relations, oid: int, _: str) -> Iterator[int]:
    return iter((oid,)) if seen._is_partitioned(oid) else seen.tree(oid)  # noqa: SLF001


def _default(seen: Relations, oid: int, _: str) -> Iterator[int]:
    if oid in seen.each and seen.each[oid].default:
        yield from seen.tree(seen.each[oid].default)


def _parent(seen: Relations, oid: int, _: str) -> Iterator[int]:
    if oid in seen.each and seen.each[oid].partition:
        for parent in seen.parents.get(oid, ()):
            yield parent
            yield from _default(seen, parent, "")


def _table(seen: Relations, oid: int, _: str) -> Iterator[int]:
    if oid in seen.tables:
        yield from seen.partitions(seen.tables[oid])


def _indexes(seen: Relations, oid: int, _: str) -> Iterator[int]:
    below = set(seen.partitions(oid))
    return (index for index, table in seen.tables.items() if table in below)


def _referenced(seen: Relations, oid: int, _: str) -> Iterator[int]:
    for key in seen.keys:
        if key.table == oid and key.own:
            yield from seen.partitions(key.referenced)


def _all_referenced(seen: Relations, oid: int, _: str) -> Iterator[int]:
    for key in seen.keys:
        if key.table == oid:
            yield from seen.partitions(key.referenced)


def _referencing(seen: Relations, oid: int, _: str) -> Iterator[int]:
    for key in seen.keys:
        if key.referenced == oid:
            yield from seen.partitions(key.table)


def _referencing_all(seen: Relations, oid: int, _: str) -> Iterator[int]:
    known: set[int] = set()
    left = [oid]
    while left:
        for found in (*seen.tree(at := left.pop()), *_referencing(seen, at, "")):
            if found not in known:
                known.add(found)
                left.append(found)
    return iter(known)


def _of_column(seen: Relations, oid: int, part: str) -> Iterator[int]:
    for key in seen.keys:
        if key.table == oid and part in key.columns:
            yield from seen.partitions(key.referenced)
        if key.referenced == oid and part in key.referenced_columns:
            yield from seen.partitions(key.table)


def _of_constraint(seen: Relations, oid: int, part: str) -> Iterator[int]:
    for key in seen.keys:
        if key.table == oid and key.name == part:
            yield from seen.partitions(key.referenced)
        if key.referenced == oid and key.key == part:
            yield from seen.partitions(key.table)


def _views(seen: Relations, oid: int, part: str) -> Iterator[int]:
    left: list[tuple[int, str]] = [(below, part) for below in seen.tree(oid)]
    known: set[int] = set()
    while left:
        at, column = left.pop()
        for view, relation, columns in seen.reads:
            if relation == at and view not in known and (not column or column in columns):
                known.add(view)
                left.append((view, ""))
    return iter(known)


def _read(seen: Relations, oid: int, _: str) -> Iterator[int]:
    known: set[int] = set()
    left = [oid]
    while left:
        at = left.pop()
        for view, relation, _columns in seen.reads:
            if view == at and relation not in known:
                known |= set(seen.tree(relation))
                left.append(relation)
    return iter(known)


_REACHES: Mapping[Reach, Expansion] = {
    Reach.ITSELF: _itself,
    Reach.TREE: _tree,
    Reach.PARTITIONS: _partitions,
    Reach.INHERITED: _inherited,
    Reach.PARENT: _parent,
    Reach.DEFAULT: _default,
    Reach.TABLE: _table,
    Reach.INDEXES: _indexes,
    Reach.REFERENCED: _referenced,
    Reach.ALL_REFERENCED: _all_referenced,
    Reach.REFERENCING: _referencing,
    Reach.REFERENCING_ALL: _referencing_all,
    Reach.OF_COLUMN: _of_column,
    Reach.OF_CONSTRAINT: _of_constraint,
    Reach.VIEWS: _views,
    Reach.READ: _read,
}
