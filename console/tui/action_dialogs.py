"""The dialogs before a plan: which action, and its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from console.keys import Place, action_key
from console.model import Parameter, Record
from console.tui.bindings import bindings
from console.tui.form_fields import ParameterField, values
from console.tui.key_guard import SEEN, KeyGuard, answer
from console.tui.text_field import TextField

if TYPE_CHECKING:
    from console.actions.planning import Action

TITLE = 36  # cells


class ActionMenu(ModalScreen[str]):
    """The actions that help with the chosen rows first, then the pane's others, then all; answers with a name."""

    BINDINGS = bindings(Place.MENU)

    def __init__(self, here: Sequence[Action], others: Sequence[Action], rows: Sequence[Record]) -> None:
        """`here` apply to `rows`, in the order of the pane."""
        super().__init__()
        self.guard = KeyGuard(SEEN)
        useless = {action.name: reason for action in here if (reason := _why_useless(action, rows))}
        ordered = sorted(here, key=lambda action: action.name in useless)  # stable: the order of the pane
        self._lines = [
            *((action, useless.get(action.name, ""), bool(rows)) for action in ordered),
            *((action, "", False) for action in others),
        ]

    def compose(self) -> ComposeResult:
        """A field to type part of a name, and one line for each action."""
        with Vertical(classes="dialog menu") as frame:
            frame.border_title = "Actions"
            frame.border_subtitle = "type part of a name · Enter plan · Esc close"
            yield TextField(submit=self._choose, typed=self._show, placeholder="part of a name, or of what it does")
            yield OptionList()

    def on_mount(self) -> None:
        """Take keys from now on."""
        self._show("")
        self.query_one(TextField).focus()
        self.call_after_refresh(self.guard.shown)

    def _choose(self) -> None:
        """Answer with the action under the cursor."""
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            answer(self, options.get_option_at_index(options.highlighted).id)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the action that was clicked."""
        answer(self, event.option.id)

    def action_leave(self) -> None:
        """Choose none."""
        answer(self)

    def action_cursor(self, step: int) -> None:
        """Move while the name is typed."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if step > 0 else options.action_cursor_up()

    def _show(self, typed: str) -> None:
        """Keep the actions with all the words, those that have them in their names before those that mention them."""
        words = typed.lower().split()
        options = self.query_one(OptionList)
        options.clear_options()
        named = {line[0].name: _has(f"{line[0].title} {line[0].name}", words) for line in self._lines}
        for action, reason, on_row in sorted(self._lines, key=lambda line: not named[line[0].name]):
            if named[action.name] or _has(f"{action.title} {action.name} {action.help}", words):
                options.add_option(Option(_line(action, reason, on_row), id=action.name))
        found = bool(options.option_count)
        if not found:
            options.add_option(Option("No action has these words.", disabled=True))
        options.highlighted = 0 if found else None


def _has(text: str, words: Sequence[str]) -> bool:
    return all(word in text.lower() for word in words)


def _why_useless(action: Action, rows: Sequence[Record]) -> str:
    """Why the action would do nothing for all of the rows; empty: it does something for at least one."""
    reasons = [action.useless(row) for row in rows]
    return reasons[0] if reasons and all(reasons) else ""


def _line(action: Action, reason: str, on_row: bool) -> Content:
    own = action_key(action.name)
    key = f" ({own})" if own else ""
    mark = "▸ " if on_row and not reason else "  "
    title = (f"{mark}{action.title}{key}"[:TITLE].ljust(TITLE), "$text-muted" if reason else "bold")
    return Content.assemble(title, (f"no effect: {reason}" if reason else action.help, "$text-muted"))


class Asking(Protocol):
    """What has parameters that can be asked for: an action, or a question."""

    @property
    def title(self) -> str: ...

    @property
    def help(self) -> str: ...

    @property
    def parameters(self) -> tuple[Parameter, ...]: ...


class ParameterDialog(ModalScreen[Mapping[str, str]]):
    """The parameters of an action or a question, what is known of them filled in; answers with their values."""

    BINDINGS = bindings(Place.FORM)

    def __init__(self, asking: Asking, known: Mapping[str, str]) -> None:
        super().__init__()
        self.guard = KeyGuard(SEEN)
        self._asking, self._known = asking, known

    def compose(self) -> ComposeResult:
        """A field for each parameter, the required ones first."""
        with Vertical(classes="dialog -small") as frame:
            frame.border_title = self._asking.title
            frame.border_subtitle = "Enter plan · Tab next field · Esc close"
            yield Static(self._asking.help, markup=False)
            asked = [parameter for parameter in self._asking.parameters if not parameter.exact]
            for parameter in sorted(asked, key=lambda parameter: not parameter.required):
                yield ParameterField(parameter, self._known.get(parameter.name, parameter.default), self._submit)

    def on_mount(self) -> None:
        """Begin at the top; take keys from now on."""
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.query_one(".dialog").scroll_home(animate=False)
        self.guard.shown()

    def action_leave(self) -> None:
        """Plan nothing."""
        answer(self)

    def _submit(self) -> None:
        """Answer with what was given, unless something that is required is missing."""
        fields = list(self.query(ParameterField))
        missing = [field for field in fields if field.lacking]
        if missing:
            missing[0].ask()
            name = missing[0].parameter.name
            self.query_one(".dialog").border_subtitle = f"{name} is missing · Tab next field · Esc close"
        else:
            answer(self, values(fields))
