"""Measures how long each fault takes to be found, by the schedule and the clock of a running console.

    python -m tests.finding_times --pg 18 [--only RULE,…] [--seconds 60]

Prints a line for each fault of tests/faults that needs nothing but a server: what of the rule is read how often, and
after how many seconds it was found. tests/test_rules.py passes the same faults quickly.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from _pytest.outcomes import Skipped

from console.model import Diagnosis
from console.rules.diagnoses import DIAGNOSES
from console.watching.watcher import PERIOD
from tests.activity import Sessions
from tests.faults import Fault, Stage
from tests.faults.servers import faulty
from tests.servers import PostgresServer, Servers, available
from tests.test_rules import EACH, desk_of, looking

BEFORE = 3.0  # seconds of watching before the fault, so that it falls between two readings
RULES = {rule.name: rule for rule in DIAGNOSES}


def main(argv: Sequence[str] | None = None) -> None:
    """Inject the faults one after the other and print how long each took."""
    parser = argparse.ArgumentParser("finding_times", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--pg", type=int, default=18, help="major version of the server (18)")
    parser.add_argument("--only", type=lambda text: set(text.split(",")), help="names of rules")
    parser.add_argument("--seconds", type=float, default=60.0, help="after which a fault counts as not found (60)")
    options = parser.parse_args(argv)
    servers = Servers(available())
    try:
        with faulty(servers, options.pg) as server:
            for rule, fault in EACH:
                if not options.only or rule in options.only:
                    print(line(rule, fault, asyncio.run(found(server, rule, fault, options.seconds))), flush=True)
    finally:
        servers.close()


def line(rule: str, fault: Fault, seconds: str) -> str:
    """A row of a Markdown table."""
    return f"| {rule} | {fault.__name__.replace('_', ' ')} | {schedule(RULES[rule])} | {seconds} |"


def schedule(rule: Diagnosis) -> str:
    """How often what a rule needs is read, from which changes on earlier, and over how long it is judged."""
    always = [ask for ask in rule.asks if ask.only_if is None] or list(rule.asks)
    early = dict.fromkeys(signal.column for ask in rule.asks for signal in ask.on_change)
    window = max((ask.window for ask in rule.asks), default=0.0)
    parts = [" and ".join(f"{every:g} s" for every in sorted({ask.every for ask in always}))]
    parts += [f"early on {', '.join(early)}"] if early else []
    parts += [f"kept {window:g} s"] if window else []
    parts += [f"held {rule.hold:g} s"] if rule.hold else []
    return "; ".join(parts)


async def found(server: PostgresServer, rule: str, fault: Fault, most: float) -> str:
    """After how many seconds a look of a console that was running before has the finding of a fault."""
    database = server.fresh_database()
    sessions = Sessions(server, database)
    with sessions.open() as first:
        first.execute("CREATE TABLE item (id int PRIMARY KEY, n int)")
        first.execute("INSERT INTO item SELECT g, 0 FROM generate_series(1, 10) g")
    try:
        with tempfile.TemporaryDirectory() as folder:
            desk = desk_of(rule, server, database, Path(folder))
            return await _watched(rule, fault, Stage(desk, sessions), most)
    except Skipped as why:
        return str(why)
    finally:
        sessions.close()
        server.drop_database(database)


async def _watched(rule: str, fault: Fault, stage: Stage, most: float) -> str:
    async with stage.desk.workspace() as workspace:
        observer = looking(workspace, stage.desk)
        end = time.monotonic() + BEFORE
        while time.monotonic() < end:
            await observer.look()
            await asyncio.sleep(PERIOD / 4)
        with fault(stage) as named:
            began = time.monotonic()
            while time.monotonic() < began + most:
                verdict = await observer.look()
                if any(each.rule == rule and named in each.sentence for each in verdict.findings):
                    return f"{time.monotonic() - began:.1f} s"
                await asyncio.sleep(PERIOD / 4)
    return f"not within {most:g} s"


if __name__ == "__main__":
    main()
