"""Settings that wait for a restart, that would prevent it, and lines of the configuration files with errors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from console.format import one_line
from console.model import (
    OFTEN,
    RARELY,
    SETTINGS,
    Ask,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Frame,
    Lacks,
    Level,
    Record,
    Urgency,
    of_view,
)
from console.panes.settings import FILES, JUDGED
from console.rules.findings.wording import counted, listed


def pending(frame: Frame) -> Iterable[Finding]:
    """One finding for all settings whose new value waits for a restart."""
    found = _pending(frame)
    if found:
        named = [
            f"{one_line(row['name'])} {_shown(row['value'])} → {_shown(row['next_value'])}"
            if row["next_value"] is not None
            else one_line(row["name"])
            for row in found
        ]
        yield Finding(
            rule="restart-pending",
            subject="restart",
            level=Level.NOTICE,
            sentence=f"restart pending for {counted(len(found), 'setting')}: {listed(named)}",
            evidence=tuple(_evidence(row) for row in found[:3]),
            symptom=f"{counted(len(found), 'new value')} in effect only after the restart",
            blames=tuple(f"setting {row['name']}" for row in found),
        )


def blocked_start(frame: Frame) -> Iterable[Finding]:
    """A finding for each value that waits for a restart and with which the server may not start.

    Raises CannotTell if the values are hidden from this role.
    """
    found = _pending(frame)
    if any(row["next_value"] is None for row in found):
        hidden = frame.hidden("settings")
        remedy, lacks = (hidden[0].remedy, hidden[0].lacks) if hidden else ("", Lacks())
        raise CannotTell("The values that the next start will read are hidden.", remedy, lacks)
    for row in found:
        if row["start_at_risk"]:
            yield Finding(
                rule="restart-would-fail",
                subject=f"setting {row['name']}",
                level=Level.CRITICAL,
                sentence=f"the next restart may fail: {one_line(row['name'])} = {_shown(row['next_value'])}",
                detail=one_line(row["danger"]),
                evidence=(_evidence(row),),
            )


def files(frame: Frame) -> Iterable[Finding]:
    """A finding for each line of the configuration files that the server rejects."""
    frame.row("settings_file_errors")  # raises CannotTell if this role may not read the files
    for row in frame.rows("settings_files"):
        if row["verdict"] == "error":
            place = f"{PurePosixPath(str(row['sourcefile'])).name}:{row['sourceline']}"
            yield Finding(
                rule="settings-file-error",
                subject=f"settings {place}",
                level=Level.CRITICAL,  # it is refused at the next start, whatever made that necessary
                sentence=f"{place}: {one_line(row['name'] or 'the line')} has an error, so no reload takes effect and "
                f"the server would not start again: {one_line(row['error'])}",
                evidence=(Evidence("file", one_line(row["sourcefile"]), "settings", "files", {"seqno": row["seqno"]}),),
            )


def _pending(frame: Frame) -> list[Record]:
    # The server also marks settings of the command line, which no restart takes from a file, and one whose line was
    # removed again, though the restart would change nothing.
    return [
        row
        for row in frame.rows("settings")
        if row["pending_restart"] and row["source"] != "command line" and row["next_value"] != row["value"]
    ]


def _shown(value: object) -> str:
    return one_line(value) or "''"


def _has_errors(frame: Frame) -> bool:
    """Whether some line has an error; not where this role may not read them: then it is refused once, not twice."""
    return "settings_file_errors" not in frame.troubles and bool(frame.row("settings_file_errors")["lines"])


def _evidence(row: Record) -> Evidence:
    return Evidence(one_line(row["name"]), one_line(row["value"]), "settings", "pending", {"name": row["name"]})


_ASKS = (of_view(JUDGED, RARELY, on_change=SETTINGS),)
RESTART_PENDING = Diagnosis("restart-pending", "Settings wait for a restart", Urgency.CARE, _ASKS, pending)
RESTART_WOULD_FAIL = Diagnosis(
    "restart-would-fail", "A setting with which the server would not start again", Urgency.CARE, _ASKS, blocked_start
)
SETTINGS_FILE_ERROR = Diagnosis(
    "settings-file-error",
    "A line of the configuration files has an error",
    Urgency.CARE,
    (Ask("settings_file_errors", every=2 * OFTEN), of_view(FILES, 2 * OFTEN, only_if=_has_errors)),
    files,
)
