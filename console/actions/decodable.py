r"""Plans whose statements name what is not UTF-8: they are refused, because those bytes cannot be sent.

Databases of encoding SQL_ASCII have such names, and roles and databases can have them in any. A name that is shown with
an escape, "na\\xefve", may be the true name of something else.
"""

from __future__ import annotations

import operator
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from console.format import safe
from console.model import Kind, Plan, Trouble

Value = TypeVar("Value")


def decodable(made: Plan) -> Plan:
    """`made` with undecodable bytes in its notes as escapes. Raises Trouble(REFUSED) if a statement has some."""
    for step in made.steps:
        for text in (step.sql, step.undo, step.expect, step.failed):
            if not _is_utf8(text):
                raise unnamable(text)
    return _escaped(made)


def unnamable(text: str) -> Trouble:
    """Why no statement can have `text`."""
    return Trouble(
        Kind.REFUSED,
        f"A name in it is not UTF-8, so the console cannot send it: {safe(_escaped(text), 200)}.",
        "Rename it with psql, after \\encoding SQL_ASCII.",
    )


def _is_utf8(text: str) -> bool:
    return text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text)


def _escaped(value: Value) -> Value:
    """`value`, a text or whatever holds texts, with undecodable bytes as escapes; itself if it has none."""
    found: Any = value
    if isinstance(found, str):
        if _is_utf8(found):
            return value
        return cast("Value", found.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
    if type(found) is tuple:
        parts = tuple(map(_escaped, found))
        return cast("Value", found if all(map(operator.is_, found, parts)) else parts)
    if is_dataclass(found) and not isinstance(found, type):
        parts_of = {each.name: getattr(found, each.name) for each in fields(found)}
        changed = {name: new for name, old in parts_of.items() if (new := _escaped(old)) is not old}
        return cast("Value", replace(found, **changed)) if changed else value
    return value
