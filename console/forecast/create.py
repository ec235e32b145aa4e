"""What CREATE locks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from console.forecast.alter_table import (
    ACCESS_EXCLUSIVE,
    ACCESS_SHARE,
    SHARE_ROW_EXCLUSIVE,
    SHARE_UPDATE_EXCLUSIVE,
    partition_keys,
    references,
)
from console.forecast.indexes import create_index
from console.forecast.requests import LockRequest, Reach, Recognised, TypedName
from console.forecast.words import Unrecognised, Words

READS = "It also takes ACCESS SHARE on whatever its query reads, which waits only for ACCESS EXCLUSIVE."
FREE = (  # they lock no relation
    *("function", "procedure", "aggregate", "operator", "type", "domain", "role", "user", "group", "database"),
    *("tablespace", "collation", "cast", "language", "conversion", "server", "text", "access", "schema"),
)


def create(words: Words, major: int) -> Recognised:
    """CREATE, behind that word. Raises Unrecognised."""
    words.take("or", "replace")
    words.take_any("global", "local")
    words.take_any("temporary", "temp", "unlogged", "unique", "constraint", "materialized", "trusted")
    words.take("recursive")
    what = words.take_any(*_MADE)
    if what:
        return _MADE[what](words, major)
    if words.take("foreign", "table"):
        return _table(words, major)
    free = words.take_any(*FREE)
    if not free or (free == "schema" and words.has("create")):
        raise Unrecognised("a CREATE whose locks are not known")
    return Recognised(f"CREATE {free.upper()}")


def _table(words: Words, major: int) -> Recognised:
    words.take("if", "not", "exists")
    name = words.name()
    found: tuple[LockRequest, ...] = ()
    if words.take("partition", "of"):
        parent = words.name()
        found = (
            LockRequest(ACCESS_EXCLUSIVE, parent),
            LockRequest(ACCESS_EXCLUSIVE, parent, Reach.DEFAULT),
            *partition_keys(parent, major),
        )
    reads = words.has("as") or words.has("execute")
    found += tuple(references(words)) + tuple(_likes(words)) + tuple(_parents(words))
    return Recognised("CREATE TABLE", found, frozenset((name,)), (READS,) if reads else (), analysed=reads)


def _likes(words: Words) -> Iterator[LockRequest]:
    """The tables that are copied: LIKE begins an element of the list."""
    for at, token in enumerate(words.tokens):
        before = words.tokens[at - 1]
        if at >= words.at and token.is_word("like") and token.depth == 1 and before.text in {"(", ","}:
            yield LockRequest(ACCESS_SHARE, Words(words.tokens, at + 1).name())


def _parents(words: Words) -> Iterator[LockRequest]:
    for at, token in enumerate(words.tokens):
        if at >= words.at and token.depth == 0 and token.is_word("inherits"):
            inner = Words(words.tokens, at + 1)
            if inner.take("("):
                yield from (LockRequest(SHARE_UPDATE_EXCLUSIVE, name) for name in inner.names())


def _view(words: Words, _: int) -> Recognised:
    materialized = words.tokens[words.at - 2].is_word("materialized")
    words.take("if", "not", "exists")
    name = words.name()
    found = (LockRequest(ACCESS_EXCLUSIVE, name),)
    return Recognised("CREATE VIEW", found, frozenset((name,)), (READS,), analysed=materialized)


def _trigger(words: Words, _: int) -> Recognised:
    table = _behind_on(words)
    each_row = words.has("each", "row") or words.has("for", "row")
    found = [LockRequest(SHARE_ROW_EXCLUSIVE, table, Reach.PARTITIONS if each_row else Reach.ITSELF)]
    if words.take("from"):
        found.append(LockRequest(ACCESS_SHARE, words.name()))
    return Recognised("CREATE TRIGGER", tuple(found))


def _rule(words: Words, _: int) -> Recognised:
    while not words.ended and not words.take("to"):
        words.at += 1
    return Recognised("CREATE RULE", (LockRequest(ACCESS_EXCLUSIVE, words.name()),), notes=(READS,))


def _policy(words: Words, _: int) -> Recognised:
    return Recognised("CREATE POLICY", (LockRequest(ACCESS_EXCLUSIVE, _behind_on(words)),), notes=(READS,))


def _behind_on(words: Words) -> TypedName:
    while not words.ended and not words.take("on"):
        words.at += 1
    return words.name()


def _statistics(words: Words, _: int) -> Recognised:
    while not words.ended and not words.take("from"):
        words.at += 1
    return Recognised("CREATE STATISTICS", (LockRequest(SHARE_UPDATE_EXCLUSIVE, words.name()),))


def _sequence(words: Words, _: int) -> Recognised:
    words.take("if", "not", "exists")
    name = words.name()
    return Recognised("CREATE SEQUENCE", tuple(owned_by(words)), frozenset((name,)))


def owned_by(words: Words) -> Iterator[LockRequest]:
    """The table whose column shall own a sequence."""
    rest = words.rest
    for at in range(len(rest)):
        inner = Words(rest, at)
        if inner.take("owned", "by") and not inner.sees("none"):
            parts = [inner.part()]
            while inner.take("."):
                parts.append(inner.part())
            yield LockRequest(ACCESS_SHARE, TypedName(parts[-2], parts[-3] if len(parts) > 2 else None))


def _publication(words: Words, _: int) -> Recognised:
    words.part()
    return Recognised("CREATE PUBLICATION", tuple(published(words)) if words.take("for") else ())


def published(words: Words) -> Iterator[LockRequest]:
    """The tables of a publication. Raises Unrecognised for whole schemas with tables between them."""
    if not words.take("table"):
        return
    for part in words.listed():
        part.take("table")
        if part.sees("tables"):
            raise Unrecognised("a publication of tables and schemas")
        only = part.take("only")
        name = part.name()
        yield LockRequest(SHARE_UPDATE_EXCLUSIVE, name, Reach.ITSELF if only else Reach.INHERITED)


_MADE: dict[str, Callable[[Words, int], Recognised]] = {
    "index": create_index,
    "table": _table,
    "view": _view,
    "trigger": _trigger,
    "rule": _rule,
    "policy": _policy,
    "statistics": _statistics,
    "sequence": _sequence,
    "publication": _publication,
}
