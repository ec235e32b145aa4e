"""Help and lists are kept: printed as before without loading what they are made of, made again when that changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console.cli import kept, main
from tests.command import command, loaded_modules, run

LIGHT = {"console", "console.cli", "console.cli.kept", "console.cli.printing"}


@pytest.mark.parametrize("arguments", [("--help",), ("list", "panes"), ("list", "keys", "--format", "json")], ids=str)
def test_what_was_printed_once_is_printed_again_without_loading_it(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    first = run(tmp_path, *arguments)
    found = loaded_modules(tmp_path, command(*arguments))
    assert {name for name in found if name.partition(".")[0] == "console"} == LIGHT
    assert not found & {"argparse", "dataclasses", "re", "typing"}
    again = run(tmp_path, *arguments)
    assert again == first
    assert first.code == 0
    assert len(first.out) > 100
    assert not first.err


def test_a_locale_without_a_character_gets_its_replacement_also_the_second_time(tmp_path: Path) -> None:
    for _ in range(2):
        out = run(tmp_path, "list", "actions").out
        plain = run(tmp_path, "list", "actions", LC_ALL="C").out
        assert not out.isascii()
        assert plain.isascii()
        assert len(plain.splitlines()) == len(out.splitlines())


def test_wrong_usage_is_never_kept(tmp_path: Path) -> None:
    for _ in range(2):
        assert run(tmp_path, "list", "nothing").code == 2
    assert not (tmp_path / ".cache").exists()


def test_a_cache_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert run(tmp_path, "list", "panes", XDG_CACHE_HOME=str(tmp_path / "file")).out.startswith("overview")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that lists are made of, in a console of its own; a list is kept."""
    for folder in kept.DECLARING:
        (tmp_path / "console" / folder / "inner").mkdir(parents=True)
    (tmp_path / "console" / "keys.py").touch()
    declaration = tmp_path / "console" / "actions" / "inner" / "declared.py"
    declaration.touch()
    monkeypatch.setattr(kept, "HERE", str(tmp_path / "console"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept.keep("panes.text", "the panes\n")
    assert kept.kept(["list", "panes"]) == "the panes\n"
    return declaration


def test_a_declaration_that_changed_or_came_makes_it_anew(made: Path) -> None:
    os.utime(made, ns=(0, 1))
    assert kept.kept(["list", "panes"]) is None
    kept.keep("panes.text", "other panes\n")
    assert kept.kept(["list", "panes"]) == "other panes\n"
    made.with_name("another.py").touch()
    assert kept.kept(["list", "panes"]) is None


def test_only_a_file_of_this_user_is_printed(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = made.parents[3] / "pipeline-console" / "panes.text"
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    assert kept.kept(["list", "panes"]) is None


def test_help_for_a_narrow_terminal_is_made_for_it(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert made.exists()
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["--help"]) == 0
    wide = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "80")
    assert kept.kept(["--help"]) == wide
    monkeypatch.setenv("COLUMNS", "50")
    assert kept.kept(["--help"]) is None
    assert main(["--help"]) == 0
    assert max(len(line) for line in capsys.readouterr().out.splitlines() if "COMMAND" in line) <= 50
