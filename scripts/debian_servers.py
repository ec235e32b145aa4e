"""Servers that are newer than the machine's own Debian, unpacked into a folder and run from there.

apt downloads the packages, with lists of its own, from the mirror that the machine uses; nothing is installed and no
rights are needed. Each program becomes a shell script that starts the unpacked one with the unpacked loader and
libraries, because the machine's C library may be older.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

KEYRINGS = Path("/usr/share/keyrings")
# A library that a server needs, as its package is called; what only scripts of the packages need is left out.
LIBRARY = re.compile(r"^(lib|zlib)(?!.*(perl|-modules|-common|newt|slang|debian))")
PROGRAM = """#!/bin/sh
here=$(cd -P "$(dirname "$0")" && pwd)
root=$here/{up}
exec "$root/{loader}" --inhibit-cache --library-path "$root/{libraries}" --argv0 "$here/{name}" "$here/{real}" "$@"
"""
REAL = "unpacked"  # next to the scripts: the programs themselves


class Unavailable(Exception):  # noqa: N818  a sentence for the user
    """Why a server cannot be had."""


@dataclass(frozen=True, slots=True)
class Apt:
    """apt with lists of its own below `folder`, for the given suites of the machine's Debian mirror."""

    folder: Path
    suites: tuple[str, ...]

    def prepare(self) -> None:
        """Download the lists of the suites, once. Raises Unavailable."""
        if self.folder.exists():
            return
        if not all(shutil.which(program) for program in ("apt-get", "apt-cache", "dpkg-deb")):
            raise Unavailable("this system has no apt")
        (self.folder / "lists" / "partial").mkdir(parents=True)
        (self.folder / "cache" / "archives" / "partial").mkdir(parents=True)
        (self.folder / "status").touch()
        keyring, source = _keyring(), _mirror()
        lines = [f"deb [signed-by={keyring}] {source} {suite} main\n" for suite in self.suites]
        (self.folder / "sources.list").write_text("".join(lines))
        self.run("apt-get", "update", "-qq")

    def libraries(self, packages: Sequence[str]) -> list[str]:
        """The packages of libraries that `packages` depend on, directly or not. Raises Unavailable."""
        leave = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
        options = ("--recurse", *(f"--no-{kind}" for kind in leave))
        listed = self.run("apt-cache", "depends", *options, *packages)
        return sorted({line for line in listed.splitlines() if LIBRARY.match(line)})

    def unpack(self, packages: Sequence[str], root: Path) -> None:
        """Download packages with their libraries and unpack them below `root`. Raises Unavailable."""
        self.prepare()
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            folder = Path(name)
            self.run("apt-get", "download", "-qq", *packages, *self.libraries(packages), cwd=folder)
            for package in sorted(folder.glob("*.deb")):
                _run(("dpkg-deb", "--extract", str(package), str(root)))
        for unused in ("doc", "locale", "man"):
            shutil.rmtree(root / "usr" / "share" / unused, ignore_errors=True)

    def run(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        """The output of an apt program on the lists of this object. Raises Unavailable."""
        options = {
            "Dir::Etc::SourceList": self.folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": self.folder / "lists",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "APT::Sandbox::User": "root",
        }
        settings = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        return _run((program, *settings, *arguments), cwd)


def postgresql(apt: Apt, major: int, root: Path) -> None:
    """Unpack a PostgreSQL server with its contrib modules; its programs are in `root/bin`. Raises Unavailable."""
    apt.unpack((f"postgresql-{major}", f"postgresql-client-{major}"), root)
    programs = Path("usr", "lib", "postgresql", str(major), "bin")
    _wrap(root, programs)
    (root / "bin").symlink_to(programs)


def psql(apt: Apt, major: int, root: Path) -> None:
    """Unpack the clients of a PostgreSQL version; psql is in `root/bin`. Raises Unavailable."""
    apt.unpack((f"postgresql-client-{major}",), root)
    programs = Path("usr", "lib", "postgresql", str(major), "bin")
    _wrap(root, programs)
    (root / "bin").symlink_to(programs)


def pgbouncer(apt: Apt, root: Path) -> None:
    """Unpack a PgBouncer; its program is in `root/bin`. Raises Unavailable."""
    apt.unpack(("pgbouncer",), root)
    (root / "bin").mkdir()
    (root / "usr" / "sbin" / "pgbouncer").rename(root / "bin" / "pgbouncer")
    _wrap(root, Path("bin"))


def _wrap(root: Path, programs: Path) -> None:
    """Replace each program in `root/programs` by a script that runs it with the loader and libraries of `root`."""
    loader = next(
        (path for path in sorted((root / "usr").glob("lib*/**/ld-linux*.so*")) if not path.is_symlink()), None
    )
    if loader is None:
        raise Unavailable("the packages have no loader for this machine")
    libraries = loader.parent.relative_to(root)
    real = root / programs / REAL
    real.mkdir()
    for program in sorted(path for path in (root / programs).iterdir() if path != real):
        program.rename(real / program.name)
        program.write_text(
            PROGRAM.format(
                up="/".join([".."] * len(programs.parts)),
                loader=loader.relative_to(root),
                libraries=libraries,
                name=program.name,
                real=f"{REAL}/{program.name}",
            )
        )
        program.chmod(0o755)


def _mirror() -> str:
    listed = _run(("apt-get", "indextargets", "--format", "$(REPO_URI)")).splitlines()
    found = [line for line in listed if re.search(r"/debian/?$", line)]
    if not found:
        raise Unavailable("apt has no Debian mirror here")
    return found[0]


def _keyring() -> Path:
    found = sorted(KEYRINGS.glob("debian-archive-keyring.*"))
    if not found:
        raise Unavailable("the keys of the Debian archive are not installed (package debian-archive-keyring)")
    return found[0]


def _run(command: Sequence[str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise Unavailable(f"{command[0]}: {lines[-1]}")
    return done.stdout
