"""The files below sql/: which text a name and a version stand for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from console import sql
from tests.sql_files import content_in

FOLDER = Path(__file__).parent.parent / "sql"
FILES = [path for folder in sql.QUERIES for path in sorted((FOLDER / folder).rglob("*.sql"))]
READ_MS = """-- Time spent reading.
-- extension: reading
SELECT 'always' AS name,
       r.read_time AS read_ms  -- before 1.9
       r.read_time + r.temp_time AS read_ms  -- since 1.9 before 1.11
       r.shared_time + r.temp_time AS read_ms  -- since 1.11
  FROM @extschema@.r
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Writes files into a sql/ folder that holds nothing else."""

    def file(name: str, text: str) -> None:
        path = tmp_path / "sql" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    with content_in(tmp_path, monkeypatch):
        yield file


def test_a_name_is_a_file_of_monitoring_or_of_any_folder_below_the_one_it_names(
    write: Callable[[str, str], None],
) -> None:
    write("monitoring/locks.sql", "-- Looks.\nSELECT 1")
    write("actions/sessions/locks.sql", "-- Acts.\nSELECT 2")
    assert sql.load("locks").help == "Looks."
    assert sql.load("actions/locks").help == "Acts."
    for unknown in ("lock", "actions/lock", "nowhere/locks", ""):
        with pytest.raises(KeyError, match="no query"):
            sql.load(unknown)


@pytest.mark.parametrize(
    ("head", "lane", "extension", "grants", "otherwise", "resets"),
    [
        ("", "fast", "", ("pg_monitor",), "", False),
        ("-- lane: slow\n", "slow", "", ("pg_monitor",), "", False),
        ("-- extension: x\n-- otherwise: y\n", "fast", "x", ("pg_monitor",), "y", False),
        ("-- grant: a; b\n-- settings: server\n", "fast", "", ("a", "b"), "", True),
        ("\n-- lane: slow\n", "fast", "", ("pg_monitor",), "", False),
    ],
)
def test_the_options_of_a_query_are_those_of_its_head(
    write: Callable[[str, str], None],
    head: str,
    lane: str,
    extension: str,
    grants: tuple[str, ...],
    otherwise: str,
    resets: bool,
) -> None:
    write("monitoring/q.sql", f"-- Help.\n{head}SELECT 1")
    query = sql.load("q")
    assert (query.help, query.lane, query.extension) == ("Help.", lane, extension)
    assert (query.grants, query.otherwise, query.resets) == (grants, otherwise, resets)


def test_the_newest_file_that_is_not_newer_than_the_server_is_taken(write: Callable[[str, str], None]) -> None:
    for since in ("", ".16", ".18"):
        write(f"monitoring/io{since}.sql", f"-- io{since}\nSELECT 1")
    taken = [sql.load("io", (major,)).help for major in range(14, 20)]
    assert taken == ["io", "io", "io.16", "io.16", "io.18", "io.18"]


def test_a_query_without_a_file_for_old_servers_says_since_when_it_exists(write: Callable[[str, str], None]) -> None:
    write("monitoring/io.16.sql", "-- I/O.\nSELECT 1")
    write("monitoring/io.18.sql", "-- I/O.\nSELECT 2")
    assert sql.load("io").since == (16,)
    with pytest.raises(KeyError, match="version 15"):
        sql.load("io", (15,))


@pytest.mark.parametrize(
    ("version", "expression"),
    [
        ((1, 8), "r.read_time AS"),
        ((1, 9), "r.read_time + r.temp_time"),
        ((1, 10), "r.read_time + r.temp_time"),
        ((1, 11), "r.shared_time + r.temp_time"),
        (sql.NEWEST, "r.shared_time + r.temp_time"),
    ],
)
def test_a_line_is_sent_only_to_the_versions_its_comment_names(
    write: Callable[[str, str], None], version: sql.Version, expression: str
) -> None:
    write("monitoring/reading.sql", READ_MS)
    lines = sql.load("reading", version).text.splitlines()
    assert len(lines) == 5
    assert lines[3].strip().startswith(expression)


def test_migrations_are_sent_as_they_are(write: Callable[[str, str], None]) -> None:
    text = "SELECT 1  -- before 14\nSELECT 2  -- since 99\n"
    write("schema/0001_ledger.sql", text)
    assert sql.load("schema/0001_ledger", (18,)).text == text


def lines(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Each line of some files, with where it is."""
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield f"{path.relative_to(FOLDER)}:{number}", line


def test_the_limits_of_lines_are_written_as_the_loader_reads_them() -> None:
    for where, line in lines(FILES):
        comment = re.search(r"--\s*((?:(?:since|before|and|,)\s*|\d[\d.]*\s*)+)$", line, re.IGNORECASE)
        if comment:
            written = re.fullmatch(r"(since \d[\d.]*)?( ?before \d[\d.]*)?", comment[1])
            assert written, f"{where}: {line!r} would be sent to every version"


def test_a_query_is_ascii_so_that_a_server_of_any_encoding_takes_it() -> None:
    assert [(where, line) for where, line in lines(FILES) if not line.isascii()] == []


# Not those of sql/schema: the ledgers of databases hold their checksums, so their text never changes.
LAID_OUT = [
    path
    for path in sorted(FOLDER.rglob("*"))
    if path.suffix in {".sql", ".pgbench"} and path.parent != FOLDER / "schema"
]


def test_lines_fit_into_120_columns() -> None:
    assert [f"{where} has {len(line)} columns" for where, line in lines(LAID_OUT) if len(line) > 120] == []


def test_a_percent_sign_is_a_named_parameter_or_doubled() -> None:
    """They are always sent with parameters, also when they have none."""
    assert [(where, line) for where, line in lines(FILES) if "%" in re.sub(r"%%|%\([a-z_]+\)s", "", line)] == []


def test_tests_look_through_the_texts_of_their_own_database_alone() -> None:
    files = sorted(Path(__file__).parent.rglob("*.py"))
    looking = re.compile(r"FROM pg_stat_statements WHERE query (?:~|LIKE|ILIKE)")
    assert [file.name for file in files if looking.search(file.read_text())] == []


def test_no_query_asks_for_a_part_that_is_not_put_in() -> None:
    texts = {name: sql.load(name).text.replace("@extschema@", "") for name in sql.names()}
    assert [name for name, text in texts.items() if re.search(r"@\w+@", text)] == []
