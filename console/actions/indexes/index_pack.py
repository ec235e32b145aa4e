"""Packs of indexes, each with the question it answers: the bundled one, or a file of the user's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from console.actions.indexes.index_definition import faults
from console.format import safe
from console.model import Kind, Trouble
from console.records import dataclass
from console.settings import yamlfile
from console.settings.yamlfile import by_name, choice, converted, some_text, table, text
from console.sql import content

BUNDLED = "pipeline"
LONGEST_FILE = 1 << 20
LONGEST_NAME = 63  # bytes
PLACE = re.compile(r"('(?:[^']|'')*')|(?<![:\w]):([a-z_][a-z0-9_]*)\b")  # a literal, or a :name
_HIDDEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


@dataclass(frozen=True, slots=True)
class PackIndex:
    """One index of a pack."""

    name: str
    table: str  # as a person would call it
    definition: str
    serves: str
    query: str  # what is explained before and after; each :name is a column of the sample
    sample: str = ""
    size: str = ""
    unique: bool = False
    extension: str = ""  # that the definition needs; where it is not installed `otherwise` is built
    otherwise: str = ""
    short: str = ""  # what keeps the texts of the index short
    where: str = ""  # file and key


@dataclass(frozen=True, slots=True)
class Pack:
    """A named set of indexes."""

    name: str
    title: str
    entries: tuple[PackIndex, ...]


def load(name: str) -> Pack:
    """The bundled pack, or the one in a file. Raises Trouble(USAGE) with file, line and key."""
    if name != BUNDLED and "/" not in name and not name.endswith((".yml", ".yaml")):
        raise Trouble(
            Kind.USAGE, f"There is no index pack {safe(name, 80)}.", f"Use {BUNDLED}, or the path of a pack file."
        )
    path = content() / "config" / "index-pack.yml" if name == BUNDLED else Path(name).expanduser()
    values = yamlfile.read(_read(path), str(path), _PACK)
    if values is None:
        raise Trouble(Kind.USAGE, f"{safe(path)}, line 1: the document is empty.")
    found = tuple(
        PackIndex(name=index, where=f"{safe(path)}, indexes.{safe(index, 80)}", **entry)
        for index, entry in values["indexes"].items()
    )
    return Pack(values["name"], values["title"], found)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise Trouble(Kind.USAGE, f"{safe(path)} is too large for an index pack.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise Trouble(Kind.USAGE, f"{safe(path)}, line {line}: this is not UTF-8 text.") from None
    except OSError as error:
        raise Trouble(Kind.USAGE, f"The index pack {safe(path)} cannot be read: {error.strerror}.") from None


def _definition(found: str, _: str) -> str:
    if fault := faults(found):
        raise ValueError(f"{fault}, as in USING btree (a, b DESC) WHERE c IS NULL")
    return found


def _query(found: str, _: str) -> str:
    bare = _HIDDEN.sub("''", found)
    if any(sign in bare for sign in (";", "$$", "--", "/*")):
        raise ValueError("must be one statement without semicolons or comments")
    if not re.match(r"\s*(SELECT|WITH)\b", bare, re.IGNORECASE):
        raise ValueError("must be a SELECT")
    return found


def _entry(values: dict[str, Any], index: str) -> dict[str, Any]:
    if not index or len(index.encode()) > LONGEST_NAME or "\0" in index:
        raise ValueError(f"is not the name of an index: 1 to {LONGEST_NAME} bytes")
    if ("extension" in values) != ("otherwise" in values):
        raise ValueError("needs both extension and otherwise, or neither")
    if any(name for _, name in PLACE.findall(values["query"])) and not values.get("sample"):
        raise ValueError("needs a sample for the :names of its query")
    return values


_QUERY = converted(some_text, _query)
_DEFINITION = converted(some_text, _definition)
_ENTRY = table(
    ("table", "definition", "serves", "query"),
    table=some_text,
    definition=_DEFINITION,
    serves=some_text,
    query=_QUERY,
    sample=_QUERY,
    size=text,
    unique=converted(choice("true", "false"), lambda found, _: found == "true"),
    extension=some_text,
    otherwise=_DEFINITION,
    short=some_text,
)
_PACK = table(
    ("name", "title", "indexes"),
    name=some_text,
    title=some_text,
    indexes=by_name(converted(_ENTRY, _entry)),
)
