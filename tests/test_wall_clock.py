"""Who asks what time it is: only what notes a moment or shows it. A duration is measured on the monotonic clock."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import console

HERE = Path(console.__file__).parent
READS = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
# What holds a moment, with its place for it: such a call notes when something was read, and no more.
NOTED = {"Snapshot", "Checked", "Decision", "HeardAnswer"}
# Everywhere else the clock of the machine is read, how often, and what happens when it is set.
TABLE: Mapping[str, tuple[int, str]] = {
    # The moment of a reading, noted together with the monotonic clock.
    "sources/log/source.py fetch": (1, "noted; ages of entries of the log are never negative"),
    "sources/pgbouncer/admin.py fetch": (1, "noted with the monotonic clock"),
    "sources/pgbouncer/behind.py of": (1, "noted with the monotonic clock"),
    "sources/postgres/reading.py _read": (1, "noted; seconds and rates are of the monotonic clock"),
    "sources/redis/server.py fetch": (1, "noted with the monotonic clock"),
    "sources/replicas/source.py fetch": (1, "noted with the monotonic clock"),
    "watching/waits.py fetch": (1, "noted with the monotonic clock"),
    "watching/observer.py __init__": (1, "noted; how long a finding lasts: tests/test_clock.py"),
    # A moment that is shown, or a part of a name.
    "cli/worker.py report": (1, "the time of a line"),
    "explaining/explain.py explain": (1, "when it was explained"),
    "explaining/explain.py present_plan": (1, "when the plan was taken"),
    "explaining/kept.py seconds_since": (1, "the age of a file; of one from the future the plans are taken now"),
    "files/local_files.py set_aside": (1, "part of a name that is made unique otherwise"),
    "running/progress.py Run": (1, "when it started; how long it runs is of the monotonic clock"),
    "running/pulse.py watch_pulse": (2, "since when the server is silent; how long is of the event loop"),
    "running/trail/audit.py write": (1, "the time of an entry; entries are in the order of the file"),
    "running/trail/run_recorder.py _keep": (1, "the same"),
    "tui/incident_flow.py _name_dialog": (1, "part of a name"),
    "tui/pane_text.py export_name": (1, "part of a name"),
    "watching/marking.py hear": (1, "noted"),
    # A moment of the past that somebody names, or that is looked for among what was noted.
    "cli/kept_past.py past_of": (1, "what '10 minutes ago' means"),
    "past/moment.py clock": (1, "whether the date is shown"),
    "tui/mark_flow.py mark": (1, "the readings around now"),
    "tui/pane_times.py remark": (1, "how long ago, never negative"),
    "tui/pane_times.py text": (1, "the same"),
    "tui/pane_times.py turn": (1, "whether the present is meant"),
    "tui/wait_window.py begin_at_mark": (1, "how long ago the mark is; a length that cannot be is refused"),
    "watching/marking.py mark_present": (1, "the present"),
    "workspace.py write_incident": (1, "the readings before now"),
    "cli/record.py _record": (1, "the readings from then on; set back: those of the last ten minutes"),
    # Compared with a time that another process noted, which no monotonic clock knows.
    "actions/indexes/drop_and_repair.py _ages": (1, "since when this user knows an index"),
    "actions/maintenance/upkeep.py _built": (1, "a run of the trail near now, in both directions"),
    "past/store.py _files": (1, "a file is not from the future"),
    "running/trail/tables.py _since": (1, "how long the run of another console takes, never negative"),
    "running/trail/tables.py others": (1, "unfinished runs that are listed; nothing is removed"),
    "sources/pgbouncer/behind.py _is_young": (1, "a session that started near now, in both directions"),
    "tui/finding_blocks.py answered": (1, "until when a finding is acknowledged, a time of day"),
    "watching/capacity.py sample": (1, "whether there is a sample of the last hour; one of the future is none"),
    "watching/history.py rows": (1, "how long an episode lasts, never negative"),
    "watching/index_ages.py built": (1, "since when this user knows an index"),
}


def calls(tree: ast.AST, inside: str = "", noted: bool = False) -> Iterator[str]:
    """Where in a module the wall clock is read, but for a moment that is noted."""
    for node in ast.iter_child_nodes(tree):
        here = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else inside
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if called in READS and not noted:
            yield here
        yield from calls(node, here, called in NOTED)


def test_the_clock_of_the_machine_is_read_for_moments_alone() -> None:
    found: Counter[str] = Counter()
    for path in sorted(HERE.rglob("*.py")):
        for where in calls(ast.parse(path.read_text(encoding="utf-8"))):
            found[f"{path.relative_to(HERE).as_posix()} {where}"] += 1
    assert dict(found) == {where: count for where, (count, _) in TABLE.items()}, (
        "measure durations with time.monotonic(); a moment has a line in TABLE that says what a clock that is set does"
    )
