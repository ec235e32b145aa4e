"""The options of every command."""

from __future__ import annotations

import textwrap
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Collection, Mapping
from shutil import get_terminal_size

from console.cli.epilogs import (
    ABOUT,
    CHECK_EXITS,
    COMPLETION,
    DOCTOR_EXITS,
    EXITS,
    EXPLAIN,
    FORECAST,
    RECORD,
    RUN_EXITS,
    SETUP,
    TARGET,
    WATCH,
    WORKER,
)
from console.cli.kept import COLUMNS
from console.cli.options import number, server_options, whole

FILTER = (
    "only rows that match: words, !word, column=value, !=, <, >, ~ (regular expression); a column by its header or "
    "field name, units as shown: size>1MB tx>30s mean>5ms; double quotes hold spaces"
)
COMPLETING = "_ARGCOMPLETE"  # the shell sets it when it asks for completions
SHELLS = ("bash", "zsh", "fish")
LISTS = ("panes", "actions", "presets", "rules", "keys", "readings")
FORMATS = ("table", "json", "csv", "markdown")
CHECK_FORMATS = ("text", "json", "nagios", "openmetrics")


def parser(only: str = "") -> ArgumentParser:
    """The parser of the whole command line; `command` is the name of the command.

    Options take longer to declare than to parse: if `only` is a command, the other commands have none.
    """
    whole = ArgumentParser(
        "pipeline-console",
        description=ABOUT,
        epilog=EXITS,
        formatter_class=_whole_formatter,
        allow_abbrev=False,
    )
    whole.add_argument("--version", action="store_true", help="print the version")
    each = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    fill = _fill()
    for name in [only] if only in fill else fill:
        fill[name](
            lambda help_, epilog, server=False, name=name: each.add_parser(
                name,
                help=help_,
                description=help_,
                epilog=epilog,
                add_help=not server,  # there -h is the host, as in psql
                formatter_class=_Formatter,
                allow_abbrev=False,
            )
        )
    return whole


class _Formatter(RawDescriptionHelpFormatter):
    """Paragraphs are wrapped to the terminal, but for lines that are laid out with spaces."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        laid_out = super()._fill_text

        def filled(text: str) -> str:
            if "   " in text:
                return laid_out(text, width, indent)
            return textwrap.fill(" ".join(text.split()), width, initial_indent=indent, subsequent_indent=indent)

        return "\n\n".join(map(filled, text.split("\n\n")))


def _whole_formatter(prog: str) -> _Formatter:
    """Lines that an 80-column terminal shows, also in a wider one; in a narrower one they are shorter."""
    return _Formatter(prog, width=min(COLUMNS, get_terminal_size().columns) - 2)


Make = Callable[..., ArgumentParser]


def commands() -> Collection[str]:
    """The names of all commands."""
    return _fill().keys()


def _fill() -> Mapping[str, Callable[[Make], None]]:
    """What declares the options of each command."""
    return {
        "open": _open,
        "demo": _demo,
        "setup": _setup,
        "show": _show,
        "list": _list,
        "run": _run,
        "check": _check,
        "watch": _watch,
        "worker": _worker,
        "explain": _explain,
        "explain-rule": _explain_rule,
        "forecast": _forecast,
        "record": _record,
        "report": _report,
        "doctor": _doctor,
        "completion": _completion,
    }


def _open(make: Make) -> None:
    command = make("open the console on a server", f"{TARGET}\n\n{EXITS}", server=True)
    command.add_argument(
        "at", nargs="?", default="", metavar="TARGET|FILE", help="a server (see below) or an incident file"
    )
    command.add_argument("--pane", default="", metavar="NAME", help="the pane to open first")
    server_options(command)


def _demo(make: Make) -> None:
    command = make(
        "open the console on an embedded PostgreSQL and PgBouncer with sample data and a live workload", EXITS
    )
    command.add_argument("--scale", type=number(0.01, 1000), default=1.0, metavar="N", help="times the sample data (1)")
    command.add_argument(
        "--headless", action="store_true", help="no console: print the URIs as JSON, serve until interrupted"
    )
    command.add_argument("--keep", default="", metavar="DIR", help="keep the data in DIR for the next run")
    command.add_argument("--config", default="", metavar="FILE", help="configuration file")


def _setup(make: Make) -> None:
    command = make("set a server up for the pipeline, page by page", f"{TARGET}\n\n{SETUP}\n\n{RUN_EXITS}", server=True)
    command.add_argument("--yes", action="store_true", help="run every page without asking")
    command.add_argument("--dry-run", action="store_true", help="show every page with its plan, change nothing")
    command.add_argument("--skip", action="append", default=[], metavar="PAGE", help="skip a page; may be repeated")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="[PAGE.]KEY=VALUE",
        help="a parameter of one page, or of every page that takes it; may be repeated",
    )
    command.add_argument("--format", choices=("text", "json"), default="text", help="text (default) or json")
    server_options(command)


def _show(make: Make) -> None:
    command = make("print a pane", f"{TARGET}\n\n{EXITS}", server=True)
    command.add_argument("pane", metavar="PANE", help="see: pipeline-console list panes")
    command.add_argument("--view", default="", metavar="NAME", help="another view of the pane than its first")
    command.add_argument("--format", choices=FORMATS, default="table", help="table (default), json, csv or markdown")
    command.add_argument("--limit", type=whole(0, 10**9), metavar="N", help="at most so many rows")
    command.add_argument("--sort", default="", metavar="COLUMN", help="sort by a column; -COLUMN descending")
    command.add_argument("--filter", default="", metavar="TEXT", help=FILTER)
    command.add_argument(
        "--watch", type=number(0.2, 86400), metavar="SECONDS", help="repeat; json: one document a line"
    )
    command.add_argument(
        "--sample",
        type=number(0, 3600),
        default=1.0,
        metavar="SECONDS",
        help="between the two reads of a view that has rates (1); 0: one read, no rates",
    )
    command.add_argument(
        "--at",
        default="",
        metavar="TIME",
        help="what a console or `watch` read then, without asking the server: -5m, 14:05, 2026-11-29T14:05:00Z; "
        "FROM..TO: of waits that window",
    )
    command.add_argument(
        "--since",
        default="",
        metavar="TIME",
        help="only what differs from what a console or `watch` read then, or of waits from another window; numbers as "
        "differences",
    )
    server_options(command)


def _list(make: Make) -> None:
    command = make("list panes, actions, presets, rules, key bindings, or the readings that are kept", EXITS)
    command.add_argument("what", choices=LISTS)
    command.add_argument("--format", choices=("text", "json"), default="text")


def _run(make: Make) -> None:
    command = make("plan an action, show it and, once confirmed, run it", f"{TARGET}\n\n{RUN_EXITS}", server=True)
    command.add_argument("action", metavar="ACTION", help="see: pipeline-console list actions")
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the action; may be repeated"
    )
    command.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    command.add_argument("--yes", action="store_true", help="run it without asking")
    command.add_argument("--format", choices=("text", "json"), default="text", help="text (default) or json")
    server_options(command)


def _check(make: Make) -> None:
    command = make(
        "evaluate the rules once and report what is wrong, and what fixes it",
        f"{TARGET}\n\n{CHECK_EXITS}",
        server=True,
    )
    command.add_argument("--only", action="append", default=[], metavar="RULE", help="only this rule; may be repeated")
    command.add_argument("--ignore", action="append", default=[], metavar="RULE", help="not this rule; may be repeated")
    command.add_argument(
        "--format", choices=CHECK_FORMATS, default="text", help="text (default), json, nagios or openmetrics"
    )
    command.add_argument("--all", action="store_true", help="all targets of the configuration, at the same time")
    server_options(command)


def _watch(make: Make) -> None:
    command = make(
        "evaluate the rules until stopped: print what is raised and what clears, keep it, and deliver it",
        f"{TARGET}\n\n{WATCH}",
        server=True,
    )
    command.add_argument("targets", nargs="*", default=[], metavar="TARGET", help="which servers; see below")
    command.add_argument("--all", action="store_true", help="all targets of the configuration")
    command.add_argument(
        "--format", choices=("text", "json"), default="text", help="text (default) or json, a line each"
    )
    server_options(command)


def _worker(make: Make) -> None:
    command = make("run the due jobs of background_jobs until stopped", f"{TARGET}\n\n{WORKER}", server=True)
    command.add_argument("--once", action="store_true", help="end when no job is due")
    command.add_argument(
        "--format", choices=("text", "json"), default="text", help="text (default) or json, a line each"
    )
    server_options(command)


def _explain(make: Make) -> None:
    command = make(
        "show how the server would run a statement, without running it", f"{TARGET}\n\n{EXPLAIN}", server=True
    )
    command.add_argument("statement", nargs="?", default="", metavar="SQL", help="the statement; -: standard input")
    command.add_argument("--query-id", type=int, metavar="ID", help="a statement of pg_stat_statements")
    command.add_argument(
        "--pid",
        type=whole(1, 2**31 - 1),
        metavar="PID",
        help="the statement that the backend with this pid runs, or ran last",
    )
    command.add_argument(
        "--value",
        action="append",
        default=[],
        metavar="TEXT",
        help=r"the value of the next parameter ($1, $2, …), \N for NULL; without any: a generic plan",
    )
    command.add_argument("--as", dest="role", default="", metavar="ROLE", help="plan with the rights of this role")
    command.add_argument(
        "--search-path", default="", metavar="SCHEMAS", help="instead of that of the role whose statement it is"
    )
    command.add_argument(
        "--analyze", action="store_true", help="also run it, if it is a SELECT: for at most 30 s, rolled back"
    )
    command.add_argument("--format", choices=("text", "json"), default="text", help="text (default) or json")
    server_options(command)


def _explain_rule(make: Make) -> None:
    command = make("print what a rule reads, its limits, its SQL and the privileges it needs", EXITS)
    command.add_argument("rule", metavar="RULE", help="see: pipeline-console list rules")
    command.add_argument("--format", choices=("text", "json"), default="text", help="text (default) or json")
    command.add_argument("--config", default="", metavar="FILE", help="configuration file")


def _forecast(make: Make) -> None:
    command = make(
        "show which locks a statement would take, who holds conflicting ones, and what would queue behind it",
        f"{TARGET}\n\n{FORECAST}",
        server=True,
    )
    command.add_argument("statement", metavar="SQL", help="one statement, such as ALTER TABLE …; -: standard input")
    command.add_argument(
        "--lock-timeout", default="", metavar="TIME", help="200ms, 2s, 0: none; without it that of the role's sessions"
    )
    command.add_argument("--search-path", default="", metavar="SCHEMAS", help="instead of that of the role's sessions")
    command.add_argument(
        "--sample", type=number(0, 3600), default=2.0, metavar="SECONDS", help="count what arrives for so long (2)"
    )
    command.add_argument("--format", choices=("text", "json"), default="text", help="text (default) or json")
    server_options(command)


def _record(make: Make) -> None:
    command = make(
        "write an incident file: what consoles read in the last ten minutes, and every pane now; `open FILE` shows it",
        f"{TARGET}\n\n{RECORD}",
        server=True,
    )
    command.add_argument("file", metavar="FILE", help="a new file; it is readable by its owner alone")
    command.add_argument(
        "--seconds", type=number(0, 3600), default=10.0, metavar="N", help="how long to read every pane (10)"
    )
    command.add_argument(
        "--plain", action="store_true", help="keep the literals of statements and addresses; passwords are never kept"
    )
    server_options(command)


def _report(make: Make) -> None:
    command = make("print an incident file as Markdown, for the post-mortem", EXITS)
    command.add_argument("file", metavar="FILE", help="a file that `record` or the key X wrote")
    command.add_argument("--config", default="", metavar="FILE", help="configuration file")


def _doctor(make: Make) -> None:
    command = make(
        "report what this role, server, pooler and terminal can show and do, and the GRANT or setting that is missing",
        f"{TARGET}\n\n{DOCTOR_EXITS}",
        server=True,
    )
    command.add_argument("--format", choices=("text", "json"), default="text", help="text (default) or json")
    command.add_argument("--all", action="store_true", help="also list what works, one line each")
    command.add_argument(
        "--seconds",
        type=number(1, 3600),
        default=18.0,
        metavar="N",
        help="time for everything that is asked of the server (18); what it does not suffice for is named",
    )
    command.add_argument(
        "--role-script",
        nargs="?",
        const="pipeline_console",
        metavar="NAME",
        help="instead: print SQL that makes a least-privilege role for the console (pipeline_console)",
    )
    server_options(command)


def _completion(make: Make) -> None:
    command = make("print the completion script of a shell", f"{COMPLETION}\n\n{EXITS}")
    command.add_argument("shell", choices=SHELLS, help="the shell")
