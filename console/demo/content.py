"""Fills a pipeline database: schema, sample data, upcoming partitions. Shared by the demo and the tests."""

from __future__ import annotations

from collections.abc import Callable

from console import sql
from console.sql import migrations
from console.sql.migrations import Connection

PARTITIONED = ("api_usage", "user_activity_logs", "content_analytics")
Tell = Callable[[str], None]


def install_schema(connection: Connection, major: int, tell: Tell = lambda _: None) -> None:
    """Apply the pending migrations. Raises Trouble."""
    migrations.apply(connection, migrations.migrations((major,)), lambda migration: tell(migration.name))


def load_samples(connection: Connection, scale: float, tell: Tell = lambda _: None) -> None:
    """Load the sample data at `scale`; raises the driver's error when the server refuses."""
    connection.execute(f"SET demo.scale = {scale:.6f}".encode())
    for path in sorted((sql.content() / "sql" / "demo").glob("*.sql")):
        tell(path.stem.partition("_")[2])
        connection.execute(path.read_bytes())


def top_up(connection: Connection) -> None:
    """Create the partitions that kept data needs by now."""
    for table in PARTITIONED:
        connection.execute(b"SELECT public.ensure_partitions(%s::text::regclass)", (f"public.{table}",))
