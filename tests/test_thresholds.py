"""The thresholds of the configuration decide how the panes, the overview and the header judge."""

from __future__ import annotations

from datetime import UTC, datetime

from console.model import Level, Limit, Rule, Snapshot
from console.panes import PANES, pane
from console.panes.metrics import METRICS, header_metrics
from console.reading.thresholds import configured
from console.rules import RULES, THRESHOLDS
from console.rules.diagnoses import DIAGNOSES
from console.settings.config import load

SETTINGS = load(panes=[each.name for each in PANES], thresholds=lambda: THRESHOLDS, environ={"HOME": "/nonexistent"})
COLUMNS = [column for each in PANES for view in each.views for column in view.columns]


def test_a_column_is_judged_under_its_configured_limits() -> None:
    strict = {**SETTINGS.thresholds, "slow_query_ms": Limit(10, 20)}
    for limits, level in ((SETTINGS.thresholds, Level.OK), (strict, Level.CRITICAL)):
        [mean] = [
            column for column in configured(pane("slow-queries"), limits).views[0].columns if column.name == "mean_now"
        ]
        assert mean.rule is not None
        assert mean.rule.level(25.0) is level


def test_the_bundled_thresholds_are_those_that_the_rules_declare() -> None:
    declared = {rule.name: (rule.limit.warning, rule.limit.critical) for rule in RULES if isinstance(rule, Rule)}
    assert declared == {name: (limit.warning, limit.critical) for name, limit in SETTINGS.thresholds.items()}


def test_a_verdict_is_made_under_the_configured_limits() -> None:
    vitals = Snapshot("vitals", ("used", "usable", "visible"), ((50, 100, 50),), datetime(2026, 1, 1, tzinfo=UTC))
    strict = {**SETTINGS.thresholds, "connection_usage_percent": Limit(40, 60)}
    for limits, level in ((SETTINGS.thresholds, "ok"), (strict, "warning")):
        derive = configured(pane("overview"), limits).view("vitals").derive
        assert derive is not None
        assert derive(vitals).values("level")[0] == level


def test_the_header_judges_by_the_same_limits() -> None:
    strict = {**SETTINGS.thresholds, "connection_usage_percent": Limit(40, 60)}
    for limits, level in ((SETTINGS.thresholds, Level.OK), (strict, Level.WARNING)):
        assert header_metrics(limits)["conn"].level({"used": 50, "usable": 100}) is level


def test_a_limit_keeps_the_direction_of_its_rule() -> None:
    strict = {**SETTINGS.thresholds, "cache_hit_percent": Limit(99, 98)}
    hit = header_metrics(strict)["hit"]
    assert [hit.level({"hit_percent": value}) for value in (100, 98.5, 90)] == [
        Level.OK,
        Level.WARNING,
        Level.CRITICAL,
    ]


def test_every_rule_judges_something_and_everything_is_judged_by_a_rule_of_the_list() -> None:
    used = {column.rule.name for column in COLUMNS if column.rule}
    used |= {rule.name for each in PANES for view in each.views for rule in view.rules}
    used |= {metric.rule.name for metric in METRICS if metric.rule}
    used |= {rule.name for diagnosis in DIAGNOSES for rule in diagnosis.rules}
    assert used == {rule.name for rule in RULES}
    assert len(used) == len(RULES)


def test_a_rule_reads_queries_that_a_pane_or_a_finding_asks() -> None:
    asked = {view.query for each in PANES for view in each.views}
    asked |= {lookup.query for each in PANES for view in each.views for lookup in view.lookups}
    asked |= {query for diagnosis in DIAGNOSES for ask in diagnosis.asks for query in ask.queries}
    for rule in RULES:
        assert set(rule.queries) <= asked, rule.name
        read = {view.query for each in PANES for view in each.views if _judged(rule.name, view.name, each.name)}
        assert read <= set(rule.queries), rule.name


def _judged(rule: str, view: str, of: str) -> bool:
    shown = pane(of).view(view)
    return rule in {column.rule.name for column in shown.columns if column.rule} | {each.name for each in shown.rules}
