"""Measures loading the sample data against an earlier commit, in turns on one server.

    python -m scripts.benchmarks loading BASE postgresql://… [--turns 3] [--scale 1]

BASE is a commit of this repository; its code and SQL are taken from git and run as they were. The URI (or BENCH_URI)
names a server on this machine where databases may be created, best with the settings of the demo: fsync = off,
full_page_writes = off, shared_buffers = 256MB. Each turn loads into a new database with the schema of its own commit;
installing that does not count. Printed are seconds of wall time and of processor time of the server, which other work
of the machine disturbs less, as medians and of the fastest turns, and their ratios.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psycopg
from psycopg import sql as compose
from psycopg.conninfo import make_conninfo

from scripts.benchmarks.tools import ROOT

DATABASE = "bench_loading"
INSTALL = """
import sys
import psycopg
from console.demo import content
with psycopg.connect(sys.argv[1], autocommit=True) as session:
    content.install_schema(session, session.info.server_version // 10000)
"""
LOAD = """
import inspect, sys, time
import psycopg
from console.demo import content
uri, scale = sys.argv[1], float(sys.argv[2])
with psycopg.connect(uri, autocommit=True) as first, psycopg.connect(uri, autocommit=True) as second:
    several = "connections" in inspect.signature(content.load_samples).parameters
    began = time.monotonic()
    content.load_samples((first, second) if several else first, scale)
    print(time.monotonic() - began)
"""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of each turn."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def main(argv: Sequence[str]) -> None:
    """Print both and their ratios."""
    options = _options(argv)
    before, now = Taken(), Taken()
    with tempfile.TemporaryDirectory() as folder:
        base = exported(options.base, Path(folder))
        for _ in range(options.turns):
            for tree, taken in ((base, before), (ROOT, now)):
                wall, processor = load(options.uri, tree, options.scale)
                taken.wall.append(wall)
                taken.processor.append(processor)
    print(f"{options.turns} turns at scale {options.scale}; before: {options.base}")
    for title, figure, old, new in (
        ("wall time, median", median, before.wall, now.wall),
        ("wall time, fastest", min, before.wall, now.wall),
        ("processor time of the server, median", median, before.processor, now.processor),
        ("processor time of the server, fastest", min, before.processor, now.processor),
    ):
        print(f"{title:38} {figure(old):6.2f} s {figure(new):6.2f} s  {figure(old) / figure(new):5.2f} times as fast")


def load(uri: str, tree: Path, scale: str) -> tuple[float, float]:
    """Seconds of wall time, and of processor time of the server, that one commit takes to load the sample data."""
    with database(uri) as target, psycopg.connect(uri, autocommit=True) as server:
        run(tree, INSTALL, target)
        spent = processor_seconds(server)
        seconds = float(run(tree, LOAD, target, scale))
        return seconds, processor_seconds(server) - spent


def run(tree: Path, program: str, *arguments: str) -> str:
    """What a program prints that imports the console of this tree."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    argv = [sys.executable, "-c", program, *arguments]
    return subprocess.run(argv, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def processor_seconds(server: psycopg.Connection) -> float:
    """Processor time of all processes of the server that have ended, once those of the database have."""
    query = "SELECT FROM pg_catalog.pg_stat_activity WHERE datname = %s"
    while server.execute(query, (DATABASE,)).fetchall():
        time.sleep(0.1)
    postmaster = _status(server.info.backend_pid)[1]
    user, system = _status(int(postmaster))[13:15]  # cutime and cstime, fields 16 and 17 of proc(5)
    return (int(user) + int(system)) / TICKS


def _status(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name of the program."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def exported(commit: str, folder: Path) -> Path:
    """The files of a commit, in `folder`."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


@contextmanager
def database(uri: str) -> Iterator[str]:
    """The URI of a new database, which is dropped afterwards."""
    name = compose.Identifier(DATABASE)
    with psycopg.connect(uri, autocommit=True) as server:
        server.execute(compose.SQL("DROP DATABASE IF EXISTS {}").format(name))
        server.execute(compose.SQL("CREATE DATABASE {}").format(name))
        try:
            yield make_conninfo(uri, dbname=DATABASE)
        finally:
            server.execute(compose.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks loading", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("base", help="the commit to compare with")
    parser.add_argument("uri", nargs="?", default=os.environ.get("BENCH_URI"), help="a server; default: BENCH_URI")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--scale", default="1")
    options = parser.parse_args(argv)
    if not options.uri:
        parser.error("a server is needed: its URI, or BENCH_URI")
    return options
