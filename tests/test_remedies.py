"""Remedies can be pasted: what follows a statement is another statement or a comment, never prose."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.doctor.cures import Cures
from console.doctor.server import Found
from console.model import Facts, Lacks

ROOT = Path(__file__).parent.parent
# psql would take the prose for the beginning of the next statement, and wait for its end; a shell takes `--` for an
# argument.
NO_PASTE = re.compile(
    r"(?:\b(?:ALTER \w+(?! and)|GRANT|REVOKE|CREATE \w+) [^.;,\n]+|\bSELECT [\w.]+\(\w*\)); +(?!--)[a-z]"
    r"|\bpipeline-console (?:\w[\w-]* )+ *-- "
)
STATEMENT = re.compile("ALTER|GRANT|REVOKE|CREATE|SELECT|pipeline-console")
QUOTED = re.compile(r"'(?:[^'\n]|'')*'")


def texts(path: Path) -> Iterator[str]:
    """The strings of a module, with {} for what is put into them, or the literals of a query."""
    source = path.read_text(encoding="utf-8")
    if not STATEMENT.search(source):
        return
    if path.suffix == ".sql":
        yield from (found[0].replace("''", "'") for found in QUOTED.finditer(source))
        return
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case _ if id(node) in docstrings:
                pass
            case ast.JoinedStr(values=parts):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
            case ast.Constant(value=str(text)):
                yield text


def test_a_statement_to_paste_is_followed_by_a_comment_or_by_another_one() -> None:
    files = [*(ROOT / "console").rglob("*.py"), *(ROOT / "sql").rglob("*.sql")]
    assert [
        f"{path.relative_to(ROOT)}: {text}" for path in sorted(files) for text in texts(path) if NO_PASTE.search(text)
    ] == []


@pytest.mark.parametrize(
    "remedy",
    [
        "ALTER ROLE dba CREATEROLE; allows it.",
        "GRANT x TO y WITH ADMIN OPTION; and ALTER ROLE y CREATEROLE; allow it.",
        "SELECT autoprewarm_start_worker(); starts it.",
        "pipeline-console worker  -- as the owner of the tables",
    ],
)
def test_prose_after_a_statement_is_noticed(remedy: str) -> None:
    assert NO_PASTE.search(remedy)


@pytest.mark.parametrize(
    "remedy",
    [
        "ALTER ROLE dba CREATEROLE; -- as a superuser",
        "GRANT a TO b; GRANT c TO d;",
        "CREATE EXTENSION hypopg;",
        "pipeline-console worker  # as the owner of the tables",
    ],
)
def test_a_comment_or_another_statement_is_allowed(remedy: str) -> None:
    assert not NO_PASTE.search(remedy)


def test_a_grant_of_more_than_is_needed_says_what_it_allows() -> None:
    facts = Facts("postgres", 180000, "18", "db1")
    cures = Cures('"dba"', Found(facts, {}, {}), {})
    assert cures.lacking(Lacks(("pg_monitor", "SELECT ON pg_catalog.pg_authid"))) == (
        'GRANT pg_monitor TO "dba";',
        'GRANT SELECT ON pg_catalog.pg_authid TO "dba"; -- it lets the role read the password verifiers of all roles',
    )
