"""Presets: named sets of settings with reasons, bundled in config/presets or in a file of the user."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.format import safe
from console.model import Choice, Kind, Trouble
from console.records import dataclass
from console.settings import yamlfile
from console.settings.yamlfile import by_name, choice, converted, number, sequence, some_text, table, text, texts
from console.sql import content
from console.tuning import formula
from console.tuning.formula import Formula

LONGEST_FILE = 1 << 20
STORAGE = (
    Choice("", "unknown: the planner's settings stay as they are"),
    Choice("ssd", "SSD, NVMe, network storage: random reads cost little more than sequential reads"),
    Choice("hdd", "spinning disks: random reads are expensive"),
)
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")


@dataclass(frozen=True, slots=True)
class PresetSetting:
    """One setting of a preset: a value, a formula, or that it is kept as it is; and why."""

    setting: str
    why: str
    value: tuple[str, ...] = ()  # several: elements of a list; of another setting the first that the server knows
    formula: Formula | None = None
    keep: bool = False  # considered, and left as the server has it
    source: str = ""  # of the recommendation
    accepted_risk: str = ""  # why a value that does harm (console.tuning.harm) is wanted
    at_least: bool = False  # a higher present value is kept
    min_version: int = 0
    max_version: int = 99
    preset: str = ""
    where: str = ""  # file and key


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of settings."""

    name: str
    title: str
    entries: tuple[PresetSetting, ...]
    includes: tuple[str, ...] = ()

    @property
    def by_storage(self) -> bool:
        """Whether part of it depends on the kind of storage."""
        return any("{storage}" in name for name in self.includes)


def names() -> tuple[str, ...]:
    """The bundled presets."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yml")))


def choices() -> tuple[Choice, ...]:
    """The bundled presets and what each sets, the one that includes others first."""
    found = sorted(map(load, names()), key=lambda preset: (not preset.includes, preset.name))
    return tuple(Choice(preset.name, preset.title) for preset in found)


def load(name: str) -> Preset:
    """The bundled preset of that name, or the file at that path. Raises Trouble(USAGE) with file, line and key."""
    by_path = "/" in name or name.endswith((".yml", ".yaml"))
    if not by_path and name not in names():
        available = f"Presets: {', '.join(names())}; or the path of a file."
        raise Trouble(Kind.USAGE, f"There is no preset {safe(name, 80)}.", available)
    path = Path(name).expanduser() if by_path else _folder() / f"{name}.yml"
    values = yamlfile.read(_read(path), str(path), _PRESET)
    if values is None:
        raise Trouble(Kind.USAGE, f"{safe(path)}, line 1: the document is empty.")
    entries = tuple(
        replace(entry, preset=values["name"], where=f"{safe(path)}, settings.{setting}")
        for setting, entry in values.get("settings", {}).items()
    )
    return Preset(values["name"], values["title"], entries, values.get("includes", ()))


def entries(preset: Preset, storage: str = "") -> tuple[tuple[PresetSetting, ...], tuple[str, ...]]:
    """All settings of a preset and of those it includes, and notes on what was skipped.

    `{storage}` in the name of an included preset stands for the storage type. Raises Trouble(USAGE) if two presets set
    the same setting.
    """
    found: dict[str, PresetSetting] = {}
    notes: list[str] = []
    for included in _with_included(preset, storage, notes):
        for entry in included.entries:
            if entry.setting in found:
                raise Trouble(Kind.USAGE, f"{entry.where} is also set in preset {found[entry.setting].preset}.")
            found[entry.setting] = entry
    return tuple(found.values()), tuple(notes)


def _with_included(preset: Preset, storage: str, notes: list[str]) -> Iterator[Preset]:
    yield preset
    for name in preset.includes:
        if "{storage}" in name and not storage:
            notes.append("Planner settings are skipped: the storage type is unknown; give --set storage=ssd or hdd.")
            continue
        included = load(name.replace("{storage}", storage))
        if included.includes:
            raise Trouble(
                Kind.USAGE, f"{safe(preset.name, 80)} includes {included.name}, which itself includes presets."
            )
        yield included


def _folder() -> Path:
    return content() / "config" / "presets"


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise Trouble(Kind.USAGE, f"{safe(path)} is too large for a preset.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise Trouble(Kind.USAGE, f"{safe(path)}, line {line}: this is not UTF-8 text.") from None
    except OSError as error:
        raise Trouble(Kind.USAGE, f"The preset {safe(path)} cannot be read: {error.strerror}.") from None


def _not_empty(values: dict[str, Any], _: str) -> dict[str, Any]:
    if not values.get("settings") and not values.get("includes"):
        raise ValueError("sets nothing: give settings or includes")
    return values


def _entry(values: dict[str, Any], setting: str) -> PresetSetting:
    if not _NAME.fullmatch(setting):
        raise ValueError("is not the name of a setting")
    if ("value" in values) + ("formula" in values) + values.get("keep", False) != 1:
        raise ValueError("needs either a value or a formula, or keep: true")
    return PresetSetting(setting=setting, **values)


_FLAG = converted(choice("true", "false"), lambda found, _: found == "true")
_VERSION = number(14, 99, whole=True)
_ENTRY = table(
    ("why",),
    value=texts,
    formula=converted(some_text, lambda found, _: formula.parse(found)),
    why=some_text,
    source=text,
    accepted_risk=some_text,
    at_least=_FLAG,
    keep=_FLAG,
    min_version=_VERSION,
    max_version=_VERSION,
)
_PRESET = converted(
    table(
        ("name", "title"),
        name=some_text,
        title=some_text,
        includes=sequence(some_text),
        settings=by_name(converted(_ENTRY, _entry)),
    ),
    _not_empty,
)
