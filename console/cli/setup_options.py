"""The options of `setup` as values: which pages are skipped, and which parameters each gets."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from console.format import safe
from console.model import Kind, Trouble
from console.records import dataclass
from console.setup.guide import pages, parameters
from console.setup.pages import Page


@dataclass(frozen=True, slots=True)
class SetupOptions:
    """The options of the command."""

    parameters: dict[str, dict[str, str]]  # by page
    skip: frozenset[str]
    confirmed: bool  # --yes
    dry_run: bool
    json: bool


def setup_options(options: Namespace) -> SetupOptions:
    """The options as values. Raises Trouble(USAGE) for an unknown page or parameter."""
    known = {page.name: page for page in pages()}
    for name in options.skip:
        if name not in known:
            raise Trouble(Kind.USAGE, f"There is no page {safe(name, 80)}.", f"Pages: {', '.join(known)}.")
    return SetupOptions(
        _parameters_by_page(options.set, known),
        frozenset(options.skip),
        options.yes,
        options.dry_run,
        options.format == "json",
    )


def _parameters_by_page(pairs: Sequence[str], known: dict[str, Page]) -> dict[str, dict[str, str]]:
    """Page → parameter → value; a parameter without a page goes to every page that takes it."""
    by_page: dict[str, dict[str, str]] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        name, dot, parameter = key.rpartition(".")
        if not (equals and parameter):
            raise Trouble(Kind.USAGE, "--set takes [PAGE.]PARAMETER=VALUE.", f"Pages: {', '.join(known)}.")
        chosen = [page for page in known.values() if page.name == name or not dot]
        taking = [page.name for page in chosen if parameter in parameters(page)]
        if not taking:
            accepted = ", ".join(parameters(known[name])) if name in known else ""
            remedy = f"{name} accepts {accepted}." if accepted else f"Pages: {', '.join(known)}."
            raise Trouble(Kind.USAGE, f"There is no parameter {safe(key, 80)}.", remedy)
        for page in taking:
            by_page.setdefault(page, {})[parameter] = value
    return by_page
