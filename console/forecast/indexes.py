"""What statements over indexes, and those that go through whole tables, lock."""

from __future__ import annotations

from collections.abc import Iterator

from console.explaining.tokens import Token
from console.forecast.alter_table import ACCESS_EXCLUSIVE, ACCESS_SHARE, SHARE, SHARE_UPDATE_EXCLUSIVE, option_mode
from console.forecast.requests import LockRequest, Reach, Recognised, TypedName
from console.forecast.words import Unrecognised, Words
from console.model.locks import LockMode

OLDER = "It also waits for every transaction that is older than it; nothing queues because of that."
IN_TURN = "It takes its locks one table after the other, not together."
CHILDREN_TOO = 18  # from this version on VACUUM and ANALYZE of a parent process its children by inheritance


def create_index(words: Words, _: int) -> Recognised:
    """CREATE INDEX, behind that word."""
    gently = words.take("concurrently")
    words.take("if", "not", "exists")
    if not words.take("on"):
        words.name()
        if not words.take("on"):
            raise Unrecognised("a CREATE INDEX without ON")
    reach = Reach.ITSELF if words.take("only") else Reach.PARTITIONS
    mode = SHARE_UPDATE_EXCLUSIVE if gently else SHARE
    return Recognised("CREATE INDEX", (LockRequest(mode, words.name(), reach),), notes=(OLDER,) if gently else ())


def drop_index(words: Words, _: int) -> Recognised:
    """DROP INDEX, behind that word."""
    gently = words.take("concurrently")
    optional = words.take("if", "exists")
    mode = SHARE_UPDATE_EXCLUSIVE if gently else ACCESS_EXCLUSIVE
    names = tuple(words.names())
    found = [LockRequest(mode, name, reach) for name in names for reach in (Reach.TABLE, Reach.PARTITIONS)]
    return Recognised("DROP INDEX", tuple(found), frozenset(names if optional else ()), (OLDER,) if gently else ())


def alter_index(words: Words, _: int) -> Recognised:
    """ALTER INDEX, behind that word."""
    optional = words.take("if", "exists")
    name = words.name()
    found = [LockRequest(SHARE_UPDATE_EXCLUSIVE, name)]
    if words.sees("set", "tablespace") or words.sees("depends") or words.sees("no", "depends"):
        found = [LockRequest(ACCESS_EXCLUSIVE, name)]
    elif words.sees("set", "(") or words.sees("reset", "("):
        found = [LockRequest(option_mode(words), name)]
    elif words.take("attach", "partition"):
        part = words.name()
        found += [LockRequest(ACCESS_EXCLUSIVE, part)]
        found += [LockRequest(ACCESS_SHARE, each, Reach.TABLE) for each in (name, part)]
    elif not words.take_any("rename", "alter"):
        raise Unrecognised("a form of ALTER INDEX that is not known")
    return Recognised("ALTER INDEX", tuple(found), frozenset((name,) if optional else ()))


def reindex(words: Words, _: int) -> Recognised:
    """REINDEX, behind that word."""
    gently = words.has("concurrently")
    words.skip_parentheses()
    what = words.take_any("index", "table")
    if not what:
        raise Unrecognised("a REINDEX of a whole schema or database, which locks its tables one after the other")
    words.take("concurrently")
    name = words.name()
    if what == "index":
        table, index = Reach.TABLE, Reach.PARTITIONS
    else:
        table, index = Reach.PARTITIONS, Reach.INDEXES
    modes = (SHARE_UPDATE_EXCLUSIVE,) * 2 if gently else (SHARE, ACCESS_EXCLUSIVE)
    found = tuple(LockRequest(mode, name, reach) for mode, reach in zip(modes, (table, index), strict=True))
    return Recognised("REINDEX", found, notes=(OLDER,) if gently else ())


def vacuum(words: Words, major: int) -> Recognised:
    """VACUUM, behind that word."""
    full = any(token.is_word("full") for token in _options(words))
    mode = ACCESS_EXCLUSIVE if full else SHARE_UPDATE_EXCLUSIVE
    return Recognised("VACUUM", _through(words, major, mode), notes=_NOTE)


def analyze(words: Words, major: int) -> Recognised:
    """ANALYZE, behind that word."""
    _options(words)
    found = _through(words, major, SHARE_UPDATE_EXCLUSIVE)
    read = tuple(LockRequest(ACCESS_SHARE, each.name, Reach.TREE) for each in found if each.reach is not Reach.ITSELF)
    return Recognised("ANALYZE", (*found, *read), notes=_NOTE)


def cluster(words: Words, _: int) -> Recognised:
    """CLUSTER, behind that word."""
    _options(words)
    return Recognised("CLUSTER", (_rewritten(words),))


def repack(words: Words, _: int) -> Recognised:
    """REPACK of version 19, behind that word."""
    options = list(_options(words))
    gently = any(token.is_word("concurrently") for token in options)
    notes = ("With CONCURRENTLY it takes ACCESS EXCLUSIVE only at its end.",) if gently else ()
    return Recognised("REPACK", (_rewritten(words),), notes=notes)


_NOTE = (IN_TURN,)


def _rewritten(words: Words) -> LockRequest:
    if words.ended:
        raise Unrecognised("a statement for all tables, which locks one after the other")
    return LockRequest(ACCESS_EXCLUSIVE, words.name(), Reach.PARTITIONS)


def _options(words: Words) -> list[Token]:
    """What is written between the word and the first table."""
    begin = words.at
    words.skip_parentheses()
    while words.take_any("full", "freeze", "verbose", "analyze", "analyse", "concurrently"):
        pass
    return list(words.tokens[begin : words.at])


def _through(words: Words, major: int, mode: LockMode) -> tuple[LockRequest, ...]:
    """The tables of a list, each perhaps with columns."""
    if words.ended:
        raise Unrecognised("a statement for all tables, which locks one after the other")
    return tuple(request for part in words.listed() for request in _request(part, major, mode))


def _request(words: Words, major: int, mode: LockMode) -> Iterator[LockRequest]:
    only = words.take("only")
    name: TypedName = words.name()
    reach = Reach.TREE if major >= CHILDREN_TOO else Reach.PARTITIONS
    yield LockRequest(mode, name, Reach.ITSELF if only else reach)
