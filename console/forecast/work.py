"""What a statement does to whole tables, form by form.

The page of ALTER TABLE names what rewrites and what reads a table; https://www.postgresql.org/docs/current/sql-altertable.html
That it is so was seen on every version: tests/test_forecast_work.py compares file nodes and scans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from console.forecast.column_work import add_column, alter_column
from console.forecast.requests import Reach, TypedName
from console.forecast.storage import STORING, Stored
from console.forecast.tasks import TaskRequest
from console.forecast.words import Unrecognised, Words
from console.model.forecast import TableWork

Tasks = Iterator[TaskRequest]
UNCHECKED = (("not", "valid"), ("not", "enforced"))


def tasks_of(words: Words, major: int) -> tuple[TaskRequest, ...]:
    """The tasks of a statement whose locks are known; none where it goes through no table. `words` is all of it."""
    for begin, found in _STATEMENTS.items():
        if words.take(*begin.split()):
            try:
                return tuple(found(words, major))
            except Unrecognised:  # a form that goes through no table, or one that has no name to be found by
                return ()
    return ()


def _alter_table(words: Words, major: int) -> Tasks:
    words.take("if", "exists")
    reach = Reach.ITSELF if words.take("only") else Reach.TREE
    name = words.name()
    words.take("*")
    if words.take("attach", "partition"):
        yield from _attached(words.name(), name)
        return
    for form in words.listed():
        yield from _form(form, name, reach, major)


def _form(words: Words, name: TypedName, reach: Reach, major: int) -> Tasks:
    if words.take("add"):
        named = words.take("constraint") and words.part()
        if named or any(words.sees(kind) for kind in ("check", "foreign", "unique", "primary", "exclude", "not")):
            yield from _constraint(words, name, reach)
        else:
            yield from add_column(words, name, reach, major)
    elif words.take("alter", "constraint"):
        words.part()
        if words.has("enforced") and not words.has("not", "enforced"):
            yield TaskRequest(TableWork.READ, name, reach)
    elif words.take("alter"):
        yield from alter_column(words, name, reach)
    elif words.take("validate", "constraint"):
        yield TaskRequest(TableWork.READ, name, reach, _unvalidated(words.part()))
    elif words.take("set"):
        yield from _set(words, name)


def _constraint(words: Words, name: TypedName, reach: Reach) -> Tasks:
    unchecked = any(words.has(*each) for each in UNCHECKED)
    kind = words.take_any("check", "foreign", "unique", "primary", "exclude", "not")
    if kind in {"check", "foreign"} and not unchecked:
        yield TaskRequest(TableWork.READ, name, Reach.ITSELF if words.has("no", "inherit") else reach)
    elif kind == "not" and words.take("null") and not unchecked:
        yield TaskRequest(TableWork.READ, name, reach, _may_be_null((words.part(),)), sparable=True)
    elif kind in {"unique", "primary", "exclude"}:
        words.take("key")
        if not words.sees("using", "index"):
            yield TaskRequest(TableWork.BUILD, name, reach)
        if kind == "primary":
            yield TaskRequest(TableWork.READ, name, reach, _may_be_null(*_key(words)), sparable=True)


def _key(words: Words) -> tuple[tuple[str, ...], str]:
    """The columns of a key, or the index that has them."""
    if words.take("using", "index"):
        return (), words.part()
    words.take("(")
    found = [words.part()]
    while words.take(","):
        found.append(words.part())
    return tuple(found), ""


def _may_be_null(columns: tuple[str, ...], index: str = "") -> Callable[[Stored, int], bool]:
    def test(stored: Stored, oid: int) -> bool:
        named = stored.indexes[oid].get(index, ()) if index else columns
        return any(not stored.is_not_null(oid, each) for each in named)

    return test


def _unvalidated(constraint: str) -> Callable[[Stored, int], bool]:
    def test(stored: Stored, oid: int) -> bool:
        known = stored.constraints[oid].get(constraint)
        if known is None:  # of an earlier step of a plan, unless others of the tree have it
            return not any(constraint in each for each in stored.constraints.values())
        return not known.is_valid

    return test


def _set(words: Words, name: TypedName) -> Tasks:
    """Other storage; a partitioned table has none."""
    if words.take("access", "method"):
        method = words.part()
        yield TaskRequest(TableWork.REWRITE, name, Reach.ITSELF, _differs("method", method))
    elif persistence := words.take_any("logged", "unlogged"):
        yield TaskRequest(
            TableWork.REWRITE, name, Reach.ITSELF, _differs("persistence", persistence[0].replace("l", "p"))
        )
    elif words.take("tablespace"):
        yield TaskRequest(TableWork.COPY, name, Reach.ITSELF, _differs("tablespace", words.part()))


def _differs(what: str, wanted: str) -> Callable[[Stored, int], bool | None]:
    def test(stored: Stored, oid: int) -> bool | None:
        return None if wanted == "default" else getattr(stored.tables[oid], what) != wanted

    return test


def _attached(partition: TypedName, parent: TypedName) -> Tasks:
    """A table that becomes a partition is read unless its constraints say that all its rows belong there."""
    yield TaskRequest(TableWork.READ, partition, Reach.TREE, _unproven, sparable=True)
    yield TaskRequest(TableWork.BUILD, partition, Reach.TREE, _lacks_indexes(parent), sparable=True)
    yield TaskRequest(TableWork.READ, parent, Reach.DEFAULT, _unproven, sparable=True)


def _unproven(stored: Stored, oid: int) -> bool | None:
    """Read for sure where no CHECK could say it."""
    checks = (each for each in stored.constraints[oid].values() if each.kind == "c" and each.is_valid)
    return None if any(checks) else True


def _lacks_indexes(parent: TypedName) -> Callable[[Stored, int], bool]:
    def test(stored: Stored, oid: int) -> bool:
        own = set(stored.indexes[oid].values())
        return any(columns not in own for columns in stored.indexes[stored.named.get(parent, 0)].values())

    return test


def _create_table(words: Words, _: int) -> Tasks:
    words.take("if", "not", "exists")
    words.name()
    if words.take("partition", "of"):
        parent = words.name()
        if not words.sees("default"):
            yield TaskRequest(TableWork.READ, parent, Reach.DEFAULT, _unproven, sparable=True)


def _create_index(words: Words, _: int) -> Tasks:
    words.take("concurrently")
    optional = words.take("if", "not", "exists")
    index = "" if words.sees("on") else words.part()
    if not words.take("on"):
        raise Unrecognised("a CREATE INDEX without ON")
    reach = Reach.ITSELF if words.take("only") else Reach.PARTITIONS

    def is_new(stored: Stored, oid: int) -> bool:
        return not (optional and index in stored.indexes[oid])

    yield TaskRequest(TableWork.BUILD, words.name(), reach, is_new)


def _reindex(words: Words, _: int) -> Tasks:
    words.skip_parentheses()
    what = words.take_any("index", "table")
    words.take("concurrently")
    if what:
        yield TaskRequest(TableWork.BUILD, words.name(), Reach.TABLE if what == "index" else Reach.PARTITIONS)


def _rewritten(words: Words, _: int) -> Tasks:
    """CLUSTER and REPACK."""
    words.skip_parentheses()
    while words.take_any("verbose", "concurrently"):
        pass
    yield TaskRequest(TableWork.REWRITE, words.name(), Reach.PARTITIONS)


def _vacuum(words: Words, _: int) -> Tasks:
    begin = words.at
    words.skip_parentheses()
    while words.take_any("full", "freeze", "verbose", "analyze", "analyse"):
        pass
    if any(token.is_word("full") for token in words.tokens[begin : words.at]):
        for each in words.listed():
            yield TaskRequest(TableWork.REWRITE, each.name(), Reach.PARTITIONS)


def _refresh(words: Words, _: int) -> Tasks:
    if not words.take("concurrently") and not words.has("no", "data"):
        yield TaskRequest(TableWork.REWRITE, words.name())


_STATEMENTS: dict[str, Callable[[Words, int], Tasks]] = {
    "alter table": _alter_table,
    "alter materialized view": _alter_table,
    "create table": _create_table,
    "create index": _create_index,
    "create unique index": _create_index,
    "reindex": _reindex,
    "cluster": _rewritten,
    "repack": _rewritten,
    "vacuum": _vacuum,
    "refresh materialized view": _refresh,
}


def is_stored(stored: Stored, oid: int) -> bool:
    """Whether a relation has rows of its own."""
    return oid in stored.tables and stored.tables[oid].kind in STORING
