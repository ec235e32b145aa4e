"""No key waits for code that is loaded: what is seldom used is loaded in a thread."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from console.actions import ACTIONS, MODULES, action
from console.keys import Place, all_keys
from tests.command import environment, loaded_modules
from tests.servers import PostgresServer
from tests.waiting import PATIENCE


def test_no_key_and_no_pane_waits_for_code(any_pg: PostgresServer, pipeline: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.key_loads", any_pg.uri(pipeline)],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=10 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}


def test_the_screen_loads_no_action_and_nothing_that_draws_curves(tmp_path: Path) -> None:
    found = loaded_modules(tmp_path, "import console.tui.app")
    assert not [name for name in found if name.startswith(("console.actions.", "console.running.execution"))]
    assert found.isdisjoint({"plotext", "yaml", "console.tui.plan_dialog", "console.tui.action_dialogs"})


def test_an_action_is_loaded_by_its_name_alone(tmp_path: Path) -> None:
    found = loaded_modules(tmp_path, "from console.actions import action; action('drop-slot')")
    assert "console.actions.replication.drop_slot" in found
    assert not [name for name in found if name.startswith("console.actions.maintenance")]


def test_every_action_is_found_under_its_name_and_the_key_of_each_has_its_title() -> None:
    assert [each.name for each in ACTIONS] == list(MODULES)
    keys = [key for key in all_keys() if key.place is Place.APP and key.id.startswith("act.")]
    assert len(keys) == 6
    assert [key.id for key in keys if not key.title.startswith(action(key.id.removeprefix("act.")).title)] == []
