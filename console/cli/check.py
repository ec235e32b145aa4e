"""`check`: evaluates the rules once and reports what is wrong, for a person, a program or a monitoring system.

Exit codes, as monitoring plugins have them: 0 fine, 1 a warning, 2 something critical, 3 unknown.
"""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime

from console.cli.check_text import FORMATS
from console.cli.interrupting import run_interruptible
from console.cli.printing import unwritten
from console.format import safe
from console.model import Diagnosis, Facts, Finding, Kind, Level, Trouble
from console.records import dataclass
from console.rules.diagnoses import DIAGNOSES
from console.rules.judging import Identity, Verdict
from console.settings.config import Settings, Wanted
from console.watching import state
from console.watching.asks import applicable
from console.watching.journal import Muted
from console.workspace import Workspace

CANNOT_TELL = 3
EXITS = {Level.CRITICAL: 2, Level.WARNING: 1}


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict of the rules on one target, or why it is unknown."""

    label: str
    at: datetime
    verdict: Verdict = field(default_factory=Verdict)
    muted: Mapping[Identity, Muted] = field(default_factory=dict)  # the findings that do not count, and why
    facts: Facts | None = None
    trouble: Trouble | None = None

    @property
    def level(self) -> Level | None:
        """The worst level of the findings that count; None: no rule could be evaluated."""
        if self.trouble or not self.verdict.judged:
            return None
        return max((finding.level for finding in self.counted), default=Level.OK)

    @property
    def counted(self) -> tuple[Finding, ...]:
        """The findings that nobody acknowledged and no blackout window withholds, worst first."""
        return tuple(each for each in self.verdict.findings if (each.rule, each.subject) not in self.muted)


def check(options: Namespace, settings: Settings, targets: Sequence[Wanted]) -> int:
    """Print what the rules say of `targets`, all at once; the exit code. Raises Trouble(USAGE) for an unknown rule."""
    diagnoses = chosen(options.only, options.ignore)
    return run_interruptible(_check(options, settings, targets, diagnoses))


def chosen(only: Sequence[str], ignore: Sequence[str]) -> tuple[Diagnosis, ...]:
    """The rules named in `only`, or all, without those in `ignore`. Raises Trouble(USAGE) for an unknown one."""
    named = [name for text in only for name in text.split(",")]
    ignored = [name for text in ignore for name in text.split(",")]
    known = {diagnosis.name for diagnosis in DIAGNOSES}
    for name in (*named, *ignored):
        if name not in known:
            raise Trouble(Kind.USAGE, f"There is no rule {safe(name, 80)}.", f"Rules: {', '.join(sorted(known))}.")
    return tuple(each for each in DIAGNOSES if (not named or each.name in named) and each.name not in ignored)


async def _check(
    options: Namespace, settings: Settings, targets: Sequence[Wanted], diagnoses: Sequence[Diagnosis]
) -> int:
    results = await asyncio.gather(*(_checked(settings, wanted, diagnoses, bool(options.only)) for wanted in targets))
    _write(FORMATS[options.format](results, len(targets) > 1))
    levels = [result.level for result in results]
    worst = max((level for level in levels if level is not None), default=Level.OK)
    return EXITS.get(worst, CANNOT_TELL if None in levels else 0)


def _write(text: str) -> None:
    """Print the verdict; where there is no room for it, the exit code alone tells."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        unwritten(error)


async def _checked(settings: Settings, wanted: Wanted, diagnoses: Sequence[Diagnosis], are_named: bool) -> Checked:
    """What the rules say of one target; those that were named say so where it has nothing for them to judge."""
    async with Workspace(settings, wanted) as workspace:
        postgres = workspace.sources.postgres
        try:
            await postgres.connect()
        except Trouble as why:
            return Checked(wanted.label or postgres.label, datetime.now(UTC), trouble=why)
        path = state.state_file(workspace.trail.path.parent, wanted.target)
        before = state.load(path)
        rules = diagnoses if are_named else applicable(diagnoses, workspace.sources.absent)
        observer = workspace.observing(rules)
        observer.recall(before.readings, before.memory, before.statements, before.indexes, before.pools)
        verdict = await observer.look(everything=True)
        try:
            state.save(path, state.State(observer.windows(), *observer.learned))
        except Trouble as why:  # the verdict is what was asked for
            sys.stderr.write(f"pipeline-console: What the next check would compare with was not kept. {why}\n")
        muted = {(each.rule, each.subject): mute for each in verdict.findings if (mute := observer.muted(each))}
        return Checked(postgres.facts.place, observer.frame.at, verdict, muted, postgres.facts)
