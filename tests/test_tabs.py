"""The line of groups and panes, on a screen of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from textual import on
from textual.app import App, ComposeResult

from console.model import Pane
from console.panes import PANES
from console.tui.tabs import PaneTabs

GROUPS = {
    "Now": ("Now", "Connections", "Locks", "Slow queries", "Waits", "I/O"),
    "Storage": ("Bloat", "Vacuum", "Indexes", "Partitions", "Views"),
    "Around": ("Pooler", "Replication", "Progress", "Server", "Capacity", "Cache", "Host", "Cluster"),
    "Care": ("Schema", "Settings", "Jobs", "Activity", "Audit"),
}
MANY = tuple(
    replace(PANES[0], name=title, title=title, key=key, group=group)
    for key, (group, title) in zip(
        "1234wi5u678" + "9rbncBhC" + "moJat",
        ((group, title) for group, titles in GROUPS.items() for title in titles),
        strict=True,
    )
)


class Line(App[None]):
    """Only the tab line; it collects which panes were chosen."""

    def __init__(self, current: str, panes: Sequence[Pane] = PANES) -> None:
        super().__init__()
        self._current = current
        self._panes = panes
        self.chosen: list[str] = []

    def compose(self) -> ComposeResult:
        yield PaneTabs(self._panes, self._current)

    @on(PaneTabs.Chosen)
    def collect(self, chosen: PaneTabs.Chosen) -> None:
        self.chosen.append(chosen.name)


async def line_of(current: str, panes: Sequence[Pane], width: int) -> str:
    app = Line(current, panes)
    async with app.run_test(size=(width, 1)):
        return app.query_one(PaneTabs).render().plain


@pytest.mark.parametrize("panes", [PANES, MANY], ids=["panes", "24 panes"])
async def test_at_80_columns_a_group_is_spelled_out_or_keeps_keys_and_the_current_title(panes: Sequence[Pane]) -> None:
    groups = list(dict.fromkeys(pane.group for pane in panes))
    for pane in panes:
        line = await line_of(pane.name, panes, 80)
        left, right = line.split(" │")
        members = [each for each in panes if each.group == pane.group]
        whole = "".join(f" {each.key} {each.title}" for each in members)
        heads = sum(len(group) + 1 for group in groups) + len(" │")
        assert len(line) <= 80
        assert right == whole or heads + len(whole) > 80, line
        assert [name[0] for name in left.split()] == [group[0] for group in groups]
        assert f" {pane.group}" in left
        assert f" {pane.key} {pane.title}" in right or (pane.short and f" {pane.key} {pane.short}" in right)
        for each in members:
            assert f" {each.key} {each.title[:3]}" in right or f" {each.key} {each.short[:3]}" in right, line


@pytest.mark.parametrize("group", dict.fromkeys(pane.group for pane in PANES))
async def test_at_80_columns_no_title_is_cut_and_the_line_stays_while_panes_change(group: str) -> None:
    members = [pane for pane in PANES if pane.group == group]
    lines = {(await line_of(pane.name, PANES, 80)).split(" │")[1] for pane in members}
    assert len(lines) == 1
    assert "…" not in lines.pop()


@pytest.mark.parametrize(
    ("current", "width", "line"),
    [
        ("Host", 60, " N S Around C │ 9 Po r Re b Pr n Se c Ca B Ca h Host C Cl"),
        ("Host", 80, " Now Sto… Around Care │ 9 Poo… r Rep… b Pro… n Ser… c Cap… B Cac… h Host C Clu…"),
        (
            "Host",
            100,
            " Now Sto… Around Care │ 9 Pooler r Replicat… b Progress n Server c Capacity B Cache h Host C Cluster",
        ),
        (
            "Host",
            200,
            " Now Storage Around Care │ 9 Pooler r Replication b Progress n Server c Capacity B Cache h Host C Cluster",
        ),
        ("Replication", 60, " N S Around C │ 9 P r Replication b P n S c C B C h H C C"),
        ("Replication", 80, " N S Around C │ 9 Poo… r Replication b Pro… n Ser… c Cap… B Cac… h Host C Clu…"),
        ("Locks", 60, " Now St… Ar… Ca… │ 1 Now 2 Con… 3 Locks 4 Slo… w Wai… i I/O"),
        ("Locks", 80, " Now Stor… Arou… Care │ 1 Now 2 Connections 3 Locks 4 Slow queries w Waits i I/O"),
        ("Locks", 100, " Now Storage Around Care │ 1 Now 2 Connections 3 Locks 4 Slow queries w Waits i I/O"),
        ("Vacuum", 60, " Now Storage Ar… Ca… │ 5 Blo… u Vacuum 6 Ind… 7 Par… 8 Vie…"),
        ("Vacuum", 80, " Now Storage Around Care │ 5 Bloat u Vacuum 6 Indexes 7 Partitions 8 Views"),
        ("Jobs", 60, " Now Sto… Aro… Care │ m Sche… o Sett… J Jobs a Acti… t Audit"),
        ("Jobs", 80, " Now Storage Around Care │ m Schema o Settings J Jobs a Activity t Audit"),
        ("Replication", 40, " N S Around C │ 9  r R b  n  c  B  h  C "),
    ],
)
async def test_other_groups_give_way_first_then_the_titles_of_other_panes(current: str, width: int, line: str) -> None:
    assert await line_of(current, MANY, width) == line


async def test_a_click_on_a_shortened_group_or_title_opens_its_pane() -> None:
    app = Line("Replication", MANY)
    async with app.run_test(size=(80, 1)) as pilot:
        line = app.query_one(PaneTabs).render().plain
        for text in (" S", " C ", "Ser…", " h "):
            await pilot.click(PaneTabs, offset=(line.index(text) + 1, 0))
        await pilot.pause()
    assert app.chosen == ["Bloat", "Schema", "Server", "Host"]


async def test_a_narrow_line_shortens_titles_and_keeps_every_pane() -> None:
    app = Line("connections")
    async with app.run_test(size=(60, 1)):
        line = app.query_one(PaneTabs).render().plain
    assert len(line) <= 60
    assert " 2 Con" in line
    assert all(f" {pane.key} " in line for pane in PANES if pane.group == "Now")


async def test_turning_goes_round_and_returns_to_the_pane_last_seen() -> None:
    app = Line("locks")
    async with app.run_test(size=(80, 1)) as pilot:
        tabs = app.query_one(PaneTabs)
        seen = []
        for _ in range(len({pane.group for pane in PANES})):
            seen.append(tabs.beside(1))
            tabs.current = seen[-1]
            await pilot.pause()
        assert seen[-1] == "locks"
        assert tabs.beside(-1) == seen[-2]
