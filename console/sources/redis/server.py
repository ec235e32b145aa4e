"""Redis 6 and later as a source: named readings of INFO, CLIENT LIST, SCAN and the counters of the brand cache.

redis-py is an optional dependency: it is imported when the first reading connects.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from console.format import one_line, safe
from console.lean import allow_tls
from console.model import Facts, Kind, Snapshot, Trouble
from console.sources.backoff import Backoff
from console.sources.derived import no_query
from console.sources.redis.readings import READINGS, Census, Reading

if TYPE_CHECKING:
    from redis.asyncio import Redis

NAME = "redis"
CONNECT_SECONDS = 5.0
READ_SECONDS = 2.0
SCHEMES = ("redis", "rediss", "unix")
FORM = "Write redis://[[USER]:PASSWORD@]HOST:6379/0, rediss:// for TLS, or unix:///PATH."
MISSING = Trouble(Kind.MISSING, "redis-py is not installed.", "pip install 'pipeline-console[cache]'")
RIGHTS = (
    "The user needs ~brands:* +info +client|list +scan +dbsize +time +hgetall +exists +zrange, "
    "and for actions +evalsha +script +unlink +hmget +get +set +watch +multi +exec."
)
Result = TypeVar("Result")


class RedisServer:
    """One Redis. Connects on the first reading and again, with back-off, after a loss."""

    name = NAME

    def __init__(self, uri: str, label: str = "") -> None:
        """Raises Trouble(USAGE) if `uri` is not the URI of a Redis."""
        check(uri)
        self._uri = uri
        self._label = label
        self._client: Redis | None = None
        self._facts: Facts | None = None
        self._backoff = Backoff()
        self._lock = asyncio.Lock()
        self._census = Census()
        self._run_id = ""

    @property
    def label(self) -> str:
        """Host and port, or the socket."""
        return self._label or describe(self._uri)

    @property
    def facts(self) -> Facts:
        """Its version and user. Raises Trouble(UNREACHABLE) before the first connection."""
        if self._facts is None:
            raise Trouble(Kind.UNREACHABLE, f"Not connected to Redis at {self.label} yet.")
        return self._facts

    @property
    def retry_in(self) -> float:
        """Seconds until the next connection attempt; 0 when connected or due."""
        return self._backoff.seconds

    async def learn(self) -> Facts:
        """Read its facts, connecting if need be. Raises Trouble."""
        await self.command(self._greet)
        return self.facts

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:  # noqa: ARG002
        """The rows of one reading. Raises Trouble."""
        reading = _reading(query)
        async with self._lock:
            await self._ready()  # connecting is no part of the latency
            taken_at, started = datetime.now(UTC), time.monotonic()
            rows = await self._ask(lambda client: reading.read(client, self._census))
            clock = time.monotonic()
        notes = self._census.notes if reading.counts_keys else ()
        return Snapshot(
            query, reading.columns, rows, taken_at, clock - started, clock, reading.text, notes, origin=self._run_id
        )

    def text(self, query: str) -> str:
        """The commands that answer the query. Raises Trouble(MISSING) if none does."""
        return _reading(query).text

    def obstacle(self, query: str) -> Trouble | None:
        """None for a known query, Trouble(MISSING) for another one."""
        return None if query in READINGS else _unknown(query)

    async def command(self, send: Callable[[Redis], Awaitable[Result]]) -> Result:
        """What `send` returns, which is called with the connected client; for actions. Raises Trouble."""
        async with self._lock:
            return await self._ask(send)

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _ask(self, send: Callable[[Redis], Awaitable[Result]]) -> Result:
        """What `send` returns within READ_SECONDS. Raises Trouble."""
        client = await self._ready()
        from redis.exceptions import RedisError, ResponseError  # noqa: PLC0415  optional

        try:
            async with asyncio.timeout(READ_SECONDS):
                return await send(client)
        except ResponseError as error:  # it answered: the connection is as good as before
            raise self._trouble(error) from None
        except (RedisError, OSError, TimeoutError) as error:
            await self.close()
            raise self._failed(error) from None

    async def _ready(self) -> Redis:
        if self._client is not None:
            return self._client
        self._backoff.check()
        try:
            from redis.asyncio import Redis  # noqa: PLC0415  optional
            from redis.asyncio.retry import Retry  # noqa: PLC0415
            from redis.backoff import NoBackoff  # noqa: PLC0415
            from redis.exceptions import RedisError  # noqa: PLC0415
        except ImportError:
            raise MISSING from None
        if urlsplit(self._uri).scheme == "rediss":
            allow_tls()
        client = Redis.from_url(
            self._uri,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=READ_SECONDS,
            retry=Retry(NoBackoff(), 0),
            client_name="pipeline-console",
        )
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._greet(client)
        except (RedisError, OSError, TimeoutError) as error:
            await client.aclose()
            raise self._failed(error) from None
        self._backoff.succeeded()
        self._client = client
        return client

    async def _greet(self, client: Redis) -> None:
        info = await client.info("server")
        text = one_line(info.get("redis_version", ""))
        parts = [int(part) if part.isdigit() else 0 for part in text.split(".")[:3]]
        major, minor, patch = (*parts, 0, 0, 0)[:3]
        self._run_id = one_line(info.get("run_id", ""))
        self._facts = Facts(
            kind="redis",
            version=major * 10000 + minor * 100 + patch,
            version_text=text,
            label=one_line(self.label),
            database=str(client.connection_pool.connection_kwargs.get("db", 0)),
            user=one_line(client.connection_pool.connection_kwargs.get("username") or "default"),
            tls=urlsplit(self._uri).scheme == "rediss",
        )

    def _failed(self, error: BaseException) -> Trouble:
        """The Trouble of an error after which the connection is closed; the next attempt waits."""
        why = self._trouble(error)
        self._backoff.failed(why)
        return why

    def _trouble(self, error: BaseException) -> Trouble:
        """DENIED if Redis refuses this user, FAILED if it refuses the command, else UNREACHABLE."""
        from redis.exceptions import (  # noqa: PLC0415  optional
            AuthenticationError,
            AuthorizationError,
            NoPermissionError,
            ResponseError,
        )

        redis = f"Redis at {one_line(self.label)}"
        if isinstance(error, AuthenticationError | AuthorizationError):
            return Trouble(Kind.DENIED, f"{redis} refuses the user or password.", FORM)
        if isinstance(error, NoPermissionError):
            return Trouble(Kind.DENIED, f"{redis}: {safe(str(error), 200)}.", RIGHTS)
        if isinstance(error, ResponseError):
            return Trouble(Kind.FAILED, f"{redis} refused a command: {safe(str(error), 200)}.")
        remedy = "Check that it is running, and the host, port and TLS in --redis."
        return Trouble(Kind.UNREACHABLE, f"{redis} does not answer ({_reason(error)}).", remedy)


def _reason(error: BaseException) -> str:
    """Why a connection failed. The text of redis-py may repeat the URI, so it is not used."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None:
            return os.strerror(cause.errno) if cause.errno > 0 else one_line(cause.strerror)
        cause = cause.__cause__ or cause.__context__
    known = {"TimeoutError": f"no answer within {READ_SECONDS:.0f} s", "BusyLoadingError": "it is loading its data"}
    return known.get(type(error).__name__, type(error).__name__)


def check(uri: str) -> None:
    """Raises Trouble(USAGE) if `uri` is not the URI of a Redis, without repeating it: it may hold a password."""
    try:
        parts = urlsplit(uri)
        valid = parts.scheme in SCHEMES and (parts.scheme == "unix" or bool(parts.hostname)) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise Trouble(Kind.USAGE, "--redis takes a URI.", FORM)


def describe(uri: str) -> str:
    """Host and port, or the socket, without user and password."""
    parts = urlsplit(uri)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"


def text(query: str) -> str:
    """The commands that answer the query. Raises Trouble(MISSING) if none does."""
    return _reading(query).text


def _reading(query: str) -> Reading:
    if query not in READINGS:
        raise _unknown(query)
    return READINGS[query]


def _unknown(query: str) -> Trouble:
    return no_query(query, "of Redis")
