"""The report as text: every problem with its remedy, and one line a group for what is fine. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence

from console.doctor.check import COMMENT, PROGRAM, SUBJECTS, Check, Report, Status
from console.format import safe

MARKS = {Status.CANNOT: "!!", Status.LIMITED: "! ", Status.UNKNOWN: "? ", Status.OK: "  "}
COLOURS = {Status.CANNOT: "\x1b[1;31m", Status.LIMITED: "\x1b[33m", Status.UNKNOWN: "\x1b[36m"}
COUNTED = {
    Status.CANNOT: "not working",
    Status.LIMITED: "limited",
    Status.UNKNOWN: "unknown",
    Status.OK: "ok",
}
BOLD, RESET = "\x1b[1m", "\x1b[0m"
TITLES = {
    "server": "Server",
    "role": "Role",
    "extension": "Extensions",
    "pane": "Panes",
    "rule": "Rules",
    "action": "Actions",
    "pooler": "Poolers",
    "replica": "Replicas",
    "terminal": "Terminal",
}
LEGEND = "!! does not work, ! limited, ? unknown, -> what to do"


def text(report: Report, width: int = 80, every: bool = False, colour: bool = False) -> str:
    """The report in lines of at most `width` cells, but for longer words and commands of a shell."""
    lines = [*_head(report, width), ""]
    for subject in SUBJECTS:
        checks = report.of(subject)
        if checks:
            lines += [*_group(subject, checks, width, every, colour), ""]
    return "\n".join(lines[:-1]) + "\n"


def _head(report: Report, width: int) -> list[str]:
    facts = report.server
    where = (
        f"{facts.place}, PostgreSQL {facts.version_text}, database {facts.database}, role {facts.user}"
        if facts
        else "The server cannot be reached; only this machine and the poolers were checked."
    )
    counts = Counter(check.state for check in report.checks)
    summary = ", ".join(f"{counts[state]} {word}" for state, word in COUNTED.items() if counts[state])
    return [*_wrapped(where, width), *_wrapped(summary, width), *_wrapped(LEGEND, width)]


def _group(subject: str, checks: tuple[Check, ...], width: int, every: bool, colour: bool) -> list[str]:
    lines = [f"{BOLD}{TITLES[subject]}{RESET}" if colour else TITLES[subject]]
    fine = [check for check in checks if check.state is Status.OK]
    for alike in _alike(check for check in checks if every or check.state is not Status.OK):
        lines += _item(alike, width, colour)
    if fine and not every:
        names = dict.fromkeys(check.name for check in fine)
        lines += _wrapped(f"{len(fine)} ok: {', '.join(names)}", width, "   ", "   ")
    return lines


def _alike(checks: Iterable[Check]) -> list[list[Check]]:
    """The checks in groups that differ by their name alone."""
    found: dict[tuple[object, ...], list[Check]] = {}
    for check in checks:
        found.setdefault((check.state, check.what, check.why, check.remedy), []).append(check)
    return list(found.values())


def _item(alike: Sequence[Check], width: int, colour: bool) -> list[str]:
    check = alike[0]
    why = f" ({check.why})" if check.why else ""
    names = ", ".join(each.title for each in alike)
    lines = _wrapped(f"{names}: {check.what}{why}", width, f"{MARKS[check.state]} ", "   ")
    for line in check.remedy.splitlines():
        lines += _remedy(line, width)
    if colour and check.state in COLOURS:
        lines[0] = f"{COLOURS[check.state]}{lines[0][:2]}{RESET}{lines[0][2:]}"
    return lines


def _remedy(line: str, width: int) -> list[str]:
    """A line of a remedy, so that what is pasted of it means the same: a command for a shell is not folded."""
    command = line.startswith(PROGRAM)
    mark = COMMENT if command else " -- "
    statement, found, comment = line.partition(mark)
    whole = _wrapped(line, width, "   -> ", "      ")
    if len(whole) == 1 or not (found or command):
        return whole
    note = f"      {mark.strip()} "
    first = [f"   -> {safe(statement)}"] if command else _wrapped(statement, width, "   -> ", "      ")
    return [*first, *_wrapped(comment, width, note, note)]


def _wrapped(words: str, width: int, first: str = "", then: str = "") -> list[str]:
    return textwrap.wrap(
        safe(words, 20_000),
        width,
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )
