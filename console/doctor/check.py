"""A check of the doctor: its subject, whether that works, the evidence and the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum

from console.model import Facts
from console.records import dataclass

PROGRAM = "pipeline-console "  # how a line of a remedy begins that is a command for a shell, with its comment after #
COMMENT = "  # "
SUBJECTS = ("server", "role", "extension", "pane", "rule", "action", "pooler", "replica", "terminal")


class Status(Enum):
    """Whether something works here."""

    OK = "ok"
    LIMITED = "limited"  # it works, but shows or does less than it could
    CANNOT = "cannot"
    UNKNOWN = "unknown"  # it cannot be determined from here


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked."""

    subject: str  # one of SUBJECTS
    name: str  # a pane, a rule, an action, a setting, an extension …
    state: Status
    what: str  # what works or does not, in one sentence that does not repeat the name
    why: str = ""  # the evidence
    remedy: str = ""  # the exact statements, configuration lines or packages that change it, a line each
    where: str = ""  # which pooler or replica, as there may be several

    @property
    def title(self) -> str:
        """The name, with the pooler or replica before it."""
        return f"{self.where} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Report:
    """All checks."""

    server: Facts | None  # None: it could not be reached
    checks: tuple[Check, ...]

    def of(self, subject: str) -> tuple[Check, ...]:
        """The checks of one subject, in their order."""
        return tuple(check for check in self.checks if check.subject == subject)


def on_target(check: Check, options: str) -> Check:
    """`check` with the commands of its remedy given `options`, which name the target that was checked."""
    if not options:
        return check
    return replace(check, remedy="\n".join(_with_options(line, options) for line in check.remedy.splitlines()))


def _with_options(line: str, options: str) -> str:
    command, mark, comment = line.partition(COMMENT)
    return f"{command} {options}{mark}{comment}" if line.startswith(PROGRAM) else line


def worst(checks: Iterable[Check]) -> Status:
    """The worst state of some checks; OK if there are none."""
    states = {check.state for check in checks}
    return next(
        (state for state in (Status.CANNOT, Status.LIMITED, Status.UNKNOWN) if state in states),
        Status.OK,
    )


def literal(value: str) -> str:
    """A text as an SQL literal, with standard_conforming_strings."""
    return "'" + value.replace("'", "''") + "'"


def document(report: Report) -> dict[str, object]:
    """The report as raw values, for JSON."""
    facts = report.server
    server = facts and {
        "label": facts.label,
        **({"host": facts.host} if facts.host else {}),
        "version": facts.version_text,
        "database": facts.database,
        "standby": facts.standby,
        "tls": facts.tls,
        "superuser": facts.superuser,
        "extensions": {name: ".".join(map(str, found.version)) for name, found in facts.extensions.items()},
    }
    return {
        "server": server,
        "role": facts and facts.user,
        "checks": [
            {
                "subject": check.subject,
                "name": check.title,
                "state": check.state.value,
                "what": check.what,
                "why": check.why,
                "remedy": check.remedy.splitlines(),
            }
            for check in report.checks
        ],
    }
