"""Files that plans write: whole, private, never over what somebody else put there."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from console.files import local_files, passwords
from console.model import Kind, LocalFile, Trouble


def test_a_new_file_is_private_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    local_files.write(local_files.planned(path, "text\n", None))
    assert path.read_text() == "text\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["file"]


def test_a_replaced_file_keeps_its_group_but_is_never_for_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("former")
    path.chmod(0o664)
    local_files.write(local_files.planned(path, "new", "former", tmp_path / "kept"))
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "kept").read_text() == "former"


def test_what_a_killed_console_left_is_overwritten(tmp_path: Path) -> None:
    left = tmp_path / ".file.partial"
    left.write_text("half of something long")
    left.chmod(0o600)
    local_files.write(local_files.planned(tmp_path / "file", "new", None))
    assert (tmp_path / "file").read_text() == "new"
    assert not left.exists()


@pytest.mark.parametrize("trick", [os.symlink, os.link])
def test_a_trap_in_the_place_of_the_partial_file_is_refused(tmp_path: Path, trick: object) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    assert callable(trick)
    trick(theirs, tmp_path / ".file.partial")
    with pytest.raises(Trouble) as why:
        local_files.write(local_files.planned(tmp_path / "file", "secret", None))
    assert why.value.kind is Kind.REFUSED
    assert theirs.read_text() == "theirs"


def test_a_file_that_changed_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    planned = local_files.planned(path, "new", None)
    path.write_text("theirs")
    with pytest.raises(Trouble, match="has changed since the plan was made"):
        local_files.write(planned)
    assert path.read_text() == "theirs"


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    path, kept = tmp_path / "a file", tmp_path / "it's kept"
    path.write_text("former")
    planned = local_files.planned(path, "new", "former", kept)
    local_files.write(planned)
    assert local_files.undo(planned) == f"cp -p -- '{kept.parent}/it'\"'\"'s kept' '{path}'"
    local_files.write(local_files.restored(kept, path))
    assert path.read_text() == "former"
    kept.unlink()
    with pytest.raises(Trouble, match="is gone"):
        local_files.restored(kept, path)


def test_the_text_of_a_file_is_in_no_message(tmp_path: Path) -> None:
    planned = local_files.planned(tmp_path / "file", "secret text", None)
    assert "secret text" not in repr(planned)
    assert shlex.quote(str(tmp_path)) in repr(planned)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700, *(0o600 | 1 << bit for bit in range(6))], ids=oct)
def test_a_secret_is_read_only_from_a_file_that_nobody_else_may_touch(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "passwords"
    path.write_text("role=hush\n")
    path.chmod(mode)
    if mode & 0o077:
        with pytest.raises(Trouble) as why:
            local_files.read_secret(path)
        assert why.value.kind is Kind.REFUSED
        assert "hush" not in why.value.sentence + why.value.remedy
    else:
        assert local_files.read_secret(path) == "role=hush\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", ""),
        ("# comment\n\na=1\n b = 2 \nc=x=y", ""),
        ("a\n", "line 1"),
        ("a=1\n=2\n", "line 2"),
        ("a=1\n\nb=\n", "line 3"),
    ],
)
def test_a_line_of_the_password_file_is_a_role_and_its_password(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "passwords"
    path.write_text(text)
    path.chmod(0o600)
    if problem:
        with pytest.raises(Trouble, match=problem) as why:
            passwords.load(str(path), tmp_path)
        assert why.value.kind is Kind.REFUSED
    else:
        assert passwords.load(str(path), tmp_path).known == ({"a": "1", "b": " 2 ", "c": "x=y"} if text else {})


def test_new_passwords_are_added_after_those_that_are_there(tmp_path: Path) -> None:
    found = passwords.Passwords(tmp_path / "passwords", "a=1", {"a": "1"})
    assert passwords.passwords_for(found, ["a"]).steps == ()
    made = passwords.passwords_for(found, ["a", "b"])
    (step,) = made.steps
    assert isinstance(step.execution, LocalFile)
    assert step.execution.text == f"a=1\nb={made.of['b']}\n"
    assert made.of["a"] == "1"
    assert made.of["b"] not in f"{step.sql} {step.note} {made.note} {step.execution!r}"
