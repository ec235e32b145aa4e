"""log_line_prefix as a pattern that the lines of the plain log match. Pure.

https://www.postgresql.org/docs/current/runtime-config-logging.html#GUC-LOG-LINE-PREFIX
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from console.later import late

_SECOND = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_ESCAPES: Mapping[str, tuple[str, str]] = {  # letter → name of the group, and what it looks like
    "a": ("application", r".*?"),
    "u": ("user", r".*?"),
    "d": ("database", r".*?"),
    "r": ("client", r".*?"),
    "h": ("client", r".*?"),
    "L": ("", r".*?"),
    "b": ("backend", r".*?"),
    "p": ("pid", r"\d+"),
    "P": ("", r"\d*"),
    "t": ("at", rf"{_SECOND} \S+?"),
    "m": ("at", rf"{_SECOND}\.\d{{3}} \S+?"),
    "n": ("epoch", r"\d+\.\d{3}"),
    "i": ("", r".*?"),
    "e": ("sqlstate", r"[0-9A-Z]{5}"),
    "c": ("", r"[0-9a-f]+\.[0-9a-f]+"),
    "l": ("", r"\d+"),
    "s": ("", rf"{_SECOND} \S+?"),
    "v": ("", r"[\d/]*"),
    "x": ("", r"\d+"),
    "Q": ("", r"-?\d+"),
}
_ESCAPE = late(r"%(-?\d*)(.)", re.DOTALL)


def prefix_pattern(prefix: str) -> re.Pattern[str]:
    """What a line begins with: the groups that the prefix has, then `severity` and `text`."""
    pattern, optional, at = "", False, 0
    named: set[str] = set()
    for found in _ESCAPE.finditer(prefix):
        pattern += re.escape(prefix[at : found.start()])
        at = found.end()
        letter = found[2]
        if letter == "%":
            pattern += "%"
        elif letter == "q" and not optional:
            pattern, optional = f"{pattern}(?:", True  # what follows is only there for sessions
        elif letter in _ESCAPES:
            pattern += _group(*_ESCAPES[letter], named, padded=bool(found[1]))
    pattern += re.escape(prefix[at:])
    if optional:
        pattern += ")?"
    return late(rf"{pattern}(?P<severity>[^\s:]+):  (?P<text>.*)", re.DOTALL)


def _group(name: str, looks: str, named: set[str], *, padded: bool) -> str:
    blank = " *" if padded else ""
    if not name or name in named:
        return f"{blank}(?:{looks}){blank}"
    named.add(name)
    return f"{blank}(?P<{name}>{looks}){blank}"
