"""The samples of waits as rows: by class, event, statement, application and session. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TypeVar

from console.format import age, counted
from console.model import Row
from console.records import dataclass
from console.series.waits import CLASSES, CPU, GAP, IDLE_IN_TRANSACTION, POOL, Ring, SampledSession, WaitWindow

WINDOWS = (60, 300, 900, 3600)  # seconds
LENGTHS = (10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1200, 1800, 2700, 3600)  # that keys step by
STEPS: Mapping[float, int] = {60: 2, 300: 5, 900: 15, 3600: 60}  # seconds of a bar of the chart, for each window
BARS = 60  # of any other window
FIGURES = ("aas", "share", "error", "m1", "m5", "m15", "m60")
MEANS: Mapping[str, str] = {
    CPU: "Runs, or waits for a CPU.",
    "IO": "Reads or writes a file.",
    "Lock": "Waits for a lock that another transaction holds.",
    "LWLock": "Waits for a structure in shared memory.",
    "BufferPin": "Waits for exclusive access to a buffer.",
    "IPC": "Waits for another process of the server.",
    "Client": "Waits for its client to send or take data.",
    "Timeout": "Sleeps: pg_sleep, the delay of vacuum.",
    "Extension": "Waits in code of an extension.",
    IDLE_IN_TRANSACTION: "Its client leaves the transaction open.",
    POOL: "Clients of the pooler that wait for a connection.",
}
IN_CODE: Mapping[str, str] = {  # the texts of what no server describes
    CPU: MEANS[CPU],
    IDLE_IN_TRANSACTION: MEANS[IDLE_IN_TRANSACTION],
    POOL: MEANS[POOL],
}

Group = TypeVar("Group", bound=tuple[object, ...])


@dataclass(frozen=True, slots=True)
class Known:
    """What is known besides the samples."""

    cores: int | None = None
    texts: Mapping[tuple[str, str], str] = field(default_factory=dict)  # class and event in lower case → what it means
    statements: Mapping[int, str] = field(default_factory=dict)
    blocked_by: Mapping[int, str] = field(default_factory=dict)  # by pid, in the last sample


@dataclass(frozen=True, slots=True)
class MeasuredWaits:
    """The windows that rows are made of: the chosen one, and all of them."""

    chosen: WaitWindow
    every: tuple[WaitWindow, ...]
    course: str = ""  # for the chart, as JSON

    def figures(self, group: Callable[[SampledSession], Group]) -> dict[Group, Row]:
        """The values of FIGURES for each group of sessions that was seen in any window."""
        averages = [window.average(group) for window in self.every]
        now = self.chosen.average(group)
        total = sum(now.values())
        found: dict[Group, Row] = {}
        for name in dict.fromkeys((*now, *(name for each in averages for name in each))):
            share = now.get(name, 0.0) / total if total else 0.0
            longer = (
                each.get(name, 0.0) if _says_more(window, at, self.every) else None
                for at, (window, each) in enumerate(zip(self.every, averages, strict=True))
            )
            found[name] = (now.get(name, 0.0), 100 * share, 100 * self.chosen.error(share), *longer)
        return found


def next_window(seconds: float) -> float:
    """The next longer one of WINDOWS; after the longest the shortest."""
    return min((each for each in WINDOWS if each > seconds), default=WINDOWS[0])


def resized(seconds: float, step: int) -> float:
    """The next longer one of LENGTHS, or with a negative `step` the next shorter one; at the end the last."""
    if step > 0:
        return min((each for each in LENGTHS if each > seconds), default=LENGTHS[-1])
    return max((each for each in LENGTHS if each < seconds), default=LENGTHS[0])


def measured(ring: Ring, seconds: float) -> MeasuredWaits:
    """The windows of `ring`; `seconds` is the one that was chosen."""
    return MeasuredWaits(ring.window(seconds), tuple(ring.window(each) for each in WINDOWS))


def course(ring: Ring, seconds: float, cores: int | None) -> str:
    """What the chart of a window draws, as JSON."""
    step = STEPS.get(seconds) or max(1, math.ceil(seconds / BARS))
    end, slots = ring.course(seconds, step)
    rounded = [slot and {name: round(value, 3) for name, value in slot.items()} for slot in slots]
    return json.dumps({"end": end, "step": step, "cores": cores, "slots": rounded})


def by_class(taken: MeasuredWaits, known: Known) -> tuple[tuple[str, ...], list[Row]]:
    """A row for each class; the first has the course for the chart."""
    del known
    rows: list[Row] = []
    for (name,), figures in taken.figures(_class).items():
        rows.append((name, CLASSES.get(name, "?"), *figures, MEANS.get(name, ""), None if rows else taken.course))
    return ("class", "letter", *FIGURES, "means", "course"), rows


def by_event(taken: MeasuredWaits, known: Known) -> tuple[tuple[str, ...], list[Row]]:
    """A row for each class and event, with what the event means."""
    found = taken.figures(_event)
    rows = [(*name, *figures, meaning(name[0], name[1], known)) for name, figures in found.items()]
    return ("class", "event", *FIGURES, "means"), rows


def by_statement(taken: MeasuredWaits, known: Known) -> tuple[tuple[str, ...], list[Row]]:
    """A row for each statement and what it waits for; `unknown_id` is its id where its text must be looked up."""
    found = taken.figures(_statement)
    rows: list[Row] = []
    for (query_id, class_, event), figures in found.items():
        text = known.statements.get(query_id) if query_id is not None else None
        rows.append((query_id, class_, event, *figures, text, query_id if text is None else None))
    return ("query_id", "class", "event", *FIGURES, "seen_text", "unknown_id"), rows


def by_application(taken: MeasuredWaits, known: Known) -> tuple[tuple[str, ...], list[Row]]:
    """A row for each application, else user, and class."""
    del known
    found = taken.figures(_application)
    return ("who", "user", "class", *FIGURES), [(*name, *figures) for name, figures in found.items()]


def by_session(taken: MeasuredWaits, known: Known) -> tuple[tuple[str, ...], list[Row]]:
    """A row for each session and what it waits for."""
    found = taken.figures(_session)
    rows: list[Row] = []
    for (pid, name, class_, event, query_id), figures in found.items():
        blockers = known.blocked_by.get(pid) if pid is not None and class_ == "Lock" else None
        text = known.statements.get(query_id) if query_id is not None else None
        rows.append((pid, name, class_, event, *figures, blockers, query_id, text))
    return ("pid", "who", "class", "event", *FIGURES, "blocked_by", "query_id", "query"), rows


def who(seen: SampledSession) -> str:
    """The application of a session, else its user."""
    return seen.application or seen.user


def meaning(class_: str, event: str, known: Known) -> str:
    """What an event means; empty: nobody says. Names differ between versions in upper and lower case."""
    return IN_CODE.get(class_) or known.texts.get((class_.casefold(), event.casefold()), "")


def notes(taken: MeasuredWaits, known: Known) -> tuple[str, ...]:
    """What the rows are made of: how many samples over what time, what is missing, against how many cores."""
    chosen = taken.chosen
    total = sum(held for _, held in chosen.load) / chosen.covered if chosen.covered else 0.0
    finer = [f"{counted(many, 'sample')} of {source}" for source, many in chosen.looks.items()]
    own = [counted(chosen.own, "own sample" if finer else "sample")] if chosen.own or not finer else []
    sampled = chosen.covered if chosen.seconds - chosen.covered >= GAP else chosen.seconds  # 4m58s is shown as 4m
    spoken = [f"window {age(chosen.seconds)}: {_listed((*finer, *own))} over {age(sampled)}"]
    spoken += [f"{age(chosen.missed)} not sampled"] if chosen.missed >= GAP else []
    spoken.append(f"AAS {total:.2f}")
    spoken += [counted(known.cores, "core")] if known.cores else []
    return (", ".join(spoken),)


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _class(seen: SampledSession) -> tuple[str]:
    return (seen.wait_class,)


def _event(seen: SampledSession) -> tuple[str, str]:
    return (seen.wait_class, seen.event)


def _statement(seen: SampledSession) -> tuple[int | None, str, str]:
    return (seen.query_id, seen.wait_class, seen.event)


def _application(seen: SampledSession) -> tuple[str, str, str]:
    return (who(seen), seen.user, seen.wait_class)


def _session(seen: SampledSession) -> tuple[int | None, str, str, str, int | None]:
    return (seen.pid, who(seen), seen.wait_class, seen.event, seen.query_id)


def _says_more(window: WaitWindow, at: int, every: tuple[WaitWindow, ...]) -> bool:
    """Whether a window has samples that the next shorter one lacks."""
    return at == 0 or window.samples > every[at - 1].samples
