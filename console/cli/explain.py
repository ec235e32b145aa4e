"""`explain-rule`: what a rule reads, its limits, its SQL and the privileges it needs."""

from __future__ import annotations

from collections.abc import Iterable

from console.format import safe, to_json
from console.model import CHANGES, OFTEN, AnyRule, Diagnosis, Kind, Rule, Signal, Trouble
from console.rules import RULES
from console.rules.diagnoses import DIAGNOSES
from console.rules.explaining import diagnosis_document, diagnosis_sentence, document, sentence
from console.settings.config import Settings
from console.sources.registry import statement


def explain(name: str, form: str, settings: Settings) -> str:
    """The rule called `name` under the limits of `settings`, as text or JSON. Raises Trouble(USAGE)."""
    for diagnosis in DIAGNOSES:
        if diagnosis.name == name:
            if form == "json":
                return to_json(diagnosis_document(diagnosis, settings.thresholds)) + "\n"
            return _diagnosis_text(diagnosis, settings)
    for rule in RULES:
        if rule.name == name:
            limited = rule.under(settings.thresholds) if isinstance(rule, Rule) else rule
            return to_json(document(limited)) + "\n" if form == "json" else _rule_text(limited)
    known = ", ".join(sorted([*(diagnosis.name for diagnosis in DIAGNOSES), *(rule.name for rule in RULES)]))
    raise Trouble(Kind.USAGE, f"There is no rule {safe(name, 80)}.", f"Rules: {known}.")


def _diagnosis_text(diagnosis: Diagnosis, settings: Settings) -> str:
    lines = [f"{diagnosis.name}: {diagnosis_sentence(diagnosis)}", *filter(None, [diagnosis.misses]), ""]
    if diagnosis.rules:
        lines.append("Limits (thresholds in the configuration):")
        lines += [f"  {rule.name}: {sentence(rule.under(settings.thresholds))}" for rule in diagnosis.rules]
        lines.append("")
    for ask in diagnosis.asks:
        kept = f", compared over {ask.window:.0f} s" if ask.window else ""
        gate = "; only while the metrics make it necessary" if ask.only_if else ""
        changed = f"; at once when a column of {CHANGES} changes: {_signals(ask.on_change)}" if ask.on_change else ""
        changed += f"; every {ask.unchanged:.0f} s while none of them does" if ask.unchanged else ""
        for query in ask.queries:
            every = f"every {ask.every:.0f} s{kept}{gate}{changed}"
            lines += [f"-- {query} of {ask.source}, {every}", statement(query).strip(), ""]
    if any(ask.on_change for ask in diagnosis.asks):
        lines += [f"-- {CHANGES} of postgres, every {OFTEN:.0f} s", statement(CHANGES).strip(), ""]
    grants = diagnosis_document(diagnosis, settings.thresholds)["privileges"]
    lines.append(f"Privileges: {', '.join(map(str, grants)) if isinstance(grants, list) and grants else 'none'}.")
    return "\n".join(lines) + "\n"


def _signals(signals: Iterable[Signal]) -> str:
    """What makes a query be read early, such as "relations or outdated by 100,000"."""
    return " or ".join(f"{each.column} by {each.by:,.0f}" if each.by else each.column for each in signals)


def _rule_text(rule: AnyRule) -> str:
    lines = [f"{rule.name}: {sentence(rule)}", ""]
    for query in rule.queries:
        lines += [f"-- {query}", statement(query).strip(), ""]
    return "\n".join(lines)
