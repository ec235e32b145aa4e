"""The text of the set-up guide's pages."""

from __future__ import annotations

from textual.content import Content

from console.format import one_line, safe
from console.model import Trouble
from console.setup.guide import PageState, Standing
from console.setup.memory import LATER, SKIP, Decisions
from console.setup.pages import Page
from console.tui.plan_dialog import plan_text

MARKS = {
    "done": "✓",
    "not applicable": "✓",
    "to do": "▸",
    "waits": "·",
    "cannot": "!",
    "skipped": "-",
    "later": "-",
    "to read": " ",
}
PUT_OFF = {SKIP: "skipped", LATER: "later"}
SHORT = {"not applicable": "no need", "to read": "read"}
STYLES = {
    "done": "$text-success",
    "not applicable": "$text-success",
    "to do": "bold $accent",
    "cannot": "$text-warning",
}


def word(page: Page, state: PageState | None, decisions: Decisions) -> str:
    """The state of a page in a word, or the decision to postpone it. Empty: not read yet."""
    if state is None:
        return ""
    if state.standing in {Standing.TODO, Standing.CANNOT, Standing.WAITS}:
        for name in (page.name, page.again):
            if name in decisions.pages and decisions.pages[name].choice in PUT_OFF:
                return PUT_OFF[decisions.pages[name].choice]
    return state.standing.value


def option_text(word: str, title: str) -> Content:
    """One line of the list: mark, state and title."""
    return Content.assemble(
        (f"{MARKS.get(word, ' ')} {SHORT.get(word, word):<8}", STYLES.get(word, "$text-muted")), title
    )


def page_content(page: Page, state: PageState | None, word: str, trouble: Trouble | None, room: int) -> Content:
    """Everything about one page: purpose, reason, state, notes, every statement."""
    parts: list[Content | tuple[str, str] | str] = [
        (f"{page.title}\n", "bold $accent"),
        f"{page.what}\n",
        (f"{page.why}\n\n", "$text-muted"),
    ]
    if trouble is not None:
        parts.append((f"{safe(trouble)}\nu reads again.\n", "bold $text-warning"))
    if state is None:
        return Content.assemble(*parts, "" if trouble else "reading…")
    parts += _standing(state, word)
    parts += [f"· {one_line(note)}\n" for note in state.notes if not state.plans]
    parts += [f"{safe(line)}\n" for line in state.file]
    for plan in state.plans:
        parts += ["\n", (f"{plan.action}\n", "bold underline"), plan_text(plan, room)]
    return Content.assemble(*parts)


def _standing(state: PageState, word: str) -> list[tuple[str, str] | str]:
    steps = f": {state.steps} {'step' if state.steps == 1 else 'steps'}" if state.steps else ""
    parts: list[tuple[str, str] | str] = []
    if state.standing is not Standing.READ:
        parts.append((f"{word}{steps}\n", STYLES.get(word, "bold")))
    if state.sentence:
        parts.append(f"{safe(state.sentence)}\n")
    if state.remedy:
        parts += [("remedy  ", "bold"), f"{safe(state.remedy)}\n"]
    if state.asks:
        parts.append(
            (f"Press o to enter {', '.join(state.asks)}, which cannot be measured from here.\n", "$text-warning")
        )
    return parts
