"""From the texts of /proc and /sys/fs/cgroup to numbers, as proc(5), cgroups(7) and the kernel's documentation of
iostats and pressure have them. Pure; what a text lacks is None or missing, never 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from console.later import late
from console.records import dataclass

USER_HZ = 100  # ticks per second in which Linux reports CPU time, on every architecture that PostgreSQL runs on
SECTOR = 512  # bytes, in /proc/diskstats
UNLIMITED = 1 << 60  # from here on a limit of cgroup v1 means that there is none
_VIRTUAL = late(r"(loop|ram|zram|fd|sr)\d+$")
_ESCAPE = late(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU time of all cores since the machine started, in seconds."""

    busy: float
    user: float
    system: float
    iowait: float
    steal: float
    total: float
    cores: int


@dataclass(frozen=True, slots=True)
class Device:
    """A block device, with its counters since the machine started; times in ms."""

    number: str  # major:minor
    name: str
    reads: int
    read_bytes: int
    read_ms: int
    writes: int
    write_bytes: int
    write_ms: int
    in_flight: int
    busy_ms: int
    queued_ms: int  # grows by the number of requests in flight each millisecond


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system."""

    id: str  # differs between mount namespaces
    device: str  # major:minor
    point: str


@dataclass(frozen=True, slots=True)
class Process:
    """Counters of a process; None: this user may not read them."""

    cpu: float  # seconds
    memory: int | None  # bytes of its own: resident without what it shares, such as shared buffers
    read_bytes: int | None  # from storage
    write_bytes: int | None  # to storage


def cpu(text: str | None) -> Cpu | None:
    """From /proc/stat. The time of guests is part of user."""
    line = re.search(r"^cpu +(.+)$", text or "", re.MULTILINE)
    if line is None:
        return None
    ticks = [int(part) for part in line[1].split()[:8]]
    user, nice, system, _, iowait, irq, softirq, steal = (*ticks, *[0] * (8 - len(ticks)))
    cores = len(re.findall(r"^cpu\d+ ", text or "", re.MULTILINE))
    busy = user + nice + system + irq + softirq + steal
    named = {"busy": busy, "user": user + nice, "system": system + irq + softirq, "iowait": iowait, "steal": steal}
    seconds = {name: spent / USER_HZ for name, spent in named.items()}
    return Cpu(**seconds, total=sum(ticks) / USER_HZ, cores=max(cores, 1))


def started(text: str | None) -> str:
    """When the machine started, from /proc/stat; counters of two starts are not compared."""
    found = re.search(r"^btime (\d+)", text or "", re.MULTILINE)
    return found[1] if found else ""


def load(text: str | None) -> tuple[float | None, ...]:
    """Load averages of 1, 5 and 15 minutes, from /proc/loadavg."""
    parts = (text or "").split()[:3]
    return tuple(map(float, parts)) if len(parts) == 3 else (None, None, None)


def kilobytes(text: str | None) -> dict[str, int]:
    """Lines `Name: 123 kB` of /proc/meminfo or /proc/PID/status, in bytes."""
    found = re.findall(r"^(\w+):\s+(\d+) kB", text or "", re.MULTILINE)
    return {name: int(value) << 10 for name, value in found}


def words(text: str | None) -> dict[str, int]:
    """Lines `name 123` of /proc/vmstat, cpu.stat or memory.stat."""
    return {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", text or "", re.MULTILINE)}


def pressure(text: str | None, kind: str = "some") -> tuple[float | None, float | None, float | None]:
    """Share of the last 10, 60 and 300 s in which some (or all: full) tasks waited, in %; from /proc/pressure/*."""
    found = re.search(rf"^{kind} avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+)", text or "", re.MULTILINE)
    return (float(found[1]), float(found[2]), float(found[3])) if found else (None, None, None)


def devices(text: str | None) -> list[Device]:
    """Whole devices that were ever used, from /proc/diskstats: no partitions, no loop, RAM or optical devices."""
    found: list[Device] = []
    for line in (text or "").splitlines():
        parts = line.split()
        if len(parts) < 14 or _VIRTUAL.match(parts[2]):
            continue
        reads, _, read, read_ms, writes, _, wrote, write_ms, flying, busy, queued = map(int, parts[3:14])
        if reads or writes:
            number = f"{parts[0]}:{parts[1]}"
            moved = (reads, read * SECTOR, read_ms, writes, wrote * SECTOR, write_ms)
            found.append(Device(number, parts[2], *moved, flying, busy, queued))
    names = {device.name for device in found}
    return [device for device in found if whole_device(device.name, names) == device.name]


def whole_device(name: str, names: Iterable[str]) -> str:
    """The device of a partition: sda of sda1, nvme0n1 of nvme0n1p2; else the name itself."""
    for other in names:
        rest = name.removeprefix(other)
        numbered = other[-1:].isdigit()
        if rest != name and re.fullmatch(r"p\d+" if numbered else r"\d+", rest):
            return other
    return name


def device_names(text: str | None) -> dict[str, str]:
    """major:minor → name of every device and partition of /proc/diskstats."""
    lines = (line.split() for line in (text or "").splitlines())
    return {f"{parts[0]}:{parts[1]}": parts[2] for parts in lines if len(parts) > 2}


def mounts(text: str | None) -> list[Mount]:
    """From /proc/PID/mountinfo."""
    lines = (line.split() for line in (text or "").splitlines())
    return [Mount(parts[0], parts[2], _unescaped(parts[4])) for parts in lines if len(parts) > 4]


def mount_of(path: str, known: Sequence[Mount]) -> Mount | None:
    """The mount that holds an absolute path without symbolic links: the last one of the longest mount point."""
    best: Mount | None = None
    for mount in known:
        point = mount.point.rstrip("/")
        inside = path == mount.point or path.startswith(f"{point}/")
        if inside and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def network(text: str | None) -> tuple[int | None, int | None, int | None]:
    """Bytes received, bytes sent, errors and drops of all interfaces but the loopback; from /proc/PID/net/dev."""
    rows = re.findall(r"^\s*([^\s:]+):(.+)$", text or "", re.MULTILINE)
    counts = [list(map(int, values.split())) for name, values in rows if name != "lo"]
    if not counts:
        return (None, None, None)
    received, sent = (sum(each[at] for each in counts) for at in (0, 8))
    return received, sent, sum(each[2] + each[3] + each[10] + each[11] for each in counts)


def open_files(text: str | None) -> tuple[int | None, int | None]:
    """Open files of the machine and the most it allows, from /proc/sys/fs/file-nr."""
    parts = (text or "").split()
    if len(parts) < 3:
        return (None, None)
    most = int(parts[2])
    return int(parts[0]) - int(parts[1]), most if most < UNLIMITED else None


def process(stat: bytes, statm: bytes | None, io: bytes | None, page: int) -> Process:
    """From the three files of a process. Raises ValueError or IndexError if `stat` is cut off."""
    parts = stat[stat.rindex(b")") + 2 :].split(b" ", 13)
    ticks = int(parts[11]) + int(parts[12])
    memory: int | None = None
    if statm:
        _, resident, shared = statm.split(b" ", 3)[:3]
        memory = max(0, int(resident) - int(shared)) * page
    moved = dict(line.split(b": ", 1) for line in (io or b"").splitlines())
    read, written = moved.get(b"read_bytes"), moved.get(b"write_bytes")
    return Process(ticks / USER_HZ, memory, int(read) if read else None, int(written) if written else None)


def page_size(status: str | None, statm: str | None) -> int | None:
    """Bytes of a memory page, from the size of one process in bytes and in pages: a power of two."""
    in_bytes, pages = kilobytes(status).get("VmSize"), int((statm or "0").split()[0])
    if not in_bytes or not pages:
        return None
    return min((1 << power for power in range(12, 17)), key=lambda page: abs(page - in_bytes / pages))


def limit(text: str | None) -> int | None:
    """A limit in bytes of cgroup v1 or v2; None: there is none."""
    word = (text or "").strip()
    return int(word) if word.isdigit() and int(word) < UNLIMITED else None


def quota(text: str | None) -> float | None:
    """CPU cores that cpu.max, or cpu.cfs_quota_us and cpu.cfs_period_us on one line, allow; None: all."""
    parts = (text or "").split()
    if len(parts) != 2 or not parts[0].isdigit() or not parts[1].isdigit() or parts[1] == "0":
        return None
    return int(parts[0]) / int(parts[1])


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), text)
