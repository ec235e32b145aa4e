"""An ordinary connection of an application, for the services of the demo."""

from __future__ import annotations

from typing import Any

import psycopg


async def application_connection(conninfo: str, application_name: str) -> psycopg.AsyncConnection[Any]:
    """An autocommit connection that works through PgBouncer. Raises the driver's error."""
    return await psycopg.AsyncConnection.connect(
        conninfo, autocommit=True, prepare_threshold=None, application_name=application_name
    )
