"""The man page, written from the declarations behind the command line, the panes and the actions."""

from __future__ import annotations

import re
from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Iterator, Mapping

from console.actions import ACTIONS
from console.cli.arguments import parser
from console.panes import PANES

HEAD = """\
.TH PIPELINE-CONSOLE 1 "" "pipeline-console" "User Commands"
.SH NAME
pipeline-console \\- terminal console for the DBA of PostgreSQL and PgBouncer
.SH SYNOPSIS
.B pipeline-console
[COMMAND] [OPTION]\\&...
"""
TAIL = """\
.SH ENVIRONMENT
.TP
.B PIPELINE_CONSOLE_TARGET
The target if none is given and the configuration has no default.
.TP
.B NO_COLOR
No colours.
.P
The variables of libpq (PGHOST, PGSERVICE, PGPASSFILE and the others) work as in
.BR psql (1).
.SH FILES
.TP
.I ~/.config/pipeline\\-console/console.yml
The configuration; $XDG_CONFIG_HOME is respected.
.TP
.I ~/.local/state/pipeline\\-console/audit.jsonl
The audit trail; $XDG_STATE_HOME is respected.
.TP
.I ~/.local/state/pipeline\\-console/findings.sqlite3
Acknowledgements, the history of findings, and samples of sizes and limits.
.SH SEE ALSO
.BR psql (1),
.BR pgbouncer (1)
"""


def page() -> str:
    """The page in roff."""
    whole = parser()
    return "".join((HEAD, *_description(whole), *_commands(whole), *_panes(), *_actions(), TAIL))


def _description(whole: ArgumentParser) -> Iterator[str]:
    yield f".SH DESCRIPTION\n{_text(whole.description or '')}\n"
    yield f".SH EXIT STATUS\n{_text(whole.epilog or '')}\n"


def _commands(whole: ArgumentParser) -> Iterator[str]:
    yield ".SH COMMANDS\n"
    for name, command in _subparsers(whole).items():
        needed = [_names(argument) for argument in command._actions if not argument.option_strings]  # noqa: SLF001
        yield f".SS {_escaped(' '.join((name, *needed)))} [OPTION]\\&...\n{_text(command.description or '')}\n"
        for argument in command._actions:  # noqa: SLF001  argparse lists them nowhere else
            if argument.help not in (None, SUPPRESS) and argument.dest != "help":
                yield f".TP\n.B {_escaped(_names(argument))}\n{_text(argument.help or '')}\n"
        if command.epilog:
            yield from map(_paragraph, command.epilog.split("\n\n"))


def _paragraph(text: str) -> str:
    laid_out = "   " in text
    return f".P\n.nf\n{_text(text)}\n.fi\n" if laid_out else f".P\n{_text(text)}\n"


def _panes() -> Iterator[str]:
    yield ".SH PANES\n"
    for pane in PANES:
        yield f".TP\n.B {_escaped(pane.name)}\n{_text(pane.help)}\n"


def _actions() -> Iterator[str]:
    yield ".SH ACTIONS\n"
    for action in ACTIONS:
        yield f".SS {_escaped(action.name)}\n{_text(action.help)}\n"
        for parameter in action.parameters:
            default = f" (default: {parameter.default})" if parameter.default else ""
            yield f".TP\n.BR {_escaped(parameter.name)} =VALUE\n{_text(parameter.help + default)}\n"


def _subparsers(whole: ArgumentParser) -> Mapping[str, ArgumentParser]:
    found = [argument.choices for argument in whole._actions if isinstance(argument.choices, Mapping)]  # noqa: SLF001
    return found[0]


def _names(argument: Action) -> str:
    if not argument.option_strings:
        return str(argument.metavar or argument.dest.upper())
    takes = argument.nargs != 0
    value = argument.metavar or ("|".join(map(str, argument.choices)) if argument.choices else argument.dest.upper())
    return ", ".join(argument.option_strings) + (f" {value}" if takes else "")


def _text(text: str) -> str:
    """A paragraph in roff: no line of it is taken for a request."""
    return re.sub(r"^(?=[.'])", r"\\&", _escaped(text.strip()), flags=re.MULTILINE)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")
