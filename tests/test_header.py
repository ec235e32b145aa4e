"""The header: an alarm is always on the screen, whatever else would be there; and the pane in which its cause is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from textual.app import App, ComposeResult

from console.model import Level
from console.panes import PANES, pane
from console.panes.metrics import ALARMS, HEADER, METRICS, header_metrics, view_in_alarm
from console.reading.sparkline import BARS
from console.tui.header import Header

METRICS_SHOWN = header_metrics({})
HISTORY = {"used": [5.0, 6.0], "active": [1.0, 2.0], "tps": [10.0, 20.0]}
WELL: Mapping[str, object] = {
    "used": 9,
    "usable": 97,
    "active": 1,
    "waiting": 0,
    "tps": 120.0,
    "hit_percent": 100.0,
    "oldest_transaction": 2.0,
    "lag_seconds": 0.0,
    "pool_waiting": 0,
}
ALL_HEADER_ALARMS: Mapping[str, object] = {
    **WELL,
    "used": 1234,
    "usable": 1234,
    "waiting": 1200,
    "hit_percent": 12.3,
    "oldest_transaction": 400 * 86400.0,
    "lag_seconds": 400 * 86400.0,
    "pool_waiting": 12345,
}
OTHER_ALARMS: Mapping[str, object] = {
    "idle_in_transaction": 50,
    "oldest_idle_in_transaction": 4000.0,
    "oldest_prepared": 4000.0,
    "xmin_age": 60_000_000,
    "catalog_xmin_age": 60_000_000,
    "deadlock_rate": 1.0,
    "conflict_rate": 1.0,
    "temp_rate": 2e9,
    "lag_bytes": 1 << 40,
    "frozen_age": 2_000_000_000,
    "host_cpu": 99.0,
    "host_memory": 99.0,
    "host_swap": 1e9,
    "host_read_ms": 100.0,
    "host_disk": 99.0,
}


class Top(App[None]):
    """Only the header."""

    def compose(self) -> ComposeResult:
        yield Header(METRICS_SHOWN)


async def line(now: Mapping[str, object], width: int) -> str:
    """The line of metrics with these values."""
    app = Top()
    async with app.run_test(size=(width, 2)):
        header = app.query_one(Header)
        header.show_server("there", None, now, HISTORY)
        return header.render().plain.splitlines()[1]


def in_alarm(now: Mapping[str, object]) -> list[str]:
    return [label for label, metric in METRICS_SHOWN.items() if metric.level(now) >= Level.WARNING]


async def test_every_metric_with_a_rule_is_in_the_header_while_it_is_abnormal() -> None:
    assert {metric.column for metric in METRICS if metric.rule} <= {*HEADER.values(), *ALARMS.values()}
    assert set(in_alarm({**ALL_HEADER_ALARMS, **OTHER_ALARMS})) == {*HEADER, *ALARMS} - {"act", "tps"}


async def test_at_80_columns_all_usual_metrics_in_alarm_are_on_the_screen() -> None:
    shown = await line(ALL_HEADER_ALARMS, 80)
    assert len(shown) <= 80
    for label in in_alarm(ALL_HEADER_ALARMS):
        assert f"{label} " in shown, shown
    assert not set(BARS) & set(shown)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("column", ["used", "pool_waiting", "lag_seconds", *OTHER_ALARMS])
async def test_an_alarm_comes_before_other_metrics_and_sparklines(column: str, width: int) -> None:
    abnormal = {**ALL_HEADER_ALARMS, **OTHER_ALARMS}
    now = {**WELL, column: abnormal[column]} | ({"usable": 1234} if column == "used" else {})
    (label,) = in_alarm(now)
    shown = await line(now, width)
    assert shown.startswith(f" {label} "), shown
    assert len(shown) <= width


async def test_alarms_without_room_are_counted() -> None:
    now = {**ALL_HEADER_ALARMS, **OTHER_ALARMS}
    shown = await line(now, 80)
    left = sum(f" {label} " not in shown for label in in_alarm(now))
    assert len(shown) <= 80
    assert left
    assert shown.endswith(f" +{left}!"), shown


async def test_sparklines_take_the_room_that_metrics_leave() -> None:
    narrow, wide = await line(WELL, 80), await line(WELL, 200)
    assert all(f"{label} " in narrow and f"{label} " in wide for label in HEADER)
    assert set(BARS) & set(wide)


def test_an_alarm_names_a_view_that_exists_and_is_opened_on_it() -> None:
    for metric in METRICS_SHOWN.values():
        name, view = metric.cause_in
        assert not name or view in {each.name for each in pane(name).views}
    assert view_in_alarm(METRICS_SHOWN.values(), WELL, "pooler") == ""
    assert view_in_alarm(METRICS_SHOWN.values(), {**WELL, "pool_waiting": 25}, "pooler") == "pools"
    assert {view_in_alarm(METRICS_SHOWN.values(), ALL_HEADER_ALARMS, each.name) for each in PANES} >= {"summary"}
