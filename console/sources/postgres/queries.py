"""Resolves the name of a query for a server: its text, and what the server lacks to run it. Pure."""

from __future__ import annotations

from dataclasses import replace

from console import sql
from console.format import one_line, sql_identifier
from console.model import Facts, Kind, Lacks, Trouble, denied
from console.sources.derived import no_query
from console.sources.postgres.troubles import preload_hint


def chosen(name: str, facts: Facts | None) -> sql.Query:
    """The query called `name` for this server; the newest variant while no server is known. Raises Trouble(MISSING).

    Also returns what the server cannot run, so that it can be shown; see `obstacle`.
    """
    query = _newest(name)
    if facts is not None and query.otherwise and query.extension not in facts.extensions:
        return replace(chosen(query.otherwise, facts), name=name)
    query = sql.load(name, max(query.since, _version(query, facts)))
    found = facts.extensions.get(query.extension) if facts else None
    if found is None:
        return query
    schema = sql_identifier(found.schema)
    rights = tuple(right.replace("@extschema@", schema) for right in query.rights)
    return replace(query, text=query.text.replace("@extschema@", schema.replace("%", "%%")), rights=rights)


def lacks_extension(name: str, facts: Facts | None) -> bool:
    """Whether the query needs an extension that was not there when the facts were read."""
    needed = _newest(name).extension
    return bool(needed and facts is not None and needed not in facts.extensions)


def extension_usable(name: str, facts: Facts | None) -> bool:
    """Whether nothing is known of the query's extension that prevents it: it is installed and its schema is usable."""
    needed = _newest(name).extension
    if not needed or facts is None:
        return True
    return needed in facts.extensions and facts.extensions[needed].usable


def obstacle(name: str, facts: Facts | None) -> Trouble | None:
    """What the server lacks to run the query; None: nothing known.

    A version (UNSUPPORTED), an extension (MISSING), or a privilege on the schema of that extension (DENIED).
    """
    try:
        query = _newest(name)
    except Trouble as unknown:
        return unknown
    if facts is None:
        return None
    if lacks_extension(name, facts):
        return obstacle(query.otherwise, facts) if query.otherwise else _not_installed(query.extension, facts)
    if _version(query, facts) < query.since:
        return _too_old(query, facts)
    if not extension_usable(name, facts):
        return _schema_denied(query.extension, facts)
    return None


def _newest(name: str) -> sql.Query:
    try:
        return sql.load(name)
    except KeyError:
        raise no_query(name, "for PostgreSQL") from None


def _version(query: sql.Query, facts: Facts | None) -> sql.Version:
    if facts is None:
        return sql.NEWEST
    if not query.extension:
        return (facts.major,)
    found = facts.extensions.get(query.extension)
    return found.version if found else sql.NEWEST


def _not_installed(extension: str, facts: Facts) -> Trouble:
    if facts.extensions_unknown:
        sentence = f"Whether the extension {extension} is installed is not known: {facts.extensions_unknown}"
        return Trouble(Kind.UNSUPPORTED, sentence)
    hint = preload_hint(extension)
    return Trouble(
        Kind.MISSING,
        f"The extension {extension} is not installed in database {one_line(facts.database)}.",
        f"CREATE EXTENSION {extension};{hint and f' -- {hint}'}",
        lacks=Lacks(extensions=(extension,)),
    )


def _schema_denied(extension: str, facts: Facts) -> Trouble:
    schema = facts.extensions[extension].schema
    quoted = sql_identifier(schema)
    return denied(
        f"The role has no USAGE privilege on schema {one_line(schema)}, which holds {extension}.",
        f"USAGE ON SCHEMA {one_line(quoted)}",
    )


def _too_old(query: sql.Query, facts: Facts) -> Trouble:
    needed = ".".join(map(str, query.since))
    if not query.extension:
        here = one_line(facts.version_text)
        sentence = f"{query.name} needs PostgreSQL {needed} or later; this server runs {here}."
        return Trouble(Kind.UNSUPPORTED, sentence)
    here = ".".join(map(str, facts.extensions[query.extension].version))
    sentence = (
        f"{query.name} needs {query.extension} {needed} or later; database {one_line(facts.database)} has {here}."
    )
    return Trouble(Kind.UNSUPPORTED, sentence, f"ALTER EXTENSION {query.extension} UPDATE;")
