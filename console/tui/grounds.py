"""Which theme a terminal gets, and the colours behind its lines. Loads nothing of the interface."""

from __future__ import annotations

from collections.abc import Mapping

from console.records import dataclass

DARK, LIGHT, SIXTEEN = "console-dark", "console-light", "console-16"
_BY_SETTING = {"dark": DARK, "light": LIGHT, "16": SIXTEEN}


@dataclass(frozen=True, slots=True)
class Colours:
    """Of a theme, as #RRGGBB."""

    foreground: str
    background: str
    surface: str
    panel: str


COLOURS: Mapping[str, Colours] = {
    DARK: Colours("#D8DEE4", "#0E1318", "#151C23", "#1D2731"),
    LIGHT: Colours("#1B232B", "#FBFBF8", "#F1F1EC", "#E3E5E2"),
}


@dataclass(frozen=True, slots=True)
class Ground:
    """The colour of text, and what begins a line on each ground; empty: the terminal's own."""

    front: str = "\x1b[39m"
    background: str = ""
    surface: str = ""
    panel: str = ""


def ground(environ: Mapping[str, str], theme: str) -> Ground:
    """The grounds of the theme where the terminal has all colours, else its own."""
    colours = COLOURS.get(choose_theme(theme, environ))
    if colours is None or environ.get("COLORTERM") not in {"truecolor", "24bit"}:
        return Ground()
    front = f"\x1b[38;2;{_rgb(colours.foreground)}m"
    backs = (colours.background, colours.surface, colours.panel)
    return Ground(front, *(f"{front}\x1b[48;2;{_rgb(back)}m" for back in backs))


def choose_theme(setting: str, environ: Mapping[str, str]) -> str:
    """The name of the theme: as configured; `auto` follows the terminal where that reports its background, else dark.

    With NO_COLOR it is the one of sixteen colours, of which then only bold and reverse remain.
    """
    if environ.get("NO_COLOR"):
        return SIXTEEN
    if setting in _BY_SETTING:
        return _BY_SETTING[setting]
    if environ.get("COLORTERM") in {"truecolor", "24bit"} or "256" in environ.get("TERM", ""):
        return LIGHT if _light_background(environ.get("COLORFGBG", "")) else DARK
    return SIXTEEN


def _light_background(colours: str) -> bool:
    # COLORFGBG is "foreground;background" in terminals that set it; 7 and 15 are the whites.
    return colours.rpartition(";")[2] in {"7", "15"}


def _rgb(colour: str) -> str:
    return ";".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
