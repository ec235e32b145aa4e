"""The health check of a worker: evaluates some rules under limits of the job, keeps and delivers what changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from console.digest import sha256
from console.format import counted
from console.jobs.job import Done, JobFailed
from console.jobs.kinds import Checks
from console.model import Diagnosis, Limit, Rule, Trouble
from console.records import dataclass
from console.rules import RULES
from console.rules.diagnoses import DIAGNOSES
from console.rules.findings.slow_statements import SLOW_STATEMENT
from console.watching import state
from console.watching.documents import finding_document
from console.watching.history import History
from console.watching.journal import Journal
from console.watching.observer import Observer
from console.watching.store import NAME, Store
from console.watching.watcher import Watcher
from console.workspace import Workspace

CHECKED: Mapping[str, Diagnosis] = {diagnosis.name: diagnosis for diagnosis in (*DIAGNOSES, SLOW_STATEMENT)}
MOST_KEPT = 50  # findings in the result of a job

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The rules of one target, evaluated once a job. `show` and `send` get each event; `say` what went wrong."""

    workspace: Workspace
    show: Callable[[Document], None]
    send: Callable[[Document], Awaitable[object]]
    say: Callable[[str], None]

    async def look(self, checks: Checks) -> Done:
        """Evaluate the rules of a job. Raises JobFailed if none of them could be."""
        observer, path = self._observer(checks), self._state(checks)
        before = await asyncio.to_thread(state.load, path)
        observer.recall(before.readings, before.memory, before.statements, before.indexes, before.pools)
        watcher = Watcher(self.workspace.sources, observer, self._store, self.show, self.send, self.say)
        await watcher.look_and_deliver()
        try:
            await asyncio.to_thread(state.save, path, state.State(observer.windows(), *observer.learned))
        except Trouble as why:  # the findings were delivered: another attempt would deliver nothing more
            self.say(str(why))
        verdict = observer.verdict
        unknown = [{"rule": each.rule, "why": each.why, "remedy": each.remedy} for each in verdict.unknown]
        if not verdict.judged:
            raise JobFailed(f"No rule could be evaluated: {unknown[0]['why'] if unknown else 'nothing was read'}")
        found = [finding_document(finding) for finding in verdict.findings]
        message = f"{counted(len(found), 'finding')}, {counted(len(verdict.judged), 'rule')} evaluated"
        return Done(message, {"findings": found[:MOST_KEPT], "cannot_tell": unknown})

    def _observer(self, checks: Checks) -> Observer:
        settings = self.workspace.settings
        return Observer(
            self.workspace.sources,
            [CHECKED[name] for name in checks.rules],
            {**settings.thresholds, **_limits(checks, settings.thresholds)},
            settings.refreshes,
            settings.partitions,
            journal=Journal(self._store, settings.blackouts),
            history=History(self._store, self.workspace.trail),
        )

    @property
    def _store(self) -> Store:
        return Store(self.workspace.trail.path.with_name(NAME))

    def _state(self, checks: Checks) -> Path:
        """What the last check with the same rules and limits left, apart from that of `check`."""
        what = json.dumps([checks.rules, dict(checks.limits)], sort_keys=True)
        target = f"{self.workspace.wanted.target} {sha256(what)}"
        return state.state_file(self.workspace.trail.path.parent, target)


def _limits(checks: Checks, configured: Mapping[str, Limit]) -> dict[str, Limit]:
    """The limits of a job: what is critical stays so, unless that would be less than a warning."""
    declared = {rule.name: rule.limit for rule in RULES if isinstance(rule, Rule)}
    found: dict[str, Limit] = {}
    for name, warning in checks.limits.items():
        critical = configured.get(name, declared[name]).critical
        found[name] = Limit(warning, critical if critical is not None and critical >= warning else None)
    return found
