"""Shell completion, asked as the shells ask it; and the man page, which says what the command line accepts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from console.actions import ACTIONS
from console.cli.commands import COMMANDS
from console.panes import PANES
from scripts import docs, manual
from tests.command import environment, run
from tests.waiting import PATIENCE

CONFIGURATION = "targets:\n  production: {uri: 'host=db1'}\n  practice: {uri: 'host=db2'}\n"
# Completes the line as bash does when Tab is pressed, and prints what it would offer.
ASK = r"""
source <(pipeline-console completion bash)
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
read -ra COMP_WORDS <<< "$1"
[[ $1 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_python_argcomplete pipeline-console "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""

Ask = Callable[[str], list[str]]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the program `pipeline-console`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "pipeline-console"
    program.write_text(f"#!{sys.executable}\nfrom console.cli import main\nraise SystemExit(main())\n")
    program.chmod(0o755)
    return folder


@pytest.fixture
def ask(programs: Path, tmp_path: Path) -> Ask:
    """What bash offers for a line."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    settings = tmp_path / ".config" / "pipeline-console"
    settings.mkdir(parents=True)
    (settings / "console.yml").write_text(CONFIGURATION)
    (tmp_path / ".pg_service.conf").write_text("[warehouse]\nhost=db3\n")

    def asked(line: str) -> list[str]:
        environ = environment(tmp_path, {"PATH": f"{programs}:{os.environ['PATH']}"})
        done = subprocess.run(
            [bash, "--norc", "-c", ASK, "bash", line],
            env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
        return sorted(word.strip() for word in done.stdout.splitlines() if word.strip())

    return asked


def test_commands_panes_actions_and_views_are_completed(ask: Ask) -> None:
    assert ask("pipeline-console ") == sorted(COMMANDS)
    assert ask("pipeline-console show ") == sorted(pane.name for pane in PANES)
    assert ask("pipeline-console open --pane loc") == ["locks"]
    assert set(ask("pipeline-console run archive")) == {
        action.name for action in ACTIONS if action.name.startswith("archive")
    }
    [locks] = [pane for pane in PANES if pane.name == "locks"]
    assert ask("pipeline-console show locks --view ") == sorted(view.name for view in locks.views)
    assert "--read-only" in ask("pipeline-console show locks --re")


def test_the_parameters_of_the_chosen_action_are_completed(ask: Ask) -> None:
    [action] = [action for action in ACTIONS if action.name == "create-partitions"]
    names = sorted(f"{parameter.name}=" for parameter in action.parameters)
    assert ask("pipeline-console run create-partitions --set ") == names
    assert ask(f"pipeline-console run create-partitions --set {names[0]}x --set ") == names[1:]


def test_targets_of_the_configuration_and_services_are_completed(ask: Ask) -> None:
    assert ask("pipeline-console open ") == ["practice", "production", "warehouse"]
    assert ask("pipeline-console doctor -t prod") == ["production"]


def test_rules_are_completed(ask: Ask) -> None:
    for line in ("check --only ", "check --ignore ", "explain-rule "):
        assert ask(f"pipeline-console {line}blocking") == ["blocking-session"]


def test_incident_files_are_completed_where_no_target_is_called_so_and_no_names_for_a_time(
    ask: Ask, tmp_path: Path
) -> None:
    (tmp_path / "night.incident").touch()
    assert ask("pipeline-console open ni") == ["night.incident"]
    assert ask("pipeline-console report ni") == ["night.incident"]
    assert ask("pipeline-console open prod") == ["production"]
    assert ask("pipeline-console show locks --at ") == []


def test_options_without_a_command_are_completed_as_those_of_open(ask: Ask) -> None:
    assert ask("pipeline-console --pane loc") == ["locks"]
    assert ask("pipeline-console -t prod") == ["production"]
    assert ask("pipeline-console --read-only --pan") == ["--pane"]
    assert ask("pipeline-console --vers") == ["--version"]


def test_a_broken_configuration_completes_nothing_and_prints_nothing(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / ".config" / "pipeline-console" / "console.yml").write_text("targets: [\n")
    assert ask("pipeline-console doctor -t ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_accepted_by_it(tmp_path: Path, shell: str) -> None:
    done = run(tmp_path, "completion", shell)
    assert (done.code, done.err) == (0, "")
    assert "pipeline-console" in done.out
    program = shutil.which(shell)
    if program is not None:
        checked = subprocess.run([program, "-n"], input=done.out, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_another_shell_is_a_usage_error(tmp_path: Path) -> None:
    done = run(tmp_path, "completion", "tcsh")
    assert done.code == 2
    assert "'bash', 'zsh', 'fish'" in done.err


def test_the_man_page_is_current() -> None:
    assert docs.MANUAL.read_text(encoding="utf-8") == manual.page(), "run python -m scripts.docs"


def test_the_man_page_names_every_command_pane_and_action_and_is_sound_roff(tmp_path: Path) -> None:
    man = shutil.which("man")
    if man is None:
        pytest.skip("no man")
    environ = environment(tmp_path, {"MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
    done = subprocess.run(
        [man, "--warnings", "-l", str(docs.MANUAL)], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for name in (*COMMANDS, *(pane.name for pane in PANES), *(action.name for action in ACTIONS)):
        assert name in done.stdout, name
