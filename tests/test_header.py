"""The header: an alarm is always on the screen, whatever else would be there; and the pane in which its cause is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pytest
from rich.color import ColorSystem
from rich.style import Style
from textual.app import App, ComposeResult
from textual.content import Content
from textual.geometry import Offset
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

import console.tui
from console.model import Facts, Finding, Kind, Level, Trouble
from console.panes import PANES, pane
from console.panes.metrics import ALARMS, HEADER, METRICS, header_metrics, view_in_alarm
from console.reading.sparkline import BARS
from console.tui.header import Header, LineForm
from console.tui.own_lines import OwnStyles
from tests.screens import console as opened
from tests.screens import screen_text, shows, until
from tests.servers import PostgresServer

METRICS_SHOWN = header_metrics({})
HISTORY = {"used": [5.0, 6.0], "active": [1.0, 2.0], "tps": [10.0, 20.0]}
FACTS = Facts("postgres", 170000, "17.0", "shop", "dba", superuser=True)
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

    CSS_PATH = Path(console.tui.__file__).with_name("console.tcss")

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


@pytest.mark.parametrize("now", [WELL, ALL_HEADER_ALARMS, {**ALL_HEADER_ALARMS, **OTHER_ALARMS}])
@pytest.mark.parametrize("width", [60, 200])
@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
async def test_its_lines_look_as_textual_itself_paints_them(now: Mapping[str, object], width: int, theme: str) -> None:
    app = Top()
    async with app.run_test(size=(width, 2)) as pilot:
        header = app.query_one(Header)
        header.show_server("there 漢字", FACTS, now, HISTORY, Trouble(Kind.FAILED, "It failed."), moment="10 m ago")
        assert header.render_lines(header.size.region)
        app.theme = theme
        await pilot.pause()
        own, textual = (kind.render_lines(header, header.size.region) for kind in (Header, Widget))
        assert [looks(line) for line in own] == [looks(line) for line in textual]


def looks(line: Strip) -> list[tuple[str, str]]:
    cells = (
        (character, Strip.render_ansi(style or Style.null(), ColorSystem.TRUECOLOR))
        for text, style, _ in line
        for character in text
    )
    runs = groupby(cells, key=itemgetter(1))
    return [("".join(character for character, _ in run), codes) for codes, run in runs]


async def test_a_line_that_stays_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    line = OwnStyles.line

    def counted(styles: OwnStyles, text: Content, width: int) -> Strip:
        made.append(text.plain)
        return line(styles, text, width)

    monkeypatch.setattr(OwnStyles, "line", counted)
    app = Top()
    async with app.run_test(size=(120, 2)):
        header = app.query_one(Header)
        for used in (9, 9, 10):
            header.show_server("there", FACTS, {**WELL, "used": used}, HISTORY)
            header.render_lines(header.size.region)
        assert ["PostgreSQL" in text for text in made[-3:]] == [True, False, False]


async def test_what_is_selected_in_it_is_marked() -> None:
    app = Top()
    async with app.run_test(size=(120, 2)) as pilot:
        header = app.query_one(Header)
        header.show_server("there", FACTS, WELL, HISTORY)
        await pilot.pause()
        plain = [looks(line) for line in header.render_lines(header.size.region)]
        app.screen.selections = {header: Selection(Offset(0, 0), Offset(9, 0))}
        await pilot.pause()
        marked = [looks(line) for line in header.render_lines(header.size.region)]
        assert marked[0] != plain[0]
        assert marked[1] == plain[1]


@pytest.mark.parametrize(("keys", "above"), [("?", 1), ("a", 2)])
async def test_it_is_alive_behind_dialogs(any_pg: PostgresServer, keys: str, above: int) -> None:
    async with opened(any_pg.uri(), (120, 40)) as (app, pilot):
        await shows(pilot, "Quit")
        await pilot.press(keys)
        await until(pilot, lambda: len(app.screen_stack) == 1 + above)
        header = app.screen_stack[0].query_one(Header)
        for text in ("there-1", "there-2"):

            def shown(text: str = text) -> bool:
                header.show_server(text, None, {}, {})  # again, as the console itself shows its server there
                return text in screen_text(app)

            await until(pilot, shown)


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


async def first_line(facts: Facts, now: Mapping[str, object], findings: Sequence[Finding], width: int) -> str:
    app = Top()
    async with app.run_test(size=(width, 2)):
        header = app.query_one(Header)
        header.show_server("there", facts, now, HISTORY, findings=findings)
        return header.render().plain.splitlines()[0]


OWNER = Facts("postgres", 180006, "18.6", "127.0.0.1:37947", database="pipeline", user="pipeline_owner")
LONG = replace(OWNER, label="warehouse-primary.eu-central-1.rds.example.com:5432", database="d" * 63, user="u" * 63)


@pytest.mark.parametrize(
    ("facts", "levels", "shown"),
    [
        (OWNER, [], "127.0.0.1:37947  PostgreSQL 18.6 primary pipeline_owner@pipeline no TLS"),
        (OWNER, [Level.WARNING], "127.0.0.1:37947  1 warning PG 18.6 primary pipeline_owner@pipeline no TLS"),
        (
            OWNER,
            [Level.CRITICAL, *[Level.WARNING] * 12],
            "127.0.0.1:37947  1!! 12! PG 18.6 primary pipeline_owner@pipeline no TLS",
        ),
        (
            replace(LONG, superuser=True),
            [Level.CRITICAL],
            "warehou…com:5432  1!! PG 18.6 primary SUPERUSER uuuu…uuuu@dddd…dddd no TLS",
        ),
    ],
)
async def test_at_80_columns_the_first_line_gets_shorter_in_whole_parts(
    facts: Facts, levels: Sequence[Level], shown: str
) -> None:
    findings = [Finding("rule", str(at), level, "It is so.") for at, level in enumerate(levels)]
    assert await first_line(facts, WELL, findings, 80) == f" {shown}"


async def test_a_first_line_that_cannot_fit_says_that_it_was_cut() -> None:
    now = {**WELL, "visible": 9, "used": 120}
    shown = await first_line(replace(LONG, superuser=True, read_only=True), now, [], 80)
    assert len(shown) <= 80
    assert shown.startswith(" warehou…com:5432 ")
    assert "sees 9 of 120 sessions" in shown


async def test_the_first_line_is_made_again_only_when_something_that_it_says_differs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    facts_in = Header._facts_in

    def counted(header: Header, facts: Facts, form: LineForm) -> Content:
        made.append(facts.database)
        return facts_in(header, facts, form)

    monkeypatch.setattr(Header, "_facts_in", counted)
    app = Top()
    async with app.run_test(size=(200, 2)):
        header = app.query_one(Header)
        for seconds in range(5):
            header.show_server("there", FACTS, {**WELL, "tps": 120.0 + seconds}, HISTORY)
        assert len(made) == 1
        header.show_server("there", replace(FACTS, database="other"), WELL, HISTORY)
        header.show_server("there", replace(FACTS, database="other"), {**WELL, "standby": True}, HISTORY)
        assert made[1:] == ["other", "other"]
        assert "standby" in header.render().plain
