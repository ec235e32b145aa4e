"""Finds the bundled content: SQL by name and version, configuration files by path.

A query is one `.sql` file, called by its name: `indexes` is sql/monitoring/indexes.sql, `actions/repack_table` is found
in any folder below sql/actions/. A file starts with comment lines. The first is its help text; the following ones may
be options:

    -- Statements since the last reset, heaviest first.
    -- lane: slow
    -- extension: pg_stat_statements
    -- otherwise: another_query

`lane` is `fast` (the default) or `slow`: a slow query may wait for a lock and runs on its own connection.
`extension` names an extension that the query needs; `@extschema@` in the text stands for its schema. `otherwise` names
the query that is run where that extension is not installed; without it the read is refused. `grant` lists what a
role without the privilege must be granted, separated by semicolons; without it that is pg_monitor. Privileges on
objects among them are looked at first, so that the server need not refuse the query; `right` names others that it
cannot do without, and is enough by itself. `settings: server`
is for a query of settings: it finds none that the console set for its session, so also another search_path, which is
why its operators are qualified too. `whole: yes` is for a query on which
safety or a change rests: where the server lacks a column that it names, it is refused and not read without it.

**Versions.** A version is the server's major version, or that of the extension for a query that needs one. A query that
differs in a few lines stays one file. A comment at the end of a line says which versions get the line:

    SELECT s.queryid,
           s.toplevel AS toplevel,                     -- since 1.9
           true AS toplevel,                           -- before 1.9
           s.blk_read_time + s.temp_blk_read_time AS read_ms,     -- since 1.10 before 1.11

A query that is written differently for newer versions gets a second file: `name.17.sql` serves versions from 17 on,
`name.1.10.sql` versions from 1.10 on. Where there is no file without a version, older servers cannot run the query.

**Parts.** `@name@` stands for the text of sql/parts/name.sql, which several queries and other parts share.

**Parameters.** Queries in monitoring, actions, doctor, setup and worker are sent with parameters, even without any: a
parameter is `%(name)s`, and a percent sign is written `%%`. So they do not run in psql as they are. Migrations, sample
data and the cluster's roles are sent as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from io import StringIO
from pathlib import Path

from console.records import dataclass

Version = tuple[int, ...]
NEWEST: Version = (99,)
QUERIES = ("monitoring", "actions", "doctor", "setup", "worker")  # folders whose files are sent with parameters

_PART = re.compile(r"@(?!extschema@)(\w+)@")
_LINE = re.compile(r"-- (?:since (?P<since>\d[\d.]*))? ?(?:before (?P<before>\d[\d.]*))?$")


@dataclass(frozen=True, slots=True)
class Query:
    """One `.sql` file, ready to send."""

    name: str
    text: str
    help: str
    since: Version = ()  # the oldest version that any variant serves; (): all
    lane: str = "fast"
    extension: str = ""
    grants: tuple[str, ...] = ()  # what a role that may not run it must be granted
    rights: tuple[str, ...] = ()  # without one of these the server refuses it
    otherwise: str = ""
    is_whole: bool = False  # it is read in full or not at all
    resets: bool = False  # the settings of the console's session are reset while it is read

    @property
    def statement(self) -> str:
        """The text as shown: a percent sign is not doubled."""
        return self.text.replace("%%", "%")


@cache
def content() -> Path:
    """The folder that holds `sql/` and `config/`: inside the installed package, else the checkout."""
    package = Path(__file__).parent.parent
    installed = package / "content"
    return installed if installed.is_dir() else package.parent


@cache
def load(name: str, version: Version = NEWEST) -> Query:
    """The newest variant of `name` that is not newer than `version`. Raises KeyError if there is none."""
    folder, base = _place(name)
    variants = _variants(folder, base)
    fitting = [(at, path) for at, path in variants if at <= version]
    if not fitting:
        raise KeyError(f"no query {name!r} for version {'.'.join(map(str, version))}")
    text = max(fitting)[1].read_text(encoding="utf-8")
    if folder in QUERIES:
        text = _with_parts(text)
        if "-- since" in text or "-- before" in text:
            text = "".join(line for line in text.splitlines(keepends=True) if _serves(line, version))
    return _parse(name, text, min(variants)[0])


@cache
def names(folder: str = "monitoring") -> tuple[str, ...]:
    """Names of all queries in a folder of `sql/`, without their versions."""
    return tuple(sorted(_files(folder)))


def _place(name: str) -> tuple[str, str]:
    folder, _, base = name.rpartition("/")
    return folder or "monitoring", base


def _variants(folder: str, base: str) -> list[tuple[Version, Path]]:
    return [(_version(path), path) for path in _files(folder).get(base, ())]


@cache
def _files(folder: str) -> Mapping[str, Sequence[Path]]:
    """The files of each query in a folder, found in one pass instead of one for each query."""
    found: dict[str, list[Path]] = {}
    for path in (content() / "sql" / folder).rglob("*.sql"):
        found.setdefault(path.name.split(".")[0], []).append(path)
    return found


def _with_parts(text: str) -> str:
    return _PART.sub(lambda found: _with_parts(_part(found[1])), text)


@cache
def _part(name: str) -> str:
    return (content() / "sql" / "parts" / f"{name}.sql").read_text(encoding="utf-8").rstrip()


def _version(path: Path) -> Version:
    return tuple(int(part) for part in path.name.split(".")[1:-1])


def _serves(line: str, version: Version) -> bool:
    if "-- since" not in line and "-- before" not in line:
        return True  # as most lines, at a tenth of the time
    limits = _LINE.search(line.rstrip())
    if limits is None:
        return True
    first, after = (_numbers(limits[name]) for name in ("since", "before"))
    return (first is None or version >= first) and (after is None or version < after)


def _numbers(version: str | None) -> Version | None:
    return tuple(map(int, version.split("."))) if version else None


def _parse(name: str, text: str, since: Version) -> Query:
    head: list[str] = []
    for line in StringIO(text):
        if not line.startswith("--"):
            break
        head.append(line.removeprefix("--").strip())
    options = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
    grants = _listed(options.get("grant", "pg_monitor"))
    return Query(
        name=name,
        text=text,
        since=since,
        help=head[0] if head else "",
        lane=options.get("lane", "fast"),
        extension=options.get("extension", ""),
        grants=grants,
        rights=_listed(options["right"]) if "right" in options else tuple(each for each in grants if " ON " in each),
        otherwise=options.get("otherwise", ""),
        is_whole=options.get("whole") == "yes",
        resets=options.get("settings") == "server",
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(";"))
