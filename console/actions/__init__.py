"""The actions, as data: this list drives keys, palette, command line, documentation and the smoke tests."""

from __future__ import annotations

from console.actions.apply_schema import APPLY_SCHEMA
from console.actions.create_partitions import CREATE_PARTITIONS
from console.actions.planning import Action

ACTIONS: tuple[Action, ...] = (APPLY_SCHEMA, CREATE_PARTITIONS)


def action(name: str) -> Action:
    """The action called `name`; KeyError when there is none."""
    for candidate in ACTIONS:
        if candidate.name == name:
            return candidate
    raise KeyError(name)
