"""The themes: one accent colour, severity colours for severity alone."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme
from textual.widgets import Input

from console.sources.registry import Sources
from console.tui.themes import SIXTEEN, THEMES
from tests import recording
from tests.screens import console, shows

EACH = pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)


@EACH
def test_what_is_accented_does_not_look_like_an_alarm(theme: Theme) -> None:
    severe = {theme.warning, theme.error}
    assert len(severe) == 2
    assert not severe & {theme.primary, theme.accent, theme.secondary, theme.foreground}


@EACH
def test_muted_text_is_fainter_than_text_and_still_readable(theme: Theme) -> None:
    muted = theme.variables["text-muted"]
    if theme is SIXTEEN:
        assert muted == "ansi_default"  # the terminal's own grey may be invisible
        return
    for behind in (theme.background, theme.surface, theme.panel):
        assert 4.5 <= contrast(muted, behind) < contrast(theme.foreground, behind)


def contrast(text: str | None, behind: str | None) -> float:
    """The contrast ratio of two colours (WCAG 2.2); 4.5 is enough for small text."""
    darker, brighter = sorted(map(luminance, (text, behind)))
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: str | None) -> float:
    assert colour is not None
    parts = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in Color.parse(colour).normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@EACH
async def test_an_empty_field_of_a_form_is_seen(theme: Theme) -> None:
    async with console("", sources=Sources(recording.load("postgres"))) as (app, pilot):
        app.theme = theme.name
        await pilot.press("Q")
        await shows(pilot, "Who will wait")
        fields = [*app.screen.query(Input)]
        assert len(fields) == 3
        for field in fields:
            around = field.parent
            assert around is not None
            behind, beside = field.background_colors[1], around.background_colors[1]
            assert behind != beside
            assert theme is SIXTEEN or contrast(behind.hex, beside.hex) > 1.1
