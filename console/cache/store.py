"""What the cache asks of the database, and how the pipeline's schema answers it.

`PipelineStore` works with psycopg's asynchronous connections, and with whatever has the same three methods; the cache
itself imports no driver. All of it must run on the primary: a standby lags behind what was committed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import UUID

from console.cache.envelope import Value

Kind = Literal["profile", "templates", "assets"]
KINDS: tuple[Kind, ...] = ("profile", "templates", "assets")
GRACE_SECONDS = 30  # an announcement whose transaction has not begun after this is void


class Lapsed(Exception):  # noqa: N818
    """The announcement of a change is no longer in the database: nothing was changed."""


class NoSuchBrand(LookupError):  # noqa: N818
    """There is no brand with this id to change."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A row of cache_invalidations: a change of a brand that is about to be committed, or has been."""

    id: int
    brand_id: str
    committed: bool


class BrandStore(Protocol):
    """The service's database, as the cache needs it."""

    async def load(self, kind: Kind, brand_id: str) -> Value:
        """What is cached, as JSON can hold it; None: there is no such brand."""
        ...

    async def save_profile(self, brand_id: str, changes: Mapping[str, object], announcement: int) -> Value:
        """Mark the announcement and change the profile in one transaction; the new profile. Raises Lapsed."""
        ...

    async def announce(self, brand_id: str) -> int:
        """Commit a row of cache_invalidations and return its id."""
        ...

    async def outstanding(self) -> Sequence[Announcement]:
        """All rows of cache_invalidations, after deleting those that are void."""
        ...

    async def withdraw(self, announcement: int) -> bool:
        """Delete the row unless it is committed or a transaction holds it; whether it is gone."""
        ...

    async def forget(self, announcement: int) -> None:
        """Delete the row."""
        ...


class Cursor(Protocol):
    """The result of a statement."""

    async def fetchall(self) -> list[Any]: ...


class AsyncConnection(Protocol):
    """psycopg.AsyncConnection, as far as it is used here."""

    async def execute(self, query: Any, params: Any = None) -> Cursor: ...

    def transaction(self) -> AbstractAsyncContextManager[Any]: ...


Connect = Callable[[], AbstractAsyncContextManager[AsyncConnection]]

_LOAD: Mapping[Kind, str] = {
    "profile": "SELECT to_jsonb(b) FROM public.brand_profiles AS b WHERE b.id = %s::uuid",
    "templates": """
        SELECT (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.name, t.id), '[]')
                  FROM public.content_templates AS t WHERE t.brand_profile_id = b.id AND t.is_active)
          FROM public.brand_profiles AS b WHERE b.id = %s::uuid""",
    # Without the counter: it changes with every use and is no part of what an asset is.
    "assets": """
        SELECT (SELECT coalesce(jsonb_agg(to_jsonb(a) - '{usage_count,last_used_at}'::text[]
                                          ORDER BY a.created_at DESC, a.id), '[]')
                  FROM public.brand_assets AS a WHERE a.brand_profile_id = b.id AND a.is_active)
          FROM public.brand_profiles AS b WHERE b.id = %s::uuid""",
}
_COLUMNS = ("name", "settings", "voice", "is_active")
_SAVE = """
    UPDATE public.brand_profiles AS b
       SET name = coalesce(c.new ->> 'name', b.name), settings = coalesce(c.new -> 'settings', b.settings),
           voice = CASE WHEN c.new ? 'voice' THEN c.new ->> 'voice' ELSE b.voice END,
           is_active = coalesce((c.new ->> 'is_active')::boolean, b.is_active), updated_at = now()
      FROM (SELECT %s::jsonb) AS c (new)
     WHERE b.id = %s::uuid RETURNING to_jsonb(b)"""
_ANNOUNCE = "INSERT INTO public.cache_invalidations (brand_profile_id) VALUES (%s::uuid) RETURNING id"
MARK = "UPDATE public.cache_invalidations SET committed = true WHERE id = %s RETURNING id"
# A row that a transaction has marked and not yet committed is locked, and stays.
_UNHELD = """
    DELETE FROM public.cache_invalidations
     WHERE id IN (SELECT id FROM public.cache_invalidations WHERE NOT committed AND {} FOR UPDATE SKIP LOCKED)
    RETURNING id"""
_VOID = _UNHELD.format("announced_at < clock_timestamp() - make_interval(secs => %s)")
_WITHDRAW = _UNHELD.format("id = %s")
_OUTSTANDING = "SELECT id, brand_profile_id, committed FROM public.cache_invalidations ORDER BY id"
_FORGET = "DELETE FROM public.cache_invalidations WHERE id = %s"


class PipelineStore:
    """The pipeline's own schema. `connect` returns autocommit connections: `pool.connection` of psycopg_pool."""

    def __init__(self, connect: Connect, dumps: Callable[[Any], Any], grace: float = GRACE_SECONDS) -> None:
        """`dumps` makes a jsonb parameter of a dictionary: psycopg.types.json.Jsonb; `grace` in seconds."""
        self._connect = connect
        self._dumps = dumps
        self._grace = grace

    async def load(self, kind: Kind, brand_id: str) -> Value:
        """The row of the brand, or its active templates or assets; None if there is no such brand."""
        rows = await self._run(_LOAD[kind], brand_id)
        return rows[0][0] if rows else None

    async def save_profile(self, brand_id: str, changes: Mapping[str, object], announcement: int) -> Value:
        """Change name, settings, voice or is_active. Raises ValueError for another column, Lapsed, or NoSuchBrand."""
        unknown = sorted(set(changes) - set(_COLUMNS))
        if unknown:
            raise ValueError(f"no such column: {', '.join(unknown)}; there are {', '.join(_COLUMNS)}")
        async with self._connect() as connection, connection.transaction():
            await mark(connection, announcement)
            cursor = await connection.execute(_SAVE, (self._dumps(dict(changes)), brand_id))
            rows = await cursor.fetchall()
            if not rows:
                raise NoSuchBrand(brand_id)
            return rows[0][0]

    async def announce(self, brand_id: str) -> int:
        """Commit a row that says that the brand is about to change; its id."""
        return int((await self._run(_ANNOUNCE, brand_id))[0][0])

    async def outstanding(self) -> Sequence[Announcement]:
        """The announcements that are not yet forgotten; void ones are deleted first, if there are rows at all."""
        rows = await self._run(_OUTSTANDING)
        if rows:
            await self._execute(_VOID, self._grace)
            rows = await self._run(_OUTSTANDING)
        return [Announcement(int(id_), str(UUID(str(brand))), bool(done)) for id_, brand, done in rows]

    async def withdraw(self, announcement: int) -> bool:
        """Delete an announcement whose transaction was rolled back; False: it is committed, or still being decided."""
        return bool(await self._run(_WITHDRAW, announcement))

    async def forget(self, announcement: int) -> None:
        """Delete an announcement that Redis knows to be settled."""
        await self._execute(_FORGET, announcement)

    async def _run(self, query: str, *parameters: object) -> list[Any]:
        async with self._connect() as connection:
            return await (await connection.execute(query, parameters)).fetchall()

    async def _execute(self, query: str, *parameters: object) -> None:
        async with self._connect() as connection:
            await connection.execute(query, parameters)


async def mark(connection: AsyncConnection, announcement: int) -> None:
    """Make the announcement part of the open transaction of a change. Raises Lapsed if it is void."""
    if not await (await connection.execute(MARK, (announcement,))).fetchall():
        raise Lapsed(f"announcement {announcement}")
