"""Values with which a server runs and does harm: a table of settings with a test of the value and a reason. Pure.

A preset may write such a value only if its entry says `accepted_risk`, and the plan shows that. Values with which a
server does not start, and settings that no preset may write, are in `console.tuning.guards`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.tuning.harm_table import HARMS
from console.tuning.harmful import Harm, of_base, word
from console.tuning.memory import ENTRY_BYTES
from console.tuning.proposals import Proposal
from console.tuning.units import Setting, shown

_BY_NAME = {name: tuple(harm for harm in HARMS if name in harm.settings) for harm in HARMS for name in harm.settings}
_PLANS = Harm(
    "", word("off"), "distorts plans", "the planner lacks a method that many statements need; set it for a role"
)
_MEMORY = Harm(
    "",
    lambda setting, value: of_base(setting, value) > (setting.number or 0.0),
    "allocates memory at start",
    "how much an entry of this extension takes is unknown",
)


def harms_of(setting: Setting, value: str) -> tuple[str, ...]:
    """A sentence for each harm that a value (in the base unit) does; none for a value that is invalid."""
    return tuple(
        f"{setting.name} = {shown(setting, value) or 'empty'} {harm.kind}: {harm.why}."
        for harm in _rules(setting)
        if harm.harmful(setting, value)
    )


def unaccepted(proposals: Iterable[Proposal]) -> tuple[str, ...]:
    """A sentence for each harm that would be written although its entry in the preset accepts no risk."""
    return tuple(
        sentence
        for proposal in _written(proposals)
        if not proposal.entry.accepted_risk
        for sentence in harms_of(proposal.setting, proposal.proposed)
    )


def accepted(proposals: Iterable[Proposal]) -> tuple[str, ...]:
    """A note for each harm that the preset accepts, with the words of its entry."""
    return tuple(
        f"Accepted risk: {sentence} The preset says: {proposal.entry.accepted_risk}"
        for proposal in _written(proposals)
        if proposal.entry.accepted_risk
        for sentence in harms_of(proposal.setting, proposal.proposed)
    )


def uncounted(proposals: Iterable[Proposal]) -> tuple[str, ...]:
    """A note for each setting of an extension that matters at the start and of which nothing is known here."""
    return tuple(
        f"{proposal.setting.name}, which an extension reads at the start of the server, is not checked."
        for proposal in _written(proposals)
        if _unknown(proposal.setting)
    )


def _written(proposals: Iterable[Proposal]) -> Iterator[Proposal]:
    return (proposal for proposal in proposals if proposal.state in {"change", "reload"})


def _rules(setting: Setting) -> Iterator[Harm]:
    yield from _BY_NAME.get(setting.name, ())
    if setting.name.startswith("enable_") and setting.default == "on":
        yield _PLANS
    if _unknown(setting) and setting.vartype in {"integer", "real"} and not setting.unit:
        yield _MEMORY


def _unknown(setting: Setting) -> bool:
    known = setting.name in ENTRY_BYTES or setting.name in _BY_NAME
    return setting.context == "postmaster" and "." in setting.name and not known
