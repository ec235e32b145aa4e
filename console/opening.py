"""The sources behind what is wanted, made but not yet connected: the first read connects."""

from __future__ import annotations

from collections.abc import Sequence

from console.running.progress import Run
from console.running.trail.audit import Trail, default_trail, whoami
from console.running.trail.tables import answers
from console.settings.config import Wanted
from console.sources.console import ConsoleSource
from console.sources.pgbouncer.admin import PgBouncerServer
from console.sources.pgbouncer.several import PgBouncers
from console.sources.postgres import PostgresServer
from console.sources.redis.server import RedisServer
from console.sources.registry import POOLER, Sources


def sources_for(wanted: Wanted, trail: Trail | None = None, runs: Sequence[Run] = ()) -> Sources:
    """The sources of `wanted`; `trail` and `runs` are those of this process. Raises Trouble(USAGE) for a wrong URI."""
    postgres = PostgresServer(wanted.target, wanted.label, wanted.read_only)
    poolers = tuple(PgBouncerServer(uri) for uri in wanted.poolers)
    console = ConsoleSource(answers(trail or default_trail(), runs, postgres), whoami()["os_user"])
    hints = {POOLER: wanted.pooler_hint}
    others = [PgBouncers(poolers)] if poolers else []
    redis = [RedisServer(wanted.redis)] if wanted.redis else []
    return Sources(postgres, console, *others, *redis, hints=hints)
