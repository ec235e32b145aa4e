"""PostgreSQL servers: looking (reading), changing (acting). With the pooler's client, the only importers of psycopg."""

import logging

from console.sources.driver import psycopg  # before anything else imports it
from console.sources.postgres.acting import ActingSession, Replies, Rows, moved_and_more
from console.sources.postgres.closing import answering_within, close_in_turn, cut
from console.sources.postgres.confinement import EXCHANGED
from console.sources.postgres.connecting import (
    CONNECT_SECONDS,
    KEPT_ALIVE,
    answers,
    as_replica,
    describe,
    lasting_target,
    parse_target,
    refused,
)
from console.sources.postgres.reading import PostgresServer
from console.sources.postgres.troubles import ENDED_IDLE, trouble
from console.sources.postgres.values import TextLoader

DriverError = psycopg.Error
# What psycopg logs is handled and reported where it happens. Without a handler Python prints it over the screen.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

__all__ = [
    "CONNECT_SECONDS",
    "ENDED_IDLE",
    "EXCHANGED",
    "KEPT_ALIVE",
    "ActingSession",
    "DriverError",
    "PostgresServer",
    "Replies",
    "Rows",
    "TextLoader",
    "answering_within",
    "answers",
    "as_replica",
    "close_in_turn",
    "cut",
    "describe",
    "lasting_target",
    "moved_and_more",
    "parse_target",
    "refused",
    "trouble",
]
