"""Which locks a statement takes, from its words alone; what is not known here is reported as unknown, never guessed.

PostgreSQL has no command that names the locks of a statement. Running it and rolling back would take them, a copy of
the schema would take the right to create one and to write, and the server's own parser names no locks. So this follows
the lock modes of the documentation, form by form; the server's parser decides whether it is a statement at all, and
tests compare each form with pg_locks while it really runs, on every version.
"""

from __future__ import annotations

from collections.abc import Callable

from console.explaining.tokens import Lexeme, tokens
from console.forecast.alter_table import (
    ACCESS_EXCLUSIVE,
    ACCESS_SHARE,
    SHARE_ROW_EXCLUSIVE,
    Altered,
    table_forms,
)
from console.forecast.create import create, owned_by, published
from console.forecast.drop import comment, drop, truncate
from console.forecast.indexes import alter_index, analyze, cluster, reindex, repack, vacuum
from console.forecast.requests import LockRequest, Reach, Recognised, TypedName
from console.forecast.words import Unrecognised, Words
from console.format import one_line
from console.model import Kind, Trouble
from console.model.locks import LockMode

OTHERS = "SELECT takes ACCESS SHARE, INSERT, UPDATE, DELETE and MERGE take ROW EXCLUSIVE on their tables."
FREE = (  # they lock no relation
    *("role", "user", "group", "database", "system", "function", "procedure", "routine", "aggregate", "language"),
    *("statistics", "schema", "extension", "collation", "operator", "conversion", "server", "subscription"),
)


def recognise(text: str, major: int) -> Recognised:
    """What the one statement in `text` locks on a server of this version.

    Raises Trouble(REFUSED) if it is not SQL, or more than one statement, Trouble(UNSUPPORTED) if that is not known.
    """
    _refuse_unsendable(text)
    found = list(tokens(text))
    while found and found[-1].text == ";" and found[-1].sort is Lexeme.SIGN:
        found.pop()
    if any(token.text == ";" and token.sort is Lexeme.SIGN for token in found):
        raise Trouble(Kind.REFUSED, "The text holds more than one statement; only one can be forecast.")
    words = Words(found)
    verb = words.take_any(*_VERBS)
    if not verb:
        raise Trouble(
            Kind.UNSUPPORTED, "Cannot tell what it locks: it is no statement that changes the schema.", OTHERS
        )
    try:
        return _VERBS[verb](words, major)
    except Unrecognised as why:
        raise Trouble(Kind.UNSUPPORTED, f"Cannot tell what it locks: it is {one_line(why)}.") from None


def is_utility(text: str) -> bool:
    """Whether the server parses it without analysing a query in it: it begins as a statement that holds none."""
    first = next(iter(tokens(text)), None)
    return first is not None and first.is_word(*(verb for verb in _VERBS if verb != "create"))


def _refuse_unsendable(text: str) -> None:
    try:
        sendable = b"\0" not in text.encode()
    except UnicodeEncodeError:
        sendable = False
    if not sendable:
        raise Trouble(Kind.REFUSED, "The statement holds a character that no server can be sent.")


def _alter(words: Words, major: int) -> Recognised:
    for kind in (("table",), ("materialized", "view"), ("foreign", "table")):
        if words.take(*kind):
            return _alter_table(words, " ".join(kind).upper(), major)
    what = words.take_any(*_ALTERED, *FREE)
    if not what:
        raise Unrecognised("an ALTER whose locks are not known")
    return _ALTERED[what](words, major) if what in _ALTERED else Recognised(f"ALTER {what.upper()}")


def _alter_view(words: Words, _: int) -> Recognised:
    optional = words.take("if", "exists")
    name = words.name()
    return Recognised("ALTER VIEW", (LockRequest(ACCESS_EXCLUSIVE, name),), frozenset((name,) if optional else ()))


def _alter_trigger(words: Words, major: int) -> Recognised:
    words.part()
    reach = Reach.PARTITIONS if major >= 15 else Reach.ITSELF
    return Recognised("ALTER TRIGGER", (LockRequest(ACCESS_EXCLUSIVE, _behind_on(words), reach),))


def _alter_on_table(words: Words, _: int) -> Recognised:
    words.part()
    return Recognised("ALTER POLICY", (LockRequest(ACCESS_EXCLUSIVE, _behind_on(words)),))


def _alter_table(words: Words, kind: str, major: int) -> Recognised:
    if words.sees("all", "in", "tablespace"):
        raise Unrecognised("for all relations of a tablespace")
    optional = words.take("if", "exists")
    only = words.take("only")
    name = words.name()
    words.take("*")
    requests = tuple(table_forms(words, Altered(name, only, major)))
    return Recognised(f"ALTER {kind}", requests, frozenset((name,) if optional else ()))


def _alter_sequence(words: Words, _: int) -> Recognised:
    optional = words.take("if", "exists")
    name = words.name()
    strongly = words.sees("rename") or words.sees("owner") or words.sees("set", "schema")
    mode = ACCESS_EXCLUSIVE if strongly else SHARE_ROW_EXCLUSIVE
    found = (LockRequest(mode, name), *owned_by(words))
    return Recognised("ALTER SEQUENCE", found, frozenset((name,) if optional else ()))


def _alter_publication(words: Words, _: int) -> Recognised:
    words.part()
    if words.take_any("add", "drop"):
        return Recognised("ALTER PUBLICATION", tuple(published(words)))
    if words.sees("set", "table"):
        raise Unrecognised("an ALTER PUBLICATION that may remove any table from it")
    return Recognised("ALTER PUBLICATION")


def _behind_on(words: Words) -> TypedName:
    if not words.take("on"):
        raise Unrecognised("a statement without ON")
    return words.name()


def _lock(words: Words, _: int) -> Recognised:
    words.take("table")
    end = next((at for at in range(words.at, len(words.tokens)) if Words(words.tokens, at).sees("in")), None)
    mode = ACCESS_EXCLUSIVE
    if end is not None:
        named = " ".join(token.text for token in words.tokens[end + 1 :]).upper()
        mode = LockMode(named.removesuffix(" NOWAIT").removesuffix(" MODE"))
    found: list[LockRequest] = []
    while True:
        only = words.take("only")
        name = words.name()
        words.take("*")
        found.append(LockRequest(mode, name, Reach.ITSELF if only else Reach.TREE))
        found.append(LockRequest(mode, name, Reach.READ))
        if not words.take(","):
            return Recognised("LOCK TABLE", tuple(found))


def _refresh(words: Words, _: int) -> Recognised:
    if not words.take("materialized", "view"):
        raise Unrecognised("a REFRESH that is not known")
    mode = LockMode.EXCLUSIVE if words.take("concurrently") else ACCESS_EXCLUSIVE
    name = words.name()
    found = [LockRequest(mode, name)]
    if not words.has("no", "data"):
        found.append(LockRequest(ACCESS_SHARE, name, Reach.READ))
    return Recognised("REFRESH MATERIALIZED VIEW", tuple(found))


def _grant(words: Words, major: int) -> Recognised:
    """GRANT and REVOKE: from version 18 on they open the tables that they name."""
    while not words.ended and not words.take("on"):
        words.at += 1
    words.take("table")
    kinds = ("all", "sequence", "database", "schema", "function", "procedure", "routine", "language", "type", "domain")
    others = (*kinds, "tablespace", "parameter", "foreign", "large")
    if words.ended or major < 18 or any(words.sees(kind) for kind in others):
        return Recognised("GRANT")
    return Recognised("GRANT", tuple(LockRequest(ACCESS_SHARE, name) for name in words.names()))


_ALTERED: dict[str, Callable[[Words, int], Recognised]] = {
    "index": alter_index,
    "view": _alter_view,
    "sequence": _alter_sequence,
    "trigger": _alter_trigger,
    "policy": _alter_on_table,
    "rule": _alter_on_table,
    "publication": _alter_publication,
}
_VERBS: dict[str, Callable[[Words, int], Recognised]] = {
    "alter": _alter,
    "create": create,
    "drop": drop,
    "truncate": truncate,
    "reindex": reindex,
    "vacuum": vacuum,
    "analyze": analyze,
    "analyse": analyze,
    "cluster": cluster,
    "repack": repack,
    "comment": comment,
    "lock": _lock,
    "refresh": _refresh,
    "grant": _grant,
    "revoke": _grant,
}
