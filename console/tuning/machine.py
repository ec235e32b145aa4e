"""Measures the machine that a server runs on. Only measured values; nothing is assumed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from console.records import dataclass

_OLDER: Mapping[str, tuple[str, tuple[str, ...]]] = {  # controller and files of cgroup v1
    "memory.max": ("memory", ("memory.limit_in_bytes",)),
    "cpu.max": ("cpu", ("cpu.cfs_quota_us", "cpu.cfs_period_us")),
}
SAME_START = 2.0  # seconds that two clocks may differ on the start time of a process


@dataclass(frozen=True, slots=True)
class Machine:
    """The server machine, within the limits of its container; None: unknown."""

    ram: int | None = None  # bytes
    cores: int | None = None
    huge_pages: int | None = None  # bytes free in huge pages
    disk: int | None = None  # bytes free where the data directory is
    how: str = ""  # how it was measured


def parse(files: Mapping[str, str | None]) -> Machine:
    """A machine from the texts of meminfo, stat, memory_max and cpu_max, as Linux writes them (proc(5), cgroups(7))."""
    meminfo = dict(re.findall(r"^(\w+):\s+(\d+)", files.get("meminfo") or "", re.MULTILINE))
    total = int(meminfo["MemTotal"]) << 10 if "MemTotal" in meminfo else None
    allowed = _smallest(files.get("memory_max"))
    ram = min(total, allowed) if total and allowed else total
    huge = int(meminfo["HugePages_Free"]) * int(meminfo["Hugepagesize"]) << 10 if "HugePages_Free" in meminfo else None
    found = len(re.findall(r"^cpu\d+ ", files.get("stat") or "", re.MULTILINE)) or None
    quota = _quota(files.get("cpu_max"))
    cores = min(found, quota) if found and quota else found
    return Machine(ram, cores, huge)


def local(
    pid: int, started: float, directory: str, proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")
) -> Machine | None:
    """This machine, if its process `pid` is the server process that started at `started` (seconds since 1970).

    None if there is no such process. A loopback address is no proof: it may be a tunnel or a container.
    """
    if not is_backend(proc, pid, started):
        return None
    texts: dict[str, str | None] = {name: _text(proc / name) for name in ("meminfo", "stat")}
    for name, file in (("memory_max", "memory.max"), ("cpu_max", "cpu.max")):
        texts[name] = "\n".join(_limits(proc, pid, cgroup, file))
    machine = parse(texts)
    try:
        usable: int | None = len(os.sched_getaffinity(pid))
    except OSError:
        usable = None
    cores = min(machine.cores, usable) if machine.cores and usable else machine.cores
    return replace(machine, cores=cores, disk=_free(directory), how="measured on this machine, where the server runs")


def is_backend(proc: Path, pid: int, started: float) -> bool:
    """Whether process `pid` of the machine with this /proc is a server process that started at `started`."""
    title, stat, boot = _text(proc / str(pid) / "cmdline"), _text(proc / str(pid) / "stat"), _text(proc / "stat")
    btime = re.search(r"^btime (\d+)", boot or "", re.MULTILINE)
    if not title or not stat or btime is None or not _of_a_server(title):
        return False
    ticks = int(stat.rpartition(")")[2].split()[19])
    return abs(int(btime[1]) + ticks / os.sysconf("SC_CLK_TCK") - started) <= SAME_START


def _of_a_server(title: str) -> bool:
    """Whether a command line, its arguments separated by zeros, is that of PostgreSQL, if need be run by the loader."""
    return any(part.startswith("postgres:") or part.rpartition("/")[2] == "postgres" for part in title.split("\0"))


def _limits(proc: Path, pid: int, cgroup: Path, file: str) -> Iterable[str]:
    """What a file of cgroup v2, or those of v1 in its place, say of the cgroups of a process and of all above them."""
    old_controller, old_files = _OLDER[file]
    for line in (_text(proc / str(pid) / "cgroup") or "").splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if not controllers:
            yield from _upwards(cgroup, path, (file,))
        elif old_controller in controllers.split(","):
            yield from _upwards(cgroup / old_controller, path, old_files)


def _upwards(root: Path, path: str, files: Iterable[str]) -> Iterable[str]:
    folder = root / path.lstrip("/")
    for parent in (folder, *folder.parents):
        yield " ".join((_text(parent / file) or "").strip() for file in files)
        if parent == root:
            return


def _smallest(text: str | None) -> int | None:
    return min((int(line) for line in (text or "").split() if line.isdigit()), default=None)


def _quota(text: str | None) -> int | None:
    shares = re.findall(r"^(\d+) (\d+)", text or "", re.MULTILINE)
    return min((max(1, int(quota) // int(period)) for quota, period in shares), default=None)


def _free(directory: str) -> int | None:
    try:
        room = os.statvfs(directory) if directory else None
    except OSError:
        return None
    return room.f_bavail * room.f_frsize if room else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
