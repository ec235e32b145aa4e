"""An empty pane that something would fill says what does."""

from __future__ import annotations

import pytest

from console.actions import ACTIONS
from console.keys import all_keys
from console.panes import pane

SETUP = "setup (U)"


@pytest.mark.parametrize(
    ("name", "view"), [("jobs", "queue"), ("jobs", "recurring"), ("partitions", "parents"), ("capacity", "what-if")]
)
def test_an_empty_pane_names_the_action_or_the_page_that_fills_it(name: str, view: str) -> None:
    (shown,) = (each for each in pane(name).views if each.name == view)
    assert SETUP in shown.empty or any(action.name in shown.empty for action in ACTIONS)


def test_the_guide_has_the_key_that_is_named() -> None:
    assert any("U" in key.each and "guide" in key.title.lower() for key in all_keys())
