"""The proposals of a preset for a server: each setting with its current, proposed and default value. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace

from console.model import Kind, Trouble
from console.records import dataclass
from console.tuning.presets import PresetSetting
from console.tuning.units import (
    LIBRARY_LISTS,
    QUOTED_LISTS,
    Setting,
    canonical,
    elements,
    from_number,
    number,
    quoted,
    same,
    size,
)

SIZES = ("ram", "disk")
NUMBERS = ("cores", "pools")
# Facts that are derived, never asked for, and what stands for them where nothing is known.
DERIVED: Mapping[str, float] = {
    "wal_room": float(2 << 30),  # bytes of disk that WAL may take
    "wal_rate": 0.0,  # bytes of WAL a second
}
# Settings that are only raised if the memory of the machine is known.
_NEED_RAM = frozenset(
    {
        "shared_buffers",
        "work_mem",
        "maintenance_work_mem",
        "autovacuum_work_mem",
        "max_connections",
        "hash_mem_multiplier",
    }
)
_VALUES = re.compile(r"(?:^|,)\s*([a-z][a-z0-9_.]*)\s*=")


class UnknownFact(Exception):  # noqa: N818  the name of an unknown fact
    """A fact that was neither measured nor given."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a preset proposes for one setting."""

    entry: PresetSetting
    setting: Setting
    proposed: str = ""  # in the base unit
    state: str = "skipped"  # change, reload, restart pending, as proposed, kept, skipped
    reason: str = ""  # why it is skipped
    missing: str = ""  # the fact of the machine for want of which it is skipped

    @property
    def items(self) -> tuple[str, ...]:
        """The elements of a list setting, as ALTER SYSTEM quotes them."""
        return elements(self.proposed) if self.setting.name in QUOTED_LISTS else ()


@dataclass(frozen=True, slots=True)
class Inputs:
    """What formulas are computed from."""

    settings: Mapping[str, Setting]
    facts: Mapping[str, float]
    version: int  # 18
    edited: Mapping[str, str] = field(default_factory=dict)  # setting → value that replaces the preset's


def given_facts(given: Mapping[str, str]) -> dict[str, float]:
    """The facts among the parameters, in bytes and numbers. Raises Trouble(USAGE) if a value is invalid."""
    found: dict[str, float] = {}
    for name in (*SIZES, *NUMBERS):
        text = given.get(name, "").strip()
        if not text:
            continue
        try:
            found[name] = size(text) if name in SIZES else _whole(text)
        except ValueError as error:
            raise Trouble(Kind.USAGE, f"{name} {error}.") from None
    return found


def given_values(text: str) -> dict[str, str]:
    """`work_mem=32MB,shared_preload_libraries=a, b` as setting → value. Raises Trouble(USAGE) if malformed."""
    starts = list(_VALUES.finditer(text))
    if text.strip() and (not starts or text[: starts[0].start()].strip()):
        raise Trouble(Kind.USAGE, "values must be written as setting=value, separated by commas.")
    ends = [*(start.start() for start in starts[1:]), *([len(text)] if starts else [])]
    return {start[1]: text[start.end() : end].strip() for start, end in zip(starts, ends, strict=True)}


def selected(entries: Sequence[PresetSetting], only: str, edited: Mapping[str, str]) -> tuple[PresetSetting, ...]:
    """The selected settings of a preset. Raises Trouble(USAGE) for a name that the preset does not set."""
    wanted = {name.strip() for name in only.split(",") if name.strip()}
    names = [entry.setting for entry in entries]
    for name in (*sorted(wanted), *edited):
        if name not in names:
            raise Trouble(Kind.USAGE, f"The preset does not set {name}.", f"It sets {', '.join(names)}.")
    return tuple(entry for entry in entries if not wanted or entry.setting in wanted)


def propose(entries: Sequence[PresetSetting], known: Inputs) -> tuple[Proposal, ...]:
    """A proposal for each setting. Raises Trouble(USAGE) for an invalid value."""
    proposer = _Proposer({entry.setting: entry for entry in entries}, known)
    return tuple(proposer.proposal(entry) for entry in entries)


class _Proposer:
    """Evaluates settings whose formulas may refer to each other."""

    def __init__(self, entries: Mapping[str, PresetSetting], known: Inputs) -> None:
        self._entries = entries
        self._known = known
        self._done: dict[str, Proposal] = {}
        self._open: list[str] = []

    def proposal(self, entry: PresetSetting) -> Proposal:
        if entry.setting not in self._done:
            if entry.setting in self._open:
                raise Trouble(Kind.USAGE, f"{entry.where}: the formulas are circular: {', '.join(self._open)}.")
            self._open.append(entry.setting)
            self._done[entry.setting] = self._proposal(entry)
            self._open.remove(entry.setting)
        return self._done[entry.setting]

    def _proposal(self, entry: PresetSetting) -> Proposal:
        setting = self._known.settings.get(entry.setting)
        if setting is None:
            return Proposal(entry, Setting(entry.setting, ""), reason=self._absent(entry))
        if reason := self._out_of_reach(entry, setting):
            return Proposal(entry, setting, reason=reason)
        if entry.keep and entry.setting not in self._known.edited:
            return Proposal(entry, setting, setting.next, "kept")
        try:
            proposed = self._value(entry, setting)
        except UnknownFact as fact:
            reason = f"{fact} is unknown; give --set {fact}=…"
            return Proposal(entry, setting, reason=reason, missing=str(fact))
        except ValueError as error:
            raise Trouble(Kind.USAGE, f"{entry.where} {error}.") from None
        return replace(Proposal(entry, setting, proposed), state=_state(setting, proposed))

    def _out_of_reach(self, entry: PresetSetting, setting: Setting) -> str:
        if not entry.min_version <= self._known.version <= entry.max_version:
            return f"not for PostgreSQL {self._known.version}"
        if setting.context == "internal":
            return "fixed when the server was built or initialized"
        if setting.source == "command line":
            return "set on the command line of the server, which overrides ALTER SYSTEM"
        if setting.entry is not None and setting.name in QUOTED_LISTS and not elements(setting.entry):
            return "its entry is empty, which ALTER SYSTEM cannot restore"
        return ""

    def _absent(self, entry: PresetSetting) -> str:
        library, dot, _ = entry.setting.partition(".")
        if not dot:
            return f"PostgreSQL {self._known.version} has no such setting"
        return f"{library} is not loaded yet: preload it, restart, and run this action again"

    def _value(self, entry: PresetSetting, setting: Setting) -> str:
        edited = self._known.edited.get(entry.setting)
        if edited is not None:
            return self._merged(setting, canonical(setting, edited))
        if entry.formula is not None:
            proposed = from_number(setting, entry.formula.value(lambda name: self._number(name, setting)))
        else:
            proposed = self._merged(setting, _first_known(setting, entry.value))
        if setting.name in _NEED_RAM and "ram" not in self._known.facts and _higher(setting, proposed, setting.value):
            raise UnknownFact("ram")
        return setting.next if entry.at_least and not _higher(setting, proposed, setting.next) else proposed

    def _merged(self, setting: Setting, proposed: str) -> str:
        if setting.name not in LIBRARY_LISTS:
            return proposed
        there = elements(setting.next)
        return ", ".join(map(quoted, (*there, *(library for library in elements(proposed) if library not in there))))

    def _number(self, name: str, asking: Setting) -> float:
        if name == "version":
            return self._known.version
        if name in DERIVED:
            return self._known.facts.get(name, DERIVED[name])
        if name in (*SIZES, *NUMBERS):
            if name not in self._known.facts:
                raise UnknownFact(name)
            return self._known.facts[name]
        setting = asking if name == "current" else self._known.settings.get(name)
        if setting is None:
            raise ValueError(f"uses {name}, which is neither a fact nor a setting of this server")
        value = setting.next
        if name != "current" and name in self._entries:
            value = self.proposal(self._entries[name]).proposed or value
        found = number(setting, value)
        if found is None:
            raise ValueError(f"uses {name}, which is not a number")
        return found


def value_of(proposals: Sequence[Proposal], settings: Mapping[str, Setting], name: str) -> str:
    """The value of `name` once all proposals are in effect; empty if there is no such setting."""
    for proposal in proposals:
        if proposal.setting.name == name and proposal.state != "skipped":
            return proposal.proposed
    return settings[name].next if name in settings else ""


def _first_known(setting: Setting, values: Sequence[str]) -> str:
    """The list, or of the alternatives the first that this server has. Raises ValueError if it has none."""
    if setting.name in QUOTED_LISTS:
        return canonical(setting, ", ".join(map(quoted, values)))
    if setting.vartype not in {"enum", "bool"}:
        return canonical(setting, ", ".join(values))
    for value in values[:-1]:
        with suppress(ValueError):
            return canonical(setting, value)
    return canonical(setting, values[-1])


def _state(setting: Setting, proposed: str) -> str:
    if not same(setting, proposed, setting.next):
        return "change"
    if same(setting, proposed, setting.value):
        return "as proposed"
    return "restart pending" if setting.takes == "restart" else "reload"


def _higher(setting: Setting, value: str, other: str) -> bool:
    if setting.vartype == "enum":
        return setting.words.index(value) > setting.words.index(other) if other in setting.words else True
    mine, theirs = number(setting, value), number(setting, other)
    return mine is None or theirs is None or mine > theirs


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1_000_000):
        raise ValueError("must be a whole number of at least 1")
    return int(text)
