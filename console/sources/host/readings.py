"""The readings of the host: the machine, its file systems, its devices. Each is a table of counters and states."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import astuple
from itertools import chain

from console.model import Row, Trouble
from console.records import dataclass
from console.sources.host import parsing
from console.sources.host.place import DATA, WAL, ServerPlace

Texts = Mapping[str, str | None]
Space = Callable[[str], os.statvfs_result]  # free space of the file system of a folder; raises OSError

_MACHINE = ("/proc/stat", "/proc/loadavg", "/proc/meminfo", "/proc/vmstat", "/proc/sys/fs/file-nr")
_PRESSURE = ("/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io")
_OLD_QUOTA = ("cpu.cfs_quota_us", "cpu.cfs_period_us")


@dataclass(frozen=True, slots=True)
class Rows:
    """What a reading found, and why it is not more."""

    rows: tuple[Row, ...]
    hidden: Trouble | None = None


@dataclass(frozen=True, slots=True)
class HostReading:
    """One named reading."""

    columns: tuple[str, ...]
    text: str  # what is read, as `S` shows it
    read: Callable[[ServerPlace, Space], Awaitable[Rows]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the cgroups of the server's process limit, and how much of it is used; None: no limit, or not known."""

    cpus: float | None  # cores
    cpu: float | None  # seconds used since the cgroup was made
    throttled: float | None  # seconds in which it was held back
    memory: int | None  # bytes
    used: int | None  # bytes, without files in the cache that can be dropped


async def _overview(place: ServerPlace, space: Space) -> Rows:
    del space
    texts = await place.files.read((*_MACHINE, *_PRESSURE, f"{place.proc}/net/dev", *_limit_files(place)))
    cpu, memory = parsing.cpu(texts.get("/proc/stat")), parsing.kilobytes(texts.get("/proc/meminfo"))
    times = astuple(cpu) if cpu else (None,) * 7
    held, swap = limits(place, texts), parsing.words(texts.get("/proc/vmstat"))
    swapped = [swap[name] * place.page if name in swap else None for name in ("pswpin", "pswpout")]
    swap_total, swap_free = memory.get("SwapTotal"), memory.get("SwapFree")
    total, available = memory.get("MemTotal"), memory.get("MemAvailable")
    used_files = parsing.open_files(texts.get("/proc/sys/fs/file-nr"))
    row = (
        *times,
        *parsing.load(texts.get("/proc/loadavg")),
        *(total, available, used_percent(total, available)),
        *(swap_total, swap_free, used_percent(swap_total, swap_free), *swapped),
        *chain.from_iterable(parsing.pressure(texts.get(path)) for path in _PRESSURE),
        *parsing.network(texts.get(f"{place.proc}/net/dev")),
        *(*used_files, 100 * used_files[0] / used_files[1] if used_files[0] and used_files[1] else None),
        *(held.cpus, held.cpu, held.throttled, held.memory, held.used),
        100 * held.used / held.memory if held.used is not None and held.memory else None,
        place.how,
    )
    return Rows((row,))


def used_percent(total: int | None, left: int | None) -> float | None:
    """The share that is used, in %; None if there is nothing, or it is not known."""
    return 100 * (total - left) / total if total and left is not None else None


def _limit_files(place: ServerPlace) -> Iterable[str]:
    newer = ("memory.max", "memory.current", "memory.stat", "cpu.max", "cpu.stat")
    older = ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat")
    for controller, names in (
        ("", newer),
        ("memory", older),
        ("cpu", (*_OLD_QUOTA, "cpu.stat")),
        ("cpuacct", ("cpuacct.usage",)),
    ):
        for folder in place.cgroups.get(controller, ()):
            yield from (f"{folder}/{name}" for name in names)


def limits(place: ServerPlace, texts: Texts) -> Limits:
    """The narrowest limits of the cgroups of the server's process and of those above them."""
    memory = min(chain(_memory(place, texts), _old_memory(place, texts)), default=None)
    quotas = sorted(chain(_cpu(place, texts), _old_cpu(place, texts)), key=lambda each: each[0])
    cpus, cpu, throttled = quotas[0] if quotas else (None, None, None)
    return Limits(cpus, cpu, throttled, *((memory[1], memory[2]) if memory else (None, None)))


def _memory(place: ServerPlace, texts: Texts) -> Iterable[tuple[float, int, int]]:
    for folder in place.cgroups.get("", ()):
        used = parsing.limit(texts.get(f"{folder}/memory.current"))
        yield from _free(parsing.limit(texts.get(f"{folder}/memory.max")), used, texts.get(f"{folder}/memory.stat"))


def _old_memory(place: ServerPlace, texts: Texts) -> Iterable[tuple[float, int, int]]:
    for folder in place.cgroups.get("memory", ()):
        most = parsing.limit(texts.get(f"{folder}/memory.limit_in_bytes"))
        used = parsing.limit(texts.get(f"{folder}/memory.usage_in_bytes"))
        yield from _free(most, used, texts.get(f"{folder}/memory.stat"))


def _free(most: int | None, used: int | None, stat: str | None) -> Iterable[tuple[float, int, int]]:
    """The share that is free, the limit, and what is used of it: the least free limit counts."""
    if most and used is not None:
        counts = parsing.words(stat)
        kept = max(0, used - counts.get("total_inactive_file", counts.get("inactive_file", 0)))
        yield 1 - kept / most, most, kept


def _cpu(place: ServerPlace, texts: Texts) -> Iterable[tuple[float, float | None, float | None]]:
    for folder in place.cgroups.get("", ()):
        cores = parsing.quota(texts.get(f"{folder}/cpu.max"))
        counts = parsing.words(texts.get(f"{folder}/cpu.stat"))
        if cores:
            yield cores, _seconds(counts.get("usage_usec"), 1e6), _seconds(counts.get("throttled_usec"), 1e6)


def _old_cpu(place: ServerPlace, texts: Texts) -> Iterable[tuple[float, float | None, float | None]]:
    folders = place.cgroups.get("cpu", ())
    accounts = place.cgroups.get("cpuacct", ())
    for at, folder in enumerate(folders):
        cores = parsing.quota(" ".join((texts.get(f"{folder}/{name}") or "").strip() for name in _OLD_QUOTA))
        counts = parsing.words(texts.get(f"{folder}/cpu.stat"))
        used = (texts.get(f"{accounts[at]}/cpuacct.usage") or "").strip() if at < len(accounts) else ""
        if cores:
            spent = _seconds(int(used), 1e9) if used.isdigit() else None
            yield cores, spent, _seconds(counts.get("throttled_time"), 1e9)


def _seconds(value: int | None, unit: float) -> float | None:
    return None if value is None else value / unit


async def _disks(place: ServerPlace, space: Space) -> Rows:
    texts = await place.files.read((f"{place.proc}/mountinfo", "/proc/diskstats"))
    mounts, names = parsing.mounts(texts.get(f"{place.proc}/mountinfo")), _names(texts)
    rows = []
    for what, path in place.stored.items():
        mount = parsing.mount_of(_inside(path, place), mounts) if path else None
        total, free = _space(path, space) if place.local else (None, None)
        point = mount.point if mount else None
        rows.append((what, point, names.get(mount.device) if mount else None, total, free, used_percent(total, free)))
    return Rows(tuple(rows) or ((DATA, None, None, None, None, None), (WAL, *(None,) * 5)), place.unseen)


def _space(path: str, space: Space) -> tuple[int | None, int | None]:
    """Bytes that the server may use in all, and those that are free for it."""
    try:
        room = space(path) if path else None
    except OSError:
        return None, None
    if room is None:
        return None, None
    reserved = room.f_bfree - room.f_bavail  # for root, so that nobody else can fill it
    return (room.f_blocks - reserved) * room.f_frsize, room.f_bavail * room.f_frsize


def _inside(path: str, place: ServerPlace) -> str:
    """A path as the server sees it."""
    return path.partition(f"{place.proc}/root")[2] or path


def _names(texts: Texts) -> dict[str, str]:
    return parsing.device_names(texts.get("/proc/diskstats"))


async def _devices(place: ServerPlace, space: Space) -> Rows:
    del space
    texts = await place.files.read((f"{place.proc}/mountinfo", "/proc/diskstats"))
    mounts, names = parsing.mounts(texts.get(f"{place.proc}/mountinfo")), _names(texts)
    found = parsing.devices(texts.get("/proc/diskstats"))
    whole = [device.name for device in found]
    holds: dict[str, list[str]] = {}
    for what, path in place.stored.items():
        mount = parsing.mount_of(_inside(path, place), mounts) if path else None
        if mount and mount.device in names:
            holds.setdefault(parsing.whole_device(names[mount.device], whole), []).append(what)
    rows = [
        (*astuple(device)[1:], device.reads + device.writes, ", ".join(holds.get(device.name, ())) or None)
        for device in found
    ]
    return Rows(tuple(rows))


_CPU = ("cpu_busy", "cpu_user", "cpu_system", "cpu_iowait", "cpu_steal", "cpu_total", "cores")
_WAITS = tuple(f"{what}_waits_{seconds}" for what in ("cpu", "memory", "io") for seconds in (10, 60, 300))
READINGS: Mapping[str, HostReading] = {
    "host_overview": HostReading(
        (
            *(*_CPU, "load_1", "load_5", "load_15"),
            *("memory_total", "memory_available", "memory_percent"),
            *("swap_total", "swap_free", "swap_percent", "swap_in", "swap_out"),
            *(*_WAITS, "received", "sent", "network_errors", "files_open", "files_most", "files_percent"),
            *("limit_cpus", "limit_cpu", "limit_throttled", "limit_memory", "limit_used", "limit_percent", "how"),
        ),
        "\n".join((*_MACHINE, *_PRESSURE, "/proc/PID/net/dev", "/sys/fs/cgroup/…  -- of the server and above")),
        _overview,
    ),
    "host_disks": HostReading(
        ("what", "mount", "device", "size", "free", "used_percent"),
        "/proc/PID/mountinfo\nstatvfs()  -- of the data directory, pg_wal and each tablespace",
        _disks,
    ),
    "host_devices": HostReading(
        (
            *("device", "reads", "read_bytes", "read_ms", "writes", "write_bytes", "write_ms"),
            *("in_flight", "busy_ms", "queued_ms", "operations", "holds"),
        ),
        "/proc/diskstats\n/proc/PID/mountinfo",
        _devices,
    ),
}
