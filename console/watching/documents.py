"""Findings and events as the JSON objects that `check` and `watch` print and deliver."""

from __future__ import annotations

from collections.abc import Mapping

from console.model import Facts, Finding, Level
from console.watching.changes import Raised

WORDS: Mapping[Level | None, str] = {
    Level.OK: "ok",
    Level.NOTICE: "ok",
    Level.WARNING: "warning",
    Level.CRITICAL: "critical",
    None: "unknown",
}


def finding_document(finding: Finding) -> dict[str, object]:
    """A finding as JSON."""
    return {
        "rule": finding.rule,
        "subject": finding.subject,
        "level": WORDS[finding.level],
        "sentence": finding.sentence,
        "detail": finding.detail,
        "since": finding.since,
        "evidence": [{"label": fact.label, "value": fact.value, "pane": fact.pane} for fact in finding.evidence],
        "explains": list(finding.explains),
        "fixes": [
            {"action": fix.action, "parameters": dict(fix.parameters), "effect": fix.effect} for fix in finding.fixes
        ],
    }


def server_document(label: str, facts: Facts | None) -> dict[str, object]:
    """Which server answered."""
    known = {"version": facts.version_text, "database": facts.database, "user": facts.user} if facts else {}
    return {"label": label, **known}


def event_document(event: str, raised: Raised, at: object, label: str, facts: Facts | None) -> dict[str, object]:
    """An event as JSON. All events of one raise of a finding have the same `id`."""
    return {
        "event": event,
        "id": raised.reference(label),
        "at": at,
        "raised_at": raised.at,
        "server": server_document(label, facts),
        "finding": finding_document(raised.finding),
    }
