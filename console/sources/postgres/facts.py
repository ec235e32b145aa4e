"""What is known of a server, from the row of sql/monitoring/server_facts.sql and its connection. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from console.model import Extension, Facts
from console.sources.postgres.connecting import Connection

_DIGITS = re.compile(r"\d+")  # "13.2-1" is (13, 2)


def facts_of(connection: Connection, known: Mapping[str, object], why: str) -> Facts:
    """The facts in a row of `server_facts`; `why`: what makes some of them unknown."""
    extensions = _extensions(known)
    return Facts(
        kind="postgres",
        version=connection.info.server_version,
        version_text=str(known["version_text"]),
        database=str(known["database"]),
        user=str(known["user"]),
        standby=bool(known["standby"]),
        tls=bool(connection.pgconn.ssl_in_use),
        superuser=bool(known["superuser"]),
        assumed_by=str(known["assumed_by"] or ""),
        sees_all_sessions=bool(known["sees_all_sessions"]),
        reads_all_data=bool(known["reads_all_data"]),
        extensions=extensions or {},
        extensions_unknown=why if extensions is None else "",
    )


def _extensions(known: Mapping[str, object]) -> dict[str, Extension] | None:
    """None: it is not known which there are."""
    names, versions, schemas, usable = (
        known[name] for name in ("extensions", "extension_versions", "extension_schemas", "extension_usable")
    )
    if not (isinstance(names, list) and isinstance(versions, list) and isinstance(schemas, list)):
        return None
    may_use = usable if isinstance(usable, list) else [True] * len(names)  # else reading says that it may not
    return {
        str(name): Extension(_numbers(str(version)), str(schema), bool(use))
        for name, version, schema, use in zip(names, versions, schemas, may_use, strict=True)
    }


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part[0]) for part in map(_DIGITS.match, version.split(".")) if part)
