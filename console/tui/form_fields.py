"""The fields of a form: a text, or a choice with what each value does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Click
from textual.widget import Widget
from textual.widgets import Static

from console.keys import Place
from console.model import Choice, Parameter
from console.tui.bindings import bindings
from console.tui.text_field import TextField

OTHER = "\0other"  # the choice whose value is typed


class ChoiceField(Widget, can_focus=True):
    """One of several values, a line each; beyond the first and the last line the keys turn to another field."""

    BINDINGS = bindings(Place.CHOICE)

    def __init__(
        self, choices: Sequence[Choice], value: str, changed: Callable[[], object], submit: Callable[[], object]
    ) -> None:
        """`changed` is called when another value was chosen, `submit` for Enter; both before the next key acts."""
        super().__init__()
        self._changed, self._submit = changed, submit
        self._choices = tuple(choices)
        self._at = next((at for at, choice in enumerate(self._choices) if choice.value == value), -1)
        self.styles.height = len(self._choices)

    @property
    def value(self) -> str:
        """The chosen value; empty: none is chosen."""
        return self._choices[self._at].value if self._at >= 0 else ""

    def render(self) -> Content:
        """The choices, the chosen one marked."""
        width = max(len(_name(choice)) for choice in self._choices)
        lines = []
        for at, choice in enumerate(self._choices):
            style = "bold $accent" if at == self._at else ""
            mark = "(*)" if at == self._at else "( )"
            lines.append(
                Content.assemble((f"{mark} {_name(choice):<{width}}  ", style), (choice.help, "$text-muted")).truncate(
                    max(1, self.size.width), ellipsis=True
                )
            )
        return Content("\n").join(lines)

    def action_choose(self, step: int) -> None:
        """The next choice, or the one before; past the ends another field."""
        at = self._at + step
        if at >= len(self._choices):
            self.app.action_focus_next()
        elif at < 0:
            self.app.action_focus_previous()
        else:
            self._choose(at)

    def action_submit(self) -> None:
        """Confirm the form."""
        self._submit()

    def on_click(self, event: Click) -> None:
        """Choose the line under the mouse."""
        if 0 <= event.y < len(self._choices):
            self._choose(event.y)

    def _choose(self, at: int) -> None:
        self._at = at
        self.refresh()
        self._changed()


class ParameterField(Vertical):
    """A parameter of an action: its name, whether it is required, what it means, and the field for its value."""

    def __init__(self, parameter: Parameter, value: str, submit: Callable[[], object]) -> None:
        """`submit` is called for Enter."""
        super().__init__()
        self.parameter = parameter
        offered = parameter.choices()
        typed = bool(value) and value not in {choice.value for choice in offered}
        if offered and parameter.other:
            offered = (*offered, Choice(OTHER, parameter.other))
        chosen = OTHER if typed and parameter.other else value
        self._choice = ChoiceField(offered, chosen, self._show_text, submit) if offered else None
        self._text = TextField(value if typed or not offered else "", submit=submit)

    def compose(self) -> ComposeResult:
        """The label above the field."""
        yield Static(self._label(), classes="label", markup=False)
        if self._choice is not None:
            yield self._choice
        yield self._text
        self._show_text()

    @property
    def value(self) -> str:
        """What was given; empty: nothing."""
        if self._choice is None or self._choice.value == OTHER:
            return self._text.value
        return self._choice.value

    @property
    def lacking(self) -> bool:
        """Whether a value is required and none was given."""
        return self.parameter.required and not self.value.strip()

    def ask(self) -> None:
        """Say that the value is required, and go to its field."""
        self.query_one(".label", Static).update(Content.assemble(self._label(), ("  is missing", "bold $text-error")))
        field = self._text if self._choice is None or self._choice.value == OTHER else self._choice
        self.screen.set_focus(field, scroll_visible=False)
        self.call_after_refresh(self.scroll_visible, animate=False, top=True)

    def _label(self) -> Content:
        required = " (required)" if self.parameter.required else ""
        what = "" if self._choice is not None else self.parameter.help
        return Content.assemble((self.parameter.name, "bold"), (required, "$text-muted"), f"  {what}".rstrip())

    def _show_text(self) -> None:
        """Show the field for another value where that was chosen."""
        self._text.display = self._choice is None or self._choice.value == OTHER


def values(fields: Sequence[ParameterField]) -> Mapping[str, str]:
    """What was given, by parameter."""
    return {field.parameter.name: field.value for field in fields if field.value}


def _name(choice: Choice) -> str:
    return "other" if choice.value == OTHER else choice.value or "-"
