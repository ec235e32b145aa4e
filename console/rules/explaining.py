"""What a rule judges, from when on, and what it needs: as a sentence and as a document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from console import sql
from console.format import size
from console.model import AnyRule, Diagnosis, Limit, Rule, StateRule


def sentence(rule: AnyRule) -> str:
    """The rule in one line: what it judges, in which unit, and which values are a warning or critical."""
    if isinstance(rule, StateRule):
        return f"{rule.title}: {', '.join(f'{level} if {state}' for state, level in _words(rule))}."
    unit = f", in {rule.unit}" if rule.unit not in {"count", "bytes"} else ""
    return f"{rule.title}{unit}: {', '.join(_limits(rule))}."


def document(rule: AnyRule) -> dict[str, object]:
    """The rule as the JSON object of `list rules`; a rule over states has `states` instead of limits."""
    judged = _number_document(rule) if isinstance(rule, Rule) else {"states": dict(_words(rule))}
    return {"name": rule.name, "title": rule.title, **judged, **_needs(rule.queries)}


def diagnosis_sentence(diagnosis: Diagnosis) -> str:
    """A rule that finds root causes in one line: what it finds, how soon it matters, how long it must hold."""
    held = f", held for {diagnosis.hold:.0f} s" if diagnosis.hold else ""
    return f"{diagnosis.title} ({diagnosis.urgency.value}{held})."


def diagnosis_document(diagnosis: Diagnosis, limits: Mapping[str, Limit]) -> dict[str, object]:
    """A rule that finds root causes as the JSON object of `list rules`; its limits are those of the configuration."""
    return {
        "name": diagnosis.name,
        "title": diagnosis.title,
        "urgency": diagnosis.urgency.value,
        "hold_seconds": diagnosis.hold,
        "misses": diagnosis.misses,
        "limits": [{"name": rule.name, **_number_document(rule.under(limits))} for rule in diagnosis.rules],
        **_needs(tuple(dict.fromkeys(query for ask in diagnosis.asks for query in ask.queries))),
    }


def _needs(queries: Iterable[str]) -> dict[str, object]:
    needed = [sql.load(name) for name in queries if name in sql.names()]  # the pooler's are no files
    return {
        "queries": list(queries),
        "extensions": sorted({query.extension for query in needed if query.extension}),
        "privileges": sorted({grant for query in needed for grant in query.grants}),
    }


def _number_document(rule: Rule) -> dict[str, object]:
    return {
        "unit": rule.unit,
        "direction": "below" if rule.limit.below else "above",
        "warning": rule.limit.warning,
        "critical": rule.limit.critical,
        "window": rule.window.value,
    }


def _limits(rule: Rule) -> Iterable[str]:
    word = "below" if rule.limit.below else "from"
    for level, value in (("warning", rule.limit.warning), ("critical", rule.limit.critical)):
        if value is not None:
            yield f"{level} {word} {_shown(value, rule.unit)}"


def number_text(value: float) -> str:
    """A limit as text: 1,000 or 0.1."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:f}".rstrip("0")


def _shown(value: float, unit: str) -> str:
    return size(value) if unit.startswith("bytes") else number_text(value)


def _words(rule: StateRule) -> Iterable[tuple[str, str]]:
    return (("yes" if state is True else str(state), level.name.lower()) for state, level in rule.levels.items())
