"""Starts the servers, measures the console and pg_activity in turn, writes docs/benchmarks.md.

python -m scripts.benchmarks screens [--quick] [--only GROUP]… [--rows] [--major N]
                                     [--peer PROGRAM | --no-peer] [--output FILE]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from console.files.pooler_config import find_pgbouncer
from console.model import Trouble
from scripts.benchmarks import tools
from scripts.benchmarks.fixture import HEAVY, LIGHT, Size, site
from scripts.benchmarks.measure import FULL, HEAVY_GROUPS, LIGHT_GROUPS, QUICK, Bench, Book, Effort
from scripts.benchmarks.report import ROWS, report, versions
from scripts.benchmarks.tools import Tool

OUTPUT = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"
Groups = Mapping[str, Callable[[Bench], None]]


def main(argv: Sequence[str]) -> int:
    """Measure what was asked for; a part of it is only printed."""
    options = _options(argv)
    if options.rows:
        print("\n".join(f"{row.metric:26} {row.title}" for row in ROWS))
        return 0
    effort = QUICK if options.quick else FULL
    book = Book()
    try:
        with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
            text = run(Path(folder), book, effort, options)
    except Trouble as trouble:
        progress(str(trouble))
        return 1
    print(text)
    if options.output or not (options.only or options.quick):
        (options.output or OUTPUT).write_text(text, encoding="utf-8")
    return 0


def run(folder: Path, book: Book, effort: Effort, options: argparse.Namespace) -> str:
    """All measurements and the document of them. Raises Trouble."""
    progress("preparing the peer")
    program = None if options.no_peer else options.peer or tools.install_peer(folder / "peer")
    peer = tools.peer(program) if program else None
    postgres = ""
    for size, groups in ((HEAVY, HEAVY_GROUPS), (LIGHT, LIGHT_GROUPS)):
        chosen = {name: group for name, group in groups.items() if not options.only or name in options.only}
        if chosen:
            postgres = on_site(size, chosen, folder, peer, book, effort=effort, major=options.major)
    return report(
        book, effort, versions(postgres, _pgbouncer_version(), tools.peer_version(program) if program else "")
    )


def on_site(
    size: Size, groups: Groups, folder: Path, peer: Tool | None, book: Book, *, effort: Effort, major: int | None
) -> str:
    """Measure the groups on a server of `size`; returns its version. Raises Trouble."""
    progress(f"building the {size.name} server")
    home = folder / size.name
    home.mkdir()
    with site(size, major) as place, place.connect() as server:
        for name, measure in groups.items():
            progress(f"measuring {name}")
            measure(Bench(place, server, home, peer, effort, book))
        return place.process.installation.version


def progress(text: str) -> None:
    """Progress, with the time, on standard error."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")


def _pgbouncer_version() -> str:
    program = find_pgbouncer()
    if program is None:
        return ""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+\.\d+", done.stdout)
    return found[0] if found else ""


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks screens", description="Measures the console and pg_activity.")
    parser.add_argument("--quick", action="store_true", help="one short run, printed only")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=[*HEAVY_GROUPS, *LIGHT_GROUPS],
        help="one group of metrics, printed only",
    )
    parser.add_argument("--rows", action="store_true", help="list the metrics and stop")
    parser.add_argument(
        "--major", type=int, help="major version of PostgreSQL (15 where it is installed, else the newest)"
    )
    parser.add_argument("--peer", type=Path, help="a pg_activity that is already installed")
    parser.add_argument("--no-peer", action="store_true", help="the console alone")
    parser.add_argument("--output", type=Path, help="file to write (docs/benchmarks.md)")
    return parser.parse_args(argv)
