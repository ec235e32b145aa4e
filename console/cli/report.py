"""`report`: an incident file as Markdown: what was found, what was done, and the panes at the worst moment."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from console.cli.interrupting import run_interruptible
from console.cli.markdown import escaped, markdown
from console.format import counted, in_words, moment
from console.model import Facts, Finding, Snapshot, Trouble
from console.panes import pane as pane_called
from console.past.incident import Incident, open_incident
from console.past.moment import PastReaders
from console.past.readings import PastReadings
from console.past.segment import Stream, answers
from console.reading.arrange import arrange
from console.reading.thresholds import configured
from console.records import dataclass
from console.settings.config import Settings
from console.sources.registry import PRIMARY, RULES
from console.watching.findings import findings_of
from console.watching.past import past_at

SHOWN = (("overview", "vitals"), ("locks", "blocking"), ("connections", "all"), ("slow-queries", "now"))
MOST_ROWS = 20  # of a pane


@dataclass(frozen=True, slots=True)
class FindingSpan:
    """A finding, as it was at its worst, and when it was seen: each time from its first to its last reading."""

    finding: Finding
    times: tuple[tuple[float, float], ...]

    @property
    def longest(self) -> tuple[float, float]:
        """The time that took longest."""
        return max(self.times, key=lambda time: time[1] - time[0])


def report(path: Path, settings: Settings) -> int:
    """Print the report; returns 0. Raises Trouble(USAGE) if the file is no incident file."""
    incident = open_incident(path)
    return run_interruptible(_report(incident, settings))


async def _report(incident: Incident, settings: Settings) -> int:
    sys.stdout.write(await report_text(incident, settings))
    return 0


async def report_text(incident: Incident, settings: Settings) -> str:
    """The whole report."""
    readings = incident.readings(incident.last)
    facts = readings.facts(PRIMARY) or Facts("postgres", 0, "unknown")
    spans = finding_spans(readings)
    worst = worst_moment(readings, incident.last)
    parts = [
        "\n".join(_head(incident, facts)),
        "\n".join(["## Findings", "", *(_findings(spans) or ["No findings."])]),
        "\n".join(["## What was done", "", *(_done(incident) or ["Nothing that the audit trail records."])]),
    ]
    parts += [text async for text in _panes(readings, worst, settings)]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def finding_spans(readings: PastReadings) -> list[FindingSpan]:
    """Each finding of the readings, in the order in which they were seen first."""
    worst: dict[tuple[str, str], Finding] = {}
    times: dict[tuple[str, str], dict[datetime | None, tuple[float, float]]] = {}  # each time began at another moment
    for segment in readings.segments:
        chain = segment.chains.get(Stream(RULES, "findings"))
        for at, answer in answers(chain) if chain else ():
            for finding in _found(answer):
                key = finding.rule, finding.subject
                if key not in worst or finding.level >= worst[key].level:
                    worst[key] = finding
                seen = times.setdefault(key, {})
                first, last = seen.get(finding.since, (at, at))
                seen[finding.since] = min(first, at), max(last, at)
    spans = [FindingSpan(finding, tuple(sorted(times[key].values()))) for key, finding in worst.items()]
    return sorted(spans, key=lambda span: span.times[0])


def worst_moment(readings: PastReadings, otherwise: float) -> float:
    """The last moment with the worst findings; without findings `otherwise`."""
    worst, moment_ = (0, 0), otherwise
    for segment in readings.segments:
        chain = segment.chains.get(Stream(RULES, "findings"))
        for at, answer in answers(chain) if chain else ():
            levels = [int(finding.level) for finding in _found(answer)]
            harm = (max(levels, default=0), sum(levels))
            if harm >= worst and levels:
                worst, moment_ = harm, at
    return moment_


def _found(answer: Snapshot | Trouble) -> list[Finding]:
    try:
        return findings_of(answer) if isinstance(answer, Snapshot) else []
    except ValueError:
        return []  # a stranger's file


def _head(incident: Incident, facts: Facts) -> Iterator[str]:
    yield f"# Incident on {escaped(facts.place or 'an unknown server')}"
    yield ""
    lasted = in_words(incident.last - incident.first)
    yield f"- From {_at(incident.first)} to {_at(incident.last)} UTC ({lasted})"
    database, user = escaped(facts.database), escaped(facts.user)
    yield f"- PostgreSQL {escaped(facts.version_text)}, database {database}, read as {user}"
    yield f"- {counted(incident.segment.count, 'reading')}"
    yield "- Literals and addresses are " + ("redacted" if incident.head.get("redacted", True) else "kept")


def _findings(spans: list[FindingSpan]) -> list[str]:
    lines = []
    for span in spans:
        finding = span.finding
        lines.append(f"- **{finding.level.name.lower()}** {_seen(span)}: {escaped(finding.sentence)}")
        lines += [f"  - {escaped(text)}" for text in (finding.detail, *finding.explains) if text]
        lines += [f"  - {escaped(each.label)}: {escaped(each.value)}" for each in finding.evidence]
        lines += [f"  - fix: {escaped(fix.action)}: {escaped(fix.effect)}" for fix in finding.fixes[:1]]
    return lines


def _seen(span: FindingSpan) -> str:
    """When it was there: from when to when, or how often and for how long at most."""
    if len(span.times) == 1:
        since = f", since {moment(span.finding.since)}" if span.finding.since else ""
        return f"{_at(span.times[0][0])} – {_at(span.times[0][1])}{since}"
    first, last = span.longest
    longest = f"the longest {in_words(last - first)} from {_at(first)}"
    return f"{len(span.times)} times from {_at(span.times[0][0])} to {_at(span.times[-1][1])}, {longest}"


def _done(incident: Incident) -> list[str]:
    return [line for entry in incident.trail if (line := _entry(entry))]


def _entry(entry: Mapping[str, Any]) -> str:
    """One entry of the audit trail as a line; empty: it says nothing that the others do not."""
    at = escaped(str(entry.get("at", ""))[:19].replace("T", " "))
    match entry.get("event"):
        case "start":
            return f"- {at} **{escaped(entry.get('action', ''))}** by {escaped(entry.get('os_user', ''))}"
        case "step":
            return f"  - {at} {escaped(entry.get('sql', ''))[:500]}"
        case "end":
            return f"  - {at} {escaped(entry.get('outcome', ''))}: {escaped(entry.get('message', ''))}"
    return ""


async def _panes(readings: PastReadings, at: float, settings: Settings) -> AsyncIterator[str]:
    past = past_at(readings, at)
    readers = PastReaders(past)
    for name, view_name in SHOWN:
        pane = configured(pane_called(name), settings.thresholds)
        view = pane.view(view_name)
        source = past.named(pane.source_of(view))
        try:
            taken = await readers.of(source.name, view).read(source)
        except Trouble as why:
            yield f"## {escaped(pane.title)}: {escaped(view.title)}\n\n{escaped(why)}"
            continue
        rows = arrange(taken, view, view.sort)
        yield markdown(pane.title, view, replace(rows, rows=rows.rows[:MOST_ROWS]), source.facts)


def _at(seconds: float) -> str:
    return moment(datetime.fromtimestamp(seconds, UTC))
