"""A real Citus cluster: each fault is found and clears. Needs a PostgreSQL with the extension."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from console.model import Finding
from console.rules.diagnoses import DIAGNOSES
from console.settings import config
from console.sources.postgres import PostgresServer
from console.sources.registry import Sources
from console.watching.observer import Observer
from tests import clusters
from tests.clusters import CitusCluster
from tests.faults import CLUSTER_FAULTS, SETTINGS, ClusterFault
from tests.servers import Servers
from tests.waiting import eventually

pytestmark = pytest.mark.slow
EACH = [(rule, fault) for rule, faults in CLUSTER_FAULTS.items() for fault in faults]


@pytest.fixture(scope="module")
def citus() -> Iterator[CitusCluster]:
    found = clusters.installation()
    if found is None:
        pytest.skip(f"no PostgreSQL with Citus here; {clusters.FOLDER} names the folder of its programs")
    servers = Servers({})
    try:
        yield clusters.start(servers, found)
    finally:
        servers.close()


@pytest.mark.parametrize(("rule", "fault"), EACH, ids=[fault.__name__ for _, fault in EACH])
async def test_a_fault_of_a_cluster_is_the_first_finding_of_its_rules_and_clears(
    citus: CitusCluster, rule: str, fault: ClusterFault
) -> None:
    settings = config.load(environ={})
    settings = SETTINGS[rule](settings) if rule in SETTINGS else settings
    rules = [each for each in DIAGNOSES if each.name in CLUSTER_FAULTS]
    source = PostgresServer(citus.uri)
    observer = Observer(Sources(source), rules, settings.thresholds)
    await source.connect()  # the rules ask only where the extension is known to be

    async def findings() -> tuple[Finding, ...]:
        return (await observer.look(everything=True)).findings

    try:
        with fault(citus) as named:

            async def is_first() -> bool:
                return any(each.rule == rule and named in each.sentence for each in (await findings())[:1])

            await eventually(is_first)

        async def is_gone() -> bool:
            return rule not in {each.rule for each in await findings()}

        await eventually(is_gone)
    finally:
        await source.close()
