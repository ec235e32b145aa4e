"""Measures how long each fault takes to be found, by the schedule and the clock of a running console.

    python -m tests.finding_times --pg 15,18 [--only RULE,…] [--seconds 60]

Prints a line for each fault of tests/faults, those of a Citus cluster apart: what of the rule is read how often, and
after how many seconds it was the first finding on each version. tests/test_rules.py passes the same faults quickly.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from _pytest.outcomes import Skipped

from console.demo import redis_server
from console.model import Diagnosis
from console.rules.diagnoses import DIAGNOSES
from console.watching.watcher import PERIOD
from scripts.servers import poolers
from tests.activity import Sessions
from tests.faults import CACHED, FAULTS, HOSTED, POOLED, REPLICATED, Fault, Stage, replicas
from tests.faults.redis import limit_memory
from tests.faults.servers import faulty
from tests.hosts import FakeHost
from tests.servers import PostgresServer, Servers, available
from tests.standbys import streaming
from tests.test_rules import desk_of, looking

BEFORE = 3.0  # seconds of watching before the fault, so that it falls between two readings
RULES = {rule.name: rule for rule in DIAGNOSES}


def main(argv: Sequence[str] | None = None) -> None:
    """Inject the faults one after the other and print how long each took."""
    parser = argparse.ArgumentParser("finding_times", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--pg", type=lambda text: list(map(int, text.split(","))), default=[18], help="versions (18)")
    parser.add_argument("--only", type=lambda text: set(text.split(",")), help="names of rules")
    parser.add_argument("--seconds", type=float, default=60.0, help="after which a fault counts as not found (60)")
    options = parser.parse_args(argv)
    servers = Servers(available())
    try:
        with ExitStack() as around:
            scenes = [
                Scene(servers, around.enter_context(faulty(servers, major)), options.seconds) for major in options.pg
            ]
            print(head(options.pg))
            for rule, faults in FAULTS.items():
                for fault in faults:
                    if not options.only or rule in options.only:
                        found = [asyncio.run(scene.found(rule, fault)) for scene in scenes]
                        print(line(rule, fault, found), flush=True)
    finally:
        servers.close()


def head(majors: Sequence[int]) -> str:
    """The first two rows of the table."""
    titles = ["rule", "fault", "reads every", *(f"on {major}" for major in majors)]
    return f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}"


def line(rule: str, fault: Fault, found: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return f"| {rule} | {fault.__name__.replace('_', ' ')} | {schedule(RULES[rule])} | {' | '.join(found)} |"


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


@dataclass(frozen=True, slots=True)
class Scene:
    """The server on which faults are injected, and the servers next to it that some faults need."""

    servers: Servers
    server: PostgresServer
    most: float  # seconds after which a fault counts as not found

    async def found(self, rule: str, fault: Fault) -> str:
        """After how many seconds a console that was running before has the finding of a fault, first of all findings.

        If another one stays above it, after how many it was found, and which rule's that is.
        """
        database = self.server.fresh_database()
        sessions = Sessions(self.server, database)
        with sessions.open() as first:
            first.execute("CREATE TABLE item (id int PRIMARY KEY, n int)")
            first.execute("INSERT INTO item SELECT g, 0 FROM generate_series(1, 10) g")
        try:
            with tempfile.TemporaryDirectory() as folder, ExitStack() as around:
                desk = desk_of(rule, self.server, database, Path(folder))
                stage = self._with_others(rule, Stage(desk, sessions), Path(folder), around)
                return await self._watched(rule, fault, stage)
        except Skipped as why:
            return str(why)
        finally:
            sessions.close()
            self.server.drop_database(database)

    def _with_others(self, rule: str, stage: Stage, folder: Path, around: ExitStack) -> Stage:
        """The pooler, Redis, replica or host that the rule is about."""
        if rule in POOLED:
            program = next(iter(poolers().values()), None)
            pooler = self.servers.pooler(self.server, stage.desk.database, program or pytest.skip("no pgbouncer"))
            around.callback(pooler.stop)
            return replace(stage, desk=replace(stage.desk, poolers=(pooler.admin_uri,)), pooler=pooler)
        if rule in CACHED:
            redis = self.servers.redis(redis_server.find() or pytest.skip("no redis-server"))
            around.callback(redis.stop)
            limit_memory(redis)
            return replace(stage, desk=replace(stage.desk, redis=redis.uri), redis=redis)
        if rule in REPLICATED:
            standby = around.enter_context(streaming(self.servers, self.server))
            named = (replicas.NAME, f"host={standby.server.host} port={standby.server.port}")
            return replace(stage, desk=replace(stage.desk, replicas=(named,)), standby=standby)
        if rule in HOSTED:
            return replace(stage, desk=replace(stage.desk, host=FakeHost(folder / "host")))
        return stage

    async def _watched(self, rule: str, fault: Fault, stage: Stage) -> str:
        async with stage.desk.workspace() as workspace:
            observer = looking(workspace, stage.desk)
            end = time.monotonic() + BEFORE
            while time.monotonic() < end:
                await observer.look()
                await asyncio.sleep(PERIOD / 4)
            with fault(stage) as named:
                began, later = time.monotonic(), ""
                while time.monotonic() < began + self.most:
                    verdict = await observer.look()
                    at = [each.rule == rule and named in each.sentence for each in verdict.findings]
                    took = f"{time.monotonic() - began:.1f} s"
                    if at[:1] == [True]:
                        return took
                    if any(at) and not later:
                        later = f"{took}, after {verdict.findings[0].rule}"
                    await asyncio.sleep(PERIOD / 4)
        return later or f"not within {self.most:g} s"


if __name__ == "__main__":
    main()
