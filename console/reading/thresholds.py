"""Panes under the thresholds of the configuration. Pure."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from console.model import Column, Pane, View, above
from console.settings.config import Thresholds


def configured(pane: Pane, thresholds: Thresholds) -> Pane:
    """`pane` with its columns and verdicts judged by `thresholds`."""
    return replace(pane, views=tuple(_view(view, thresholds) for view in pane.views))


def _view(view: View, thresholds: Thresholds) -> View:
    derive = view.derive
    if derive is not None and view.limits:
        derive = partial(derive, **{name: getattr(thresholds, name) for name in view.limits})
    return replace(view, columns=tuple(_column(column, thresholds) for column in view.columns), derive=derive)


def _column(column: Column, thresholds: Thresholds) -> Column:
    if not column.threshold:
        return column
    limit = getattr(thresholds, column.threshold)
    return replace(column, rule=above(limit.warning, limit.critical))
