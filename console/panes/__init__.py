"""The panes, as data: this list drives keys, footer, help, palette, command line, documentation and the smoke tests."""

from __future__ import annotations

from importlib import import_module

from console.model import Pane

# The pane `slow-queries` is SLOW_QUERIES in slow_queries.py, which is loaded when it is needed.
NAMES: tuple[str, ...] = (
    "overview",
    "connections",
    "locks",
    "slow-queries",
    "io",
    "waits",
    "log",
    "bloat",
    "vacuum",
    "indexes",
    "partitions",
    "views",
    "buffers",
    "pooler",
    "cache",
    "replication",
    "server",
    "host",
    "cluster",
    "capacity",
    "schema",
    "settings",
    "jobs",
    "progress",
    "activity",
    "audit",
)
PANES: tuple[Pane, ...]  # all of them, in this order


def pane(name: str) -> Pane:
    """The pane called `name`. Raises KeyError if there is none."""
    if name not in NAMES:
        raise KeyError(name)
    module = name.replace("-", "_")
    found: Pane = getattr(import_module(f"{__name__}.{module}"), module.upper())
    return found


def has_view(name: str, view: str) -> bool:
    """Whether there is a pane called `name` that has this view; empty: any."""
    return name in NAMES and (not view or view in {each.name for each in pane(name).views})


def __getattr__(name: str) -> tuple[Pane, ...]:
    if name != "PANES":
        raise AttributeError(name)
    global PANES  # noqa: PLW0603  loaded once, when somebody asks for all
    PANES = tuple(map(pane, NAMES))
    return PANES
