"""The dialogs before a plan: which action, and its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from console.actions.planning import Action
from console.keys import Place
from console.tui.bindings import bindings
from console.tui.key_guard import SEEN, KeyGuard, answer


class ActionMenu(ModalScreen[str]):
    """The actions of a pane first, then all others; answers with a name."""

    BINDINGS = bindings(Place.LIST)

    def __init__(self, here: Sequence[Action], others: Sequence[Action]) -> None:
        super().__init__()
        self.guard = KeyGuard(SEEN)
        self._here, self._others = here, others

    def compose(self) -> ComposeResult:
        """A list with what each action does."""
        with Vertical(classes="dialog -small") as frame:
            frame.border_title = "Actions"
            frame.border_subtitle = "Enter plan · Esc close"
            divided = [None] if self._here and self._others else []
            yield OptionList(
                *(self._option(action) for action in self._here), *divided, *(self._option(a) for a in self._others)
            )

    def on_mount(self) -> None:
        """Take keys from now on."""
        self.call_after_refresh(self.guard.shown)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the action's name."""
        answer(self, event.option.id or "")

    def action_cursor(self, step: int) -> None:
        """Move as j and k do everywhere."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if step > 0 else options.action_cursor_up()

    @staticmethod
    def _option(action: Action) -> Option:
        key = f" ({action.key})" if action.key else ""
        return Option(
            Content.assemble((f"{action.title}{key}  ", "bold"), (action.help, "$text-muted")), id=action.name
        )


class ParameterDialog(ModalScreen[dict[str, str]]):
    """The parameters of an action, what is known of them filled in; answers with their values."""

    BINDINGS = bindings(Place.FORM)

    def __init__(self, action: Action, known: Mapping[str, str]) -> None:
        super().__init__()
        self.guard = KeyGuard(SEEN)
        self._action, self._known = action, known

    def compose(self) -> ComposeResult:
        """A field for each parameter."""
        with Vertical(classes="dialog -small") as frame:
            frame.border_title = self._action.title
            frame.border_subtitle = "Enter plan · Tab next field · Esc close"
            yield Static(self._action.help, markup=False)
            for parameter in self._action.parameters:
                yield Static(Content.assemble((parameter.name, "bold"), f"  {parameter.help}"), markup=False)
                yield Input(self._known.get(parameter.name, parameter.default), name=parameter.name)

    def on_mount(self) -> None:
        """Take keys from now on."""
        self.call_after_refresh(self.guard.shown)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with what the fields held when Enter was pressed."""
        values = {field: field.value for field in self.query(Input)} | {event.input: event.value}
        answer(self, {str(field.name): value for field, value in values.items() if value})
