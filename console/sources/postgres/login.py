"""A client that logs in, to see whether it is admitted."""

from __future__ import annotations

import asyncio

import psycopg

from console.format import one_line
from console.model import APPLICATION_NAME


async def refusal(conninfo: str, seconds: float) -> str:
    """Log in, run a statement and disconnect. Returns why that failed; empty: it did not."""
    try:
        async with asyncio.timeout(seconds):
            connection = await psycopg.AsyncConnection.connect(
                conninfo,
                autocommit=True,
                prepare_threshold=None,
                application_name=APPLICATION_NAME,
                connect_timeout=max(2, int(seconds)),
            )
            try:
                await connection.execute("SELECT 1")
            finally:
                await connection.close()
    except TimeoutError:
        return f"no answer within {seconds:.0f} s"
    except psycopg.Error as error:
        return one_line(error.diag.message_primary or str(error)).rstrip(".")
    return ""
