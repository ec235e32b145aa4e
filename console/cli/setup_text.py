"""The pages of the set-up guide as text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.cli.plan_text import plan_text, run_record
from console.format import counted, safe, to_json
from console.model import Facts, Outcome
from console.running.progress import Run
from console.setup.guide import PageState, Standing
from console.setup.pages import Page


def page_head(number: int, total: int, page: Page) -> str:
    """Number, title, purpose and reason of a page."""
    return f"\n{number}/{total}  {page.title} ({page.name})\n  {page.what}\n  {page.why}\n"


def page_text(state: PageState, later: bool = False) -> str:
    """The state of a page and its notes, indented."""
    return "".join(f"  {line}\n" for line in _lines(state, later))


def plans_text(state: PageState) -> str:
    """The plans of a page, statement by statement, indented."""
    texts = "\n".join(plan_text(plan) for plan in state.plans)
    return "".join(f"    {line}".rstrip() + "\n" for line in texts.splitlines())


def is_left(state: PageState) -> bool:
    """Whether the page has work left that this run cannot do."""
    return state.standing in {Standing.CANNOT, Standing.WAITS, Standing.TODO} or bool(state.unmeasured)


def result_text(pages: Iterable[tuple[Page, PageState, str, Sequence[Run]]]) -> str:
    """The end of a set-up as one list: what is done, and what is left, why, and on a line of its own how to do it."""
    done: list[str] = []
    left: dict[str, None] = {}
    lacking: set[str] = set()  # sentences: a page that repeats an earlier one cannot run for the same reason
    found = list(pages)
    for at, (page, state, skipped, runs) in enumerate(found, 1):
        steps = sum(step.status == "done" for run in runs for step in run.steps)
        if steps:
            done.append(f"  {page.title}: {counted(steps, 'step')}")
        planned_later = {action for later, *_ in found[at:] for action in later.actions}
        # What a later page plans again is reported there.
        still = () if planned_later.intersection(page.actions) else state.left
        if not (page.again and state.sentence in lacking):
            left |= dict.fromkeys(f"  {page.title}: {line}" for line in (*_remains(state, skipped), *map(safe, still)))
        lacking.add(state.sentence)
    lines = [*(["Done:", *done] if done else []), *(["Left:", *left] if left else [])]
    return "\n" + "".join(f"{line}\n" for line in lines) if lines else ""


def _remains(state: PageState, skipped: str) -> Iterable[str]:
    """Each thing that a page leaves: why, and how to do it."""
    if skipped:
        yield f"skipped {safe(skipped)}"
    elif state.unmeasured:
        yield " ".join(line.strip() for line in _lines(state, later=True))
    elif is_left(state):
        remedy = f"\n    remedy: {safe(state.remedy)}" if state.remedy else ""
        yield f"{safe(state.sentence)}{remedy}".strip() or f"{counted(state.steps, 'step')} still to do"


def document(
    facts: Facts, outcome: Outcome | None, message: str, pages: Iterable[tuple[Page, PageState, str, Sequence[Run]]]
) -> str:
    """The JSON document of a set-up. `steps` of a page are those of its runs or, where none ran, of its plans."""
    return (
        to_json(
            {
                "outcome": outcome.value if outcome else "planned",
                "message": message,
                "server": facts.label,
                "database": facts.database,
                "pages": [_record(*page) for page in pages],
            }
        )
        + "\n"
    )


def _lines(state: PageState, later: bool) -> Iterable[str]:
    if later:
        asked = ", ".join(state.unmeasured)
        yield f"later: {asked} of the server's machine cannot be measured from here and will not be guessed."
        yield f"  {' '.join(f'--set tuning.{name}=…' for name in state.unmeasured)} provides it."
        return
    steps = f": {counted(state.steps, 'step')}" if state.steps else ""
    sentence = f": {safe(state.sentence)}" if state.sentence and not steps else ""
    if state.standing is Standing.DONE:
        yield "nothing to do"
    elif state.standing is not Standing.READ:
        yield f"{state.standing.value}{steps}{sentence}"
    if steps and state.sentence:
        yield f"cannot: {safe(state.sentence)}"
    if state.remedy:
        yield f"remedy: {safe(state.remedy)}"
    if state.standing in {Standing.READ, Standing.TODO, Standing.CANNOT}:
        yield from (f"· {safe(note)}" for note in state.notes)
    yield from (f"  {safe(line)}" for line in state.file)


def _record(page: Page, state: PageState, skipped: str, runs: Sequence[Run]) -> dict[str, object]:
    records = [run_record(run) for run in runs]
    steps: list[object] = []
    for record in records:
        found = record["steps"]
        steps += found if isinstance(found, list) else []
    return {
        "name": page.name,
        "title": page.title,
        "what": page.what,
        "why": page.why,
        "state": "skipped" if skipped else "later" if state.unmeasured else state.standing.value,
        "sentence": skipped or state.sentence,
        "remedy": state.remedy,
        "notes": list(state.notes),
        "file": list(state.file),
        "steps": steps,
        "runs": records,
    }
