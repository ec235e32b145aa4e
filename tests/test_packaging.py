"""The wheel, installed and used from a directory that knows nothing of the checkout; the sdist with its own tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

from console.panes import PANES
from tests.command import CHECKOUT
from tests.waiting import PATIENCE


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(CHECKOUT)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed wheel and nothing of its dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    install = ("install", "--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel))
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, timeout=PATIENCE, capture_output=True)
    return folder


def use(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed script in `folder`."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(installed)}
    script = [sys.executable, "-P", str(installed / "bin" / "pipeline-console")]
    return subprocess.run(
        [*script, *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_the_wheel_carries_every_sql_and_configuration_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    for folder in ("sql", "config"):
        files = [path for path in (CHECKOUT / folder).rglob("*") if path.is_file()]
        assert files
        missing = [path for path in files if f"console/content/{path.relative_to(CHECKOUT).as_posix()}" not in held]
        assert not missing
    assert not [name for name in held if name.startswith(("tests/", "sql/", "config/"))]


def test_the_wheel_names_its_licence_and_its_script(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        head = message_from_string(archive.read(metadata).decode())
    assert head["License-Expression"] == "MIT"
    assert head["Name"] == "pipeline-console"


def test_the_installed_console_works_from_any_directory(installed: Path, tmp_path: Path) -> None:
    done = use(installed, tmp_path, "list", "panes", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [entry["name"] for entry in json.loads(done.stdout)] == [pane.name for pane in PANES]
    assert use(installed, tmp_path, "--version").stdout.startswith("pipeline-console 0.")


def test_the_installed_console_reads_its_own_configuration(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("theme: pink\n")
    done = use(installed, tmp_path, "show", "connections", "--config", "bad.yml")
    assert done.returncode == 2
    assert "bad.yml, line 1: theme must be one of" in done.stderr


def test_the_installed_console_finds_its_queries(installed: Path, tmp_path: Path) -> None:
    code = "from console import sql; print(sql.content()); print(sql.load('server_facts').help)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    folder, help_text = done.stdout.splitlines()
    assert Path(folder) == installed / "console" / "content"
    assert help_text


def test_the_wheel_is_typed_and_brings_the_man_page(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert "console/py.typed" in held
    assert [name for name in held if name.endswith(".data/data/share/man/man1/pipeline-console.1")]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution of this checkout."""
    folder = tmp_path_factory.mktemp("sdist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, timeout=PATIENCE, capture_output=True)
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def test_the_sdist_holds_every_file_that_tests_and_documents_need(sources: Path) -> None:
    held = {path.relative_to(sources).as_posix() for path in sources.rglob("*") if path.is_file()}
    folders = ("console", "sql", "config", "tests", "scripts", "docs")
    here = {
        path.relative_to(CHECKOUT).as_posix()
        for folder in folders
        for path in (CHECKOUT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert here - held == set()
    assert {"Makefile", "README.md", "CONTRIBUTING.md", "Dockerfile", "docker-compose.yml", ".ci/run"} <= held


@pytest.mark.slow
def test_the_sdist_passes_its_own_tests(sources: Path, tmp_path: Path) -> None:
    tests = ["tests/test_format.py", "tests/test_config.py", "tests/test_compose.py", "tests/test_recording.py"]
    only = "not (roles_of or fill_installs or recording_a_pane)"  # those need a server
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--basetemp={tmp_path}/own",
            "-k",
            only,
            *tests,
        ],
        cwd=sources,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(sources)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout
