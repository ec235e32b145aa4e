"""Processor time of commands that print and end, compared with what Python and the driver alone need."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from statistics import median

from scripts.benchmarks import tools
from scripts.benchmarks.fixture import CONSOLE
from scripts.benchmarks.measure import Bench

# Of the rows of pg_stat_activity nothing is made: this is what any such program in Python needs.
DRIVER = """
import sys
import psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    connection.execute("SELECT * FROM pg_catalog.pg_stat_activity").fetchall()
"""
SCRIPT = "import sys; from console.cli import main; sys.exit(main())"  # what an installed script is
# Metric → arguments of the console; {uri} is the server.
COMMANDS: Mapping[str, Sequence[str]] = {
    "version": ("--version",),
    "help": ("--help",),
    "list": ("list", "panes"),
    "show": ("show", "connections", "--format", "json", "-t", "{uri}"),
    "check": ("check", "-t", "{uri}"),
}
FLOORS: Mapping[str, Sequence[str]] = {"python": ("-c", "pass"), "driver": ("-c", DRIVER, "{uri}")}


def startup(bench: Bench) -> None:
    """Every command and both floors in turn; the first turn, which makes byte code, is not counted."""
    uri = bench.site.uri(CONSOLE)
    runs: dict[str, Sequence[str]] = {
        f"command.{name}": ("-c", SCRIPT, *arguments) for name, arguments in COMMANDS.items()
    }
    runs |= {f"floor.{name}": arguments for name, arguments in FLOORS.items()}
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(bench.effort.commands + 1):
        for name, arguments in runs.items():
            argv = (sys.executable, *(part.replace("{uri}", uri) for part in arguments))
            spent = spent_by(argv, tools.environment(bench.home))
            if turn:
                taken[name].append(1000 * spent)
    for name, figures in taken.items():
        bench.book.enter(name, "console", median(figures))


def spent_by(argv: Sequence[str], variables: Mapping[str, str]) -> float:
    """Seconds of processor time, user and system, that a program took from its start to its end."""
    with subprocess.Popen(
        argv, env=dict(variables), cwd=tools.ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime
