"""What can be asked, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from console.model.look import Snapshot


@dataclass(frozen=True, slots=True)
class Extension:
    """An installed extension of the connected database."""

    version: tuple[int, ...]  # (1, 10)
    schema: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a server after connecting; the header shows it and queries are chosen by it."""

    kind: str  # "postgres" or "pgbouncer"
    version: int  # server_version_num style: 180004, 11800 for PgBouncer 1.18.0
    version_text: str  # "18.4"
    label: str = ""  # host:port or the target's name in the configuration; never a password
    database: str = ""
    user: str = ""
    standby: bool = False
    tls: bool = False
    read_only: bool = False
    superuser: bool = False
    sees_all_sessions: bool = True  # pg_read_all_stats
    reads_all_data: bool = True  # pg_read_all_data: without it pg_stats shows less
    extensions: Mapping[str, Extension] = field(default_factory=dict)

    @property
    def major(self) -> int:
        """Major version of a PostgreSQL server: 18."""
        return self.version // 10000


class Source(Protocol):
    """Something that can be asked: a PostgreSQL server, a PgBouncer admin console, a recording."""

    @property
    def facts(self) -> Facts: ...

    async def fetch(self, name: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """Run the named monitoring query. Raises Trouble."""
        ...

    async def close(self) -> None: ...
