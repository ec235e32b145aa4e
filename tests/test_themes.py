"""The themes: one accent colour, severity colours for severity alone."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from console.tui.themes import SIXTEEN, THEMES

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
