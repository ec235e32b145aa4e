"""Checks of the terminal, the locale and the multiplexer of this machine."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import termios
from collections.abc import Mapping
from dataclasses import field

from console.doctor import keys
from console.doctor.check import Check, Status
from console.format import one_line
from console.records import dataclass

STDIN, STDOUT = 0, 1
WIDTH, HEIGHT = 80, 24
TMUX_SECONDS = 2.0
TMUX_OPTIONS = ("version", "prefix", "escape-time", "set-clipboard", "mouse", "default-terminal")
SLOW_ESCAPE = 100  # milliseconds
# Terminals that support copying (OSC 52), by a variable they set or by TERM.
COPIES = ("KITTY_WINDOW_ID", "WEZTERM_PANE", "ALACRITTY_WINDOW_ID", "GHOSTTY_RESOURCES_DIR", "WT_SESSION")
COPYING_TERMS = ("xterm-kitty", "foot", "alacritty", "xterm-ghostty", "wezterm")
_UTF8 = re.compile(r"utf-?8", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Terminal:
    """What was found out about the terminal."""

    environ: Mapping[str, str]
    tty: bool
    size: tuple[int, int] | None = None  # columns, lines
    flow_control: bool | None = None  # ctrl+s and ctrl+q stop and start its output; None: not known
    tmux: Mapping[str, str] = field(default_factory=dict)  # TMUX_OPTIONS; empty: not in tmux, or it did not answer

    @property
    def multiplexer(self) -> str:
        """tmux, screen, or empty."""
        if self.environ.get("TMUX"):
            return "tmux"
        return "screen" if self.environ.get("STY") else ""

    @property
    def term(self) -> str:
        """The value of TERM."""
        return self.environ.get("TERM", "")


def here(environ: Mapping[str, str] = os.environ) -> Terminal:
    """The terminal of this process."""
    size: tuple[int, int] | None = None
    flow: bool | None = None
    with contextlib.suppress(OSError):
        width, height = os.get_terminal_size(STDOUT)
        size = width, height
    with contextlib.suppress(termios.error):
        flow = bool(termios.tcgetattr(STDIN)[0] & termios.IXON)
    return Terminal(environ, os.isatty(STDIN) and os.isatty(STDOUT), size, flow, _tmux(environ))


def checks(terminal: Terminal, keymap: Mapping[str, str]) -> tuple[Check, ...]:
    """What the terminal can show, and which keys of the console reach it."""
    found = [_kind(terminal), _colours(terminal), _locale(terminal), _copying(terminal)]
    found += [_size(terminal.size)] if terminal.size else []
    found += [_flow(terminal.flow_control)] if terminal.flow_control is not None else []
    if terminal.multiplexer:
        found.append(_multiplexer(terminal))
        found += _tmux_checks(terminal)
    prefix = keys.key_of(terminal.tmux.get("prefix", "C-b")) if terminal.multiplexer == "tmux" else "ctrl+a"
    return (*found, *keys.checks(keymap, prefix if terminal.multiplexer else "", terminal.multiplexer))


def _check(name: str, state: Status, what: str, why: str, remedy: str = "") -> Check:
    return Check("terminal", name, state, what, one_line(why), remedy)


def _kind(terminal: Terminal) -> Check:
    why = f"TERM={terminal.term or '(not set)'}"
    if not terminal.tty:
        what = "Not a terminal: the console cannot open; show, run, list and doctor work."
        remedy = "Run doctor where you open the console."
        return _check("kind", Status.UNKNOWN, what, "input or output is not a tty", remedy)
    if terminal.term in {"", "dumb", "unknown"}:
        what = "The terminal type is unknown: the console cannot draw."
        return _check("kind", Status.CANNOT, what, why, "export TERM=xterm-256color")
    return _check("kind", Status.OK, "The console can open here.", why)


def _size(size: tuple[int, int]) -> Check:
    columns, lines = size
    why = f"{columns}x{lines}"
    if columns < WIDTH or lines < HEIGHT:
        what = "The screen is too small: important columns are cut off."
        return _check("size", Status.LIMITED, what, why, f"Make it {WIDTH}x{HEIGHT} or larger.")
    more = (
        "from 120 columns on, details appear next to the table" if columns < 120 else "details appear next to the table"
    )
    return _check("size", Status.OK, "All important columns fit.", f"{why}; {more}")


def _colours(terminal: Terminal) -> Check:
    environ, term = terminal.environ, terminal.term
    if environ.get("NO_COLOR"):
        return _check("colours", Status.OK, "No colours, as requested: symbols show the severity.", "NO_COLOR is set")
    if environ.get("COLORTERM") in {"truecolor", "24bit"}:
        return _check("colours", Status.OK, "24-bit colour.", f"COLORTERM={environ['COLORTERM']}")
    if "256" in term or "direct" in term:
        return _check("colours", Status.OK, "256 colours.", f"TERM={term}")
    what = "Only 16 colours, those of the terminal's theme."
    remedy = "export TERM=xterm-256color, if the terminal supports it."
    if terminal.multiplexer == "tmux":
        remedy = 'set -g default-terminal "tmux-256color" in ~/.tmux.conf, then restart the tmux server.'
    if terminal.multiplexer == "screen":
        remedy = "term screen-256color in ~/.screenrc, then restart screen."
    return _check("colours", Status.LIMITED, what, f"TERM={term or '(not set)'}, COLORTERM not set", remedy)


def _locale(terminal: Terminal) -> Check:
    names = ("LC_ALL", "LC_CTYPE", "LANG")
    name, value = next(((name, terminal.environ[name]) for name in names if terminal.environ.get(name)), ("", ""))
    why = f"{name}={value}" if name else "LC_ALL, LC_CTYPE and LANG are not set"
    if _UTF8.search(value):
        return _check("locale", Status.OK, "UTF-8: lines, bars and text in every language are shown.", why)
    what = "Not UTF-8: lines and bars are drawn with the characters it has; a letter that it lacks is shown as ?."
    return _check("locale", Status.LIMITED, what, why, "export LC_ALL=C.UTF-8")


def _copying(terminal: Terminal) -> Check:
    environ = terminal.environ
    rather = "e exports to a file; shift and the mouse select text as the terminal does."
    if terminal.multiplexer == "screen":
        return _check("copy", Status.CANNOT, "y cannot copy: screen does not pass on OSC 52.", "STY is set", rather)
    if terminal.multiplexer == "tmux":
        return _tmux_copying(terminal, rather)
    if terminal.term == "linux" or environ.get("TERM_PROGRAM") == "Apple_Terminal":
        why = environ.get("TERM_PROGRAM") or "TERM=linux"
        return _check("copy", Status.CANNOT, "y cannot copy: this terminal does not support OSC 52.", why, rather)
    variable = next((name for name in COPIES if environ.get(name)), "")
    if variable or terminal.term.startswith(COPYING_TERMS):
        return _check(
            "copy", Status.OK, "y copies to the clipboard, also over SSH.", variable or f"TERM={terminal.term}"
        )
    what = "Whether y can copy to the clipboard (OSC 52) cannot be determined."
    return _check("copy", Status.UNKNOWN, what, f"TERM={terminal.term}", f"Try y in the console. Otherwise {rather}")


def _tmux_copying(terminal: Terminal, rather: str) -> Check:
    value = terminal.tmux.get("set-clipboard", "")
    if value == "on":
        return _check("copy", Status.OK, "y copies to the clipboard through tmux.", "set-clipboard on")
    if not value:
        return _check(
            "copy", Status.UNKNOWN, "Whether tmux passes on what y copies is unknown.", "tmux did not answer", rather
        )
    what = "y cannot copy: tmux does not pass it on."
    return _check("copy", Status.CANNOT, what, f"set-clipboard {value}", "set -s set-clipboard on in ~/.tmux.conf")


def _multiplexer(terminal: Terminal) -> Check:
    name = terminal.multiplexer
    version = terminal.tmux.get("version", "")
    what = f"Running in {name}: the console survives a broken SSH connection."
    return _check(name, Status.OK, what, f"{name} {version}".strip())


def _tmux_checks(terminal: Terminal) -> list[Check]:
    found: list[Check] = []
    delay = terminal.tmux.get("escape-time", "")
    if delay.isdigit() and int(delay) > SLOW_ESCAPE:
        what = f"The Escape key is delayed by {delay} ms."
        remedy = "set -s escape-time 10 in ~/.tmux.conf"
        found.append(_check("escape", Status.LIMITED, what, f"escape-time {delay}", remedy))
    if terminal.tmux.get("mouse") == "off":
        what = "Mouse clicks and the wheel do not reach the console; keys do everything they do."
        found.append(_check("mouse", Status.LIMITED, what, "mouse off", "set -g mouse on in ~/.tmux.conf"))
    return found


def _flow(on: bool) -> Check:
    if not on:
        return _check("flow control", Status.OK, "ctrl+s and ctrl+q are ordinary keys.", "stty -ixon")
    what = "ctrl+s stops and ctrl+q resumes the output of commands; the console itself receives both."
    return _check("flow control", Status.OK, what, "stty ixon")


def _tmux(environ: Mapping[str, str]) -> dict[str, str]:
    program = shutil.which("tmux", path=environ.get("PATH"))
    if not environ.get("TMUX") or program is None:
        return {}
    form = "\n".join(f"#{{{name}}}" for name in TMUX_OPTIONS)
    try:
        done = subprocess.run(
            [program, "display-message", "-p", form],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TMUX_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    lines = done.stdout.splitlines()
    return dict(zip(TMUX_OPTIONS, lines, strict=True)) if len(lines) == len(TMUX_OPTIONS) else {}
