"""The PgBouncer that an action is about: which one, whether it obeys, and its databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import field
from typing import TYPE_CHECKING

from console.actions.needs import Needs
from console.actions.planning import Request
from console.format import is_pooler_identifier, one_line, safe
from console.model import Claim, Kind, Parameter, Record, Trouble, denied, number
from console.panes.pooler_rows import ADMIN_DATABASE
from console.records import dataclass
from console.sources import registry

if TYPE_CHECKING:
    from console.sources.pgbouncer.commanding import PoolerSession

NEEDS = Needs(
    primary=False,
    in_words="a PgBouncer, named by --pooler, and a user in its admin_users",
    source=registry.POOLER,
    planned=False,
)
POOLER = Parameter("pooler", "name of the PgBouncer, as the pooler pane shows it; needed where there are several")
DATABASE = Parameter("database", "name that clients connect to", required=True)
# In the view of databases, `database` is the one on the server.
ROW: Mapping[str, tuple[str, ...]] = {"database": ("name", "database"), "pooler": ("pooler",)}


ENTRIES = "db_cache"  # of SHOW MEM: all databases that PgBouncer has, listed or not


@dataclass(frozen=True, slots=True)
class ChosenPooler:
    """One PgBouncer whose admin console obeys this user."""

    name: str
    uri: str = field(repr=False)
    session: PoolerSession
    config: Mapping[str, str]

    def claim(self, what: str, database: str = "") -> Claim:
        """What nobody else may do at the same time, in whatever database of the server they work."""
        where = f"{one_line(database)} at PgBouncer {one_line(self.name)}" if database else f"{one_line(self.name)}"
        return Claim(f"{what} of {where}", name=database or self.name, cluster_wide=True)

    async def rows(self, query: str) -> list[Record]:
        """The rows of a SHOW command. Raises Trouble."""
        return await self.session.rows(query)

    async def database(self, name: str) -> Record:
        """The row of a database. Raises Trouble(USAGE) if there is none, Trouble(REFUSED) for the admin console."""
        if name == ADMIN_DATABASE:
            raise Trouble(Kind.REFUSED, "This is PgBouncer's admin console, not a database.", "Name a database.")
        if not is_pooler_identifier(name):
            sentence = f"No command of PgBouncer can name the database {one_line(name)}: it reads 61 bytes in quotes."
            raise Trouble(Kind.UNSUPPORTED, sentence, "Give it another name, or PgBouncer an entry with a shorter one.")
        known = {str(row["name"]): row for row in await self.rows("pooler_databases")}
        if name not in known:
            names = ", ".join(one_line(each) for each in known if each != ADMIN_DATABASE)
            raise Trouble(
                Kind.USAGE,
                f"PgBouncer {one_line(self.name)} has no database {safe(name, 80)}.",
                f"It has: {names}." if names else "",
            )
        return known[name]

    async def database_or_unlisted(self, name: str) -> Record | None:
        """The row of a database; None: PgBouncer may have it without listing it. Raises Trouble as `database` does."""
        try:
            return await self.database(name)
        except Trouble as unknown:
            if unknown.kind is not Kind.USAGE or not await self.unlisted():
                raise
        return None

    async def unlisted(self) -> int:
        """How many databases are not listed: those of an entry `*` without connections, which can be paused still."""
        used = sum(int(number(row["used"])) for row in await self.rows("pooler_memory") if row["name"] == ENTRIES)
        return max(0, used - len(await self.rows("pooler_databases")))

    async def of_database(self, query: str, name: str) -> list[Record]:
        """The rows of a database."""
        return [row for row in await self.rows(query) if row["database"] == name]

    def seconds(self, setting: str) -> float:
        """A timeout; 0: none."""
        try:
            return float(self.config.get(setting, "0"))
        except ValueError:
            return 0.0


@asynccontextmanager
async def chosen(request: Request) -> AsyncIterator[ChosenPooler]:
    """The PgBouncer that the parameter `pooler` names, else the only one.

    Raises Trouble: MISSING, USAGE, DENIED if the user may only SHOW, UNSUPPORTED for processes that share a port.
    """
    from console.sources.pgbouncer.commanding import open_pooler  # noqa: PLC0415  lists of actions load no driver

    name, uri = named(request.poolers, request.parameters["pooler"])
    session = await open_pooler(uri)
    try:
        rows = await session.rows("pooler_config")
        config = {str(row["key"]): "" if row["value"] is None else str(row["value"]) for row in rows}
        _refuse_user(session, config)
        _refuse_shared(session, config)
        yield ChosenPooler(name, uri, session, config)
    finally:
        await session.close()


def named(poolers: tuple[str, ...], name: str) -> tuple[str, str]:
    """The name and the URI of a PgBouncer; no name: the only one. Raises Trouble(MISSING) or Trouble(USAGE)."""
    from console.sources.pgbouncer.admin import PgBouncerServer  # noqa: PLC0415
    from console.sources.pgbouncer.several import names_of  # noqa: PLC0415
    from console.sources.registry import NO_POOLER  # noqa: PLC0415

    if not poolers:
        raise Trouble(Kind.MISSING, "No PgBouncer is named.", NO_POOLER)
    known = dict(zip(names_of([PgBouncerServer(uri).label for uri in poolers]), poolers, strict=True))
    if not name and len(known) == 1:
        return next(iter(known.items()))
    if name not in known:
        what = f"There is no PgBouncer {safe(name, 80)}." if name else "There are several PgBouncers."
        raise Trouble(Kind.USAGE, what, f"pooler must be one of: {', '.join(map(one_line, known))}.")
    return name, known[name]


def _refuse_user(session: PoolerSession, config: Mapping[str, str]) -> None:
    admins = [name.strip() for name in config.get("admin_users", "").split(",") if name.strip()]
    # The operating system user that runs PgBouncer connects as "pgbouncer" over its socket and may do everything.
    if session.user not in {*admins, "pgbouncer"} and config.get("auth_type") != "any":
        user = one_line(session.user)
        remedy = f"Connect as a user in admin_users, or add {user} to it in pgbouncer.ini and reload."
        raise denied(f"{user} may only use SHOW on PgBouncer's admin console.", remedy=remedy)


def _refuse_shared(session: PoolerSession, config: Mapping[str, str]) -> None:
    if config.get("so_reuseport", "0") == "1" and not session.by_socket:
        raise Trouble(
            Kind.UNSUPPORTED,
            "so_reuseport is on: several PgBouncers may share this port, and a command would reach one of them.",
            "Name each process by its own Unix socket: --pooler 'host=/DIRECTORY port=PORT'.",
        )
