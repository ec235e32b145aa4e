"""Privileges that a query needs, looked at before it is read: without one it would leave an ERROR in the server's log.

What has no privilege of its own, such as rows that a role does not see, is not looked at: reading shows that.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

from psycopg import Error

from console import sql
from console.records import dataclass
from console.sources.postgres.troubles import not_permitted

Rows = Callable[[str, Mapping[str, object]], Awaitable[tuple[tuple[object, ...], ...]]]
_RIGHT = re.compile(r"(?P<privilege>[A-Z]+) ON (?:(?P<kind>FUNCTION|SCHEMA) )?(?P<object>.+)")


@dataclass(frozen=True, slots=True)
class ObjectPrivilege:
    """A privilege on an object of some kind."""

    kind: str  # relation, function, schema
    privilege: str
    object: str


def privilege_of(text: str) -> ObjectPrivilege:
    """The right in a text such as GRANT takes: "SELECT ON pg_catalog.pg_authid". Raises ValueError for another text."""
    found = _RIGHT.fullmatch(text)
    if found is None:
        raise ValueError(f"no privilege on an object: {text}")
    return ObjectPrivilege((found["kind"] or "relation").lower(), found["privilege"], found["object"])


class PrivilegeChecks:
    """Those that the role of a session is known to have."""

    def __init__(self, rows: Rows) -> None:
        """`rows` runs a statement with parameters."""
        self._rows = rows
        self._held: set[str] = set()
        self._connection: object = None

    async def ask(self, query: sql.Query, connection: object) -> None:
        """Raises Trouble(DENIED) if the role lacks a privilege without which the server refuses the query."""
        if connection is not self._connection:
            self._held.clear()
            self._connection = connection
        unknown = [text for text in query.rights if text not in self._held]
        if not unknown:
            return
        lacking = await self._lacking(unknown)
        self._held.update(text for text in unknown if text not in lacking)
        if lacking:
            right = privilege_of(lacking[0])
            raise not_permitted(query.name, right.kind, right.object, query.grants)

    def forget(self) -> None:
        """The server has refused something: a privilege may have been revoked."""
        self._held.clear()

    async def _lacking(self, texts: list[str]) -> list[str]:
        rights = [privilege_of(text) for text in texts]
        asked = {
            "rights": texts,
            "kinds": [right.kind for right in rights],
            "privileges": [right.privilege for right in rights],
            "objects": [right.object for right in rights],
        }
        try:
            rows = await self._rows(sql.load("rights_held").text, asked)
        except Error:
            return []  # reading the query itself shows what is wrong
        return [str(text) for text, held in rows if held is False]
