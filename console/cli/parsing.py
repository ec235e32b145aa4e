"""What was typed after the program's name, and what is said about it."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from argparse import Namespace
from collections.abc import Sequence

from console.cli.arguments import commands, parser
from console.format import safe, safe_lines
from console.later import late
from console.model import Kind, Trouble

# Whatever may hold a password: URIs, also mistyped ones, and password=… of a conninfo.
_SECRET = late(r"\S*(?:://|:\S*@)\S*|\S*password\s*=\s*(?:'(?:\\.|[^'])*'?|\S*)", re.IGNORECASE)


def parse(argv: Sequence[str]) -> Namespace:
    """The options of a command line; no command means `open`. Raises Trouble(USAGE) without any connection string."""
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            arguments = _joined(argv)
            if not is_open(arguments):
                return parser(arguments[0]).parse_args(arguments)
            options = parser("open").parse_args(["open", *arguments])
            if options.at in commands():
                raise Trouble(Kind.USAGE, f"The command {options.at} comes before its options.", "")
            return options
    except SystemExit as end:
        if not end.code:
            raise
    usage, _, sentence = errors.getvalue().partition("error: ")
    sentence = safe(_SECRET.sub("(connection string)", sentence.strip()))
    command = re.match(r"usage: (\S+(?: [a-z]+)?)", usage)
    raise Trouble(
        Kind.USAGE, f"{sentence}.", f"{command[1] if command else 'pipeline-console'} --help shows the options."
    )


def is_open(arguments: Sequence[str]) -> bool:
    """Whether no command is named, so that all of them are options of `open`; -h alone asks for help."""
    return not arguments or (
        arguments[0].startswith("-") and arguments[0] not in {"--help", "--version"} and list(arguments) != ["-h"]
    )


def say(sentence: str) -> None:
    """Write a diagnostic to standard error, for who still reads it."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"pipeline-console: {safe_lines(sentence)}\n")


def _joined(argv: Sequence[str]) -> list[str]:
    # argparse takes the value of `--sort -age` or `--since -5m` for an option.
    joined: list[str] = []
    for argument in argv:
        if joined and joined[-1] in {"--sort", "--at", "--since"}:
            joined[-1] = f"{joined[-1]}={argument}"
        else:
            joined.append(argument)
    return joined
