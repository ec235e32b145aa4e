"""`python -m scripts.benchmarks NAME`: runs one benchmark; --help lists them, `NAME --help` its options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

BENCHMARKS: Mapping[str, str] = {
    "console": "start, keys, CPU, bytes, waiters, growth, load on the server, with peers; writes docs/benchmarks.md",
    "quiet": "an hour of the demo workload, with every finding that is raised",
    "queries": "dashboard and search queries with and without the index pack",
    "adopt": "adopting an existing database under 50 writes a second",
    "archive": "archiving against one big DELETE … RETURNING into INSERT",
    "cache": "the cache of brands against the database alone and cashews; what the pane costs Redis",
    "engine": "running a plan against sending its statements by hand",
    "everything": "every view, check and doctor with 1,000 sessions and more than 50,000 relations",
    "load": "loading the sample data against a bare COPY",
    "loading": "loading the sample data against an earlier commit, in turns",
    "load_test": "the throughput of load-test against a bare pgbench with the same statements",
    "incident": "the size of the incident file of ten minutes with sixty sessions",
    "locks": "the locks and connections panes with up to 1,000 waiting sessions",
    "pooler": "what the console costs PgBouncer with 1,000 clients; writes docs/benchmarks-pooler.md",
    "rules": "what all rules together cost the heavy server, by query",
    "waits": "what the pane Waits costs a server with its sample every second",
    "readings": "what keeping every reading of an hour costs: bytes on the disk and processor time",
    "partition": "partition-table under 50 writes a second, both ways",
}


def main(argv: Sequence[str]) -> int:
    """Run the benchmark that the first argument names, with the other arguments."""
    width = max(map(len, BENCHMARKS))
    listing = "\n".join(f"  {name:{width}}  {title}" for name, title in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m scripts.benchmarks",
        usage="%(prog)s NAME [OPTION]…",
        description=f"benchmarks:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", choices=BENCHMARKS, help="NAME --help lists its options")
    options = parser.parse_args(argv[:1])
    return int(import_module(f"scripts.benchmarks.{options.name}").main(argv[1:]) or 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
