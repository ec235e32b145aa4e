"""What is drawn instead of a character that the terminal's encoding lacks: as wide as the character itself.

It is a codec error handler: an encoding that has a character gets it, and UTF-8 costs nothing. A letter of a name
that the encoding lacks is `?`, never a similar letter: that would be another name.
"""

from __future__ import annotations

import codecs
import io
import locale
import os
from collections.abc import Mapping
from typing import TextIO

from console.format import cells

HANDLER = "console.glyphs"
EXACT = "backslashreplace"  # for data that a program reads

_RUNS = (
    ("‐‑‒–—―−─━┄┅┈┉╌╍╴╶╸╺╼╾▔", "-"),
    ("═", "="),
    ("│┃┆┇┊┋╎╏║╵╷╹╻╽╿▏▎▍▌▋▊▉▐▕", "|"),
    ("┌┍┎┏┐┑┒┓┘┙┚┛├┝┞┟┠┡┢┣┤┥┦┧┨┩┪┫┬┭┮┯┰┱┲┳┴┵┶┷┸┹┺┻┼┽┾┿╀╁╂╃╄╅╆╇╈╉╊╋╒╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡╢╣╤╥╦╧╨╩╪╫╬╭╮╯╰", "+"),
    ("└┕┖┗", "`"),
    ("╱", "/"),
    ("╲", "\\"),
    ("▀", '"'),
    ("▁", "_"),
    ("▂", "."),
    ("▃", "-"),
    ("▄", ":"),
    ("▅", "="),
    ("▆", "+"),
    ("▇", "*"),
    ("█■▙▛▜▟", "#"),
    ("▖▗▘▝▚▞", "."),
    ("░", "."),
    ("▒", ":"),
    ("▓", "%"),
    ("…", "~"),
    ("·•∙‧", "."),
    ("→▶▸►❯»›", ">"),
    ("←◀◂◄❮«‹", "<"),
    ("↑▲▴", "^"),
    ("↓▼▾", "v"),
    ("╳×✗✘✕✖", "x"),
    ("✓✔", "+"),
    ("●○◉◯⬤★", "*"),
    ("⏎↵", "<"),
    ("≈", "~"),
    ("≤", "<"),
    ("≥", ">"),
    ("≠", "#"),
    ("±", "+"),
    ("°", "o"),
    ("§", "S"),
    ("µμ", "u"),
    ("Δ", "d"),
    ("‘’‚′´", "'"),
    ("“”„″", '"'),
    ("¦", "|"),
    ("⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ", "0123456789n"),
    ("\u00a0", " "),
    ("␡", "."),
)
_LOWER_DOTS = 0b11100100  # of a Braille pattern; the charts draw their curves with these


def _table() -> dict[str, str]:
    table = {character: drawn[at % len(drawn)] for run, drawn in _RUNS for at, character in enumerate(run)}
    table |= {chr(0x2400 + point): "." for point in range(0x21)}  # pictures of control characters
    for dots in range(1, 256):
        lower, upper = bool(dots & _LOWER_DOTS), bool(dots & ~_LOWER_DOTS & 0xFF)
        table[chr(0x2800 + dots)] = ":" if lower and upper else "." if lower else "'"
    return table | {"\u2800": " "}


REPLACEMENTS: Mapping[str, str] = _table()


def encoding_of(environ: Mapping[str, str], default: str) -> str:
    """The encoding of a terminal by the name of its locale; `default` where the locale's name has none.

    Python itself writes UTF-8 in the locale C and in one that is not installed.
    """
    if "PYTHONIOENCODING" in environ or "PYTHONUTF8" in environ:
        return default
    name = next((environ[key] for key in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(key)), "")
    if name in {"C", "POSIX"}:
        return "ascii"
    codeset = name.partition(".")[2].partition("@")[0]
    try:
        return codecs.lookup(codeset).name if codeset else default
    except LookupError:
        return default


def draw_what_it_can(stream: TextIO) -> None:
    """Write to `stream` in the terminal's encoding, with a replacement for each character that it lacks."""
    _reconfigure(stream, encoding_of(os.environ, stream.encoding), HANDLER)


def write_exactly(stream: TextIO) -> None:
    """Write data to `stream` as Python would; a character that the encoding lacks becomes an escape."""
    chosen = "PYTHONIOENCODING" in os.environ
    _reconfigure(stream, stream.encoding if chosen else locale.getpreferredencoding(False), EXACT)


def replacement(text: str, encoding: str) -> str:
    """`text`, which `encoding` lacks, as characters that it has, in as many cells."""
    return "".join(_drawn(character, encoding) for character in text)


def _drawn(character: str, encoding: str) -> str:
    drawn = REPLACEMENTS.get(character, "")
    return drawn if drawn and _has(encoding, drawn) else "?" * cells(character)


def _has(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return replacement(error.object[error.start : error.end], error.encoding), error.end


def _reconfigure(stream: TextIO, encoding: str, errors: str) -> None:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding=encoding, errors=errors)


codecs.register_error(HANDLER, _replace)
