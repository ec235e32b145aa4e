"""Whatever one declaration names of another one is there: panes, views, columns, actions, parameters, queries."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from console.actions import ACTIONS
from console.actions.planning import Action
from console.format import FORMATS
from console.model import Counterpart, Pane, View
from console.panes import PANES
from console.panes.metrics import METRICS
from console.rules.diagnoses import DIAGNOSES
from console.setup.pages import PAGES
from console.tui.charts import CHARTS
from tests.test_imports import MODULES

VIEWS = {(pane.name, view.name): view for pane in PANES for view in pane.views}
FIRST = {(pane.name, ""): pane.views[0] for pane in PANES}
PARAMETERS = {action.name: {each.name for each in action.parameters} for action in ACTIONS}
# Names that are made while the console runs, with the values that they can have.
MADE = {
    "str(row['verdict'])": ("unused", "redundant"),  # of indexes
}
MADE_FIXES = ("pooler-resume", "pooler-enable")  # of pools, by what was stopped
QUERIES = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parents[1] / "sql").glob("**/*.sql"))
)
# Actions that fix a finding by a name alone, and why another thing of that name is not hit by mistake.
_LOOKED_AGAIN = "the relation is looked up and compared under its lock"
_STATE = "brings about a state, whatever there is by then"
BY_NAME = {
    **dict.fromkeys(
        ("drop-index", "repair-invalid-indexes"), "planned from the index there is, and undone by its definition"
    ),
    **dict.fromkeys(("analyze-table", "vacuum-table", "reindex", "refresh-views", "repack-table"), "loses nothing"),
    **dict.fromkeys(("create-index", "create-partitions", "set-autovacuum"), _LOOKED_AGAIN),
    **dict.fromkeys(
        ("adopt-schema", "apply-tuning", "create-extensions", "schedule-jobs", "rebalance-cluster"), _STATE
    ),
    **dict.fromkeys(("limit-idle-transactions", "resume-replay", "pooler-resume", "pooler-enable"), _STATE),
    **dict.fromkeys(("cancel-job", "retry-job"), "a number is given once, and its state is compared"),
    "terminate-idle": "by a moment since which they have been idle",
}
REMADE = "console.watching.findings"  # makes findings again from readings: test_foreign_names.py


def _calls(name: str) -> Iterator[tuple[ModuleType, ast.Call]]:
    """Where evidence, fixes and work are made in the code, but for what passes names on."""
    for module, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        if f"{name}(" not in text or module == REMADE:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name and node.args:
                yield importlib.import_module(module), node


def _words(module: ModuleType, node: ast.expr | None) -> tuple[str, ...]:
    """The texts that an expression can be; none: it is not written there."""
    match node:
        case ast.Constant(value=str(text)):
            return (text,)
        case ast.Name(id=name) if isinstance(getattr(module, name, None), str):
            return (str(getattr(module, name)),)
        case ast.IfExp(body=body, orelse=orelse):
            return (*_words(module, body), *_words(module, orelse))
        case ast.expr():
            return MADE.get(ast.unparse(node), ())
    return ()


def _laid_out(module: ModuleType, arguments: list[ast.expr]) -> Iterator[list[ast.expr]]:
    """The arguments with what is written for each that has a star: what its function returns, or its name is given."""
    for at, node in enumerate(arguments):
        if isinstance(node, ast.Starred):
            for values in _starred(module, node.value):
                yield from _laid_out(module, [*arguments[:at], *values, *arguments[at + 1 :]])
            return
    yield arguments


def _starred(module: ModuleType, node: ast.expr) -> Iterator[list[ast.expr]]:
    match node:
        case ast.Tuple(elts=values):
            yield values
        case ast.IfExp(body=body, orelse=orelse):
            yield from _starred(module, body)
            yield from _starred(module, orelse)
        case ast.Call(func=ast.Name(id=name)):
            made = ast.parse(textwrap.dedent(inspect.getsource(getattr(module, name))))
            for each in ast.walk(made):
                if isinstance(each, ast.Return) and each.value is not None:
                    yield from _starred(module, each.value)
        case ast.Name(id=name):
            for each in ast.walk(ast.parse(inspect.getsource(module))):
                if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == name:
                    yield from _starred(module, each.value)


def _columns(view: View) -> set[str]:
    """The columns that a view declares, and what its rows are known by."""
    looked_up = {name for lookup in view.lookups for name in (*lookup.by, *lookup.adds)}
    return {column.name for column in view.columns} | set(view.key) | looked_up


def test_evidence_leads_to_a_view_that_is_there_and_to_columns_that_it_has() -> None:
    wrong, found = [], 0
    for module, call in _calls("Evidence"):
        if len(call.args) < 3:
            continue  # no pane shows it
        laid_out = list(_laid_out(module, call.args))
        where = f"{module.__name__}:{call.lineno}"
        assert laid_out, where
        for arguments in laid_out:
            names = _words(module, arguments[2])
            views = _words(module, arguments[3]) if len(arguments) > 3 else ("",)
            assert names, where
            assert views, where
            for place in ((name, view) for name in names for view in views):
                found += 1
                shown = (VIEWS | FIRST).get(place)
                if shown is None:
                    wrong.append(f"{where}: {place}")
                elif len(arguments) > 4 and isinstance(row := arguments[4], ast.Dict):
                    given = {str(key.value) for key in row.keys if isinstance(key, ast.Constant)}
                    wrong += [f"{where}: {place} has no {name}" for name in given - _columns(shown)]
    assert wrong == []
    assert found > len(DIAGNOSES)


@pytest.mark.parametrize("name", ["Fix", "Work"])
def test_a_fix_and_the_work_of_a_page_name_an_action_and_its_parameters(name: str) -> None:
    wrong, found = [], 0
    for module, call in _calls(name):
        given = call.args[1] if len(call.args) > 1 else None
        keys = given.keys if isinstance(given, ast.Dict) else []
        parameters = {str(key.value) for key in keys if isinstance(key, ast.Constant)}
        for action in _words(module, call.args[0]):
            found += 1
            where = f"{module.__name__}:{call.lineno}: {action}"
            wrong += [where] if action not in PARAMETERS else []
            wrong += [f"{where} has no {each}" for each in parameters - PARAMETERS.get(action, parameters)]
    assert wrong == []
    assert found


@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)
def test_a_pane_names_actions_views_charts_and_formats_that_are_there(pane: Pane) -> None:
    assert set(pane.actions) <= PARAMETERS.keys()
    assert (pane.name, pane.printed) in VIEWS | FIRST
    for view in pane.views:
        assert {column.format for column in view.columns} <= FORMATS.keys(), view.name
        assert view.chart in {"", *CHARTS}, view.name
        if view.leads:
            assert set(view.leads.by) <= _columns(view) & _columns(VIEWS[pane.name, view.leads.view]), view.name
        for other in (view.counterpart, view.related):
            assert other is None or _is_there(other), (view.name, other)


def _is_there(other: Counterpart) -> bool:
    view = VIEWS.get((other.pane, other.view))
    return view is not None and other.columns.keys() <= _columns(view)


def test_the_cause_of_a_metric_is_in_a_view_that_is_there() -> None:
    assert {metric.cause_in for metric in METRICS} - {("", "")} <= VIEWS.keys() | FIRST.keys()


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_what_an_action_takes_from_a_row_is_a_parameter_and_a_column_of_some_view(action: Action) -> None:
    assert action.row.keys() <= PARAMETERS[action.name]
    known = set().union(*map(_columns, VIEWS.values()))
    exact = {each.name for each in action.parameters if each.exact}  # rows have them, no view shows them
    for parameter, named in action.row.items():
        columns = {named} if isinstance(named, str) else set(named)
        assert (
            {each for each in columns if f" AS {each}" in QUERIES} == columns
            if parameter in exact
            else columns <= known
        )


def test_a_fix_says_exactly_what_was_seen_or_its_name_means_one_thing_only() -> None:
    """By the time a fix is run, another statement, transaction or slot may have the name of what was found."""
    named = {
        action
        for module, call in _calls("Fix")
        for arguments in _laid_out(module, call.args)
        for action in _words(module, arguments[0])
    } | set(MADE_FIXES)
    exact = {action.name for action in ACTIONS if any(each.exact for each in action.parameters)}
    assert {"cancel-backend", "terminate-backend", "rollback-prepared", "drop-slot"} <= exact & named
    assert named - exact == BY_NAME.keys()


def test_a_page_of_the_guide_names_pages_and_actions_that_are_there() -> None:
    pages = {page.name for page in PAGES}
    for page in PAGES:
        assert set(page.actions) <= PARAMETERS.keys(), page.name
        assert {*page.after, *filter(None, [page.again])} <= pages, page.name
