"""Writes the parts of the documents that the code already says: panes, keys, settings, presets, the pipeline database.

    python -m scripts.docs          panes, keys, settings, the man page, console/settings/defaults.py
    python -m scripts.docs URI      also the schema, read from a pipeline database

A generated part stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`; the rest of a page is written.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from console import sql
from console.actions import ACTIONS
from console.keys import Key, Place, action_key, all_keys
from console.model import Column, Pane, Rule, View
from console.panes import PANES
from console.rules import RULES
from console.rules.explaining import number_text
from console.sources.postgres.changing import acting_session
from scripts import defaults, manual, tuning_tables

ROOT = Path(__file__).parent.parent
MANUAL = ROOT / "docs" / "pipeline-console.1"
SCHEMA_SQL = Path(__file__).with_name("schema.sql")
BAR = "\\|"  # in a cell of a table, where a bare one would end it
Described = Sequence[Mapping[str, str]]

_GENERATED = re.compile(r"<!-- generated: (?P<name>[\w-]+) -->(?P<body>.*?)<!-- end of (?P=name) -->", re.DOTALL)
ASKED = {
    "postgres": "the PostgreSQL server",
    "pgbouncer": "the PgBouncers' admin consoles",
    "redis": "Redis",
    "host": "the machine that the server runs on",
    "console": "the console itself",
    "capacity": "the PostgreSQL server, and the samples that were kept",
    "waits": "the PostgreSQL server and the PgBouncers, and the samples of the last hour",
    "log": "the server's log: through the server, or where the configuration says it is",
    "clock": "the PostgreSQL server, and what was read of it before",
}


def main(arguments: Sequence[str]) -> int:
    """Write what differs; say which pages changed."""
    parts = dict(PARTS)
    if arguments:
        described = describe(arguments[0])
        parts |= schema_parts(described)
    for page in pages():
        former = page.read_text(encoding="utf-8")
        text = filled(former, parts)
        if text != former:
            page.write_text(text, encoding="utf-8")
            print(page.relative_to(ROOT))
    if defaults.write():
        print(defaults.FILE.relative_to(ROOT))
    if not MANUAL.exists() or MANUAL.read_text(encoding="utf-8") != manual.page():
        MANUAL.write_text(manual.page(), encoding="utf-8")
        print(MANUAL.relative_to(ROOT))
    return 0


def pages() -> list[Path]:
    """Every page that may hold generated parts."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def filled(page: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """`page` with its generated parts as they must be now; those that `parts` does not know stay as they are."""

    def part(match: re.Match[str]) -> str:
        name = match["name"]
        body = f"\n{parts[name]()}\n" if name in parts else match["body"]
        return f"<!-- generated: {name} -->{body}<!-- end of {name} -->"

    return re.sub(
        r"<!-- generated: (?P<name>[\w-]+) -->(?P<body>.*?)<!-- end of (?P=name) -->", part, page, flags=re.DOTALL
    )


def describe(uri: str) -> Described:
    """What the catalogue of a pipeline database says of its tables and functions. Raises Trouble."""
    with acting_session(uri) as connection:
        cursor = connection.execute(SCHEMA_SQL.read_bytes())
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, map(str, (v or "" for v in row)), strict=True)) for row in cursor.fetchall()]


def schema_parts(described: Described) -> Mapping[str, Callable[[], str]]:
    """The parts of the schema's page."""
    return {name: partial(make, described) for name, make in SCHEMA_PARTS.items()}


def panes() -> str:
    """Every pane with its views and their columns."""
    return "\n".join(_pane(pane) for pane in PANES)


def pane_keys() -> str:
    """Which key opens which pane."""
    rows = ((f"`{pane.key}`", pane.title, _first_sentence(pane.help)) for pane in PANES)
    return _table(("key", "pane", "what it shows"), rows)


def actions() -> str:
    """What each action does, its key and its parameters."""
    rows = (
        (
            f"`{each.name}`",
            f"`{key}`" if (key := action_key(each.name)) else "",
            each.help,
            ", ".join(f"`{parameter.name}`" for parameter in each.parameters),
        )
        for each in ACTIONS
    )
    return _table(("action", "key", "does", "parameters"), rows)


def keys() -> str:
    """The keys that work in every pane."""
    panes_ = {f"pane.{pane.name}" for pane in PANES}
    here = (key for key in all_keys() if key.place in {Place.APP, Place.PANE, Place.TABLE} and key.id not in panes_)
    return _table(("key", "does"), ((_shown(key), key.title) for key in here))


def binding_ids() -> str:
    """Every id that the keymap knows, with its keys."""
    return _table(
        ("id", "does", "keys", "where"),
        ((f"`{key.id}`", key.title, _shown(key), key.place.value) for key in all_keys()),
    )


def settings() -> str:
    """The bundled configuration as it is read."""
    text = (sql.content() / "config" / "console.yml").read_text(encoding="utf-8")
    return f"```yaml\n{text}```"


def thresholds() -> str:
    """Every rule with limits, and the limits that it has without a configuration."""
    rows = (
        (f"`{rule.name}`", rule.title, rule.unit, *_limits(rule), rule.window.value)
        for rule in RULES
        if isinstance(rule, Rule)
    )
    return _table(("rule", "judges", "unit", "warning", "critical", "value"), rows)


def presets() -> str:
    """Every setting of the presets, and why."""
    return _table(*tuning_tables.reasons())


def preset_comparison() -> str:
    """What the presets and their peers propose for six machines."""
    return _table(*tuning_tables.comparison())


def _limits(rule: Rule) -> tuple[str, str]:
    word = "below" if rule.limit.below else "from"
    limits = (rule.limit.warning, rule.limit.critical)
    warning, critical = (f"{word} {number_text(value)}" if value is not None else "" for value in limits)
    return warning, critical


def tables(described: Described) -> str:
    """Every table: its key, how it is partitioned, what it holds."""
    head = ("table", "key", "partitions", "holds")
    rows = (
        (f"`{entry['name']}`", _key(entry), entry["partitioned"].lower(), entry["means"])
        for entry in described
        if entry["kind"] == "table"
    )
    return _table(head, rows)


def views(described: Described) -> str:
    """Materialized views with their unique key."""
    rows = ((f"`{entry['name']}`", entry["key"], entry["means"]) for entry in described if entry["kind"] == "view")
    return _table(("view", "unique key", "holds"), rows)


def functions(described: Described) -> str:
    """Functions and what they do."""
    rows = ((f"`{entry['name']}`", entry["means"]) for entry in described if entry["kind"] == "function")
    return _table(("function", "does"), rows)


def columns(described: Described) -> str:
    """What the schema says of single columns."""
    rows = ((f"`{entry['name']}`", entry["means"]) for entry in described if entry["kind"] == "column")
    return _table(("column", "means"), rows)


PARTS: Mapping[str, Callable[[], str]] = {
    "panes": panes,
    "pane-keys": pane_keys,
    "actions": actions,
    "keys": keys,
    "binding-ids": binding_ids,
    "settings": settings,
    "thresholds": thresholds,
    "presets": presets,
    "preset-comparison": preset_comparison,
}
SCHEMA_PARTS: Mapping[str, Callable[[Described], str]] = {
    "tables": tables,
    "views": views,
    "functions": functions,
    "columns": columns,
}


def _pane(pane: Pane) -> str:
    asks = ASKED[pane.source]
    about = f"Key `{pane.key}`, name `{pane.name}`; asks {asks}, every {pane.refresh:g} s."
    seen: dict[tuple[Column, ...], str] = {}
    parts = [f"## {pane.title}\n", f"{about}\n", f"{pane.help}\n"]
    for view in pane.views:
        parts += [f"### {pane.title}: {view.title}\n", _about(view, pane)]
        if view.columns in seen:
            parts.append(f"Columns as in {seen[view.columns]}.\n")
        else:
            seen[view.columns] = view.title
            parts.append(_columns(view) + "\n")
    return "\n".join(parts)


def _about(view: View, pane: Pane) -> str:
    printed = pane.view(pane.printed) if pane.printed else pane.views[0]
    said = [f"`show {pane.name} --view {view.name}`." if view is not printed else f"`show {pane.name}`."]
    if view.query in sql.names():
        query = sql.load(view.query)
        said.append(f"{query.help} (`sql/monitoring/{view.query}.sql`)")
        said += [f"Needs the extension {query.extension}."] if query.extension else []
    if view.sort:
        name = view.sort.removeprefix("-")
        title = next((c.title.strip() for c in view.columns if c.name == name), name)
        said.append(f"Sorted by {title}, {'descending' if view.sort.startswith('-') else 'ascending'}.")
    return " ".join(said) + "\n"


def _columns(view: View) -> str:
    shown = [column for column in view.columns if column.title.strip()]
    rows = ((column.title, f"`{column.name}`", "wide" if column.extra else "always", column.help) for column in shown)
    return _table(("column", "name", "shown", "meaning"), rows)


def _shown(key: Key) -> str:
    return " ".join(f"`{name}`" for name in key.names)


def _key(entry: Mapping[str, str]) -> str:
    return f"{entry['key']} ({entry['key_type']})" if entry["key_type"] else entry["key"]


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.;:])\s", text, maxsplit=1)[0].rstrip(";:.") + "."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join('---' for _ in head)}|"]
    lines += [f"| {' | '.join(' '.join(cell.replace('|', BAR).split()) for cell in row)} |" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
