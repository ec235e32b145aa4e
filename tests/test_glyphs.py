"""Terminals whose encoding lacks what the console draws: replacements, as wide as what they replace."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from console.format import cells
from console.glyphs import HANDLER, REPLACEMENTS, encoding_of
from tests.command import run, run_in_terminal
from tests.servers import PostgresServer
from tests.test_terminal import console as terminal_console

ROOT = Path(__file__).parent.parent
ESCAPE = re.compile(r"\\[ux][0-9a-f]{2}")


def drawn_by_the_console() -> Iterator[str]:
    """Every character beyond ASCII in the texts of the code, docstrings apart."""
    for path in (ROOT / "console").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from (character for character in node.value if not character.isascii())


def test_whatever_the_console_and_its_charts_draw_has_a_replacement() -> None:
    texts = set(drawn_by_the_console()) | set(map(chr, range(0x2500, 0x25A0))) | set(map(chr, range(0x2800, 0x2900)))
    lacking = {text for text in texts if text.isprintable() and text.encode("ascii", HANDLER) == b"?"}
    assert not lacking


def test_a_replacement_is_as_wide_as_what_it_replaces() -> None:
    for character, replacement in REPLACEMENTS.items():
        assert replacement.isascii()
        assert replacement.isprintable()
        assert cells(replacement) == cells(character) == 1, character
    for name in ("grün", "分区 x", "a\u0301b", "𝔘"):
        for encoding in ("ascii", "iso8859-1", "koi8-r", "cp437"):
            assert cells(name.encode(encoding, HANDLER).decode(encoding)) == cells(name)


def test_an_encoding_that_has_a_character_gets_it() -> None:
    assert "grün · 3×…".encode("iso8859-1", HANDLER).decode("iso8859-1") == "grün · 3×~"
    assert "└─█ б".encode("koi8-r", HANDLER).decode("koi8-r") == "└─█ б"
    assert "└─█ б ü".encode("utf-8", HANDLER).decode() == "└─█ б ü"


def test_a_letter_never_becomes_another() -> None:
    assert "grün".encode("ascii", HANDLER) == b"gr?n"


@pytest.mark.parametrize(
    ("environ", "encoding"),
    [
        ({"LC_ALL": "C"}, "ascii"),
        ({"LC_ALL": "", "LC_CTYPE": "", "LANG": "POSIX"}, "ascii"),
        ({"LC_ALL": "de_DE.ISO-8859-1", "LANG": "C"}, "iso8859-1"),
        ({"LC_CTYPE": "de_DE.ISO-8859-15@euro"}, "iso8859-15"),
        ({"LC_ALL": "en_US.utf8"}, "utf-8"),
        ({"LANG": "de_DE"}, "as Python"),
        ({"LANG": "de_DE.unheard"}, "as Python"),
        ({}, "as Python"),
        ({"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}, "as Python"),
    ],
)
def test_the_name_of_the_locale_says_the_encoding(environ: dict[str, str], encoding: str) -> None:
    assert encoding_of(environ, "as Python") == encoding


@pytest.fixture
def named(pg: PostgresServer, database: str) -> str:
    """URI of a database with tables that have names of letters beyond ASCII."""
    with psycopg.connect(pg.uri(database), autocommit=True) as connection:
        for name in ("grün_und_groß", "分区", "plain"):
            connection.execute(
                sql.SQL("CREATE TABLE {} AS SELECT n FROM generate_series(1, 1000) n").format(sql.Identifier(name))
            )
            connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(name)))
    return pg.uri(database)


@pytest.mark.parametrize("locale", ["C", "de_DE.ISO-8859-1"])
@pytest.mark.parametrize(
    "command",
    [
        ("show", "overview"),
        ("show", "bloat"),
        ("show", "connections"),
        ("check",),
        ("doctor", "--all", "--seconds", "120"),
    ],
    ids=" ".join,
)
def test_commands_draw_what_the_locale_can(named: str, tmp_path: Path, command: tuple[str, ...], locale: str) -> None:
    encoding = encoding_of({"LC_ALL": locale}, "")
    done = run_in_terminal(tmp_path, *command, "-t", named, columns=100, LC_ALL=locale, encoding=encoding)
    assert done.out
    assert not ESCAPE.search(done.out), done.out
    if command != ("show", "bloat"):
        # A URI has a ? of its own.
        assert not re.search(r"\?\?|\w\?(?!passfile=)\w", done.out), done.out
    else:
        assert ("gr?n_und_gro?" if locale == "C" else "grün_und_groß") in done.out
        assert "???? " in done.out, "two cells for each of the two characters"
    piped = run(tmp_path, *command, "-t", named, LC_ALL=locale, encoding=encoding)
    assert not ESCAPE.search(piped.out + piped.err), piped.out


@pytest.mark.parametrize("locale", ["C", "de_DE.ISO-8859-1"])
def test_columns_stay_in_line(named: str, tmp_path: Path, locale: str) -> None:
    shown = ("show", "bloat", "-t", named, "--sort", "table")
    encoding = encoding_of({"LC_ALL": locale}, "")
    utf8 = run_in_terminal(tmp_path, *shown, LC_ALL="C.UTF-8").out.splitlines()
    other = run_in_terminal(tmp_path, *shown, LC_ALL=locale, encoding=encoding).out.splitlines()
    assert len(utf8) == len(other) > 3
    assert [cells(line.rstrip()) for line in utf8] == [cells(line.rstrip()) for line in other]


def test_data_for_a_program_is_exact(named: str, tmp_path: Path) -> None:
    for locale in ("C", "de_DE.ISO-8859-1"):
        done = run(tmp_path, "show", "bloat", "-t", named, "--format", "csv", LC_ALL=locale)
        assert "grün_und_groß" in done.out
        assert "分区" in done.out
    narrow = run(
        tmp_path, "show", "bloat", "-t", named, "--format", "csv", PYTHONIOENCODING="iso8859-1", encoding="iso8859-1"
    )
    assert "grün_und_groß" in narrow.out
    assert "\\u5206\\u533a" in narrow.out


@pytest.mark.parametrize(("locale", "letter"), [("C", "?"), ("de_DE.ISO-8859-1", "ü")])
def test_the_console_draws_what_the_locale_can(any_pg: PostgresServer, locale: str, letter: str) -> None:
    encoding = encoding_of({"LC_ALL": locale}, "")
    with terminal_console("open", any_pg.uri(), LC_ALL=locale) as terminal:
        terminal.encode(encoding)
        terminal.shows("primary", "rules")
        for key, title in (("7", "Partitions"), ("2", "Idle in tx"), ("9", "Pooler")):
            terminal.type(key)
            terminal.shows(title)
        terminal.type("?")
        terminal.shows("Help:")
        assert "+- Help: " in terminal.text(), "a border"
        terminal.type("\x1b")
        terminal.hides("Help:")
        terminal.type("2")
        terminal.shows("Idle in tx")
        terminal.type("/")
        terminal.shows("filter: words")
        terminal.write("grün".encode(encoding if letter == "ü" else "utf-8"))
        terminal.shows(f"gr{letter}n")
        terminal.type("\x1b")
        terminal.hides(f"gr{letter}n")
        terminal.type("q")
        assert terminal.ends() == 0
    drawn = terminal.raw.decode(encoding)
    assert not ESCAPE.search(drawn)
    assert "??" not in drawn
