"""Panes and rules under the limits of the configuration. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from console.model import Column, Limit, Pane, Rule, View


def configured(pane: Pane, limits: Mapping[str, Limit]) -> Pane:
    """`pane` with its rules under `limits`, which are keyed by the names of rules."""
    return replace(pane, views=tuple(configured_view(view, limits) for view in pane.views))


def configured_rules(rules: tuple[Rule, ...], limits: Mapping[str, Limit]) -> dict[str, Rule]:
    """`rules` by name, under `limits`: the keyword arguments of a view's `derive`."""
    return {rule.name: rule.under(limits) for rule in rules}


def configured_view(view: View, limits: Mapping[str, Limit]) -> View:
    """`view` with its rules under `limits`, which are keyed by the names of rules."""
    derive = view.derive
    if derive is not None and view.rules:
        derive = partial(derive, **configured_rules(view.rules, limits))
    return replace(view, columns=tuple(_column(column, limits) for column in view.columns), derive=derive)


def _column(column: Column, limits: Mapping[str, Limit]) -> Column:
    return replace(column, rule=column.rule.under(limits)) if isinstance(column.rule, Rule) else column
