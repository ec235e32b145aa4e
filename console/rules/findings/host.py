"""The machine that the server runs on: CPU, memory, swap, and the latency of disks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.format import age, in_words, milliseconds, one_line, size
from console.model import Ask, CannotTell, Diagnosis, Evidence, Finding, Frame, Level, Record, Snapshot, Urgency
from console.panes.host import ENOUGH_READS
from console.rules.findings.wording import counted, number
from console.rules.host import (
    HOST_CPU_PERCENT,
    HOST_MEMORY_PERCENT,
    HOST_READ_MS,
    HOST_SWAP_BYTES_PER_SECOND,
    HOST_SWAP_PERCENT,
)
from console.sources.host.course import LEAST, WINDOW, cpu_share, limit_share

HOST = "host"
EVERY = 10.0  # seconds between two readings
MINUTE = 60.0
HARDLY = 10.0  # percent of one core
PROCESSES = "the view Processes of the pane Host shows how much of it the server uses"
OTHERS = "other programs use it: top or ps on that machine names them"
SESSIONS = "the view Processes of the pane Host shows which sessions use it; most often a statement lacks an index"
_KILLED = "when none is left, the kernel kills a process of the server, and all sessions are disconnected"


def cpu(frame: Frame) -> Iterable[Finding]:
    """A finding while the host, or the container of the server, uses most of its CPU time over minutes."""
    before, now, elapsed = _compared(frame, "host_overview", WINDOW, LEAST)
    limited = limit_share(before, now, elapsed)
    share, whose = cpu_share(before, now), f"the {counted(int(number(now['cores'])), 'core')} of the host"
    if limited is not None and limited > share:
        share, whose = limited, f"the {number(now['limit_cpus']):.3g} cores that its container allows"
    level = frame.level(HOST_CPU_PERCENT, share)
    if not level:
        return
    used, top = _most_busy(frame)
    yield Finding(
        "host-cpu",
        "host cpu",
        level,
        f"{share:.0f} % of {whose} were in use for {in_words(elapsed)}{f': {top}' if top else ''}",
        _where_to_look(used, share * number(now["cores"])),
        (
            Evidence("CPU", f"{share:.0f} % in {age(elapsed)}", HOST, "overview", {"metric": "CPU"}),
            *((Evidence("most CPU", top, HOST, "processes"),) if top else ()),
        ),
        symptom=f"{share:.0f} % of the host's CPU in use",
    )


def _where_to_look(used: float | None, busy: float) -> str:
    """By who uses most of what is `busy`, in percent of a core: the server, others, or nobody knows yet."""
    if used is None:
        return PROCESSES
    return OTHERS if used < busy / 2 else SESSIONS


def _most_busy(frame: Frame) -> tuple[float | None, str]:
    """What the server uses, in percent of a core, and which process most of it; None and empty: not known."""
    try:
        rows = [row for row in frame.rows("host_processes") if row["cpu_percent"] is not None]
    except CannotTell:
        return None, ""
    if not rows:
        return None, ""
    total = sum(number(row["cpu_percent"]) for row in rows)
    most = max(rows, key=lambda row: number(row["cpu_percent"]))
    if total < HARDLY:
        return total, "the server itself uses hardly any of it"
    who = one_line(most["application"] or most["user"] or most["type"])
    return total, f"the server uses {total / 100:.1f} cores, most of it {who} (pid {most['pid']})"


def _is_busy(frame: Frame) -> bool:
    """Whether it is worth looking which process uses the CPU."""
    try:
        before, now, _ = _compared(frame, "host_overview", WINDOW, LEAST)
    except CannotTell:
        return False
    return bool(frame.level(HOST_CPU_PERCENT, cpu_share(before, now)))


def memory(frame: Frame) -> Iterable[Finding]:
    """A finding while little memory is available on the host, or left of the limit of the server's container."""
    row = frame.row("host_overview")
    found = [
        (number(percent), what, metric)
        for percent, what, metric in (
            (row["memory_percent"], f"the host's {size(row['memory_total'])}", "memory"),
            (row["limit_percent"], f"the {size(row['limit_memory'])} that its container allows", "container memory"),
        )
        if percent is not None
    ]
    if not found:
        raise CannotTell("The kernel does not say how much memory is available.")
    percent, what, metric = max(found)
    level = frame.level(HOST_MEMORY_PERCENT, percent)
    if level:
        yield Finding(
            "host-memory",
            "host memory",
            level,
            f"{percent:.0f} % of {what} of memory are in use and cannot be freed by dropping caches",
            f"{_KILLED}; work_mem times its sessions, or another program, may take it",
            (Evidence(metric, f"{percent:.0f} %", HOST, "overview", {"metric": metric}),),
        )


def swapping(frame: Frame) -> Iterable[Finding]:
    """A finding while the host swaps, or much of its swap space is in use."""
    row = frame.row("host_overview")
    if not row["swap_total"]:
        return
    rate = swapped(frame)
    level = frame.level(HOST_SWAP_BYTES_PER_SECOND, rate)
    used = size(number(row["swap_total"]) - number(row["swap_free"]))
    evidence = (Evidence("swap in use", used, HOST, "overview", {"metric": "swap"}),)
    if level:
        sentence = f"the host swaps {size(rate)} a second in and out: its memory is too small for what runs on it"
    elif frame.level(HOST_SWAP_PERCENT, row["swap_percent"]):
        level = Level.NOTICE
        sentence = f"{number(row['swap_percent']):.0f} % of the host's swap space are in use ({used})"
    else:
        return
    detail = "pages of the server that are swapped out must be read from disk when they are used"
    yield Finding("host-swap", "host swap", level, sentence, detail, evidence, blames=("host memory",))


def swapped(frame: Frame) -> float:
    """Bytes that the host swaps in and out a second. Raises CannotTell."""
    before, now, elapsed = _compared(frame, "host_overview", WINDOW, LEAST)
    return max(0.0, sum(number(now[name]) - number(before[name]) for name in ("swap_in", "swap_out"))) / elapsed


def slow_reads(frame: Frame) -> Iterable[Finding]:
    """A finding while reads take long: on a device of the host, or as the server itself measures them."""
    found, missing = [], []
    for judge in (device_latencies, server_latencies):
        try:
            found += list(judge(frame))
        except CannotTell as why:
            missing.append(why)
    if len(missing) == 2:
        raise missing[0]
    worst = max(found, key=lambda each: each[0], default=None)
    if worst is None or not (level := frame.level(HOST_READ_MS, worst[0])):
        return
    mean, sentence, evidence = worst
    yield Finding(
        "slow-reads",
        "disk latency",
        level,
        sentence,
        "the disk is overloaded or throttled, or reads queue behind writes: see the queue in the view Disks, and which "
        "processes read in the pane I/O",
        (evidence,),
        harm=mean,
    )


Latency = tuple[float, str, Evidence]


def device_latencies(frame: Frame) -> Iterator[Latency]:
    """How long a read from each device takes, that are the server's where that is known. Raises CannotTell."""
    earlier, elapsed = earlier_reading(frame, "host_devices", WINDOW, MINUTE)
    before = {row["device"]: row for row in earlier.records()}
    rows = frame.rows("host_devices")
    ours = [row for row in rows if row["holds"]] or rows
    for row in ours:
        was = before.get(row["device"])
        reads = number(row["reads"]) - number(was["reads"]) if was else 0.0
        if was and reads >= ENOUGH_READS * elapsed:
            mean = (number(row["read_ms"]) - number(was["read_ms"])) / reads
            name = one_line(row["device"])
            holds = f", which holds {one_line(row['holds'])}," if row["holds"] else ""
            yield (
                mean,
                f"a read from {name}{holds} takes {milliseconds(mean)} on average over {in_words(elapsed)}",
                Evidence("reads", f"{reads / elapsed:,.0f} a second", HOST, "disks", {"device": row["device"]}),
            )


def server_latencies(frame: Frame) -> Iterator[Latency]:
    """What pg_stat_io has of relations, where track_io_timing is on. Raises CannotTell where it is not."""
    earlier, elapsed = earlier_reading(frame, "io", WINDOW, MINUTE)
    rows = [row for row in frame.rows("io") if row["object"] == "relation"]
    if not any(row["timed"] for row in rows):
        raise CannotTell("track_io_timing is off.", "Set track_io_timing to on.")
    was = [row for row in earlier.records() if row["object"] == "relation"]
    reads, spent = (_risen(was, rows, name) for name in ("reads", "read_ms"))
    if reads >= ENOUGH_READS * elapsed:
        mean = spent / reads
        yield (
            mean,
            f"the server waits {milliseconds(mean)} for a read on average over {in_words(elapsed)}",
            Evidence("reads", f"{reads / elapsed:,.0f} a second", "io", "now"),
        )


def _risen(before: Iterable[Record], now: Iterable[Record], name: str) -> float:
    """By how much a counter rose in all rows. Raises CannotTell if it was reset meanwhile."""
    risen = sum(number(row[name]) for row in now) - sum(number(row[name]) for row in before)
    if risen < 0:
        raise CannotTell("The server's counters were reset since the reading before.")
    return risen


def earlier_reading(frame: Frame, query: str, window: float, least: float) -> tuple[Snapshot, float]:
    """The oldest reading of a window, if it is old enough. Raises CannotTell if there is none."""
    before, elapsed = frame.earlier(query, window)
    if elapsed < least:
        raise CannotTell(f"Needs {in_words(least)} of readings; {in_words(elapsed)} so far.")
    return before, elapsed


def _compared(frame: Frame, query: str, window: float, least: float) -> tuple[Record, Record, float]:
    """The only row of the oldest reading of a window, that of the last one, and the seconds between them."""
    before, elapsed = earlier_reading(frame, query, window, least)
    return next(iter(before.records()), {}), frame.row(query), elapsed


_MACHINE = Ask("host_overview", HOST, EVERY, WINDOW)
HOST_CPU = Diagnosis(
    "host-cpu",
    "The host's CPU is in use for minutes",
    Urgency.SOON,
    (_MACHINE, Ask("host_processes", HOST, EVERY, only_if=_is_busy)),
    cpu,
    (HOST_CPU_PERCENT,),
    misses="It is judged over 5 minutes, from the second minute on.",
)
HOST_MEMORY = Diagnosis(
    "host-memory",
    "Little memory is available on the host",
    Urgency.NOW,
    (_MACHINE,),
    memory,
    (HOST_MEMORY_PERCENT,),
    hold=MINUTE,
    misses="It must hold for a minute.",
)
HOST_SWAP = Diagnosis(
    "host-swap",
    "The host swaps",
    Urgency.SOON,
    (_MACHINE,),
    swapping,
    (HOST_SWAP_BYTES_PER_SECOND, HOST_SWAP_PERCENT),
    misses="It is judged over 5 minutes, from the second minute on.",
)
SLOW_READS = Diagnosis(
    "slow-reads",
    "Reads from disk take long",
    Urgency.SOON,
    (Ask("host_devices", HOST, EVERY, WINDOW), Ask("io", every=EVERY, window=WINDOW)),
    slow_reads,
    (HOST_READ_MS,),
    misses="It is judged over 5 minutes, from the second minute on, and only while there are 10 reads a second.",
)
