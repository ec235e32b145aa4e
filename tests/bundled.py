"""The bundled pipeline database on a test server."""

from __future__ import annotations

from console.demo.cluster import OWNER
from console.sql import migrations
from tests.servers import PostgresServer


def install(server: PostgresServer, database: str, timezone: str = "America/New_York") -> None:
    """Apply all migrations as the owner, in a session whose TimeZone is far from UTC."""
    with server.connect(database, OWNER, options=f"-c timezone={timezone}") as connection:
        migrations.apply(connection, migrations.migrations((server.major,)))
