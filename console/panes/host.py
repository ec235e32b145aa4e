"""Host: the machine that the server runs on, its disks, and what each process of the server uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from console.format import percent, show, size
from console.model import Column, Lookup, Pane, Rate, Record, Rule, Snapshot, View, Whole, number
from console.panes.derived import with_notes, with_query
from console.rules.host import (
    HOST_CPU_PERCENT,
    HOST_DISK_PERCENT,
    HOST_MEMORY_PERCENT,
    HOST_READ_MS,
    HOST_SWAP_BYTES_PER_SECOND,
)
from console.rules.server import METRIC_LEVEL

WINDOW = 300.0  # seconds over which CPU, swapping and latency are judged
ENOUGH_READS = 10.0  # a second; the average of fewer is not judged
Line = tuple[str, str, object, str, str]  # metric, now, share in %, level, what it means


def machine(taken: Snapshot, **rules: Rule) -> Snapshot:
    """The one row of the reading as a line for each metric, and its recent course; `rules` by name."""
    columns = ("metric", "now", "share", "level", "means", "course")
    rows = tuple((*line, row.get("course")) for row in taken.records() for line in _lines(row, rules))
    how = next((str(row["how"]) for row in taken.records()), "")
    return with_notes(replace(taken, columns=columns, rows=rows), how)


def _lines(row: Record, rules: dict[str, Rule]) -> Iterator[Line]:
    def level(rule: Rule, value: object) -> str:
        return "–" if value is None else rules.get(rule.name, rule).level(value).name.lower()

    cores = number(row["cores"])
    parts = ", ".join(
        f"{what} {percent(row[f'{name}_percent'])}"
        for what, name in (("user", "user"), ("system", "system"), ("stolen", "steal"))
        if row[f"{name}_percent"] is not None
    )
    cpu = row["cpu_percent"]
    yield (
        "CPU",
        show(cpu, "percent"),
        cpu,
        level(HOST_CPU_PERCENT, row["cpu_recent"]),
        f"{parts or 'in all'} of {cores:.0f} cores; {_sustained(row['cpu_recent'])}.",
    )
    waited = row["iowait_percent"]
    yield ("I/O wait", show(waited, "percent"), waited, "ok", "CPU time that was idle while a process waited for disk.")
    loads = [row[f"load_{minutes}"] for minutes in (1, 5, 15)]
    share = 100 * number(loads[0]) / cores if loads[0] is not None and cores else None
    means = f"{', '.join(show(each, 'rate') for each in loads)} in 1, 5, 15 minutes: tasks that run or wait for disk."
    yield ("load", show(loads[0], "rate"), share, "ok", means)
    yield from _memory(row, level(HOST_MEMORY_PERCENT, row["memory_percent"]))
    swapped = [row["swap_in_recent"], row["swap_out_recent"]]
    judged = None if None in swapped else sum(map(number, swapped))
    yield _swap(row, level(HOST_SWAP_BYTES_PER_SECOND, judged))
    for name, what in (("cpu", "CPU"), ("memory", "memory"), ("io", "I/O")):
        yield _pressure(row, name, what)
    yield _network(row)
    yield _files(row)
    yield from _container(
        row, level(HOST_CPU_PERCENT, row["limit_recent"]), level(HOST_MEMORY_PERCENT, row["limit_percent"])
    )


def _sustained(share: object) -> str:
    return "judged from the second minute on" if share is None else f"{percent(share)} in 5 minutes, which are judged"


def _memory(row: Record, level: str) -> Iterator[Line]:
    total, available = row["memory_total"], row["memory_available"]
    if total is None or available is None:
        yield ("memory", "–", None, "–", "The kernel does not say how much is available.")
        return
    used = number(total) - number(available)
    means = f"of {size(total)}; {size(available)} are available, file caches included."
    yield ("memory", size(used), row["memory_percent"], level, means)


def _swap(row: Record, level: str) -> Line:
    if not row["swap_total"]:
        return ("swap", "none", None, "ok", "Without swap the kernel kills processes when memory runs out.")
    used = number(row["swap_total"]) - number(row["swap_free"])
    moved = f"{show(row['swap_in_rate'], 'size_rate')} in, {show(row['swap_out_rate'], 'size_rate')} out"
    return ("swap", size(used), row["swap_percent"], level, f"of {size(row['swap_total'])}; {moved}.")


def _pressure(row: Record, name: str, what: str) -> Line:
    now, minute, five = (row[f"{name}_waits_{seconds}"] for seconds in (10, 60, 300))
    if now is None:
        return (f"waits for {what}", "–", None, "–", "Not measured: this kernel or container has no /proc/pressure.")
    means = f"Share of 10 s in which some task waited for it; 60 s: {percent(minute)}, 300 s: {percent(five)}."
    return (f"waits for {what}", percent(now), now, "ok", means)


def _network(row: Record) -> Line:
    received, sent = row["received_rate"], row["sent_rate"]
    total = None if received is None or sent is None else number(received) + number(sent)
    means = (
        f"{show(received, 'size_rate')} received, {show(sent, 'size_rate')} sent, without loopback; "
        f"{show(row['network_errors'], 'count')} errors and drops since the start."
    )
    return ("network", show(total, "size_rate"), None, "ok", means)


def _files(row: Record) -> Line:
    means = f"of {show(row['files_most'], 'count')} that the kernel allows."
    return ("open files", show(row["files_open"], "count"), row["files_percent"], "ok", means)


def _container(row: Record, cpu_level: str, memory_level: str) -> Iterator[Line]:
    if row["limit_cpus"] is not None:
        held = (
            "" if row["throttled_percent"] is None else f"; throttled {percent(row['throttled_percent'])} of the time"
        )
        means = f"of its {number(row['limit_cpus']):.3g} cores, judged over 5 minutes{held}."
        used, cores = row["limit_rate"], number(row["limit_cpus"])
        share = None if used is None else 100 * number(used) / cores
        yield ("container CPU", show(share, "percent"), share, cpu_level, means)
    if row["limit_memory"] is not None:
        means = f"of its limit of {size(row['limit_memory'])}, without file caches that can be dropped."
        yield ("container memory", size(row["limit_used"]), row["limit_percent"], memory_level, means)


def judged_devices(taken: Snapshot) -> Snapshot:
    """`read_judged`: the average time of a read over five minutes, where there were enough of them."""
    rows = [(row["read_recent"] if number(row["reads_recent"]) >= ENOUGH_READS else None,) for row in taken.records()]
    return taken.with_columns(("read_judged",), rows)


def processes(taken: Snapshot) -> Snapshot:
    """Processes with readable query texts, who each is, and a note if this user may not read what they do on disk."""
    shown = with_query(taken)
    who = [(str(row["application"] or row["user"] or "") or row["type"],) for row in shown.records()]
    known = [row["read_rate"] is not None or row["cpu_percent"] is None for row in shown.records()]
    why = "" if all(known) else "reads and writes of processes are hidden from this user of the operating system"
    return with_notes(shown.with_columns(("who",), who), why)


OVERVIEW = View(
    name="overview",
    title="Overview",
    query="host_overview",
    key=("metric",),
    derive=machine,
    rules=(HOST_CPU_PERCENT, HOST_MEMORY_PERCENT, HOST_SWAP_BYTES_PER_SECOND),
    chart="host",
    rates=(
        Rate("cpu_percent", "cpu_busy", per="cpu_total", scale=100.0),
        Rate("user_percent", "cpu_user", per="cpu_total", scale=100.0),
        Rate("system_percent", "cpu_system", per="cpu_total", scale=100.0),
        Rate("iowait_percent", "cpu_iowait", per="cpu_total", scale=100.0),
        Rate("steal_percent", "cpu_steal", per="cpu_total", scale=100.0),
        Rate("swap_in_rate", "swap_in"),
        Rate("swap_out_rate", "swap_out"),
        Rate("received_rate", "received"),
        Rate("sent_rate", "sent"),
        Rate("limit_rate", "limit_cpu"),
        Rate("throttled_percent", "limit_throttled", scale=100.0),
        Rate("swap_in_recent", "swap_in", window=WINDOW),
        Rate("swap_out_recent", "swap_out", window=WINDOW),
    ),
    columns=(
        Column("metric", "metric", "name", width=16),
        Column("now", "now", width=9, help="A share, a size, a number, or a rate since the last read."),
        Column("share", "share", "percent", width=8, bar=Whole.HUNDRED, help="Of all there is; of load: of the cores."),
        Column("level", "level", width=8, rule=METRIC_LEVEL),
        Column("means", "what it means", "query", grow=True, explains=True),
    ),
)
DISKS = View(
    name="disks",
    title="Disks",
    query="host_devices",
    key=("device",),
    sort="-busy_percent",
    derive=judged_devices,
    rates=(
        Rate("read_ms_each", "read_ms", per="reads"),
        Rate("write_ms_each", "write_ms", per="writes"),
        Rate("read_rate", "read_bytes"),
        Rate("write_rate", "write_bytes"),
        Rate("reads_rate", "reads"),
        Rate("writes_rate", "writes"),
        Rate("queue", "queued_ms", scale=0.001),
        Rate("busy_percent", "busy_ms", scale=0.1),
        Rate("read_recent", "read_ms", per="reads", window=WINDOW),
        Rate("reads_recent", "reads", window=WINDOW),
    ),
    columns=(
        Column("device", "device", "name", width=8),
        Column("holds", "holds", "name", width=8, grow=True, help="What of the server is there."),
        Column(
            "read_ms_each",
            "read ms",
            "ms",
            width=7,
            rule=HOST_READ_MS,
            judged="read_judged",
            help="Average time of a read since the last one shown, waiting included; judged over 5 minutes.",
        ),
        Column("write_ms_each", "write ms", "ms", width=8, help="Average time of a write, waiting included."),
        Column("queue", "queue", "rate", width=6, help="Requests that were in flight, on average."),
        Column("read_rate", "read", "size_rate"),
        Column("write_rate", "written", "size_rate"),
        Column(
            "busy_percent",
            "busy",
            "percent",
            width=7,
            bar=Whole.HUNDRED,
            help="Time in which at least one request was in flight; a device that serves many at once can do more.",
        ),
        Column("reads_rate", "reads/s", "rate", extra=True),
        Column("writes_rate", "writes/s", "rate", width=8, extra=True),
        Column("in_flight", "in flight", "count", width=9, extra=True, help="Requests in flight now."),
    ),
    empty="No device is visible: a container may hide them.",
)
SPACE = View(
    name="space",
    title="Space",
    query="host_disks",
    key=("what",),
    lookups=(Lookup("wal_directory", by=("what",), adds=("held",), first=100, keep=60.0, source="postgres"),),
    columns=(
        Column("what", "what", "name", width=14, grow=True, help="Data directory, WAL, and each tablespace."),
        Column("free", "free", "size", help="Space that the server can still use."),
        Column("size", "size", "size", help="Of the file system, without what is reserved for root."),
        Column("used_percent", "used", "percent", width=8, bar=Whole.HUNDRED, rule=HOST_DISK_PERCENT),
        Column("held", "holds", "size", help="Size of the files in pg_wal, which members of pg_monitor may list."),
        Column("device", "device", "name", width=8),
        Column("mount", "mounted on", "name", width=14, help="Places with the same mount share their space."),
    ),
)
_USE = (
    Column("cpu_percent", "CPU", "percent", width=7, bar=Whole.HUNDRED, help="Of one core, since it was read before."),
    Column("memory", "memory", "size", help="Memory of its own, without shared buffers."),
    Column("read_rate", "read", "size_rate", help="Read from storage per second; –: hidden from this user."),
    Column("write_rate", "written", "size_rate", help="Written to storage per second; –: hidden from this user."),
)
_PID = Column("pid", "pid", "id", width=7, help="Process id on the server.")
_QUERY = Column("query", "query", "query", grow=True, help="Beginning of the running or last statement.")
_MORE = (
    Column("state", "state", "text", width=10, extra=True),
    Column("age", "age", "age", extra=True, help="Time since the statement began."),
    Column("wait", "wait", "text", width=20, extra=True),
    Column("user", "user", "name", width=16, extra=True),
    Column("database", "database", "name", width=16, extra=True),
    Column("backend_start", "started", "time", extra=True),
)
PROCESSES = View(
    name="processes",
    title="Processes",
    query="host_processes",
    kept=60.0,
    compared=True,
    key=("pid", "backend_start"),
    sort="-cpu_percent",
    derive=processes,
    columns=(
        _PID,
        Column("who", "who", "name", width=14, help="Application or user of a session, else the type of the process."),
        *_USE,
        _QUERY,
        *_MORE,
        Column("type", "type", "text", width=18, extra=True),
    ),
    detail="connection_details",
)
BACKENDS = replace(
    PROCESSES,
    title="CPU",
    source="host",
    where=lambda row: row["type"] == "client backend" and not row["own"],
    empty="No other sessions.",
)
HOST = Pane(
    name="host",
    key="H",
    title="Host",
    group="Around",
    help=(
        "The machine that the server runs on. Where this console runs on it, it reads /proc; else the server reads "
        "/proc for it, if the role may call pg_read_file(); else nothing is shown, because the figures would be those "
        "of another machine. Overview has CPU, memory, load, pressure, network and the limits of a container; Disks "
        "the latency of each device; Space the room for data, WAL and tablespaces; Processes what each process of the "
        "server uses. Rates are measured between two reads."
    ),
    views=(OVERVIEW, DISKS, SPACE, PROCESSES),
    source="host",
    actions=("cancel-backend", "terminate-backend"),
)
