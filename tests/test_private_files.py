"""Files for their owner alone: whole or not at all, whatever the umask, the links and the disk."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.demo.passwords import write_private
from console.files import local_files, private
from console.files.archive_files import Partial, manifest_path
from console.model import Kind, Trouble
from console.reading import export
from console.running.trail.audit import Trail
from console.setup.memory import RUN, GuideMemory
from tests.command import CHECKOUT

TEXT = "secret\n" * 100


def planned(path: Path) -> None:
    local_files.write(local_files.planned(path, TEXT, local_files.read(path)))


def exported(path: Path) -> None:
    partial = Partial(path)
    try:
        partial.write(os.urandom(10_000))
        partial.finish()
        partial.publish(path, {"rows": 0, "at": datetime.now(UTC)})
    finally:
        partial.discard()


TRAIL = "the audit trail"  # which is appended to; a line that a full disk cut short is ignored
WRITERS: dict[str, Callable[[Path], object]] = {
    "a file of a plan": planned,
    "an export of a pane": lambda path: export.write(path, TEXT),
    "the decisions of the guide": lambda path: GuideMemory(path).decide("schema", RUN),
    "passwords of the demo": lambda path: write_private(path, TEXT),
    "an export of an archive": exported,
    TRAIL: lambda path: Trail(path).write({"entry": "start"}),
}
REPLACING = ("a file of a plan", "the decisions of the guide", "passwords of the demo")
every = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
replacing = pytest.mark.parametrize("write", [WRITERS[name] for name in REPLACING], ids=REPLACING)


@pytest.fixture(params=[0o000, 0o022, 0o277, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """The process has another umask."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@every
@pytest.mark.usefixtures("umask")
def test_a_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path, write: Callable[[Path], object]) -> None:
    path = tmp_path / "file.csv.gz"
    write(path)
    assert {each.name: mode(each) for each in tmp_path.iterdir()} == {each.name: 0o600 for each in tmp_path.iterdir()}
    assert {path.name} <= {each.name for each in tmp_path.iterdir()} <= {path.name, manifest_path(path).name}


@pytest.mark.usefixtures("umask")
def test_missing_folders_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    private.make_folder(tmp_path / "a" / "b" / "c")
    assert [mode(tmp_path / each) for each in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_a_folder_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private.make_folder(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        private.make_folder(tmp_path / "file")


@replacing
def test_a_replaced_file_is_closed_to_other_users(tmp_path: Path, write: Callable[[Path], object]) -> None:
    path = tmp_path / "file"
    path.touch(0o600)
    path.chmod(0o646)
    write(path)
    assert not mode(path) & 0o007


def test_a_trail_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.touch()
    path.chmod(0o644)
    Trail(path).write({"entry": "start"})
    assert mode(path) == 0o600


@pytest.mark.parametrize("trick", [os.symlink, os.link], ids=["symbolic link", "hard link"])
def test_a_trail_that_leads_elsewhere_is_neither_written_nor_believed(
    tmp_path: Path, trick: Callable[[Path, Path], None]
) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text('{"entry": "start"}\n')
    theirs.chmod(0o644)
    trick(theirs, tmp_path / "audit.jsonl")
    trail = Trail(tmp_path / "audit.jsonl")
    for use in (lambda: trail.write({"entry": "end"}), lambda: list(trail.entries())):
        with pytest.raises(Trouble, match=r"is a symbolic link|has a second name") as caught:
            use()
        assert caught.value.kind is Kind.REFUSED
    assert theirs.read_text() == '{"entry": "start"}\n'
    assert mode(theirs) == 0o644 or trick is os.link


def test_a_trail_that_others_could_have_written_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text('{"entry": "start"}\n')
    path.chmod(0o666)
    with pytest.raises(Trouble, match="is open to other users"):
        list(Trail(path).entries())
    path.chmod(0o644)
    assert len(list(Trail(path).entries())) == 1


@every
@pytest.mark.parametrize("trick", [os.symlink, os.link], ids=["symbolic link", "hard link"])
def test_no_file_of_another_user_is_written_through_a_trap(
    tmp_path: Path, write: Callable[[Path], object], trick: Callable[[Path, Path], None]
) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    theirs.chmod(0o644)
    for name in (".file.csv.gz.partial", "file.csv.gz.partial"):
        trick(theirs, tmp_path / name)
    if write is not WRITERS[TRAIL]:
        with pytest.raises((Trouble, OSError)):
            write(tmp_path / "file.csv.gz")
        assert not (tmp_path / "file.csv.gz").exists()
    assert (theirs.read_text(), mode(theirs)) == ("theirs", 0o644)


@replacing
def test_a_symbolic_link_is_replaced_and_its_target_stays(tmp_path: Path, write: Callable[[Path], object]) -> None:
    theirs, path = tmp_path / "theirs", tmp_path / "file"
    theirs.write_text("theirs")
    path.symlink_to(theirs)
    write(path)
    assert theirs.read_text() == "theirs"
    assert not path.is_symlink()


def test_a_new_file_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("theirs")
    with pytest.raises(FileExistsError):
        private.write(path, TEXT, new=True)
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        private.write(path, TEXT, new=True)
    assert {each.name for each in tmp_path.iterdir()} == {"file"}


# A limit on the size of files fails a write as a full disk does, and takes no rights.
FULL = """
import resource, signal, sys
from pathlib import Path
from tests.test_private_files import WRITERS
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
try:
    WRITERS[sys.argv[1]](Path(sys.argv[2]))
except Exception as why:
    print(type(why).__name__)
"""


@pytest.mark.parametrize("name", [name for name in WRITERS if name != TRAIL])
def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file.csv.gz"
    kept = name in REPLACING
    if kept:
        path.write_text("former\n")
    done = subprocess.run(
        [sys.executable, "-c", FULL, name, str(path)], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() in {"Trouble", "OSError"}, done.stderr
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == ({path.name: "former\n"} if kept else {})


def test_a_full_disk_is_reported_and_leaves_the_former_file(tiny: Path) -> None:
    path = tiny / "file"
    local_files.write(local_files.planned(path, "former", None))
    with pytest.raises(Trouble, match="There is no space left for") as caught:
        local_files.write(local_files.planned(path, "x" * 100_000, "former"))
    assert caught.value.kind is Kind.FAILED
    assert {each.name: each.read_text() for each in tiny.iterdir()} == {"file": "former"}


def test_two_writers_never_mix(tmp_path: Path) -> None:
    path = tmp_path / "file"
    texts = ["a" * 50_000, "b" * 50_000]
    refused: list[BaseException] = []

    def write(text: str) -> None:
        for _ in range(50):
            try:
                private.write(path, text)
            except BlockingIOError as busy:
                refused.append(busy)

    writers = [threading.Thread(target=write, args=(text,)) for text in texts]
    for each in writers:
        each.start()
    while any(each.is_alive() for each in writers):
        assert not path.exists() or path.read_text() in texts
    for each in writers:
        each.join()
    assert path.read_text() in texts
    assert len(refused) < 100
    assert {each.name for each in tmp_path.iterdir()} == {"file"}


def test_the_file_a_killed_process_left_behind_is_overwritten(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from console.files import private\n"
    code += "with private.replacing(Path(sys.argv[1])) as f: f.write(b'half'); f.flush(); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "file")], cwd=CHECKOUT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [each.name for each in tmp_path.iterdir()] == [".file.partial"]
    private.write(tmp_path / "file", "whole")
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"file": "whole"}
