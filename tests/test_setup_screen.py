"""The set-up guide on the screen: pages and plans at both sizes, run, skip, later, the offer, on a real server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import psycopg
import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from console.demo.cluster import OWNER
from console.setup.guide import Guide, PageState, Standing
from console.setup.memory import GuideMemory
from console.sources.postgres import PostgresServer as Source
from console.sql import migrations
from console.tui.app import ConsoleApp
from console.tui.guide_pages import GuidePages
from console.tui.setup import SetupScreen
from console.tui.setup_text import page_content
from console.workspace import Workspace
from tests.screens import SMALL, console, screen_text, settings, shows, taken, until
from tests.servers import PostgresServer

WIDE = (200, 50)
FILES = len(migrations.migrations((18,)))
TODO = f"{FILES} migrations"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who never ran the console: nothing remembered, no password file."""
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


@pytest.fixture
def empty(pg: PostgresServer, database: str) -> str:
    """The way of the owner to an empty database."""
    return pg.uri(database, OWNER)


async def turn_to(pilot: Pilot[int], title: str) -> None:
    """Move to a page once the server has said how far it is."""
    app = cast("ConsoleApp", pilot.app)
    await until(pilot, lambda: isinstance(app.screen, SetupScreen) and word(pilot, "Next steps") == "read")
    await pilot.pause()  # it has turned to the first page with work
    options = app.screen.query_one(OptionList)
    while options.highlighted:
        await pilot.press("k")
    while title not in str(options.get_option_at_index(options.highlighted or 0).prompt):
        before = options.highlighted
        await pilot.press("j")
        assert options.highlighted != before, f"no page {title}"


def said(app: ConsoleApp) -> str:
    """The notifications of the console."""
    return " ".join(each.message for each in app._notifications)


def word(pilot: Pilot[int], title: str) -> str:
    """What the list says of a page; nothing while the guide is only about to be laid out."""
    prompts = (str(option.prompt) for pages in pilot.app.screen.query(OptionList) for option in pages.options)
    return next((prompt for prompt in prompts if title in prompt), title).split(title)[0].strip(" ✓▸·!-")


async def give_parameters(pilot: Pilot[int], keys: Sequence[str], standing: str) -> None:
    """Give the page of the tuning preset what is typed into its form, and wait for what comes of it."""
    await pilot.press("o")
    await shows(pilot, "(*) pipeline", "Enter plan")
    await taken(pilot)
    await pilot.press(*keys, "enter")
    await until(pilot, lambda: word(pilot, "Tuning") == standing)


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=["80x24", "200x50"])
async def test_a_page_shows_what_why_and_its_statements_and_runs_them(empty: str, size: tuple[int, int]) -> None:
    async with console(empty, size, guide=True) as (app, pilot):
        await turn_to(pilot, "Schema")
        await shows(pilot, "▸ to do   Schema", TODO, f"0 migrations are applied, {FILES} are", "Enter Run", "q Back")
        assert [line for line in screen_text(app).splitlines() if len(line) > size[0]] == []
        for _ in range(8):
            await pilot.press("pagedown")
        await until(pilot, lambda: "CREATE" in screen_text(app))
        assert word(pilot, "Upcoming partitions") == "waits"
        await pilot.press("enter")
        await shows(pilot, "Plan: Apply schema", "r run")
        assert app.workspace.runs == []
        await pilot.press("r")
        await until(pilot, lambda: word(pilot, "Schema") == "done")
        await until(pilot, lambda: word(pilot, "Upcoming partitions") == "done")
        assert [run.outcome.value for run in app.workspace.runs if run.outcome] == ["done"]
        await pilot.press("q")
        await until(pilot, lambda: not isinstance(app.screen, SetupScreen))


async def test_what_is_skipped_or_put_off_is_remembered(empty: str) -> None:
    async with console(empty, guide=True) as (_, pilot):
        await turn_to(pilot, "Roles")
        await pilot.press("s")
        await turn_to(pilot, "Schema")
        await pilot.press("l")
        await until(pilot, lambda: word(pilot, "Schema") == "later")
    async with console(empty, guide=True) as (_, pilot):
        await turn_to(pilot, "Next steps")
        assert (word(pilot, "Roles"), word(pilot, "Schema")) == ("skipped", "later")


async def test_what_this_role_cannot_do_says_who_can(empty: str) -> None:
    async with console(empty, WIDE, guide=True) as (app, pilot):
        await turn_to(pilot, "Tuning preset")
        assert word(pilot, "Tuning") == "cannot"
        await shows(pilot, "may not write, reload and undo these settings", "remedy")
        await pilot.press("enter")
        await shows(pilot, "Esc close · y copy", "may not write, reload and undo these settings")
        assert app.workspace.runs == []


async def test_the_parameters_of_a_page_can_be_given(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), WIDE, guide=True) as (_, pilot):
        await turn_to(pilot, "Tuning preset")
        await shows(pilot, "o to enter storage")
        await pilot.press("o")
        await shows(pilot, "random reads cost little")
        await taken(pilot)
        for key in ["tab"] * 5 + ["down", "enter"]:
            await pilot.press(key)
        app = cast("ConsoleApp", pilot.app)
        await until(pilot, lambda: "o to enter storage" not in screen_text(app))
        await pilot.press("pagedown")
        await shows(pilot, "random_page_cost")


def test_the_guide_turns_to_the_next_steps_once_no_page_is_left_to_run() -> None:
    known = GuidePages(cast("Workspace", None))
    known.states = {page.name: PageState(Standing.DONE) for page in known.pages}
    assert known.pages[known.first_to_do()].title == "Next steps"
    known.states["schema"] = PageState(Standing.TODO)
    assert known.pages[known.first_to_do()].title == "Schema"


async def test_a_wrong_parameter_is_named_and_can_be_given_again(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), WIDE, guide=True) as (_, pilot):
        await turn_to(pilot, "Tuning preset")
        await give_parameters(pilot, ["tab"] * 3 + list("much"), "cannot")
        await shows(pilot, "ram must be")
        await give_parameters(pilot, ["tab"] * 3 + ["backspace"] * 4 + list("4GB"), "to do")


async def test_the_guide_is_offered_where_the_schema_is_missing_until_it_was_seen(empty: str, tmp_path: Path) -> None:
    async with console(empty) as (app, pilot):
        await until(pilot, lambda: "Press U for the set-up guide" in said(app))
        await pilot.press("U")
        await turn_to(pilot, "Schema")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, SetupScreen))
        facts = app.workspace.sources.postgres.facts
    assert GuideMemory.of(facts).read().declined
    async with console(empty) as (app, pilot):
        await shows(pilot, "rules evaluated")
        await until(pilot, lambda: not [worker for worker in app.workers if worker.group == "notices"])
        assert said(app) == ""


async def test_a_read_only_console_shows_the_plans_and_runs_none(empty: str) -> None:
    async with console(empty, guide=True, read_only=True) as (app, pilot):
        await turn_to(pilot, "Schema")
        await shows(pilot, TODO)
        await pilot.press("enter")
        await shows(pilot, "The session is read-only", "Run it without --read-only")
        assert app.workspace.runs == []


async def test_a_server_that_is_away_is_told_and_asked_again(pg: PostgresServer, database: str) -> None:
    uri = pg.uri(database, OWNER)
    async with console(uri.replace(f":{pg.port}/", ":1/"), guide=True) as (_, pilot):
        await shows(pilot, "Cannot connect", "u reads again")


async def test_the_guide_is_left_though_that_cannot_be_remembered(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")
    async with console(empty, guide=True) as (app, pilot):
        await turn_to(pilot, "Roles")
        await pilot.press("s")
        await until(pilot, lambda: "cannot be saved" in said(app))
        await pilot.press("q")
        await until(pilot, lambda: not isinstance(app.screen, SetupScreen))


@pytest.mark.parametrize("key", ["o", "enter"])
async def test_a_key_pressed_once_more_while_a_page_runs_disturbs_nothing(
    pg: PostgresServer, database: str, empty: str, key: str
) -> None:
    async with console(empty, guide=True) as (app, pilot):
        await turn_to(pilot, "Schema")
        with psycopg.connect(pg.uri(database)) as holder:
            holder.execute("CREATE TABLE public.schema_migrations ()")  # whoever makes it too waits for us
            await pilot.press("enter")
            await shows(pilot, "Plan: Apply schema", "r run")
            await pilot.press("r")
            await shows(pilot, "apply-schema: step 1 of", "x stop")
            await pilot.press(key)
            await until(pilot, lambda: "A page is already running." in said(app))
            await shows(pilot, "apply-schema: step 1 of", "x stop")
            holder.rollback()
        await until(pilot, lambda: word(pilot, "Schema") == "done")
        assert [run.outcome.value for run in app.workspace.runs if run.outcome] == ["done"]


async def test_the_tuning_page_makes_room_for_the_pools_of_the_pooler(any_pg: PostgresServer, pipeline: str) -> None:
    server = Source(any_pg.uri(pipeline))
    try:
        promised = []
        for others in ("0", "200"):
            given = {"tuning": {"storage": "ssd"}, "pooler": {"others": others}}
            state = (await Guide(server, settings(), given).states())["tuning"]
            (work,) = state.tried
            assert work.parameters["preset"] == "pipeline"
            promised.append(int(work.parameters["pools"]))
            notes = " ".join(note for plan in state.plans for note in plan.notes)
            assert f"Pools of {promised[-1]} connections" in notes
        assert promised[1] - promised[0] == 200
        (plan,) = state.plans
        assert plan.table is not None
        (row,) = (row for row in plan.table.records() if row["setting"] == "max_connections")
        assert "pools" not in str(row["state"]), "it is not left out for want of the pools"
    finally:
        await server.close()


async def test_at_80x24_the_list_leaves_the_width_and_most_lines_to_the_page(empty: str) -> None:
    async with console(empty, SMALL, guide=True) as (app, pilot):
        await turn_to(pilot, "Schema")
        pages, page = app.screen.query_one(".pages").region, app.screen.query_one(".page").region
        assert page.width == SMALL[0]
        assert page.height >= SMALL[1] * 2 // 3
        assert not pages.overlaps(page)
        assert "to do   Schema" in screen_text(app), "the current page stays in the list"
        await pilot.press("G")
        await shows(pilot, "read    Next steps")
        await pilot.press("g")
        await shows(pilot, "read    Connection and privileges")


async def test_help_and_copy_work_in_the_guide_as_elsewhere(empty: str) -> None:
    async with console(empty, SMALL, guide=True) as (app, pilot):
        await turn_to(pilot, "Schema")
        await pilot.press("y")
        await until(pilot, lambda: "Copied" in said(app))
        assert "CREATE TABLE" in app.clipboard
        await pilot.press("question_mark")
        await shows(pilot, "Help: Set-up guide", "Next page")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))


async def test_no_sentence_of_a_page_appears_twice(empty: str) -> None:
    async with console(empty, WIDE, guide=True) as (app, pilot):
        await turn_to(pilot, "Next steps")
        screen = cast("SetupScreen", app.screen)
        for page in screen._known.pages:
            state = screen._known.states[page.name]
            text = page_content(page, state, state.standing.value, None, 150).plain
            for sentence in (*state.notes, *filter(None, (state.sentence, state.remedy))):
                assert text.count(sentence) == 1, (page.name, sentence)


async def test_recurring_jobs_are_scheduled_on_a_page_and_the_last_one_has_the_unit_of_a_worker(
    any_pg: PostgresServer, pipeline: str
) -> None:
    async with console(any_pg.uri(pipeline, OWNER), WIDE, guide=True) as (app, pilot):
        await turn_to(pilot, "Recurring jobs")
        await shows(pilot, "▸ to do   Recurring jobs", "schedule-jobs", "health check", "adopts job")
        await pilot.press("enter")
        await shows(pilot, "Plan: Schedule recurring jobs", "r run")
        await taken(pilot)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen) and word(pilot, "Recurring jobs") == "done")
        await turn_to(pilot, "Next steps")
        await shows(
            pilot,
            "To run the worker with systemd:",
            "pipeline-console worker -t",
            "ExecStart=/usr/local/bin/pipeline-console worker",
        )
        lines = [line[47:].strip() for line in screen_text(app).splitlines()]
        assert "[Service]" in lines, "without a mark before it, so that it can be copied"
