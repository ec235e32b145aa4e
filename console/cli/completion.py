"""Shell completion: the script for a shell, and the answers to what the shell asks while a command is typed."""

from __future__ import annotations

import os
import re
import sys
from argparse import Action as Argument
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping

from console.cli.arguments import COMPLETING

PROGRAM = "pipeline-console"

Words = Callable[[Namespace], Iterable[str]]


def script(shell: str) -> str:
    """What a shell evaluates so that it asks the console for completions."""
    from argcomplete.shell_integration import shellcode  # noqa: PLC0415  only completion needs it

    return shellcode([PROGRAM], shell=shell) + "\n"


def answer(parser: ArgumentParser, environ: Mapping[str, str] = os.environ) -> None:
    """Answer the shell and end the process if it asked for completions; else do nothing."""
    if COMPLETING not in environ:
        return
    from argcomplete import autocomplete  # noqa: PLC0415
    from argcomplete.completers import FilesCompleter, SuppressCompleter  # noqa: PLC0415

    os.environ["COMP_LINE"], os.environ["COMP_POINT"] = with_command(environ)
    files = FilesCompleter()
    for argument in _arguments(parser):
        if argument.dest in _WORDS and argument.metavar != "TIME":
            otherwise = files if argument.metavar == "TARGET|FILE" else SuppressCompleter()
            argument.completer = _completer(_WORDS[argument.dest], otherwise)  # type: ignore[attr-defined]
        elif argument.metavar in ("FILE", "DIR"):
            argument.completer = files  # type: ignore[attr-defined]
    autocomplete(parser, always_complete_options=False, default_completer=SuppressCompleter())


def with_command(environ: Mapping[str, str]) -> tuple[str, str]:
    """The line that is typed and the place of the cursor in it, with `open` where options stand without a command."""
    line, point = environ.get("COMP_LINE", ""), environ.get("COMP_POINT", "0")
    found = re.match(r"\s*\S+\s+(?=(-\S*))", line)
    if not found or not point.isdigit() or any(own.startswith(found[1]) for own in ("--help", "--version")):
        return line, point
    return f"{found[0]}open {line[found.end() :]}", str(int(point) + len("open "))


def _arguments(parser: ArgumentParser) -> Iterable[Argument]:
    """The arguments of a parser and of its commands."""
    for argument in parser._actions:  # noqa: SLF001  argparse lists them nowhere else
        yield argument
        if isinstance(argument.choices, Mapping):
            for command in argument.choices.values():
                yield from _arguments(command)


def _completer(words: Words, otherwise: Callable[..., Iterable[str]]) -> Callable[..., list[str]]:
    """Offers the words that begin with what is typed; what `otherwise` offers where none does."""

    def complete(prefix: str, parsed_args: Namespace, **_: object) -> list[str]:
        found = [word for word in words(parsed_args) if word.startswith(prefix)]
        return found or list(otherwise(prefix))

    return complete


def _panes(_: Namespace) -> list[str]:
    from console.panes import PANES  # noqa: PLC0415

    return [pane.name for pane in PANES]


def _views(options: Namespace) -> list[str]:
    from console.panes import PANES  # noqa: PLC0415

    return [view.name for pane in PANES if pane.name == options.pane for view in pane.views]


def _columns(options: Namespace) -> list[str]:
    from console.panes import PANES  # noqa: PLC0415

    views = [view for pane in PANES if pane.name == options.pane for view in pane.views]
    chosen = [view for view in views if view.name == options.view] or views[:1]
    return [prefix + column.name for view in chosen for prefix in ("", "-") for column in view.columns]


def _rules(_: Namespace) -> list[str]:
    from console.rules.diagnoses import DIAGNOSES  # noqa: PLC0415

    return [diagnosis.name for diagnosis in DIAGNOSES]


def _actions(_: Namespace) -> list[str]:
    from console.actions import MODULES  # noqa: PLC0415

    return list(MODULES)


def _parameters(options: Namespace) -> list[str]:
    from console.actions import MODULES, action  # noqa: PLC0415

    given = {setting.partition("=")[0] for setting in getattr(options, "set", None) or ()}
    name = getattr(options, "action", None) or ""
    parameters = action(name).parameters if name in MODULES else ()
    return [f"{parameter.name}=" for parameter in parameters if parameter.name not in given]


def _targets(options: Namespace) -> list[str]:
    from console.model import Trouble  # noqa: PLC0415
    from console.settings.config import load  # noqa: PLC0415
    from console.settings.targets import names  # noqa: PLC0415

    try:
        return names(load(getattr(options, "config", "") or ""))
    except Trouble:  # the command itself reports a configuration that cannot be read
        return []


_WORDS: Mapping[str, Words] = {
    "pane": _panes,
    "view": _views,
    "sort": _columns,
    "rule": _rules,
    "only": _rules,
    "ignore": _rules,
    "action": _actions,
    "set": _parameters,
    "target": _targets,
    "at": _targets,
    "targets": _targets,
}


def run_completion(options: Namespace) -> int:
    """Print the script of a shell."""
    sys.stdout.write(script(options.shell))
    return 0
