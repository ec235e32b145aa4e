"""The documents: nothing stale, every command understood, every grant enough, the worked example works."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from psycopg import sql

from console import VERSION
from console.cli.parsing import parse
from console.panes import PANES
from console.reading.reader import Reader
from console.rules import THRESHOLDS
from console.settings.config import bundled, load
from console.settings.defaults import DEFAULTS
from console.sources.postgres import PostgresServer as Reading
from console.sql import load as load_query
from scripts.docs import PARTS, ROOT, describe, filled, pages, schema_parts
from scripts.screenshots import SCENES, SIZES, portable
from tests.command import Done
from tests.servers import PostgresServer
from tests.waiting import PATIENCE

README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
MADE_LATER = {"docs/benchmarks.md"}  # by make bench


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[str]:
    """Every command line of the console in a page's shell blocks."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [part.strip() for line in lines for part in line.split("&&") if part.strip().startswith("pipeline-console")]


def test_the_bundled_configuration_is_known_as_it_is() -> None:
    assert bundled() == DEFAULTS, "run python -m scripts.docs"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_generated_parts_say_what_the_code_says(page: Path, request: pytest.FixtureRequest) -> None:
    text = page.read_text(encoding="utf-8")
    if request.config.getoption("--update-frames"):
        page.write_text(filled(text, PARTS), encoding="utf-8")
        text = page.read_text(encoding="utf-8")
    assert filled(text, PARTS) == text, "run python -m scripts.docs"


@pytest.mark.slow
def test_the_page_of_the_schema_says_what_the_catalogue_says(
    pg18: PostgresServer, pipeline: str, request: pytest.FixtureRequest
) -> None:
    page = ROOT / "docs" / "schema.md"
    described = describe(pg18.uri(pipeline))
    now = filled(page.read_text(encoding="utf-8"), schema_parts(described))
    if request.config.getoption("--update-frames"):
        page.write_text(now, encoding="utf-8")
    assert now == page.read_text(encoding="utf-8"), "run make frames"
    assert [one["name"] for one in described if one["kind"] == "table" and not one["means"]] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    here = [target for target in targets if not target.startswith("http")]
    missing = [target for target in here if not (page.parent / target).exists()]
    assert [target for target in missing if target not in MADE_LATER] == []


@pytest.mark.parametrize("command", sorted({one for page in pages() for one in commands(page)}))
def test_commands_of_the_documents_are_understood(command: str) -> None:
    options = parse(shlex.split(command)[1:])
    pane = getattr(options, "pane", "")
    if pane and pane != "databases":  # the worked example's own
        views = {view.name for one in PANES if one.name == pane for view in one.views}
        assert views
        assert getattr(options, "view", "") in {"", *views}


def test_make_targets_of_the_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {name for page in pages() for name in re.findall(r"\bmake ([a-z-]+)`", page.read_text(encoding="utf-8"))}
    named |= {line.split()[1] for page in pages() for block in blocks(page, "sh") for line in _makes(block)}
    assert {name for name in named if f"\n{name}:" not in makefile} == set()


def test_the_example_of_a_configuration_is_accepted(tmp_path: Path) -> None:
    [example] = [
        text for text in blocks(ROOT / "docs" / "configuration.md", "yaml") if text.startswith("default_target: p")
    ]
    (tmp_path / "console.yml").write_text(example, encoding="utf-8")
    settings = load(str(tmp_path / "console.yml"), [pane.name for pane in PANES], lambda: THRESHOLDS)
    assert settings.targets[settings.default_target].poolers


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in text
    assert VERSION == "0.1.0" or f"## [{VERSION}]" in text


@pytest.fixture
def watcher(pg: PostgresServer, pg_pipeline: str) -> Iterator[str]:
    """URI of a role made by the README's own statements in a pipeline database."""
    [statements] = blocks(README, "sql")
    with pg.connect(pg_pipeline) as connection:
        connection.execute(statements.encode())
        connection.execute("ALTER ROLE console PASSWORD 'watch only'")
        try:
            yield f"{pg.uri(pg_pipeline, 'console')}&password=watch%20only"
        finally:
            connection.execute("DROP OWNED BY console")
            connection.execute("DROP ROLE console")


def test_statements_that_the_documents_give_to_the_console_are_those_of_the_pipeline(
    any_pg: PostgresServer, pipeline: str
) -> None:
    given = re.compile(r'pipeline-console (?:forecast|explain) "([^"]+)"')
    texts = [path.read_text("utf-8").replace("\\$", "$") for path in (README, *(ROOT / "docs").glob("*.md"))]
    statements = [statement for text in texts for statement in given.findall(text)]
    assert statements
    with any_pg.connect(pipeline) as session:
        for statement in statements:
            session.execute("BEGIN")
            prepared = f"PREPARE example AS {statement}" if statement.startswith("SELECT") else statement
            session.execute(prepared.encode())
            session.execute("ROLLBACK")


@pytest.mark.slow
async def test_the_role_of_the_readme_sees_every_pane_and_all_sessions(watcher: str) -> None:
    server = Reading(watcher)
    try:
        await server.connect()
        for pane in PANES:
            for view in pane.views:
                if pane.source_of(view) != "postgres" or load_query(view.query).extension == "citus":
                    continue
                if view.query == "settings_files" or (server.facts.major,) < load_query(view.query).since:
                    continue  # takes the grant of the table below, or a newer server
                snapshot = await Reader(view).read(server)
                assert not [note for note in snapshot.notes if "you see" in note or "no text" in note]
        assert server.facts.sees_all_sessions
        assert not server.facts.superuser
    finally:
        await server.close()


@pytest.mark.slow
async def test_estimates_unknown_to_the_role_become_known_by_the_grant_the_readme_names(
    watcher: str, pg: PostgresServer, pg_pipeline: str
) -> None:
    [grant] = re.findall(r"`(GRANT pg_read_all_data TO console;)`", README.read_text(encoding="utf-8"))
    before = await _unknown(watcher)
    with pg.connect(pg_pipeline) as connection:
        connection.execute(sql.SQL(grant))
    assert "public.content_requests" in before
    assert "public.content_requests" not in await _unknown(watcher)


async def test_configuration_files_are_read_with_the_grant_the_readme_names(
    watcher: str, pg: PostgresServer, pg_pipeline: str
) -> None:
    [grants] = re.findall(r"`(GRANT SELECT ON pg_catalog.pg_file_settings [^`]*)`", README.read_text(encoding="utf-8"))
    with pg.connect(pg_pipeline) as connection:
        for grant in filter(None, grants.split("; ")):
            connection.execute(sql.SQL(grant))
    server = Reading(watcher)
    snapshot = await server.fetch("settings_files")
    await server.close()
    assert snapshot.rows


@pytest.mark.parametrize("picture", [f"{scene.pane}-{w}x{h}.svg" for scene in SCENES for w, h in SIZES])
def test_pictures_load_nothing_and_name_no_file(picture: str) -> None:
    text = (ROOT / "docs" / picture).read_text(encoding="utf-8")
    assert not re.findall(r"@font-face|url\((?!#)|xlink:href|<image|<script", text)
    assert not re.findall(r"passfile|password=|/tmp|/home|/root|/var/", text.replace("&#160;", " "))


def test_a_picture_loses_its_fonts_and_keeps_its_columns() -> None:
    svg = '@font-face { src: url("https://x/f.woff2") } <text x="0" textLength="36.6">&#160;&#160;a</text>'
    assert portable(svg) == '<text x="24.4" textLength="12.2">a</text>'


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the tree in which the worked examples of CONTRIBUTING were followed to the letter."""
    for folder in ("console", "sql", "config"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "content/sql"))
    for path, language, text in _example():
        file = tmp_path / path
        if language == "diff":
            file.write_text(patched(file.read_text(encoding="utf-8"), text), encoding="utf-8")
        else:
            assert not file.exists()
            file.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_the_worked_examples_work(copy: Path, any_pg: PostgresServer) -> None:
    database = any_pg.fresh_database()
    with any_pg.connect(database) as session:
        session.execute("CREATE TABLE public.t (n int)")
        session.execute("ALTER TABLE public.t ADD CHECK (n > 0) NOT VALID")
    environ = {"PIPELINE_CONSOLE_TARGET": any_pg.uri(database)}
    shown: Mapping[str, Done] = {
        one: _run(copy, environ, *shlex.split(one)[1:]) for one in commands(CONTRIBUTING) if "demo" not in one
    }
    assert [(one, done.err) for one, done in shown.items() if done.code] == []
    assert "databases" in shown["pipeline-console list panes"].out
    assert "database_temp_bytes_per_second" in shown["pipeline-console list rules"].out
    document = json.loads(shown["pipeline-console show databases --format json --limit 1"].out)
    assert {"name", "sessions", "tps", "hit", "temp_rate"} <= set(document["columns"])
    [row] = document["rows"]
    assert row["tps"] is not None
    assert "VALIDATE CONSTRAINT t_n_check" in shown["pipeline-console run validate-constraints --dry-run"].out
    assert (
        "SET STATISTICS 500" in shown["pipeline-console run set-statistics --set table=t --set column=n --dry-run"].out
    )
    assert "SET STATISTICS -1" in shown["pipeline-console run undo --yes"].out
    run = json.loads(shown["pipeline-console run validate-constraints --yes --format json"].out)
    assert [(step["status"], step["lock"]) for step in run["steps"]] == [("done", "SHARE UPDATE EXCLUSIVE on public.t")]
    any_pg.drop_database(database)


@pytest.mark.slow
def test_the_worked_examples_keep_the_rules_of_the_house(copy: Path) -> None:
    files = [str(copy / path) for path, _, _ in _example() if path.endswith(".py")]
    for check in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, "--no-cache", "--config", str(ROOT / "pyproject.toml"), *files],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def patched(text: str, diff: str) -> str:
    """`text` with each added line behind the line that the diff shows before it."""
    lines, at = text.splitlines(), 0
    for line in diff.splitlines():
        if line.startswith("+"):
            at += 1
            lines.insert(at, line[1:])
        else:
            at = lines.index(line[1:], at)
    return "\n".join(lines) + "\n"


def _example() -> list[tuple[str, str, str]]:
    text = CONTRIBUTING.read_text(encoding="utf-8")
    found = re.findall(r"\*\*`([^`]+)`\*\*[^`]*```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert [path for path, _, _ in found] == [
        "sql/monitoring/databases.sql",
        "console/rules/databases.py",
        "console/rules/__init__.py",
        "config/console.yml",
        "console/panes/databases.py",
        "console/panes/__init__.py",
        "sql/actions/maintenance/validate_constraints.sql",
        "console/actions/maintenance/validate_constraints.py",
        "console/actions/__init__.py",
        "sql/actions/maintenance/set_statistics.sql",
        "console/actions/maintenance/set_statistics.py",
        "console/actions/__init__.py",
    ]
    return found


def _makes(block: str) -> list[str]:
    return [line for line in block.splitlines() if line.startswith("make ")]


def _run(folder: Path, extra: Mapping[str, str], *arguments: str) -> Done:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(folder), **extra}
    done = subprocess.run(
        [sys.executable, "-m", "console.cli", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


async def _unknown(uri: str) -> set[object]:
    server = Reading(uri)
    view = next(pane for pane in PANES if pane.name == "bloat").view("tables")
    try:
        snapshot = await Reader(view).read(server)
        return {row["table"] for row in snapshot.records() if row["verdict"] == "unknown"}
    finally:
        await server.close()
