"""The sources behind what is wanted, made but not yet connected: the first read connects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from console.model import HEAVY, Database, Row, Source
from console.running.progress import Run
from console.running.trail.audit import Trail, default_trail, whoami
from console.settings.config import RefreshPolicy, Wanted
from console.sources.console import Answer, ConsoleSource, Parameters, table
from console.sources.postgres import PostgresServer, as_replica
from console.sources.registry import HOST, LOG, POOLER, Sources

if TYPE_CHECKING:
    from console.sources.replicas.source import Replicas


def sources_for(
    wanted: Wanted, trail: Trail | None = None, runs: Sequence[Run] = (), refreshes: Sequence[RefreshPolicy] = ()
) -> Sources:
    """The sources of `wanted`; `trail` and `runs` are those of this process, `refreshes` the policies of views.

    Raises Trouble(USAGE) for a wrong URI.
    """
    postgres = PostgresServer(wanted.target, wanted.label, wanted.read_only)

    def own() -> Mapping[str, Answer]:
        from console.running.trail.tables import answers  # noqa: PLC0415  two panes show them

        return answers(trail or default_trail(), runs, postgres)

    console = ConsoleSource(own, whoami()["os_user"], at_hand=policies(refreshes))  # rules ask for the policies
    hints = {POOLER: wanted.pooler_hint}
    others = [poolers_of(wanted.poolers)] if wanted.poolers else []
    redis = [redis_of(wanted.redis)] if wanted.redis else []
    replicas = replicas_of(postgres, wanted) if wanted.replicas else None
    standbys = [replicas] if replicas is not None else []
    sources = Sources(postgres, console, *others, *redis, *standbys, hints=hints)
    sources.add_later(HOST, lambda: host_of(postgres))
    sources.add_later(LOG, lambda: log_of(postgres, wanted.log))
    if replicas is not None and wanted.heavy_reads:
        sources.add_later(HEAVY, lambda: heavy_reads(postgres, replicas, wanted.heavy_reads))
    return sources


def poolers_of(uris: Sequence[str]) -> Source:
    """The PgBouncers at these URIs. Raises Trouble(USAGE) for a wrong one."""
    from console.sources.pgbouncer.admin import PgBouncerServer  # noqa: PLC0415  not every server has a pooler
    from console.sources.pgbouncer.several import PgBouncers  # noqa: PLC0415

    return PgBouncers(tuple(map(PgBouncerServer, uris)))


def redis_of(uri: str) -> Source:
    """The Redis at a URI. Raises Trouble(USAGE) for a wrong one."""
    from console.sources.redis.server import RedisServer  # noqa: PLC0415  few servers have Redis

    return RedisServer(uri)


def heavy_reads(postgres: Database, replicas: Replicas, name: str) -> Source:
    """Where heavy reads go: to the replica of that name, as long as it follows."""
    from console.sources.replicas.heavy import heavy_source  # noqa: PLC0415  few configurations have it

    return heavy_source(postgres, replicas, name)


def replicas_of(postgres: Database, wanted: Wanted) -> Replicas:
    """The streaming replicas of a server. Raises Trouble(USAGE) for a wrong URI."""
    from console.sources.replicas.source import Replicas  # noqa: PLC0415  not every server has replicas

    servers = [
        PostgresServer(as_replica(uri, wanted.target), label, read_only=True, name=f"replica:{label or at}")
        for at, (label, uri) in enumerate(wanted.replicas, 1)
    ]
    return Replicas(postgres, [*servers])


def policies(refreshes: Sequence[RefreshPolicy]) -> Mapping[str, Answer]:
    """How often the configuration has each of the asked materialized views refreshed, in seconds."""
    query = "refresh_policies"

    def asked(parameters: Parameters) -> list[Row]:
        views = parameters.get("view")
        known = {policy.view: policy.seconds for policy in refreshes}
        return [(view, known[view]) for view in (views if isinstance(views, list | tuple) else known) if view in known]

    return {query: table(query, ("view", "schedule"), asked, "refreshes of the configuration.")}


def host_of(postgres: Database) -> Source:
    """The machine that a server runs on."""
    from console.sources.host.source import HostSource  # noqa: PLC0415  few panes show it

    return HostSource(postgres)


def log_of(postgres: Database, setting: str) -> Source:
    """The log of a server; `setting` is where the configuration says it is."""
    from console.sources.log.source import LogSource  # noqa: PLC0415  one pane shows it

    return LogSource(postgres, setting)
