"""Sources that answer queries, and the facts about them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import field
from typing import Protocol

from console.model.look import Snapshot
from console.model.trouble import Kind, Trouble
from console.records import dataclass

APPLICATION_NAME = "pipeline-console"  # of the sessions in which a console reads
ACTING_NAME = f"{APPLICATION_NAME} act"  # of the sessions in which its runs change something


@dataclass(frozen=True, slots=True)
class Extension:
    """An installed extension of the connected database."""

    version: tuple[int, ...]  # (1, 10)
    schema: str
    usable: bool = True  # the role has USAGE on the schema


REPACK_EXTENSION, REPACK_BUILT_IN = "pg_repack", 19  # what rewrites a table online, and since when without it


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about a source, known after connecting; the header shows them, and they select the variant of a query."""

    kind: str  # what it is called in documents: "postgres", "pgbouncer", "console"; nothing is decided by it
    version: int  # server_version_num style: 180004, 11800 for PgBouncer 1.18.0
    version_text: str  # "18.4"
    label: str = ""  # host:port or the target's name in the configuration; never a password
    host: str = ""  # host:port that answered, where the target names a service or several hosts
    address: str = ""  # conninfo of the server that answered, without user and password
    database: str = ""
    user: str = ""
    standby: bool | None = None  # None: neither a primary nor a standby
    tls: bool = False
    read_only: bool = False
    superuser: bool = False
    assumed_by: str = ""  # the superuser who connected, where the session acts as another role
    sees_all_sessions: bool = True  # pg_read_all_stats
    reads_all_data: bool = True  # pg_read_all_data: without it pg_stats shows less
    extensions: Mapping[str, Extension] = field(default_factory=dict)
    extensions_unknown: str = ""  # why it is not known which extensions there are

    @property
    def place(self) -> str:
        """The label, with the host that answered if there are several."""
        return f"{self.label} ({self.host})" if self.host else self.label

    @property
    def major(self) -> int:
        """Major version of a PostgreSQL server: 18."""
        return self.version // 10000

    @property
    def can_repack(self) -> bool:
        """Whether the server can rewrite a table without blocking reads and writes."""
        return REPACK_EXTENSION in self.extensions or self.major >= REPACK_BUILT_IN


@dataclass(slots=True)
class Haste:
    """The time that is left for reading, and how often it did not suffice."""

    ends: float  # on the monotonic clock
    share: float = 1.0  # of what is left, for a single read
    missed: int = 0  # reads

    @property
    def seconds(self) -> float:
        """What a read that begins now may take; 0: it is too late for any."""
        return max(0.0, self.share * (self.ends - time.monotonic()))

    def miss(self) -> Trouble:
        """Count a read for which there was no time, and return why it has no answer."""
        self.missed += 1
        return Trouble(Kind.BUSY, "There was no time left to read it.")


class Source(Protocol):
    """Anything that answers named queries: a PostgreSQL server, the PgBouncers, the console itself, a recording."""

    @property
    def name(self) -> str:
        """What panes call it: "postgres", "pgbouncer", "console", "replica:NAME"."""
        ...

    @property
    def facts(self) -> Facts:
        """The facts about it. Raises Trouble(UNREACHABLE) before the first connection."""
        ...

    @property
    def retry_in(self) -> float:
        """Seconds until the next connection attempt; 0 when connected or due."""
        ...

    async def learn(self) -> Facts:
        """Read the facts again, connecting if need be: extensions and privileges change. Raises Trouble."""
        ...

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The rows of the named query. Raises Trouble: that of `obstacle`, or why the query failed."""
        ...

    def text(self, query: str) -> str:
        """What `fetch` sends, for this version and these extensions. Raises Trouble(MISSING) for an unknown query."""
        ...

    def obstacle(self, query: str) -> Trouble | None:
        """Why this version, or what is installed, cannot answer the query; None: nothing known prevents it."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class Database(Source, Protocol):
    """A source that also runs statements that are in no file: a PostgreSQL server."""

    @property
    def label(self) -> str:
        """Its name on the screen: that of the target, else host and port."""
        ...

    @property
    def known(self) -> Facts | None:
        """The facts of the last connection; None before the first."""
        ...

    @property
    def busy(self) -> float:
        """Seconds spent waiting for its answers, in all."""
        ...

    async def connect(self) -> Facts:
        """Connect if need be. Raises Trouble."""
        ...

    async def until_due(self, query: str, period: float) -> None:
        """Return when a query that is read every `period` seconds is due, or has just been read along with another."""
        ...

    async def pulse(self, seconds: float) -> None:
        """Ask for a sign of life. Raises Trouble(UNREACHABLE) if it takes longer than `seconds`."""
        ...

    def sharing(self) -> AbstractContextManager[None]:
        """A block in which each query is read once with the same parameters; a block within it reads them again."""
        ...

    def hurry(self, haste: Haste | None) -> None:
        """Refuse with Trouble(BUSY) what is asked for too late, and cancel what takes too long; None: no more."""
        ...

    def cut(self) -> None:
        """End what is being read as if the connection had broken: cancelling would wait for the same network."""
        ...

    async def ask(self, name: str, text: str) -> Snapshot:
        """Run one statement, called `name`, in the read-only session. Raises Trouble."""
        ...

    async def fetch_as(self, role: str, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """`fetch`, confined to the rights of `role`, which no code that the query sets off can exceed."""
        ...

    async def ask_as(self, role: str, name: str, text: str) -> Snapshot:
        """`ask`, confined to the rights of `role`."""
        ...

    async def attempt(self, statement: str) -> str:
        """The SQLSTATE with which a statement fails in a separate session; empty: it succeeds. Raises Trouble."""
        ...
