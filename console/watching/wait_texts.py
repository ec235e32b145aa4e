"""What wait events mean: the texts of PostgreSQL's manual, for servers that do not have them themselves."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from console.model import Snapshot
from console.sql import content

FILE = "wait-events.tsv"
Texts = dict[tuple[str, str], str]  # by class and event


def bundled() -> Texts:
    """The texts in config/wait-events.tsv, by class and event as the newest server writes them."""
    lines = (content() / "config" / FILE).read_text(encoding="utf-8").splitlines()
    return {(class_, event): text for class_, event, text in (line.split("\t") for line in lines)}


@cache
def folded() -> Texts:
    """The same by class and event in lower case: versions differ in that."""
    return _folded((*name, text) for name, text in bundled().items())


def of_server(taken: Snapshot) -> Texts:
    """The texts that a server has, over those of the file, by class and event in lower case."""
    rows = ((str(row["class"]), str(row["event"]), str(row["text"])) for row in taken.records())
    return folded() | _folded(rows)


def _folded(rows: Iterable[tuple[str, str, str]]) -> Texts:
    return {(class_.casefold(), event.casefold()): text for class_, event, text in rows}
