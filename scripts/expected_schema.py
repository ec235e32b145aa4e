"""Writes the expected schema, sql/expected/schema.json, from a database that the migrations of sql/schema made.

python -m scripts.expected_schema URI
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from console import sql
from console.drift.schema_entries import as_text, entries
from console.sources.postgres import PostgresServer


def main(arguments: Sequence[str]) -> int:
    """Write the file; the URI is that of a database fresh from the migrations."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    path = sql.content() / "sql" / "expected" / "schema.json"
    path.write_text(asyncio.run(described(arguments[0])), encoding="utf-8")
    print(path)
    return 0


async def described(uri: str) -> str:
    """The text of the file, as the database at `uri` says. Raises Trouble."""
    server = PostgresServer(uri)
    try:
        return as_text(entries(await server.fetch("drift_catalog")))
    finally:
        await server.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
