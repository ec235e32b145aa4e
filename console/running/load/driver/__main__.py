"""The console's load driver as a program, with the options of pgbench that load tests use.

It connects as libpq's environment says and prints lines of JSON: one a second, and one at the end of each process.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Lock, Thread
from typing import IO

from console.running.load.driver.loop import Load, LoadLoop
from console.running.load.driver.script import compile_script


def main(argv: Sequence[str]) -> int:
    """Run the load in as many processes as `--jobs` says; 1 if one of them could not connect."""
    options = _parser().parse_args(argv)
    if options.part is not None or options.jobs < 2:
        return LoadLoop(_load(options), _print, 0 if options.part is not None else None).run()
    return _together(argv, options.jobs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m console.running.load.driver", description=__doc__)
    parser.add_argument("--client", type=int, default=1, metavar="N", help="connections")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that share them")
    parser.add_argument("--time", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument("--rate", type=float, default=0.0, help="transactions a second; 0: as many as possible")
    parser.add_argument("--max-tries", type=int, default=1, help="of transactions that 40001 or 40P01 ends")
    parser.add_argument("--define", action="append", default=[], metavar="NAME=VALUE", help="a variable of the scripts")
    parser.add_argument("--file", action="append", required=True, metavar="FILE@WEIGHT", help="a script")
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)  # which of the processes this is
    return parser


def _load(options: argparse.Namespace) -> Load:
    """The share of this process."""
    jobs, part = options.jobs, options.part or 0
    scripts = [name.rpartition("@") for name in options.file]
    return Load(
        clients=len(range(part, options.client, jobs)),
        seconds=options.time,
        rate=options.rate / jobs,
        tries=options.max_tries,
        scripts=[(compile_script(Path(name).read_text(encoding="utf-8")), int(weight)) for name, _, weight in scripts],
        variables=dict(each.split("=", 1) for each in options.define),
    )


def _together(argv: Sequence[str], jobs: int) -> int:
    """Run one process for each part, and print their lines. They end with this one: their standard input does."""
    command = (sys.executable, "-P", "-m", "console.running.load.driver", *argv)
    parts = [
        subprocess.Popen((*command, f"--part={part}"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for part in range(jobs)
    ]
    lock = Lock()
    threads = [Thread(target=_copy, args=(part.stdout, lock)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(part.wait() for part in parts)


def _copy(lines: IO[bytes], lock: Lock) -> None:
    for line in lines:
        with lock:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
