"""The output formats of `check`: text, JSON, one line for Nagios, OpenMetrics. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from console.format import counted, safe, sql_identifier, to_json
from console.model import Facts, Finding, Level, Trouble, Unknown
from console.rules.judging import Identity, Verdict
from console.watching.documents import WORDS, finding_document
from console.watching.findings import headline
from console.watching.journal import Muted

MARKS = {Level.CRITICAL: "!!", Level.WARNING: "! "}


class Result(Protocol):
    """What the rules say of one target."""

    @property
    def label(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def facts(self) -> Facts | None: ...
    @property
    def trouble(self) -> Trouble | None: ...
    @property
    def level(self) -> Level | None: ...
    @property
    def muted(self) -> Mapping[Identity, Muted]: ...
    @property
    def counted(self) -> Sequence[Finding]: ...


def text(results: Sequence[Result], several: bool) -> str:
    """Findings with their symptoms and fixes, worst first, and what could not be judged."""
    return "\n".join(_text(result, several) for result in results)


def _text(result: Result, several: bool) -> str:
    lines = [f"{safe(result.label)}: {WORDS[result.level]}"] if several or result.trouble else []
    if result.trouble:
        return "\n".join([*lines, f"   {result.trouble}"]) + "\n"
    for finding in sorted(result.verdict.findings, key=lambda each: _why(result, each) is not None):
        lines += _block(finding, _why(result, finding))
    lines.append(summary(result))
    lines += _unknown(result)
    return "\n".join(lines) + "\n"


def _unknown(result: Result) -> list[str]:
    """Why rules could not be evaluated, each reason once."""
    names: dict[str, list[str]] = {}
    for each in result.verdict.unknown:
        names.setdefault(f"{each.why} {_remedy(each, result.facts)}".rstrip(), []).append(each.rule)
    return [f"   {', '.join(rules)}: {why}" for why, rules in names.items()]


def _remedy(unknown: Unknown, facts: Facts | None) -> str:
    """What would change it; where privileges are missing, the statements that give them to this role."""
    if facts is None or not unknown.lacks.grants:
        return unknown.remedy
    return safe(" ".join(unknown.lacks.statements(sql_identifier(facts.user))))


def summary(result: Result) -> str:
    """How many findings there are, of how many rules, and how many rules could not be evaluated."""
    verdict = result.verdict
    unknown = f", {len(verdict.unknown)} could not be" if verdict.unknown else ""
    head = headline(len(verdict.findings), len(result.counted))
    return f"{head}: {counted(len(verdict.judged), 'rule')} evaluated{unknown}."


def _why(result: Result, finding: Finding) -> Muted | None:
    """Why a finding does not count; None: it does."""
    return result.muted.get((finding.rule, finding.subject))


def _block(finding: Finding, muted: Muted | None) -> list[str]:
    lines = [f"{' z' if muted else MARKS.get(finding.level, '  ')}{finding.sentence}"]
    lines += [f"    {muted.text}"] if muted else []
    lines += [f"    {finding.detail}"] if finding.detail else []
    lines += [f"    also explains: {' · '.join(finding.explains)}"] if finding.explains else []
    for fix in finding.fixes:
        given = " ".join(f"--set {shlex.quote(f'{name}={safe(value)}')}" for name, value in fix.parameters.items())
        lines.append(f"    {fix.effect}: run {fix.action} {given}".rstrip())
    return [safe(line) for line in lines]


def json(results: Sequence[Result], several: bool) -> str:
    """One document; of several targets a list of them under `targets`."""
    documents = [document(result) for result in results]
    whole: object = {"level": _worst(results), "targets": documents} if several else documents[0]
    return to_json(whole) + "\n"


def document(result: Result) -> dict[str, object]:
    """What the rules say of one target as the JSON object of `check`."""
    return {
        "level": WORDS[result.level],
        "taken_at": result.at,
        "server": server(result),
        "findings": [
            {**finding_document(finding), "muted": _muted_document(_why(result, finding))}
            for finding in result.verdict.findings
        ],
        "cannot_tell": [
            *(
                {"rule": each.rule, "why": each.why, "remedy": _remedy(each, result.facts)}
                for each in result.verdict.unknown
            ),
            *(
                [{"rule": "", "why": result.trouble.sentence, "remedy": result.trouble.remedy}]
                if result.trouble
                else []
            ),
        ],
    }


def server(result: Result) -> dict[str, object]:
    """Which server answered."""
    facts = result.facts
    known = {"version": facts.version_text, "database": facts.database, "user": facts.user} if facts else {}
    return {"label": result.label, **known}


def _muted_document(muted: Muted | None) -> dict[str, object] | None:
    return {"reason": muted.reason.value, "until": muted.until, "by": muted.by} if muted else None


def nagios(results: Sequence[Result], several: bool) -> str:
    """One line as monitoring plugins print it: the level, the worst finding, performance data."""
    word = _worst(results).upper()
    named = [
        f"{f'{safe(result.label)}: ' if several else ''}{finding.sentence}"
        for result in results
        for finding in result.counted
    ] + [f"{safe(result.label)}: {result.trouble}" for result in results if result.trouble]
    counts = _counts(results)
    more = f" (and {len(named) - 1} more)" if len(named) > 1 else ""
    sentence = (named[0] if named else " ".join(map(summary, results))).replace("|", "/")
    performance = " ".join(f"{name}={count}" for name, count in counts.items())
    return f"{word}: {safe(sentence)}{more} | {performance}\n"


def openmetrics(results: Sequence[Result], _several: bool) -> str:
    """Findings and rules as gauges (https://prometheus.io/docs/specs/om/open_metrics_spec/)."""
    lines = [
        "# TYPE pipeline_console_up gauge",
        *(f"pipeline_console_up{_labels(server=result.label)} {int(not result.trouble)}" for result in results),
        "# TYPE pipeline_console_findings gauge",
    ]
    for result in results:
        for level in (Level.WARNING, Level.CRITICAL):
            count = sum(finding.level == level for finding in result.counted)
            lines.append(f"pipeline_console_findings{_labels(server=result.label, level=WORDS[level])} {count}")
    lines.append("# TYPE pipeline_console_finding gauge")
    lines += [
        f"pipeline_console_finding{_labels(server=result.label, rule=each.rule, subject=each.subject)} {each.level:d}"
        for result in results
        for each in result.counted
    ]
    lines.append("# TYPE pipeline_console_muted_findings gauge")
    lines += [
        f"pipeline_console_muted_findings{_labels(server=result.label)} {len(result.muted)}" for result in results
    ]
    lines.append("# TYPE pipeline_console_rules gauge")
    for result in results:
        for state, count in (("evaluated", len(result.verdict.judged)), ("unknown", len(result.verdict.unknown))):
            lines.append(f"pipeline_console_rules{_labels(server=result.label, state=state)} {count}")
    return "\n".join([*lines, "# EOF", ""])


def _labels(**values: str) -> str:
    escaped = (
        f'{name}="{safe(value).replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"'
        for name, value in values.items()
    )
    return "{" + ",".join(escaped) + "}"


def _worst(results: Sequence[Result]) -> str:
    levels = [result.level for result in results]
    known = max((level for level in levels if level is not None), default=None)
    if known in (Level.WARNING, Level.CRITICAL):
        return WORDS[known]
    return WORDS[None if None in levels else Level.OK]


def _counts(results: Sequence[Result]) -> Mapping[str, int]:
    findings = [finding for result in results for finding in result.counted]
    return {
        "critical": sum(finding.level == Level.CRITICAL for finding in findings),
        "warning": sum(finding.level == Level.WARNING for finding in findings),
        "rules": sum(len(result.verdict.judged) for result in results),
        "unknown": sum(len(result.verdict.unknown) for result in results),
        "muted": sum(len(result.muted) for result in results),
    }


FORMATS: Mapping[str, Callable[[Sequence[Result], bool], str]] = {
    "text": text,
    "json": json,
    "nagios": nagios,
    "openmetrics": openmetrics,
}
