"""The findings as a source: what panes, `show` and exports read like any other rows."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from console.format import counted, one_line
from console.model import CannotTell, Evidence, Finding, Fix, Frame, Kind, Level, Row, Snapshot, Trouble, Unknown
from console.rules.findings import pool_doctor
from console.rules.findings.pool_doctor import doctor_rows, history_note
from console.rules.judging import Verdict
from console.sources.console import Answer, ConsoleSource
from console.sources.registry import POOLER, RULES, Sources
from console.watching.journal import Muted
from console.watching.observer import Observer

REASONS = 3  # that the note of the findings repeats
FRESH = 1.0  # seconds for which a verdict is shown again instead of looking once more
COLUMNS = (
    *("rule", "subject", "level", "sentence", "detail", "explains", "fix", "since", "fixes", "evidence", "muted"),
)


def findings_source(observer: Observer, sources: Sources) -> ConsoleSource:
    """A source of the findings of `sources`, worst first, and of their history."""

    async def fetch(_: Mapping[str, object]) -> Snapshot:
        began = time.monotonic()
        verdict = await observer.recent(FRESH)
        if observer.unreachable:
            raise observer.unreachable
        return snapshot(verdict, observer, time.monotonic() - began)

    async def past(_: Mapping[str, object]) -> Snapshot:
        from console.watching import history  # noqa: PLC0415  one view shows it

        began = time.monotonic()
        kept = observer.history
        rows = tuple(await observer.past())
        notes = (str(kept.trouble),) if kept and kept.trouble else ()
        now = time.monotonic()
        return Snapshot("finding_history", history.COLUMNS, rows, datetime.now(UTC), now - began, now, notes=notes)

    async def doctor(_: Mapping[str, object]) -> Snapshot:
        sources.named(POOLER)  # without one no rule reads what this is made of
        began = time.monotonic()
        verdict = await observer.recent(FRESH)
        try:
            rows = doctor_rows(observer.frame, verdict.findings, observer.pools)
        except CannotTell as why:
            raise Trouble(Kind.MISSING, why.why, why.remedy) from None
        now, notes = time.monotonic(), (history_note(observer.frame, observer.pools),)
        return Snapshot("pool_doctor", pool_doctor.COLUMNS, rows, observer.frame.at, now - began, now, notes=notes)

    judged: list[tuple[Frame, dict[str, float | None]]] = []  # the last frame, and the values in it

    async def host(asked: Mapping[str, object]) -> Snapshot:
        from console.rules.findings.host_values import host_values  # noqa: PLC0415  not before the first rows

        if not judged or judged[0][0] is not observer.frame:
            judged[:] = [(observer.frame, host_values(observer.frame))]
        values, now = judged[0][1], time.monotonic()
        row = (*(next(iter(_listed(key)), None) for key in asked.values()), *values.values())
        return Snapshot("host_metrics", (*asked, *values), (row,), observer.frame.at, 0.0, now)

    answers = {
        "host_metrics": Answer(host, lambda: "-- What the rules have read of the host; see the pane Host."),
        "pool_doctor": Answer(doctor, lambda: text(observer)),
        "findings": Answer(fetch, lambda: text(observer)),
        "finding_history": Answer(past, lambda: "-- The findings that this user's consoles and `watch` have seen."),
    }
    return ConsoleSource(lambda: answers, name=RULES)


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


def snapshot(verdict: Verdict, observer: Observer, seconds: float) -> Snapshot:
    """The findings as rows, those that do not count last; the notes count the rules and name what cannot tell."""
    rows = tuple(_row(finding, _muted(observer.muted(finding))) for finding in verdict.findings)
    ordered = tuple(sorted(rows, key=lambda row: bool(row[-1])))
    lost = dict.fromkeys(str(why) for why in (observer.journal.trouble, observer.unkept) if why)
    notes = (summary(verdict, len(observer.counted), observer.to_follow), *lost)
    return Snapshot("findings", COLUMNS, ordered, observer.frame.at, seconds, time.monotonic(), notes=notes)


def _muted(found: Muted | None) -> str | None:
    return found.text if found else None


def summary(verdict: Verdict, counting: int, to_follow: Collection[str] = ()) -> str:
    """How many findings there are, of how many rules, and why the others could not be evaluated.

    `counting` is how many findings are neither acknowledged nor withheld; the rules `to_follow` are evaluated later.
    """
    head = headline(len(verdict.findings), counting)
    evaluated = f"{counted(len(verdict.judged), 'rule')} evaluated"
    if to_follow:
        head, evaluated = f"{head} so far", f"{evaluated}, {len(to_follow)} to follow"
    unknown = [each for each in verdict.unknown if each.rule not in to_follow]
    if not unknown:
        return f"{head}: {evaluated}."
    return f"{head}: {evaluated}, {len(unknown)} could not be ({_reasons(unknown)})."


def _reasons(unknown: Sequence[Unknown]) -> str:
    """Why rules cannot tell, the reasons of most rules first; short enough for the line below a pane.

    What `text` returns names every rule.
    """
    rules: dict[str, list[str]] = {}
    for each in unknown:
        rules.setdefault(each.why.rstrip("."), []).append(each.rule)
    ordered = sorted(rules.items(), key=lambda reason: -len(reason[1]))
    texts = [f"{names[0] if len(names) == 1 else f'{len(names)} rules'}: {why}" for why, names in ordered[:REASONS]]
    more = sum(len(names) for _, names in ordered[REASONS:])
    return "; ".join([*texts, *([f"{more} more for other reasons"] if more else [])])


def headline(found: int, counted: int) -> str:
    """How many findings there are, and how many of them do not count."""
    head = "No findings" if not found else "1 finding" if found == 1 else f"{found} findings"
    return f"{head}, {found - counted} of them acknowledged or withheld" if found > counted else head


def text(observer: Observer) -> str:
    """What is read for the rules, and why some were not evaluated when they were last read; a comment line each."""
    head = "-- The rules judge what these queries return (pipeline-console explain-rule RULE prints their SQL):"
    unknown = {each.rule: f". Not evaluated: {one_line(each.why)}" for each in observer.verdict.unknown}
    reads = (
        f"-- {each.name}: {', '.join(ask.query for ask in each.asks)}{unknown.get(each.name, '')}"
        for each in observer.diagnoses
    )
    return "\n".join([head, *reads])


def findings_of(rows: Snapshot) -> list[Finding]:
    """The findings in rows that `snapshot` made which were neither acknowledged nor withheld. Raises ValueError."""
    try:
        return [_finding(row) for row in rows.records() if not row.get("muted")]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None


def _finding(row: Mapping[str, Any]) -> Finding:
    """A finding as `snapshot` makes a row of it. What another version did not keep is empty."""
    evidence = (
        Evidence(
            str(each.get("label", "")),
            str(each.get("value", "")),
            str(each.get("pane", "")),
            str(each.get("view", "")),
            dict(each.get("row", {})),
        )
        for each in row.get("evidence") or ()
    )
    fixes = (
        Fix(str(each["action"]), dict(each.get("parameters", {})), str(each.get("effect", "")))
        for each in row.get("fixes") or ()
        if each.get("action")
    )
    since = row.get("since")
    return Finding(
        str(row["rule"]),
        str(row["subject"]),
        Level[str(row["level"]).upper()],
        str(row["sentence"]),
        str(row.get("detail") or ""),
        tuple(evidence),
        tuple(fixes),
        explains=tuple(map(str, row.get("explains") or ())),
        since=since if isinstance(since, datetime) else None,
    )


def remade(rows: Snapshot) -> Snapshot:
    """`rows` made again from their findings, as `snapshot` makes them: another version may have kept less of them.

    Raises an error where a value is wrong.
    """
    made = [_row(_finding(row), str(row["muted"]) if row.get("muted") else None) for row in rows.records()]
    return replace(rows, columns=COLUMNS, rows=tuple(made), unknown=())


def _row(finding: Finding, muted: str | None) -> Row:
    fixes = [{"action": fix.action, "parameters": dict(fix.parameters), "effect": fix.effect} for fix in finding.fixes]
    evidence = [
        {"label": fact.label, "value": fact.value, "pane": fact.pane, "view": fact.view, "row": dict(fact.row)}
        for fact in finding.evidence
    ]
    return (
        finding.rule,
        finding.subject,
        finding.level.name.lower(),
        finding.sentence,
        finding.detail,
        list(finding.explains),
        finding.fixes[0].effect if finding.fixes else None,
        finding.since,
        fixes,
        evidence,
        muted,
    )
