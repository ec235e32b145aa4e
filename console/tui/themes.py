"""Colours: dark, light and one that uses nothing but the terminal's own sixteen."""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="console-dark",
    primary="#5FA8D3",
    secondary="#7F9CB5",
    accent="#5FA8D3",
    foreground="#D8DEE4",
    background="#0E1318",
    surface="#151C23",
    panel="#1D2731",
    success="#7FBF7F",
    warning="#F2B84B",
    error="#FF6B6B",
    dark=True,
    variables={
        "block-cursor-foreground": "#0E1318",
        "block-cursor-blurred-background": "#22303C",
        "text-muted": "#8B99A7",
        "text-disabled": "#5C6975",
    },
)
LIGHT = Theme(
    name="console-light",
    primary="#1F6F9F",
    secondary="#47637A",
    accent="#1F6F9F",
    foreground="#1B232B",
    background="#FBFBF8",
    surface="#F1F1EC",
    panel="#E3E5E2",
    success="#2E7D32",
    warning="#8A4B00",
    error="#B3261E",
    dark=False,
    variables={"block-cursor-blurred-background": "#DCE6EC", "text-muted": "#5B6873", "text-disabled": "#939CA4"},
)
SIXTEEN = Theme(
    name="console-16",
    primary="ansi_blue",
    secondary="ansi_cyan",
    accent="ansi_cyan",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    ansi=True,
    variables={
        **BUILTIN_THEMES["ansi-dark"].variables,
        "block-cursor-background": "ansi_blue",
        "block-cursor-foreground": "ansi_bright_white",
        "block-cursor-blurred-background": "ansi_bright_black",
        "text-warning": "ansi_yellow",
        "text-error": "ansi_bright_red",
        "text-muted": "ansi_default",
        "text-disabled": "ansi_bright_black",
    },
)
THEMES = (DARK, LIGHT, SIXTEEN)

_BY_SETTING = {"dark": DARK, "light": LIGHT, "16": SIXTEEN}


def choose_theme(setting: str, environment: Mapping[str, str]) -> str:
    """The name of the theme: as configured; `auto` follows the terminal where that reports its background, else dark.

    With NO_COLOR it is the one of sixteen colours, of which then only bold and reverse remain.
    """
    if environment.get("NO_COLOR"):
        return SIXTEEN.name
    if setting in _BY_SETTING:
        return _BY_SETTING[setting].name
    if environment.get("COLORTERM") in {"truecolor", "24bit"} or "256" in environment.get("TERM", ""):
        return (LIGHT if _light_background(environment.get("COLORFGBG", "")) else DARK).name
    return SIXTEEN.name


def _light_background(colours: str) -> bool:
    # COLORFGBG is "foreground;background" in terminals that set it; 7 and 15 are the whites.
    return colours.rpartition(";")[2] in {"7", "15"}
