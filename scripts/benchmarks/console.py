"""Measures the console and its peers in turn on servers of its own, and writes docs/benchmarks.md.

    python -m scripts.benchmarks console [--brief | --quick] [--only SECTION,…] [--peers NAME[=PROGRAM],…]

A full run takes some hours, a brief one of three short runs twenty minutes, a quick one of one run ten.
Sections: startup, screens, memory, waiters, growth. The figures of each are kept in a file of the cache folder, so
one can be measured again alone (`--quick --only memory` takes three minutes), and an interrupted run goes on with
`--only`; the page is written from all of them.
pg_activity is installed from PyPI into the cache folder; other peers are measured where they are installed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.files.pooler_config import find_pgbouncer
from console.model import Trouble
from scripts.benchmarks import commands, growth, measure, peers
from scripts.benchmarks.figures import Book, keep, kept
from scripts.benchmarks.fixture import HEAVY, LIGHT, Size, site
from scripts.benchmarks.measure import BRIEF, FULL, QUICK, Bench, Effort
from scripts.benchmarks.report import report, versions
from scripts.benchmarks.terminal import Silent
from scripts.benchmarks.tools import Tool

OUTPUT = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pipeline-console-bench"
Measure = Callable[[Bench], None]


@dataclass(frozen=True, slots=True)
class Part:
    """What is measured on one server."""

    size: Size
    measures: Sequence[Measure]


SECTIONS: Mapping[str, Sequence[Part]] = {
    "startup": (Part(HEAVY, (measure.start, commands.startup)),),
    "screens": (
        Part(HEAVY, (measure.watch, measure.overview, measure.cost, measure.pooler)),
        Part(LIGHT, (measure.light,)),
    ),
    "memory": (Part(HEAVY, (measure.memory,)),),
    "waiters": (Part(growth.PILE, (growth.waiters,)),),
    "growth": (Part(growth.SMALL, (growth.grown,)), Part(growth.LARGE, (growth.grown,))),
}
# The servers of a shorter run instead.
SMALLER: Mapping[Effort, Mapping[Size, Size]] = {
    FULL: {},
    BRIEF: {growth.SMALL: growth.BRIEF_SMALL, growth.LARGE: growth.BRIEF_LARGE},
    QUICK: {growth.SMALL: growth.QUICK_SMALL, growth.LARGE: growth.QUICK_LARGE},
}
NAMES: Mapping[Effort, str] = {FULL: "figures", BRIEF: "brief", QUICK: "quick"}


def main(argv: Sequence[str]) -> int:
    """Measure the sections asked for, keep their figures, write the page of a full run."""
    options = _options(argv)
    file = options.cache / f"{NAMES[options.effort]}.json"
    try:
        found = peers.chosen(options.peers, options.cache)
        for section in options.only or SECTIONS:
            keep(file, section, measured(section, found, options))
    except Trouble as trouble:
        progress(str(trouble))
        return 1
    text = report(kept(file), options.effort)
    print(text)
    if options.output or options.effort is not QUICK:
        (options.output or OUTPUT).write_text(text, encoding="utf-8")
    return 0


def measured(section: str, found: Sequence[tuple[Tool, Path]], options: argparse.Namespace) -> Book:
    """The figures of a section. Raises Trouble."""
    book, effort = Book(), options.effort
    for part in SECTIONS[section]:
        size = SMALLER[effort].get(part.size, part.size)
        progress(f"{section}: starting a server with {size.tables:,} tables and {size.sessions:,} sessions")
        with (
            tempfile.TemporaryDirectory(prefix="pipeline-bench-") as home,
            site(size, options.major) as place,
            place.connect() as server,
        ):
            floor = measure.floor(Path(home), effort.keys)
            bench = Bench(place, server, Path(home), [tool for tool, _ in found], effort, book, floor)
            book.enter("harness", "console", floor)
            for each in part.measures:
                progress(f"{section}: measuring {each.__name__}")
                with _reported(book, each):
                    each(bench)
            names = tuple(peers.version(tool, program) for tool, program in found)
            book.versions.update(versions(place.process.installation.version, _pgbouncer_version(), names))
    return book


def progress(text: str) -> None:
    """Progress, with the time, on standard error."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")


@contextmanager
def _reported(book: Book, each: Measure) -> Iterator[None]:
    """The block; what is waited for in vain ends it, and the page says so."""
    try:
        yield
    except Silent as silent:
        progress(str(silent))
        book.skipped.append(f"{each.__name__} to its end: the rows did not appear")


def _pgbouncer_version() -> str:
    program = find_pgbouncer()
    if program is None:
        return ""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+\.\d+", done.stdout)
    return found[0] if found else ""


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks console", description="Measures the console and its peers in turn.")
    parser.set_defaults(effort=FULL)
    lengths = parser.add_mutually_exclusive_group()
    for name, effort, text in (
        ("--brief", BRIEF, "three short runs in twenty minutes, without the cost of single panes"),
        ("--quick", QUICK, "one short run; the page is only printed"),
    ):
        lengths.add_argument(name, dest="effort", action="store_const", const=effort, help=text)
    parser.add_argument(
        "--only", type=_sections, default=[], metavar="SECTION,…", help=f"of {', '.join(SECTIONS)}; default: all"
    )
    parser.add_argument(
        "--peers",
        type=lambda text: text.split(","),
        default=[],
        metavar="NAME[=PROGRAM],…",
        help=f"of {', '.join(peers.PEERS)}, or none; default: pg_activity and those that are installed",
    )
    parser.add_argument(
        "--major", type=int, help="major version of PostgreSQL (15 where it is installed, else the newest)"
    )
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="FOLDER", help=f"figures and peers ({CACHE})")
    parser.add_argument("--output", type=Path, metavar="FILE", help="file to write (docs/benchmarks.md)")
    return parser.parse_args(argv)


def _sections(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in SECTIONS:
            raise argparse.ArgumentTypeError(f"there is no section {name}; sections: {', '.join(SECTIONS)}")
    return names
