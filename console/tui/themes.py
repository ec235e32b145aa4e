"""Colours: dark, light and one that uses nothing but the terminal's own sixteen."""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

from console.tui import grounds
from console.tui.grounds import COLOURS

DARK = Theme(
    name=grounds.DARK,
    primary="#5FA8D3",
    secondary="#7F9CB5",
    accent="#5FA8D3",
    foreground=COLOURS[grounds.DARK].foreground,
    background=COLOURS[grounds.DARK].background,
    surface=COLOURS[grounds.DARK].surface,
    panel=COLOURS[grounds.DARK].panel,
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
    name=grounds.LIGHT,
    primary="#1F6F9F",
    secondary="#47637A",
    accent="#1F6F9F",
    foreground=COLOURS[grounds.LIGHT].foreground,
    background=COLOURS[grounds.LIGHT].background,
    surface=COLOURS[grounds.LIGHT].surface,
    panel=COLOURS[grounds.LIGHT].panel,
    success="#2E7D32",
    warning="#8A4B00",
    error="#B3261E",
    dark=False,
    variables={"block-cursor-blurred-background": "#DCE6EC", "text-muted": "#5B6873", "text-disabled": "#939CA4"},
)
SIXTEEN = Theme(
    name=grounds.SIXTEEN,
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
