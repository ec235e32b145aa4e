"""Options that many commands have, and the values that options take."""

from __future__ import annotations

import math
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable


def server_options(command: ArgumentParser) -> None:
    """Add those of every command that talks to a server."""
    options = command.add_argument_group("server")
    options.add_argument("--help", action="help", help="show this help message and exit")
    options.add_argument("-h", "--host", default="", metavar="HOST", help="host of the server, or its socket directory")
    options.add_argument("-p", "--port", default="", metavar="PORT", help="port of the server")
    options.add_argument("-U", "--username", default="", metavar="USER", help="role to connect as")
    options.add_argument("-d", "--dbname", default="", metavar="NAME", help="database, or a TARGET as for psql")
    options.add_argument("-t", "--target", default="", metavar="TARGET", help="which server; see below")
    options.add_argument(
        "--pooler",
        action="append",
        default=[],
        metavar="URI",
        help="admin console of a PgBouncer (postgresql://user@host:6432/pgbouncer); may be repeated",
    )
    options.add_argument(
        "--replica",
        action="append",
        default=[],
        metavar="URI",
        help="a streaming replica of the server (postgresql://user@host:5432/database); may be repeated",
    )
    options.add_argument(
        "--redis", default="", metavar="URI", help="the Redis that caches brands (redis://host:6379/0)"
    )
    options.add_argument("--config", default="", metavar="FILE", help="configuration file")
    options.add_argument("--read-only", action="store_true", help="change nothing on any server")


def number(least: float, most: float) -> Callable[[str], float]:
    """What reads a number in these bounds."""

    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not least <= found <= most:
            raise ArgumentTypeError(f"a number from {least:g} to {most:g} is needed")
        return found

    return read


def whole(least: int, most: int) -> Callable[[str], int]:
    """What reads a whole number in these bounds."""

    def read(text: str) -> int:
        try:
            found = int(text)
        except ValueError:
            found = least - 1
        if not least <= found <= most:
            raise ArgumentTypeError(f"a whole number from {least} on is needed")
        return found

    return read
