"""The panes, as data: this list drives keys, footer, help, palette, command line, documentation and the smoke tests."""

from __future__ import annotations

from console.model import Pane
from console.panes.activity import ACTIVITY
from console.panes.audit import AUDIT
from console.panes.bloat import BLOAT
from console.panes.buffers import BUFFERS
from console.panes.cache import CACHE
from console.panes.capacity import CAPACITY
from console.panes.connections import CONNECTIONS
from console.panes.host import HOST
from console.panes.indexes import INDEXES
from console.panes.io import IO
from console.panes.jobs import JOBS
from console.panes.locks import LOCKS
from console.panes.overview import OVERVIEW
from console.panes.partitions import PARTITIONS
from console.panes.pooler import POOLER
from console.panes.progress import PROGRESS
from console.panes.replication import REPLICATION
from console.panes.schema import SCHEMA
from console.panes.server import SERVER
from console.panes.settings import SETTINGS
from console.panes.slow_queries import SLOW_QUERIES
from console.panes.vacuum import VACUUM
from console.panes.views import VIEWS
from console.panes.waits import WAITS

PANES: tuple[Pane, ...] = (
    OVERVIEW,
    CONNECTIONS,
    LOCKS,
    SLOW_QUERIES,
    IO,
    WAITS,
    BLOAT,
    VACUUM,
    INDEXES,
    PARTITIONS,
    VIEWS,
    BUFFERS,
    POOLER,
    CACHE,
    REPLICATION,
    PROGRESS,
    SERVER,
    HOST,
    CAPACITY,
    SCHEMA,
    SETTINGS,
    JOBS,
    ACTIVITY,
    AUDIT,
)


def pane(name: str) -> Pane:
    """The pane called `name`. Raises KeyError if there is none."""
    for candidate in PANES:
        if candidate.name == name:
            return candidate
    raise KeyError(name)
