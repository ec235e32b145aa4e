"""The dialogs before a change: which action, its parameters, its plan. Nothing runs without the last one's yes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from console.actions.planning import Action
from console.format import one_line, safe, show
from console.keys import Place
from console.model import Plan, Snapshot
from console.running.plan_lines import Sort, plan_lines
from console.tui.bindings import bindings

Parts = list[tuple[str, str] | str]
NARROWEST = 12  # cells that a column is worth showing in
INDENTED = {Sort.FACT: "   ", Sort.UNDO: "   ", Sort.SQL: "   "}
STYLES = {
    Sort.SUMMARY: "bold",
    Sort.HEADING: "bold $text-warning",
    Sort.STEP: "bold $accent",
    Sort.FACT: "$text-muted",
    Sort.UNDO: "$text-muted",
}


class ActionMenu(ModalScreen[str]):
    """The actions of a pane first, then all others; answers with a name."""

    BINDINGS = bindings(Place.LIST)

    def __init__(self, here: Sequence[Action], others: Sequence[Action]) -> None:
        super().__init__()
        self._here, self._others = here, others

    def compose(self) -> ComposeResult:
        """A list with what each action does."""
        with Vertical(classes="dialog -small") as frame:
            frame.border_title = "Actions"
            frame.border_subtitle = "enter plan it · esc close"
            divided = [None] if self._here and self._others else []
            yield OptionList(
                *(self._option(action) for action in self._here), *divided, *(self._option(a) for a in self._others)
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the action's name."""
        self.dismiss(event.option.id)

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
        self._action, self._known = action, known

    def compose(self) -> ComposeResult:
        """A field for each parameter."""
        with Vertical(classes="dialog -small") as frame:
            frame.border_title = self._action.title
            frame.border_subtitle = "enter plan it · tab next field · esc close"
            yield Static(self._action.help, markup=False)
            for parameter in self._action.parameters:
                yield Static(Content.assemble((parameter.name, "bold"), f"  {parameter.help}"), markup=False)
                yield Input(self._known.get(parameter.name, parameter.default), name=parameter.name)

    def on_input_submitted(self) -> None:
        """Answer with what the fields hold."""
        self.dismiss({str(field.name): field.value for field in self.query(Input) if field.value})


class PlanDialog(ModalScreen[bool]):
    """Every statement with its lock, its estimate and its undo; a destructive plan wants its subject typed."""

    BINDINGS = bindings(Place.PLAN)

    def __init__(self, action: Action, plan: Plan) -> None:
        super().__init__()
        self._action, self._plan = action, plan

    def compose(self) -> ComposeResult:
        """The plan as text; below it the field for the name where one is asked for."""
        with Vertical(classes="dialog") as frame:
            frame.border_title = f"Plan: {self._action.title}"
            frame.border_subtitle = (
                "type the name, enter run · esc close" if self._plan.destructive else "r run · esc close"
            )
            with VerticalScroll():
                yield Static(plan_text(self._plan, min(132, self.app.size.width * 96 // 100) - 6), markup=False)
            if self._plan.destructive:
                yield Static(f"Type {safe(self._plan.claim.typed)} to run this:", classes="wrong", markup=False)
                yield Input()

    def on_mount(self) -> None:
        """Reading comes first; a name is typed only on purpose."""
        (self.query_one(Input) if self._plan.destructive else self.query_one(VerticalScroll)).focus()

    def action_run(self) -> None:
        """Yes, unless a name must be typed."""
        if not self._plan.destructive:
            self.dismiss(True)

    def action_leave(self) -> None:
        """No."""
        self.dismiss(False)

    def action_scroll_body(self, lines: int) -> None:
        """Scroll as j and k do everywhere."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Yes, when the name is right."""
        if event.value == self._plan.claim.typed:
            self.dismiss(True)
        else:
            self.query_one(".wrong", Static).update(
                f"Name does not match. Type {safe(self._plan.claim.typed)} to run this:"
            )


class QuitDialog(ModalScreen[bool]):
    """Whether to leave although actions run."""

    BINDINGS = bindings(Place.QUIT)

    def __init__(self, running: int) -> None:
        super().__init__()
        self._count = running

    def compose(self) -> ComposeResult:
        """The question."""
        with Vertical(classes="dialog -small") as frame:
            frame.border_title = "Quit?"
            yield Static(
                f"{self._count} action(s) still run. Quitting stops them; the same action resumes later.\n\n"
                "y quit · n stay",
                markup=False,
            )

    def action_answer(self, answer: bool) -> None:
        """Answer."""
        self.dismiss(answer)


def plan_text(plan: Plan, room: int) -> Content:
    """A plan as it is shown before it runs; its table takes at most `room` cells a line."""
    parts: Parts = []
    for line in plan_lines(plan):
        match line.sort:
            case Sort.SUBJECT:
                parts += [("Acts on  ", "bold"), f"{line.text}\n"]
            case Sort.NOTE:
                parts.append(f"· {line.text}\n")
            case Sort.TABLE if plan.table is not None:
                parts += _table(plan.table, room)
            case sort:
                parts.append((f"{INDENTED.get(sort, '')}{line.text}\n", STYLES.get(sort, "")))
    return Content.assemble(*parts)


def _table(table: Snapshot, room: int) -> Parts:
    """The table in at most `room` cells a line: columns as they fit, the last of them cut."""
    lines = [table.columns, *([one_line(show(value, "text")) for value in row] for row in table.rows)]
    widths = [min(32, max(len(line[at]) for line in lines)) for at in range(len(table.columns))]
    shown: list[int] = []
    for width in widths:
        left = room - sum(shown) - 2 * len(shown)
        if left < min(width, NARROWEST):
            break
        shown.append(min(width, left))
    text = ["  ".join(f"{cell[:width]:<{width}}" for cell, width in zip(line, shown, strict=False)) for line in lines]
    return [(text[0], "bold underline"), "\n", "\n".join(text[1:]), "\n"]
