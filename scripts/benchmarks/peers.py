"""The other tools: where each is found, how it is started, what its screens look like."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from console.model import Kind, Trouble
from scripts.benchmarks.fixture import PEER
from scripts.benchmarks.tools import Tool

# A number that is a process id, and on the same line what the load runs.
ROWS = re.compile(r"\b\d{2,}\b[^\n]*(?:pg_sleep|UPDATE|SELECT)")
MODES = {"1": "RUNNING", "2": "WAITING", "3": "BLOCKING"}
FROM_PYPI = "pg_activity"


PEERS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            FROM_PYPI,
            PEER,
            ("{program}", "{uri}"),
            re.compile(r"^\s*\d+ .*(?:pg_sleep|UPDATE|SELECT)", re.MULTILINE),
            {key: re.compile(rf"{mode} QUERIES[^\n]*\n[^\n]*PID[^\n]*\n\s*\d+ ") for key, mode in MODES.items()},
            "--",
            "jk",
        ),
        Tool(
            "pgcenter",
            PEER,
            ("{program}", "top", "-h", "{host}", "-p", "{port}", "-U", "{user}", "-d", "{database}"),
            ROWS,
            {"d": re.compile(r"backends_total[^\n]*\n\w"), "a": re.compile(r"cl_addr[^\n]*\n\d")},
        ),
        Tool(
            "pgmon",
            PEER,
            ("{program}", "--refresh-ms", "2000", "--dsn", "{plain}"),
            ROWS,
            {
                "1": re.compile(r"XMIN[^\n]*\n│?\W*\d+ +\d* +\w"),
                "5": re.compile(r"│\w+ +(?:SELECT|INSERT|--)[^\n]* \d+\.\d"),
            },
            cursor="jk",
        ),
        Tool(
            "pg_glimpse",
            PEER,
            ("{program}", "--refresh", "2", "-H", "{host}", "-p", "{port}", "-U", "{user}", "-d", "{database}"),
            ROWS,
            {"S": re.compile(r"│Query[^\n]*\n│\S"), "I": re.compile(r"│Table +Index[^\n]*\n│\S")},
            cursor="jk",
        ),
        Tool(
            "pg_top",
            PEER,
            ("{program}", "-s", "2", "-h", "{host}", "-p", "{port}", "-U", "{user}", "-d", "{database}"),
            re.compile(r"^\s*\d{2,} bench_\w+ ", re.MULTILINE),
        ),
    )
}


def chosen(wanted: Sequence[str], cache: Path) -> list[tuple[Tool, Path]]:
    """The tools that `wanted` names, each with its program; empty: those that are there, and the one from PyPI.

    A name may be given as NAME=PROGRAM. Raises Trouble(USAGE) for one that is unknown or not installed.
    """
    named = dict(_named(wanted)) if wanted else dict.fromkeys(PEERS, "")
    found = []
    for name, given in named.items():
        if name not in PEERS:
            raise Trouble(Kind.USAGE, f"There is no peer {name}.", f"Peers: {', '.join(PEERS)}, or none.")
        program = given or shutil.which(name)
        if program is None and name == FROM_PYPI:
            program = str(installed(cache / "peers"))
        if program is None and wanted:
            raise Trouble(Kind.USAGE, f"{name} is not installed.", f"Name its program: --peers {name}=PROGRAM.")
        if program is not None:
            tool = PEERS[name]
            found.append((replace(tool, argv=(program, *tool.argv[1:])), Path(program)))
    return found


def _named(wanted: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in wanted:
        if name != "none":
            yield name.partition("=")[0], name.partition("=")[2]


def installed(folder: Path) -> Path:
    """The program of pg_activity in an environment of its own, installed from PyPI when it is not there yet."""
    program = folder / "bin" / FROM_PYPI
    if not program.exists():
        venv.create(folder, with_pip=True)
        pip = (str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check")
        subprocess.run([*pip, FROM_PYPI, "psycopg[binary]"], check=True)
    return program


def version(tool: Tool, program: Path) -> str:
    """The name of the tool and what it says of itself."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, env=dict(os.environ))
    number = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
    return f"{tool.name} {number[0] if number else '(version not known)'}"
