"""What is read besides the terminal: processor time, memory, and what a server spent on a role's statements."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from console import sql

STATEMENTS = """
    SELECT s.calls, s.total_exec_time + s.total_plan_time, s.min_exec_time, s.query
      FROM pg_stat_statements(true) AS s
     WHERE s.userid = (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = %s)
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """What statements of one kind cost a server: calls, and milliseconds of planning and execution."""

    calls: int = 0
    ms: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.calls + other.calls, self.ms + other.ms)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.calls - other.calls, self.ms - other.ms)


Bill = Mapping[str, Spent]  # by the name of the monitoring query, else by the beginning of its text


def cpu_seconds(pid: int) -> float:
    """Processor time of a process with all its threads: the scheduler's nanoseconds, else clock ticks."""
    try:
        tasks = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    except FileNotFoundError:
        tasks = []
    exact = sum(int(task[0]) for task in tasks) / 1e9
    if exact:
        return exact
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """VmRSS in MB of 1,000,000 bytes."""
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(match[1]) * 1024 / 1e6 if match else 0.0


def bill(connection: psycopg.Connection[Any], role: str) -> dict[str, Spent]:
    """What the statements of `role` cost so far."""
    found: dict[str, Spent] = {}
    for calls, ms, _, text in connection.execute(STATEMENTS, (role,)).fetchall():
        name = _named(text)
        found[name] = found.get(name, Spent()) + Spent(calls, ms)
    return found


def least_times(connection: psycopg.Connection[Any], role: str) -> dict[str, float]:
    """The least milliseconds that a statement of `role` took to execute."""
    found: dict[str, float] = {}
    for _, _, least, text in connection.execute(STATEMENTS, (role,)).fetchall():
        name = _named(text)
        found[name] = max(found.get(name, 0.0), least)  # of several forms the dearest
    return found


def _named(text: str) -> str:
    return _names().get(_shape(text)) or " ".join(text.split())[:60]


def since(now: Bill, before: Bill) -> dict[str, Spent]:
    """What was added between two bills."""
    return {name: spent - before.get(name, Spent()) for name, spent in now.items() if spent != before.get(name)}


def total(some: Bill, without: tuple[str, ...] = ()) -> float:
    """Milliseconds of a bill in all."""
    return sum(spent.ms for name, spent in some.items() if name not in without)


def _shape(text: str) -> str:
    # What normalising leaves alone: the words outside of comments, literals and parameters.
    text = re.sub(r"--[^\n]*", "", text)
    text = re.sub(r"@extschema@|\"\w+\"(?=\.pg_stat)", "", text)
    text = re.sub(
        r"%\(\w+\)s|\$\d+|(?:\bE)?'(?:[^']|'')*'|\b(?:\d+(?:\.\d+)?|NULL|true|false)\b|-", "", text, flags=re.IGNORECASE
    )
    return "".join(text.replace("%%", "%").split()).rstrip(";")


@cache
def _names() -> Mapping[str, str]:
    versions = [*((major,) for major in range(14, 20)), *((1, minor) for minor in range(7, 14))]  # servers, extensions
    known = ((name, version) for name in sql.names() for version in versions if version >= sql.load(name).since)
    return {_shape(sql.load(name, version).text): name for name, version in known}
