"""Every key binding of the console, as data: widgets, footer, help, `list keys`, doctor and docs read this list.

Names of keys are Textual's; `key_name` returns them as people write them.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import Enum

from console.panes import PANES
from console.records import dataclass


class Place(Enum):
    """Where a binding works. A dialog gets its own keys only; the others work together."""

    APP = "everywhere"
    PANE = "panes"
    TABLE = "tables"
    FINDINGS = "findings"
    TEXT = "text dialogs"
    DETAILS = "details"
    LIST = "lists"
    FORM = "forms"
    CHOICE = "choices of a form"
    MENU = "menu of actions"
    PLANNING = "planning"
    PLAN = "plans"
    EXPLAIN = "explained statements"
    QUIT = "quit dialog"
    SETUP = "set-up guide"


class InPast(Enum):
    """What a key does while a moment of the past is shown."""

    SHOWN = "acts on what is shown"
    ANSWERED = "answers from the present state, and the answer says so"
    REFUSED = "is refused, because it would act on the present"


@dataclass(frozen=True, slots=True)
class Key:
    """One binding."""

    place: Place
    id: str  # what the keymap of the configuration names it by
    keys: str  # separated by commas
    action: str  # the method of the widget, with its arguments
    title: str
    footer: bool = False  # listed in the last line of the screen
    priority: bool = False  # before the widget with the focus
    past: InPast = InPast.SHOWN

    @property
    def names(self) -> tuple[str, ...]:
        """Its keys as people write them."""
        return tuple(key_name(key) for key in self.each)

    @property
    def each(self) -> tuple[str, ...]:
        """Its keys one by one, as Textual names them."""
        return tuple(key.strip() for key in self.keys.split(","))


_NAMES: Mapping[str, str] = {
    "question_mark": "?",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "vertical_line": "|",
    "slash": "/",
    "colon": ":",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "home": "Home",
    "end": "End",
}
_SINGLE = f"{string.digits}{string.ascii_lowercase}{string.ascii_uppercase}"
_TOGETHER = (Place.APP, Place.PANE, Place.TABLE, Place.FINDINGS)

_APP = (
    Key(Place.APP, "app.actions", "a", "actions", "Actions", footer=True, past=InPast.ANSWERED),
    Key(Place.APP, "app.end-session", "K", "end_session", "End session", past=InPast.ANSWERED),
    Key(Place.APP, "app.setup", "U", "setup", "Set-up guide", past=InPast.REFUSED),
    Key(Place.APP, "app.explain", "E", "explain_row", "Explain the statement", past=InPast.ANSWERED),
    Key(Place.APP, "app.forecast", "Q", "forecast", "Who will wait for a statement", past=InPast.REFUSED),
    Key(Place.APP, "app.stop-run", "x", "stop_run", "Stop run", past=InPast.REFUSED),
    Key(Place.APP, "app.next-window", "d", "next_window", "Next window of the waits"),
    Key(Place.APP, "app.narrower-window", "left_parenthesis", "change_window(-1)", "Narrower window of the waits"),
    Key(Place.APP, "app.wider-window", "right_parenthesis", "change_window(1)", "Wider window of the waits"),
    Key(Place.APP, "app.window-from-mark", "vertical_line", "window_from_mark", "Window of the waits since the mark"),
    Key(Place.APP, "app.help", "question_mark", "help", "Help", footer=True),
    Key(Place.APP, "app.quit", "q", "quit", "Quit", footer=True),
    Key(Place.APP, "app.interrupt", "ctrl+c", "quit", "Quit", priority=True),
    Key(Place.APP, "app.redraw", "ctrl+l", "redraw", "Draw the screen again"),
    Key(Place.APP, "app.palette", "ctrl+p,colon", "command_palette", "Go to a pane or an action by name"),
    Key(Place.APP, "app.earlier", "left_square_bracket", "turn_time(-10)", "All panes 10 seconds earlier"),
    Key(Place.APP, "app.later", "right_square_bracket", "turn_time(10)", "10 seconds later; at the end live again"),
    Key(Place.APP, "app.much-earlier", "left_curly_bracket", "turn_time(-120)", "All panes 2 minutes earlier"),
    Key(Place.APP, "app.much-later", "right_curly_bracket", "turn_time(120)", "2 minutes later"),
    Key(Place.APP, "app.mark", "b", "mark", "Mark the moment that is shown"),
    Key(Place.APP, "app.difference", "D", "difference", "What differs from the mark; again: what is"),
    Key(Place.APP, "app.record", "X", "record", "Write an incident file"),
    Key(Place.APP, "app.next-group", "greater_than_sign", "turn_group(1)", "Next group of panes"),
    Key(Place.APP, "app.previous-group", "less_than_sign", "turn_group(-1)", "Previous group of panes"),
)
# The actions that have a key of their own; the others are in the menu.
_ACTIONS = tuple(
    Key(Place.APP, f"act.{name}", key, f"{method}('{name}')", title, past=InPast.ANSWERED)
    for name, key, method, title in (
        ("apply-schema", "M", "act", "Apply schema migrations"),
        ("apply-tuning", "T", "act", "Apply a tuning preset"),
        ("create-partitions", "C", "act", "Create partitions"),
        ("refresh-views", "R", "act", "Refresh views"),
        ("archive-analytics", "A", "act", "Archive old rows"),
        ("undo", "O", "act_at_once", "Undo the last run"),
    )
)
_PANE = (
    Key(Place.PANE, "pane.filter", "slash", "filter", "Filter", footer=True),
    Key(Place.PANE, "pane.sort", "s", "sort", "Sort", footer=True),
    Key(Place.PANE, "pane.next-view", "v", "next_view(1)", "View", footer=True),
    Key(Place.PANE, "pane.previous-view", "V", "next_view(-1)", "Previous view"),
    Key(Place.PANE, "pane.sql", "S", "show_sql", "SQL", footer=True),
    Key(Place.PANE, "pane.copy", "y", "copy", "Copy", footer=True),
    Key(Place.PANE, "pane.export", "e", "export", "Export", footer=True),
    Key(
        Place.PANE,
        "pane.counterpart",
        "l",
        "counterpart",
        "From a client to its session's locks, and back",
    ),
    Key(Place.PANE, "pane.pause", "p", "pause", "Pause", footer=True),
    Key(Place.PANE, "pane.faster", "plus,equals_sign", "change_period(0.5)", "Refresh faster"),
    Key(Place.PANE, "pane.slower", "minus", "change_period(2)", "Refresh slower"),
    Key(Place.PANE, "pane.leave", "escape", "leave", "Clear the filter, close details"),
)
_TABLE = (
    Key(Place.TABLE, "table.down", "down,j", "move(1)", "Down"),
    Key(Place.TABLE, "table.up", "up,k", "move(-1)", "Up"),
    Key(Place.TABLE, "table.page-down", "pagedown,ctrl+f", "page(1)", "Page down"),
    Key(Place.TABLE, "table.page-up", "pageup,ctrl+b", "page(-1)", "Page up"),
    Key(Place.TABLE, "table.first", "home,g", "move_to(0)", "First row"),
    Key(Place.TABLE, "table.last", "end,G", "move_to(-1)", "Last row"),
    Key(Place.TABLE, "table.left", "left", "sideways(-1)", "Scroll left"),
    Key(Place.TABLE, "table.right", "right", "sideways(1)", "Scroll right"),
    Key(Place.TABLE, "table.select", "enter", "select", "Details"),
    Key(Place.TABLE, "table.mark", "space", "mark", "Mark row"),
)
_FINDINGS = (
    Key(Place.FINDINGS, "findings.fix", "f", "fix", "Fix", footer=True, past=InPast.ANSWERED),
    Key(Place.FINDINGS, "findings.evidence", "enter", "evidence", "Evidence", footer=True),
    Key(Place.FINDINGS, "findings.later", "z", "later", "Later", footer=True, past=InPast.REFUSED),
    Key(Place.FINDINGS, "findings.later-until", "Z", "later_until", "Later, for a time", past=InPast.REFUSED),
    Key(Place.FINDINGS, "findings.unfold", "space", "unfold", "All of a finding's text, or four lines"),
    Key(Place.FINDINGS, "findings.down", "down,j", "move(1)", "Down"),
    Key(Place.FINDINGS, "findings.up", "up,k", "move(-1)", "Up"),
    Key(Place.FINDINGS, "findings.first", "home,g", "move_to(0)", "First finding"),
    Key(Place.FINDINGS, "findings.last", "end,G", "move_to(-1)", "Last finding"),
    Key(Place.FINDINGS, "findings.next-fix", "right", "other_fix(1)", "Another fix"),
    Key(Place.FINDINGS, "findings.previous-fix", "left", "other_fix(-1)", "The fix before"),
)
_DIALOGS = (
    Key(Place.TEXT, "dialog.close", "escape,q,enter", "leave", "Close", footer=True),
    Key(Place.TEXT, "dialog.copy", "y", "copy", "Copy", footer=True),
    Key(Place.TEXT, "dialog.down", "j", "scroll_body(1)", "Down"),
    Key(Place.TEXT, "dialog.up", "k", "scroll_body(-1)", "Up"),
    Key(Place.TEXT, "dialog.first", "home,g", "scroll_to(False)", "To the top"),
    Key(Place.TEXT, "dialog.last", "end,G", "scroll_to(True)", "To the end"),
    Key(Place.DETAILS, "dialog.close", "escape,q,enter", "leave", "Close", footer=True),
    Key(Place.DETAILS, "dialog.first", "home,g", "scroll_to(False)", "To the top"),
    Key(Place.DETAILS, "dialog.last", "end,G", "scroll_to(True)", "To the end"),
    Key(Place.LIST, "dialog.close", "escape,q", "leave", "Close", footer=True),
    Key(Place.LIST, "dialog.down", "j", "cursor(1)", "Down"),
    Key(Place.LIST, "dialog.up", "k", "cursor(-1)", "Up"),
    Key(Place.FORM, "dialog.close", "escape", "leave", "Close", footer=True),
    Key(Place.FORM, "dialog.next-field", "ctrl+n,down", "app.focus_next", "Next field"),
    Key(Place.FORM, "dialog.previous-field", "ctrl+p,up", "app.focus_previous", "Previous field"),
    Key(Place.CHOICE, "choice.down", "down,right,space", "choose(1)", "Next choice"),
    Key(Place.CHOICE, "choice.up", "up,left", "choose(-1)", "Previous choice"),
    Key(Place.CHOICE, "choice.plan", "enter", "submit", "Plan", footer=True),
    Key(Place.MENU, "dialog.close", "escape", "leave", "Close", footer=True),
    Key(Place.MENU, "dialog.down", "down", "cursor(1)", "Down", priority=True),
    Key(Place.MENU, "dialog.up", "up", "cursor(-1)", "Up", priority=True),
    Key(Place.PLANNING, "dialog.close", "escape", "cancel", "Cancel", footer=True),
    Key(Place.PLAN, "dialog.close", "escape,q", "leave", "Close", footer=True),
    Key(Place.PLAN, "plan.run", "r", "run", "Run", footer=True),
    Key(Place.PLAN, "dialog.down", "down,j", "scroll_body(1)", "Down"),
    Key(Place.PLAN, "dialog.up", "up,k", "scroll_body(-1)", "Up"),
    Key(Place.PLAN, "plan.page-down", "pagedown,ctrl+f", "scroll_page(1)", "Page down", priority=True),
    Key(Place.PLAN, "plan.page-up", "pageup,ctrl+b", "scroll_page(-1)", "Page up", priority=True),
    Key(Place.PLAN, "dialog.first", "home,g", "scroll_to(False)", "To the top"),
    Key(Place.PLAN, "dialog.last", "end,G", "scroll_to(True)", "To the end"),
    Key(Place.EXPLAIN, "dialog.close", "escape,q,enter", "leave", "Close", footer=True),
    Key(Place.EXPLAIN, "dialog.copy", "y", "copy", "Copy", footer=True),
    Key(Place.EXPLAIN, "dialog.down", "j", "scroll_body(1)", "Down"),
    Key(Place.EXPLAIN, "dialog.up", "k", "scroll_body(-1)", "Up"),
    Key(Place.EXPLAIN, "dialog.first", "home,g", "scroll_to(False)", "To the top"),
    Key(Place.EXPLAIN, "dialog.last", "end,G", "scroll_to(True)", "To the end"),
    Key(Place.EXPLAIN, "explain.values", "v", "values", "Plan with values", footer=True),
    Key(Place.QUIT, "quit.yes", "y", "answer(True)", "Quit", footer=True),
    Key(Place.QUIT, "quit.no", "escape,n,q", "answer(False)", "Stay", footer=True),
)
_SETUP = (
    Key(Place.SETUP, "setup.run", "enter", "run", "Run", footer=True, priority=True),
    Key(Place.SETUP, "setup.skip", "s", "decide('skip')", "Skip", footer=True),
    Key(Place.SETUP, "setup.later", "l", "decide('later')", "Later", footer=True),
    Key(Place.SETUP, "setup.parameters", "o", "parameters", "Parameters", footer=True),
    Key(Place.SETUP, "setup.next", "j,n", "move(1)", "Next page"),
    Key(Place.SETUP, "setup.previous", "k,p", "move(-1)", "Previous page"),
    Key(Place.SETUP, "setup.first", "home,g", "move_to(0)", "First page", priority=True),
    Key(Place.SETUP, "setup.last", "end,G", "move_to(-1)", "Last page", priority=True),
    Key(Place.SETUP, "setup.page-down", "pagedown,space,ctrl+f", "scroll_page(1)", "Scroll down", priority=True),
    Key(Place.SETUP, "setup.page-up", "pageup,ctrl+b", "scroll_page(-1)", "Scroll up", priority=True),
    Key(Place.SETUP, "setup.update", "u", "update", "Update", footer=True),
    Key(Place.SETUP, "setup.stop", "x", "stop", "Stop run"),
    Key(Place.SETUP, "setup.copy", "y", "copy", "Copy", footer=True),
    Key(Place.SETUP, "setup.help", "question_mark", "help", "Help", footer=True),
    Key(Place.SETUP, "setup.leave", "q", "leave", "Back", footer=True),
    Key(Place.SETUP, "setup.close", "escape", "leave", "Back"),
)


def all_keys(keymap: Mapping[str, str] | None = None) -> tuple[Key, ...]:
    """Every binding, panes first, with the keys that a keymap (id → keys) gives them."""
    remapped = keymap or {}
    return tuple(replace(key, keys=remapped.get(key.id, key.keys)) for key in _all())


def opening_keys(keymap: Mapping[str, str] | None = None) -> frozenset[str]:
    """The keys that request a plan, as Textual names them: none of them may confirm one."""
    requests = {key.id for key in _ACTIONS} | {
        "app.actions",
        "app.end-session",
        "setup.run",
        "setup.parameters",
        "findings.fix",
    }
    return frozenset(key for each in all_keys(keymap) if each.id in requests for key in each.each) | {"enter"}


def action_key(name: str) -> str:
    """The key of the action called `name`, as Textual names it; empty: it is in the menu alone."""
    return next((key.keys for key in _ACTIONS if key.id == f"act.{name}"), "")


def free_keys() -> tuple[str, ...]:
    """Digits and letters that a new pane or action can have: no binding outside dialogs uses them."""
    used = {name for key in _all() if key.place in _TOGETHER for name in key.each}
    return tuple(key for key in _SINGLE if key not in used)


def key_name(key: str) -> str:
    """A key as people write it: `slash` is /, `pagedown` PgDn, `ctrl+f` Ctrl+F."""
    modifier, plus, rest = key.rpartition("+")
    return f"{modifier.title()}+{rest.upper()}" if plus else _NAMES.get(key, key)


def _all() -> Iterator[Key]:
    for pane in PANES:
        yield Key(Place.APP, f"pane.{pane.name}", pane.key, f"pane('{pane.name}')", pane.title)
    yield from (*_PANE, *_TABLE, *_FINDINGS, *_ACTIONS, *_APP, *_DIALOGS, *_SETUP)
