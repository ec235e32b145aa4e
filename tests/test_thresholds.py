"""The thresholds of the configuration decide what the panes call a worry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from console.model import Level, Limit, Snapshot
from console.panes import PANES, pane
from console.reading.thresholds import configured
from console.settings.config import load

SETTINGS = load(panes=[each.name for each in PANES], environ={"HOME": "/nonexistent"})


def test_a_column_is_judged_by_its_threshold() -> None:
    strict = replace(SETTINGS.thresholds, slow_query_ms=Limit(10, 20))
    for thresholds, level in ((SETTINGS.thresholds, Level.OK), (strict, Level.CRITICAL)):
        (mean,) = [
            one for one in configured(pane("slow-queries"), thresholds).views[0].columns if one.name == "mean_now"
        ]
        assert mean.rule is not None
        assert mean.rule(25.0) is level


def test_the_bundled_thresholds_are_what_the_panes_say_without_any() -> None:
    for each in PANES:
        for view, same in zip(each.views, configured(each, SETTINGS.thresholds).views, strict=True):
            for column, judged in zip(view.columns, same.columns, strict=True):
                for value in (0.05, 0.5, 5, 50, 85, 93, 99, 1500, 20_000) if column.threshold else ():
                    assert column.rule is not None
                    assert judged.rule is not None
                    assert column.rule(value) is judged.rule(value), (each.name, column.name, value)


def test_a_verdict_is_made_under_its_threshold() -> None:
    vitals = Snapshot("vitals", ("used", "usable", "visible"), ((50, 100, 50),), datetime(2026, 1, 1, tzinfo=UTC))
    strict = replace(SETTINGS.thresholds, connection_usage_percent=Limit(40, 60))
    for thresholds, level in ((SETTINGS.thresholds, "ok"), (strict, "warning")):
        derive = configured(pane("overview"), thresholds).views[0].derive
        assert derive is not None
        assert derive(vitals).values("level")[0] == level


def test_every_threshold_of_the_configuration_is_used() -> None:
    used = {column.threshold for each in PANES for view in each.views for column in view.columns}
    used |= {name for each in PANES for view in each.views for name in view.limits}
    assert set(SETTINGS.thresholds.__slots__) <= used
