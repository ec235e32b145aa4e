"""Drawings of many small pieces as text."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

from textual.content import Content


def assembled(pieces: Iterable[tuple[str, str]]) -> Content:
    """Texts with their styles, one after the other. Neighbours of one style become one: each style takes its time."""
    return Content.assemble(
        *(("".join(text for text, _ in run), style) for style, run in groupby(pieces, key=itemgetter(1)))
    )
