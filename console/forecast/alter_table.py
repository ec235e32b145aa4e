"""What ALTER TABLE locks, form by form: https://www.postgresql.org/docs/current/sql-altertable.html

The page names the modes; which further relations they reach was seen in pg_locks on every version
(tests/test_forecast_locks.py). ALTER MATERIALIZED VIEW and ALTER FOREIGN TABLE take a part of the same forms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from console.forecast.requests import LockRequest, Reach, TypedName
from console.forecast.words import Unrecognised, Words
from console.model.locks import LockMode
from console.records import dataclass

ACCESS_SHARE = LockMode.ACCESS_SHARE
ROW_SHARE = LockMode.ROW_SHARE
SHARE_UPDATE_EXCLUSIVE = LockMode.SHARE_UPDATE_EXCLUSIVE
SHARE = LockMode.SHARE
SHARE_ROW_EXCLUSIVE = LockMode.SHARE_ROW_EXCLUSIVE
ACCESS_EXCLUSIVE = LockMode.ACCESS_EXCLUSIVE

# Storage parameters that nobody may change while the relation is read; the others take SHARE UPDATE EXCLUSIVE.
STRONG_OPTIONS = (
    *("user_catalog_table", "security_barrier", "security_invoker", "check_option"),
    *("fastupdate", "gin_pending_list_limit", "buffering", "pages_per_range", "autosummarize"),
)


@dataclass(frozen=True, slots=True)
class Altered:
    """The table of an ALTER TABLE."""

    name: TypedName
    only: bool
    major: int  # version of the server

    def alone(self, mode: LockMode) -> LockRequest:
        """The table without its partitions and children."""
        return LockRequest(mode, self.name)

    def with_children(self, mode: LockMode, since: int = 0) -> LockRequest:
        """The table with them, unless ONLY is written or the version is before `since`."""
        return LockRequest(mode, self.name, Reach.ITSELF if self.only or self.major < since else Reach.TREE)

    def reached(self, mode: LockMode, reach: Reach, part: str = "") -> LockRequest:
        """What it leads to."""
        return LockRequest(mode, self.name, reach, part)


Requests = Iterator[LockRequest]


def table_forms(words: Words, table: Altered) -> Requests:
    """The requests of everything behind the name. Raises Unrecognised."""
    if words.take("rename"):
        yield from _rename(words, table)
    elif words.take("set", "schema"):
        yield table.alone(ACCESS_EXCLUSIVE)
    elif words.take("attach", "partition"):
        yield from _attach(words, table)
    elif words.take("detach", "partition"):
        yield from _detach(words, table)
    else:
        for form in words.listed():
            yield from _form(form, table)


def _rename(words: Words, table: Altered) -> Requests:
    """The name of the table, or of a column or constraint, which the children have too."""
    yield (table.alone if words.sees("to") else table.with_children)(ACCESS_EXCLUSIVE)


def _attach(words: Words, table: Altered) -> Requests:
    yield table.alone(SHARE_UPDATE_EXCLUSIVE)
    yield LockRequest(ACCESS_EXCLUSIVE, words.name(), Reach.TREE)
    yield table.reached(ACCESS_EXCLUSIVE, Reach.DEFAULT)
    yield from partition_keys(table.name, table.major)


def partition_keys(parent: TypedName, major: int) -> Requests:
    """What a new partition locks because of the foreign keys of its parent, and those that reference it."""
    yield LockRequest(SHARE_ROW_EXCLUSIVE, parent, Reach.ALL_REFERENCED)
    yield LockRequest(SHARE_ROW_EXCLUSIVE if major >= 15 else ACCESS_SHARE, parent, Reach.REFERENCING)


def _detach(words: Words, table: Altered) -> Requests:
    partition = words.name()
    gently = words.sees("concurrently") or words.sees("finalize")
    yield table.alone(SHARE_UPDATE_EXCLUSIVE if gently else ACCESS_EXCLUSIVE)
    yield LockRequest(ACCESS_EXCLUSIVE, partition)
    yield LockRequest(SHARE_ROW_EXCLUSIVE, partition, Reach.ALL_REFERENCED)
    yield table.reached(ACCESS_EXCLUSIVE, Reach.REFERENCING)
    yield table.reached(ACCESS_EXCLUSIVE, Reach.DEFAULT)


def _form(words: Words, table: Altered) -> Requests:
    """One of the forms that can be written in a list."""
    verb = words.take_any(*_FORMS)
    if not verb:
        raise Unrecognised("a form of ALTER TABLE that is not known")
    yield from _FORMS[verb](words, table)


def _add(words: Words, table: Altered) -> Requests:
    constraint = words.take("constraint")
    if constraint:
        words.part()
    if words.sees("foreign", "key"):
        yield table.with_children(SHARE_ROW_EXCLUSIVE, since=18)
        yield table.reached(SHARE_ROW_EXCLUSIVE, Reach.ITSELF if table.only else Reach.PARTITIONS)
        yield from references(words)
    elif words.sees("unique"):
        yield table.with_children(ACCESS_EXCLUSIVE, since=18)
        yield table.reached(SHARE, Reach.ITSELF if table.only else Reach.PARTITIONS)
    elif constraint or words.take_any("check", "primary", "exclude", "not"):
        yield table.with_children(ACCESS_EXCLUSIVE)
    else:
        yield table.with_children(ACCESS_EXCLUSIVE)
        yield from references(words)


def references(words: Words) -> Requests:
    """The tables behind each REFERENCES in the rest."""
    for at, token in enumerate(words.tokens):
        if at >= words.at and token.is_word("references"):
            yield LockRequest(SHARE_ROW_EXCLUSIVE, Words(words.tokens, at + 1).name(), Reach.PARTITIONS)


def _drop(words: Words, table: Altered) -> Requests:
    yield table.with_children(ACCESS_EXCLUSIVE)
    constraint = words.take("constraint")
    if not constraint:
        words.take("column")
    words.take("if", "exists")
    name = words.part()
    yield table.reached(ACCESS_EXCLUSIVE, Reach.OF_CONSTRAINT if constraint else Reach.OF_COLUMN, name)
    if words.take("cascade"):
        yield table.reached(ACCESS_EXCLUSIVE, Reach.VIEWS, f"constraint {name}" if constraint else name)


def _alter(words: Words, table: Altered) -> Requests:
    if words.take("constraint"):
        name = words.part()
        yield table.with_children(ACCESS_EXCLUSIVE)
        if words.has("enforced"):
            yield table.reached(ACCESS_EXCLUSIVE, Reach.OF_CONSTRAINT, name)
        return
    words.take("column")
    column = words.part()
    if words.take("set", "statistics"):
        yield table.with_children(SHARE_UPDATE_EXCLUSIVE)
    elif words.sees("set", "(") or words.sees("reset", "("):
        yield table.alone(SHARE_UPDATE_EXCLUSIVE)
    elif words.take_any("type") or words.take("set", "data", "type"):
        yield table.with_children(ACCESS_EXCLUSIVE)
        yield table.reached(ACCESS_EXCLUSIVE, Reach.OF_COLUMN, column)
    elif words.take_any("set", "drop", "add", "restart"):
        yield table.with_children(ACCESS_EXCLUSIVE)
    else:
        raise Unrecognised("a form of ALTER COLUMN that is not known")


def _set(words: Words, table: Altered) -> Requests:
    if words.sees("("):
        yield table.alone(option_mode(words))
    elif words.take("without", "cluster"):
        yield table.alone(SHARE_UPDATE_EXCLUSIVE)
    elif words.take_any("logged", "unlogged", "tablespace", "without") or words.take("access", "method"):
        yield table.alone(ACCESS_EXCLUSIVE)
    else:
        raise Unrecognised("a form of ALTER TABLE … SET that is not known")


def option_mode(words: Words) -> LockMode:
    """The mode that setting or resetting the storage parameters in the rest takes."""
    strong = any(token.is_name and token.text in STRONG_OPTIONS for token in words.rest)
    return ACCESS_EXCLUSIVE if strong else SHARE_UPDATE_EXCLUSIVE


def _reset(words: Words, table: Altered) -> Requests:
    yield table.alone(option_mode(words))


def _validate(words: Words, table: Altered) -> Requests:
    if not words.take("constraint"):
        raise Unrecognised("a form of VALIDATE that is not known")
    yield table.with_children(SHARE_UPDATE_EXCLUSIVE)
    yield table.reached(ROW_SHARE, Reach.OF_CONSTRAINT, words.part())


def _switch(words: Words, table: Altered) -> Requests:
    """ENABLE or DISABLE of triggers, rules and row security."""
    words.take_any("always", "replica")
    if words.take("trigger"):
        everything = words.take_any("all", "user")
        inherited = not table.only and (table.major >= 15 or not everything)
        yield table.reached(SHARE_ROW_EXCLUSIVE, Reach.PARTITIONS if inherited else Reach.ITSELF)
    elif words.take_any("rule", "row"):
        yield table.alone(ACCESS_EXCLUSIVE)
    else:
        raise Unrecognised("a form of ENABLE or DISABLE that is not known")


def _inherit(words: Words, table: Altered) -> Requests:
    yield table.alone(ACCESS_EXCLUSIVE)
    yield LockRequest(SHARE_UPDATE_EXCLUSIVE, words.name())


def _no(words: Words, table: Altered) -> Requests:
    yield table.alone(ACCESS_EXCLUSIVE)
    if words.take("inherit"):
        yield LockRequest(ACCESS_SHARE, words.name())
    elif not words.take("force"):
        raise Unrecognised("a form of ALTER TABLE … NO that is not known")


def _cluster(_: Words, table: Altered) -> Requests:
    yield table.alone(SHARE_UPDATE_EXCLUSIVE)


def _strongly(_: Words, table: Altered) -> Requests:
    yield table.alone(ACCESS_EXCLUSIVE)


_FORMS: dict[str, Callable[[Words, Altered], Requests]] = {
    "add": _add,
    "drop": _drop,
    "alter": _alter,
    "set": _set,
    "reset": _reset,
    "validate": _validate,
    "enable": _switch,
    "disable": _switch,
    "inherit": _inherit,
    "no": _no,
    "cluster": _cluster,
    "force": _strongly,
    "replica": _strongly,
    "owner": _strongly,
    "of": _strongly,
    "not": _strongly,
}
