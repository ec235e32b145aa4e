"""One command from its arguments to its exit code. Help, completion and wrong usage load no command."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from console import later  # noqa: F401  before anything imports dataclasses
from console.cli.arguments import COMPLETING, parser
from console.cli.kept import HELP, keep
from console.cli.parsing import parse, say
from console.cli.printing import HUNG_UP, Ended, printed, settle, terminal_has_gone, unread, unwritten
from console.glyphs import draw_what_it_can
from console.model import Kind, Trouble

INTERRUPTED = 130


def run(given: Sequence[str]) -> int:
    """Run the command that the arguments name and return its exit code."""
    code = _run(given)
    settle()
    return code


def _run(given: Sequence[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        draw_what_it_can(stream)
    try:
        if COMPLETING in os.environ:
            from console.cli.completion import answer  # noqa: PLC0415  a shell asks for it

            answer(parser())
        if list(given) == ["--help"]:
            text = parser().format_help()
            keep(HELP, text)
            return printed(text)
        options = parse(given)
        from console import lean  # noqa: F401, PLC0415  before anything imports asyncio
        from console.cli.commands import COMMANDS  # noqa: PLC0415  loads panes and configuration

        code = COMMANDS[options.command](options)
        sys.stdout.flush()
    except Trouble as trouble:
        say(str(trouble))
        code = {Kind.USAGE: 2, Kind.REFUSED: 3}.get(trouble.kind, 1)
    except Ended as end:
        code = end.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        code = unread()
    except OSError as error:
        code = HUNG_UP if error.errno == errno.EIO and terminal_has_gone() else unwritten(error)
    return code
