"""YAML text → checked plain values. Errors name file, line and key, and never the value."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from console.format import safe
from console.model import Kind, Trouble
from console.records import dataclass

if TYPE_CHECKING:
    import yaml
    from yaml.nodes import Node

_SCALAR, _SEQUENCE, _MAPPING = "scalar", "sequence", "mapping"  # ids of nodes
_KEY = re.compile(r"^[\s{-]*([\w.-]+)\s*:")


@dataclass(frozen=True, slots=True)
class KeyPath:
    """The file and key of a value."""

    file: str
    path: tuple[str, ...] = ()

    def under(self, key: str) -> KeyPath:
        """The place of the value below `key`."""
        return KeyPath(self.file, (*self.path, key))

    def wrong(self, node: Node, what: str, remedy: str = "") -> Trouble:
        """Trouble(USAGE) that names `what` is wrong with the key at this place."""
        key = safe(".".join(self.path), 200) or "the document"
        return Trouble(Kind.USAGE, f"{safe(self.file)}, line {node.start_mark.line + 1}: {key} {what}.", remedy)


Reader = Callable[["Node", KeyPath], Any]


def read(text: str, file: str, reader: Reader) -> Any:
    """The document in `text`, checked by `reader`; None if it is empty. Raises Trouble(USAGE)."""
    import yaml  # noqa: PLC0415  long to load, and the bundled files are known without it

    try:
        node = yaml.compose(text, Loader=_loader())
    except yaml.YAMLError as error:
        raise _broken(error, text, file) from None
    return None if node is None or _absent(node) else reader(node, KeyPath(file))


def table(required: Collection[str] = (), **readers: Reader) -> Reader:
    """A mapping with fixed keys."""

    def check(node: Node, place: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        accepted = f"Accepted keys: {', '.join(readers)}."
        for name, key, value in _pairs(node, place, accepted):
            if name not in readers:
                raise place.under(name).wrong(key, "is not known", accepted)
            found[name] = readers[name](value, place.under(name))
        for name in required:
            if name not in found:
                raise place.under(name).wrong(node, "is missing", accepted)
        return found

    return check


def by_name(reader: Reader, known: Collection[str] = ()) -> Reader:
    """A mapping whose keys are names; only those in `known`, if any are given."""

    def check(node: Node, place: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, key, value in _pairs(node, place):
            if known and name not in known:
                raise place.under(name).wrong(key, "is not known", f"Accepted keys: {', '.join(known)}.")
            found[name] = reader(value, place.under(name))
        return found

    return check


def sequence(reader: Reader) -> Reader:
    """A list of values of one kind."""

    def check(node: Node, place: KeyPath) -> tuple[Any, ...]:
        if _absent(node):
            return ()
        if _kind(node) != _SEQUENCE:
            raise place.wrong(node, "must be a list")
        return tuple(reader(item, place.under(str(i))) for i, item in enumerate(node.value, 1))

    return check


def text(node: Node, place: KeyPath) -> str:
    """Text exactly as written; `no`, `16` and `y` are text too."""
    if _kind(node) != _SCALAR:
        raise place.wrong(node, "must be text")
    return "" if _absent(node) else str(node.value)


def some_text(node: Node, place: KeyPath) -> str:
    """Text that is not empty."""
    found = text(node, place)
    if not found:
        raise place.wrong(node, "must not be empty")
    return found


def texts(node: Node, place: KeyPath) -> tuple[str, ...]:
    """One text that is not empty, or a list of such."""
    return tuple(sequence(some_text)(node, place)) if _kind(node) == _SEQUENCE else (some_text(node, place),)


def one_or_more(reader: Reader) -> Reader:
    """One value, or a list of at least one."""

    def check(node: Node, place: KeyPath) -> tuple[Any, ...]:
        if _kind(node) != _SEQUENCE:
            return (reader(node, place),)
        if not node.value:
            raise place.wrong(node, "must not be empty")
        return tuple(reader(item, place) for item in node.value)

    return check


def converted(reader: Reader, convert: Callable[[Any, str], Any]) -> Reader:
    """The value of `reader`, converted by `convert`, which gets its key and raises ValueError if it is wrong."""

    def check(node: Node, place: KeyPath) -> Any:
        found = reader(node, place)
        try:
            return convert(found, place.path[-1] if place.path else "")
        except ValueError as error:
            raise place.wrong(node, str(error)) from None

    return check


def choice(*words: str) -> Reader:
    """One of a few words."""

    def check(node: Node, place: KeyPath) -> str:
        found = text(node, place)
        if found not in words:
            raise place.wrong(node, f"must be one of: {', '.join(words)}")
        return found

    return check


def known_name(names: Callable[[], Collection[str]]) -> Reader:
    """One of the names that `names` returns, which is called for a value only; any text if it returns none."""

    def check(node: Node, place: KeyPath) -> str:
        known = names()
        found: str = (choice(*known) if known else some_text)(node, place)
        return found

    return check


def number(least: float, most: float, whole: bool = False) -> Reader:
    """A number from `least` to `most`."""
    kind = "whole number" if whole else "number"

    def check(node: Node, place: KeyPath) -> float:
        try:
            found = float(text(node, place))
        except ValueError:
            found = float("nan")
        if not least <= found <= most or (whole and found % 1):
            raise place.wrong(node, f"must be a {kind} from {least:g} to {most:g}")
        return int(found) if whole else found

    return check


def plain(node: Node, place: KeyPath) -> Any:
    """Any value that JSON has: text, a number, yes or no, null, a list, or a mapping."""
    if _kind(node) == _MAPPING:
        return {name: plain(value, place.under(name)) for name, _, value in _pairs(node, place)}
    if _kind(node) == _SEQUENCE:
        return [plain(item, place.under(str(i))) for i, item in enumerate(node.value, 1)]
    found = _loader()("").construct_object(node)
    if found is not None and not isinstance(found, str | int | float):
        raise place.wrong(node, "must be text, a number, true, false or null; quote it")
    return found


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`: mappings key by key, everything else replaced."""
    result = dict(below)
    for key, value in above.items():
        former = result.get(key)
        result[key] = merged(former, value) if isinstance(value, dict) and isinstance(former, dict) else value
    return result


def _pairs(node: Node, place: KeyPath, remedy: str = "") -> list[tuple[str, Node, Node]]:
    if _absent(node):
        return []
    if _kind(node) != _MAPPING:
        raise place.wrong(node, "must be a mapping of keys to values", remedy)
    seen: dict[str, Node] = {}
    pairs = []
    for key, value in node.value:
        name = text(key, place)
        if name in seen:
            raise place.under(name).wrong(key, f"is there twice, first in line {seen[name].start_mark.line + 1}")
        seen[name] = key
        pairs.append((name, key, value))
    return pairs


def _kind(node: Node) -> str:
    return str(getattr(node, "id", ""))


def _loader() -> Any:
    import yaml  # noqa: PLC0415

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times faster, where PyYAML has it


def _absent(node: Node) -> bool:
    return _kind(node) == _SCALAR and node.tag == "tag:yaml.org,2002:null"


def _broken(error: yaml.YAMLError, text: str, file: str) -> Trouble:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:  # characters that YAML does not allow: the reader knows their position only
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position) + 1
        return Trouble(Kind.USAGE, f"{safe(file)}, line {line}: {_near(text, line)}YAML does not allow a character.")
    line = mark.line + 1
    problem = safe(getattr(error, "problem", None) or "it cannot be read", 200)
    where = f"{safe(file)}, line {line}, column {mark.column + 1}"
    return Trouble(
        Kind.USAGE,
        f"{where}: {_near(text, line)}this is not YAML: {problem}.",
        "Check indentation, quotes and brackets there.",
    )


def _near(text: str, line: int) -> str:
    keys = [match[1] for match in map(_KEY.match, text.split("\n")[:line]) if match]
    return f"at key {safe(keys[-1], 80)}, " if keys else ""
