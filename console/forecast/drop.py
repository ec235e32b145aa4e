"""What DROP and TRUNCATE lock."""

from __future__ import annotations

from collections.abc import Iterator

from console.forecast.alter_table import ACCESS_EXCLUSIVE, ACCESS_SHARE, SHARE_UPDATE_EXCLUSIVE
from console.forecast.indexes import drop_index
from console.forecast.requests import LockRequest, Reach, Recognised, TypedName
from console.forecast.words import Unrecognised, Words

TABLES = (("table",), ("foreign", "table"))
VIEWS = (("view",), ("materialized", "view"))
ON_TABLE = ("trigger", "rule", "policy")
FREE = (  # they lock no relation, unless they cascade to something that does
    *("function", "procedure", "routine", "aggregate", "operator", "type", "domain", "schema", "publication", "cast"),
    *("role", "user", "group", "database", "tablespace", "collation", "language", "conversion", "server", "transform"),
)


def drop(words: Words, major: int) -> Recognised:
    """DROP, behind that word. Raises Unrecognised."""
    if words.take("index"):
        return drop_index(words, major)
    for kind in (*TABLES, *VIEWS, ("sequence",)):
        if words.take(*kind):
            return _relations(words, kind)
    what = words.take_any(*ON_TABLE)
    if what:
        return _on_table(words, what)
    what = words.take_any(*FREE)
    if not what:
        raise Unrecognised("a DROP whose locks are not known")
    if words.has("cascade"):
        raise Unrecognised(f"a DROP {what.upper()} that cascades")
    return Recognised(f"DROP {what.upper()}")


def truncate(words: Words, _: int) -> Recognised:
    """TRUNCATE, behind that word."""
    words.take("table")
    found: list[LockRequest] = []
    names: list[TypedName] = []
    cascades = words.has("cascade")
    while True:
        only = words.take("only")
        names.append(words.name())
        words.take("*")
        found.append(LockRequest(ACCESS_EXCLUSIVE, names[-1], Reach.ITSELF if only else Reach.TREE))
        if not words.take(","):
            break
    if cascades:
        found += [LockRequest(ACCESS_EXCLUSIVE, name, Reach.REFERENCING_ALL) for name in names]
    return Recognised("TRUNCATE", tuple(found), cascades=cascades)


def _relations(words: Words, kind: tuple[str, ...]) -> Recognised:
    optional = words.take("if", "exists")
    names = tuple(words.names())
    cascades = words.has("cascade")
    found = tuple(request for name in names for request in _dropped(name, kind, cascades))
    return Recognised(f"DROP {' '.join(kind).upper()}", found, frozenset(names if optional else ()))


def _dropped(name: TypedName, kind: tuple[str, ...], cascades: bool) -> Iterator[LockRequest]:
    if kind not in TABLES:
        yield LockRequest(ACCESS_EXCLUSIVE, name)
    else:
        reaches = (Reach.TREE, Reach.PARENT, Reach.REFERENCED, *((Reach.REFERENCING,) if cascades else ()))
        yield from (LockRequest(ACCESS_EXCLUSIVE, name, reach) for reach in reaches)
    if cascades:
        yield LockRequest(ACCESS_EXCLUSIVE, name, Reach.VIEWS)


def _on_table(words: Words, what: str) -> Recognised:
    """What belongs to a table: a trigger is on its partitions too."""
    words.take("if", "exists")
    words.part()
    if not words.take("on"):
        raise Unrecognised(f"a DROP {what.upper()} without ON")
    reach = Reach.PARTITIONS if what == "trigger" else Reach.ITSELF
    return Recognised(f"DROP {what.upper()}", (LockRequest(ACCESS_EXCLUSIVE, words.name(), reach),))


def comment(words: Words, _: int) -> Recognised:
    """COMMENT, behind that word."""
    if not words.take("on"):
        raise Unrecognised("a COMMENT without ON")
    for kind in (("table",), *VIEWS, ("index",), ("sequence",), ("foreign", "table")):
        if words.take(*kind):
            return Recognised("COMMENT", (LockRequest(SHARE_UPDATE_EXCLUSIVE, words.name()),))
    if words.take("column"):
        return Recognised("COMMENT", (LockRequest(SHARE_UPDATE_EXCLUSIVE, _of_column(words)),))
    if words.take_any("constraint", *ON_TABLE):
        words.part()
        if words.take("on") and not words.sees("domain"):
            return Recognised("COMMENT", (LockRequest(ACCESS_SHARE, words.name()),))
    return Recognised("COMMENT")


def _of_column(words: Words) -> TypedName:
    """The relation in the name of a column."""
    parts = [words.part()]
    while words.take("."):
        parts.append(words.part())
    match parts:
        case [relation, _]:
            return TypedName(relation)
        case [schema, relation, _]:
            return TypedName(relation, schema)
    raise Unrecognised("the name of a column without its table")
