"""All sources of one console, by the names that panes give them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from console import sql
from console.format import one_line, safe
from console.model import HEAVY, Database, Kind, Pane, Source, Trouble, View
from console.records import dataclass
from console.sources.heard import Hear, heard

PRIMARY, POOLER, REDIS, HOST, REPLICAS, LOG = "postgres", "pgbouncer", "redis", "host", "replicas", "log"
RULES, CAPACITY, WAITS, CLOCK, ADVICE, SLOWER = "rules", "capacity", "waits", "clock", "advice", "slower"
SEEN = "seen"  # what the rules saw in whichever process, without evaluating them
OPTIONAL = frozenset({POOLER, REDIS, REPLICAS})  # sources that a target may not have
NO_POOLER = "Give --pooler postgresql://USER@HOST:6432/pgbouncer, or poolers: in the configuration's target."
NO_REDIS = "Give --redis redis://HOST:6379/0, or redis: in the configuration's target."
NO_REPLICA = "Give --replica postgresql://USER@HOST:5432/DATABASE, or replicas: in the configuration's target."


@dataclass(frozen=True, slots=True)
class Absent:
    """A source that is not configured: why it is missing, and what would be sent to it."""

    sentence: str
    hint: str
    text: Callable[[str], str]


def _pooler_text(query: str) -> str:
    from console.sources.pgbouncer.admin import text  # noqa: PLC0415  not every server has a pooler

    return text(query)


def _redis_text(query: str) -> str:
    from console.sources.redis.server import text  # noqa: PLC0415  few servers have Redis

    return text(query)


def _host_text(query: str) -> str:
    from console.sources.host.source import text  # noqa: PLC0415  few panes show it

    return text(query)


def _replica_text(query: str) -> str:
    from console.sources.replicas.source import text  # noqa: PLC0415  few panes show them

    return text(query)


def _log_text(query: str) -> str:
    from console.sources.log.source import text  # noqa: PLC0415  one pane shows it

    return text(query)


ABSENT: Mapping[str, Absent] = {
    POOLER: Absent("There is no pooler to look at.", NO_POOLER, _pooler_text),
    REDIS: Absent("There is no Redis to look at.", NO_REDIS, _redis_text),
    REPLICAS: Absent("There is no replica to look at.", NO_REPLICA, _replica_text),
    HOST: Absent("The host of a recording is not there to be measured.", "Open the server itself.", _host_text),
    LOG: Absent("The log of a recording is not there to be read.", "Open the server itself.", _log_text),
}


def statement(query: str) -> str:
    """What is sent for a query, or read for it, by whichever source answers it. Raises Trouble(MISSING)."""
    if query in sql.names():
        return sql.load(query).text
    for absent in ABSENT.values():
        with contextlib.suppress(Trouble):
            return absent.text(query)
    raise Trouble(Kind.MISSING, f"There is no query {safe(query, 80)}.")


class Sources:
    """Sources by name: "postgres", "pgbouncer", "redis", "replicas", "host", "log", "console", "rules".

    Nothing connects before the first read.
    """

    def __init__(self, postgres: Database, *others: Source, hints: Mapping[str, str] | None = None) -> None:
        """`hints` by name: how to get a source, where the usual hint would mislead."""
        self.postgres = postgres
        self._known: Mapping[str, Source] = {source.name: source for source in (postgres, *others)}
        self._hints = hints or {}
        self._later: dict[str, Callable[[], Source]] = {}
        self._hear: Hear | None = None

    @property
    def pooler(self) -> Source | None:
        """The PgBouncers; None when none is configured."""
        return self._known.get(POOLER)

    @property
    def replicas(self) -> Source | None:
        """The streaming replicas of the server; None when none is named."""
        return self.named(REPLICAS) if REPLICAS in self._known else None

    def replica(self, name: str) -> Database | None:
        """The streaming replica of that name; None: there is none."""
        from console.sources.replicas.source import Replicas  # noqa: PLC0415  not every server has replicas

        replicas = self._known.get(REPLICAS)
        return replicas.named(name) if isinstance(replicas, Replicas) else None

    @property
    def heavy(self) -> Source | None:
        """Where heavy reads go; None: to the server itself."""
        return self.named(HEAVY) if HEAVY in self._known or HEAVY in self._later else None

    @property
    def absent(self) -> frozenset[str]:
        """The names of sources that a target may have and this one has not."""
        return OPTIONAL - self._known.keys() - self._later.keys()

    def add_later(self, name: str, make: Callable[[], Source]) -> None:
        """Make a source known that is made of the others when it is first asked for."""
        self._later[name] = make

    def be_heard(self, hear: Hear) -> None:
        """From now on let `hear` know what the sources answer that panes, rules and the header ask."""
        self._hear = hear

    def answered(self, name: str, query: str, why: Trouble) -> None:
        """Let whoever hears know why the source of that name, which answered before, was not asked."""
        if self._hear:
            self._hear(self._known[name], query, None, why)

    def of(self, pane: Pane, view: View | None = None) -> Source:
        """The source that a view of `pane`, else the pane, asks. Raises Trouble(MISSING) if it is not configured."""
        name = pane.source_of(view) if view else pane.source
        return self._read_by(name, view is not None and view.heavy)

    def of_details(self, pane: Pane, view: View) -> Source:
        """The source that the details of a row of `view` ask. Raises Trouble(MISSING) if it is not configured."""
        return self._read_by(pane.source_of(view), view.heavy_detail)

    def named(self, name: str) -> Source:
        """The source of that name. Raises Trouble(MISSING) if it is not configured."""
        if name in self._later:
            made = self._later.pop(name)()  # which may have made others that it is made of
            self._known = {**self._known, name: made}
        if name in self._known:
            source = self._known[name]
            return heard(source, self._hear) if self._hear else source
        absent = ABSENT.get(name)
        if absent is None:
            raise Trouble(Kind.MISSING, f"There is no source {safe(name, 80)}.")
        raise Trouble(Kind.MISSING, absent.sentence, self._hints.get(name) or absent.hint)

    def text(self, pane: Pane, view: View) -> str:
        """All statements of a view: its query, its lookups, its detail. A comment explains what cannot be sent.

        It needs neither a connection nor the source itself.
        """
        source = pane.source_of(view)
        known = {source, *self._known, *self._later, *ABSENT}  # in others nothing is looked up
        asked = ((lookup.source or source, lookup.query) for lookup in view.lookups)
        lookups = (each for each in asked if each[0] in known)
        queries = dict.fromkeys(((source, view.query), *lookups, (source, view.detail)))
        return "\n\n".join(self._text(name, query).strip() for name, query in queries if query)

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(source.close() for source in self._known.values()))

    def _read_by(self, name: str, is_heavy: bool) -> Source:
        return (self.heavy if is_heavy and name == PRIMARY else None) or self.named(name)

    def _text(self, name: str, query: str) -> str:
        try:
            if name not in self._known and name in ABSENT:
                return ABSENT[name].text(query)
            source = self.named(name)
            why = source.obstacle(query)
            return f"-- {one_line(why)}\n{source.text(query)}" if why else source.text(query)
        except Trouble as why:
            return f"-- {one_line(why)}"
