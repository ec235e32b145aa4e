"""The plan of every action: what is done in figures, a short name to type, a lock for all that is locked, undo too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.actions import action
from console.actions.planning import is_short
from console.model import Outcome
from console.model.locks import lock_of
from tests.acting import Desk
from tests.room import AGO, PACK, PENDING, desks, migrations, room
from tests.sql_files import forget_files
from tests.test_action_waits import CASES, Case

__all__ = ["desks", "migrations", "room"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name or case.action)
async def test_a_plan_says_what_it_does_asks_for_a_short_name_and_shows_its_locks(
    desks: Callable[[], Desk], case: Case, migrations: Path, tmp_path: Path
) -> None:
    desk = desks()
    await prepare(desk, case, migrations, tmp_path)
    plan = await desk.plan(action(case.action), **given(desk, case, tmp_path))
    assert plan.steps
    assert plan.result, "a run must report figures, not its number of steps"
    assert is_short(plan.claim.typed) or not plan.destructive
    for step in plan.steps:
        assert not step.undo or lock_of(step.undo, step.on) or not step.on, step.undo
    run = await desk.run(action(case.action), **given(desk, case, tmp_path))
    assert run.outcome is Outcome.DONE, run.message
    assert run.message not in {"", "Done."}
    if run.undo:
        back = await desk.plan(action("undo"))
        assert back.result
        assert is_short(back.claim.typed)
        assert [step.sql for step in back.steps if step.on and not step.lock] == []


async def prepare(desk: Desk, case: Case, migrations: Path, folder: Path) -> None:
    """What stands in the database before the action."""
    (folder / "pack.yml").write_text(PACK)
    desk.do(*case.setup)
    if case.before:
        assert (await desk.run(action(case.before), **dict[str, Any](case.before_given))).outcome is Outcome.DONE
    (migrations / "0900_more.sql").write_text(PENDING)
    forget_files()


def given(desk: Desk, case: Case, folder: Path) -> dict[str, Any]:
    """The parameters of the action."""
    month = desk.ask(f"SELECT to_char({AGO['old']}, 'YYYY-MM')")
    return {name.replace("-", "_"): value.format(month=month, folder=folder) for name, value in case.given}
