"""A session for the changes of the demo and of scripts, which wait for each answer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg

from console.model import APPLICATION_NAME
from console.sources.postgres.connecting import CONNECT_SECONDS, KEPT_ALIVE, parse_target, refused
from console.sources.postgres.troubles import trouble


@contextlib.contextmanager
def acting_session(target: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A session for changes, in autocommit mode. Raises Trouble, also for what is refused in it."""
    limits = {"connect_timeout": str(CONNECT_SECONDS), **KEPT_ALIVE}
    parameters = {**limits, **parse_target(target), "application_name": APPLICATION_NAME}
    try:
        connection = psycopg.connect("", autocommit=True, **parameters)  # type: ignore[arg-type]
    except psycopg.Error as error:
        raise refused(error, parameters) from None
    try:
        with connection:
            yield connection
    except psycopg.Error as error:
        raise trouble(error, "the change") from error
