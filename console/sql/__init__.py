"""Finds the bundled content: SQL by name and version, configuration files by path.

A `.sql` file starts with comment lines. The first is its help text; the following ones may be options:

    -- Statements since the last reset, heaviest first.
    -- lane: slow
    -- extension: pg_stat_statements
    -- otherwise: another_query

`lane` is `fast` (the default) or `slow`: a slow query may wait for a lock and runs on its own connection.
`extension` names an extension that the query needs; `@extschema@` in the text stands for its schema, and variants of
the file are chosen by the extension's version instead of the server's. `otherwise` names the query that is run where
that extension is not installed; without it the read is refused. `name.17.sql` serves versions from 17 on,
`name.1.10.sql` versions from 1.10 on. `grant` is what cures a lack of privilege, where GRANT pg_monitor does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """One `.sql` file, ready to send."""

    name: str
    text: str
    help: str
    lane: str = "fast"
    extension: str = ""
    grant: str = ""  # what cures a lack of privilege
    otherwise: str = ""


@cache
def content() -> Path:
    """The folder that holds `sql/` and `config/`: inside the installed package, else the checkout."""
    package = Path(__file__).parent.parent
    installed = package / "content"
    return installed if installed.is_dir() else package.parent


@cache
def load(name: str, version: Version = (99,), folder: str = "monitoring") -> Query:
    """The newest variant of `name` that is not newer than `version`; KeyError when there is no such query."""
    try:
        fitting = max((at, path) for at, path in _variants(name, folder) if at <= version)
    except ValueError:
        raise KeyError(f"no query {name!r} for version {'.'.join(map(str, version))}") from None
    return _parse(name, fitting[1].read_text(encoding="utf-8"))


@cache
def names(folder: str = "monitoring") -> tuple[str, ...]:
    """Names of all queries in a folder of `sql/`, without their versions."""
    return tuple(sorted({path.name.split(".")[0] for path in (content() / "sql" / folder).rglob("*.sql")}))


def _variants(name: str, folder: str) -> list[tuple[Version, Path]]:
    paths = (content() / "sql" / folder).rglob(f"{name}*.sql")
    return [(_version(path), path) for path in paths if path.name.split(".")[0] == name]


def _version(path: Path) -> Version:
    return tuple(int(part) for part in path.name.split(".")[1:-1])


def _parse(name: str, text: str) -> Query:
    head: list[str] = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        head.append(line.removeprefix("--").strip())
    options = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
    return Query(
        name=name,
        text=text,
        help=head[0] if head else "",
        lane=options.get("lane", "fast"),
        extension=options.get("extension", ""),
        grant=options.get("grant", "GRANT pg_monitor TO the role."),
        otherwise=options.get("otherwise", ""),
    )
