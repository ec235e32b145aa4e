"""`list`: the panes, actions, presets, rules and keys of the console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from console.actions import ACTIONS
from console.format import counted, moment, safe, size, to_json
from console.keys import action_key, all_keys, free_keys
from console.panes import PANES
from console.rules import RULES
from console.rules.explaining import diagnosis_document, diagnosis_sentence, document, sentence
from console.sql import content

Entry = dict[str, object]


def listing(what: str, form: str) -> str:
    """One of LISTS as text, a line each, or as JSON: a list; of keys an object with `bindings` and `free`."""
    if what == "keys":
        return _keys_json() if form == "json" else _keys_text()
    entries = _LISTS[what]()
    if form == "json":
        return to_json(entries) + "\n"
    if not entries:
        return f"There are no {what} yet.\n"
    if what == "rules":
        return _rules_text()
    if what in _TEXTS:
        return "".join(map(_TEXTS[what], entries))
    width = max(len(str(entry["name"])) for entry in entries)
    return "".join(f"{entry['name']:<{width}}  {entry['title']}\n" for entry in entries)


def _panes() -> list[Entry]:
    return [
        {
            "name": pane.name,
            "key": pane.key,
            "title": pane.title,
            "help": pane.help,
            "refresh": pane.refresh,
            "source": pane.source,
            "views": [{"name": view.name, "title": view.title} for view in pane.views],
        }
        for pane in PANES
    ]


def _actions() -> list[Entry]:
    return [
        {
            "name": action.name,
            "title": action.title,
            "help": action.help,
            "key": action_key(action.name),
            "parameters": [
                {
                    "name": parameter.name,
                    "help": parameter.help,
                    "default": parameter.default,
                    "required": parameter.required,
                }
                for parameter in action.parameters
            ],
        }
        for action in ACTIONS
    ]


def _action_text(entry: Entry) -> str:
    lines = [f"{entry['name']}  {entry['help']}"]
    parameters = entry["parameters"]
    for parameter in parameters if isinstance(parameters, list) else ():
        needed = " (required)" if parameter["required"] else ""
        lines.append(f"    --set {parameter['name']}={parameter['default'] or '…'}  {parameter['help']}{needed}")
    return "".join(f"{line}\n" for line in lines)


def _keys_text() -> str:
    rows = [(key.id, " ".join(key.names), key.title, key.place.value) for key in all_keys()]
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, [*widths, 0], strict=True)) for row in rows]
    return "\n".join([*lines, f"Free for new panes and actions: {' '.join(free_keys())}", ""])


def _keys_json() -> str:
    bindings = [
        {"id": key.id, "keys": list(key.each), "does": key.title, "where": key.place.value} for key in all_keys()
    ]
    return to_json({"bindings": bindings, "free": list(free_keys())}) + "\n"


def _rules_text() -> str:
    from console.rules.diagnoses import DIAGNOSES  # noqa: PLC0415  no other list needs them

    found = [f"{diagnosis.name}  {diagnosis_sentence(diagnosis)}\n" for diagnosis in DIAGNOSES]
    return "".join([*found, "\n", *(f"{rule.name}  {sentence(rule)}\n" for rule in RULES)])


def _rules() -> list[Entry]:
    from console.rules.diagnoses import DIAGNOSES  # noqa: PLC0415

    found = [diagnosis_document(diagnosis, {}) for diagnosis in DIAGNOSES]
    return [*found, *(document(rule) for rule in RULES)]


def _presets() -> list[Entry]:
    return [{"name": path.stem, "title": _first_comment(path)} for path in sorted(_preset_files())]


def _readings() -> list[Entry]:
    from console.past.store import all_stores, kept_entry  # noqa: PLC0415  no other list needs them
    from console.running.trail.audit import default_trail  # noqa: PLC0415

    entries = (kept_entry(store) for store in all_stores(default_trail().path.parent))
    return [entry for entry in entries if entry is not None]


def _readings_text(entry: Entry) -> str:
    number, taken = counted(int(str(entry["readings"])), "reading"), size(entry["bytes"])
    from_to = f"from {moment(entry['from'])} to {moment(entry['to'])} UTC"
    return f"{safe(entry['target'])}  {safe(entry['database'])}  {from_to}  {number}  {taken}\n"


def _preset_files() -> list[Path]:
    return list((content() / "config" / "presets").glob("*.yml"))


def _first_comment(path: Path) -> str:
    with path.open(encoding="utf-8") as lines:
        return next(lines, "").lstrip("# ").strip()


_LISTS: Mapping[str, Callable[[], list[Entry]]] = {
    "panes": _panes,
    "actions": _actions,
    "presets": _presets,
    "rules": _rules,
    "readings": _readings,
}
LIVE = frozenset({"readings"})  # lists of what is there now, not of what is declared
_TEXTS: Mapping[str, Callable[[Entry], str]] = {"actions": _action_text, "readings": _readings_text}
