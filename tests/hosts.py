"""Hosts for tests: none at all, so that no test depends on how busy this machine is, and one made of files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from console.model import Database, Facts, Kind, Snapshot, Source, Trouble
from console.sources.host.source import HostSource, text
from tests.sources import listen

CORES, MEMORY = 2, 8 << 30
STARTED = 1000.0  # seconds that the server process started after the machine
Parameters = Mapping[str, object] | None


class NoHost:
    """The host of a test that looks at something else."""

    name, retry_in = "host", 0.0

    def __init__(self, *_: object) -> None:
        self.facts = Facts(kind="host", version=0, version_text="")

    async def learn(self) -> Facts:
        return self.facts

    async def fetch(self, query: str, parameters: Parameters = None) -> Snapshot:
        del parameters
        raise self.obstacle(query)

    def text(self, query: str) -> str:
        return text(query)

    def obstacle(self, query: str) -> Trouble:
        return Trouble(Kind.MISSING, f"This test does not look at the host ({query}).")

    async def close(self) -> None: ...


@dataclass(slots=True)
class FakeHost:
    """A tree of /proc whose counters rise as the fields say each time the clock is asked, which goes on by `step`."""

    root: Path
    now: float = 10_000.0
    step: float = 10.0
    busy: float = 0.1  # share of the CPU time
    available: int = 6 << 30
    swap_total: int = 0
    swapped: float = 0.0  # bytes per second
    reads: float = 100.0  # per second
    read_ms: float = 0.5  # each
    full: float = 0.5  # share of the file system
    filling: float = 0.0  # bytes per second
    limits: Mapping[str, str] = field(default_factory=dict)  # files below /sys/fs/cgroup
    counts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("busy", "total", "swap", "reads", "ms"), 0))
    size: int = 1 << 40

    def source(self, postgres: Database) -> Source:
        """The host of `postgres`, whose process is at home in this tree."""
        self.write()
        listen(postgres, self.admit)
        return HostSource(postgres, self.root, self.clock, self.space)

    def admit(self, query: str, answer: Snapshot) -> None:
        """Make the process of the server one of this tree, when its pid is known."""
        if query != "host_server":
            return
        row = next(iter(answer.records()))
        pid, started = row["pid"], row["started"]
        assert isinstance(started, float)
        self.counts["boot"] = int(started - STARTED)
        ticks = round((started - self.counts["boot"]) * 100)
        self.put(f"proc/{pid}/cmdline", "postgres: checkpointer\0")
        self.put(f"proc/{pid}/stat", f"{pid} (postgres) S {' 0' * 18} {ticks} 0 0")
        mounts = "21 1 254:0 / / rw - ext4 /dev/vda rw\n"
        self.put(f"proc/{pid}/mountinfo", mounts)
        self.put("proc/self/mountinfo", mounts)
        self.put(f"proc/{pid}/cgroup", "0::/db\n")
        self.write()

    def clock(self) -> float:
        """The time, which goes on; with it the counters."""
        self.now += self.step
        self.counts["total"] += CORES * 100 * self.step
        self.counts["busy"] += CORES * 100 * self.step * self.busy
        self.counts["swap"] += self.swapped * self.step / os.sysconf("SC_PAGE_SIZE")
        self.counts["reads"] += self.reads * self.step
        self.counts["ms"] += self.reads * self.step * self.read_ms
        self.full += self.filling * self.step / self.size
        self.write()
        return self.now

    def space(self, path: str) -> os.statvfs_result:
        """Free space of the only file system."""
        os.statvfs(path)
        blocks = self.size // 4096
        free = int(blocks * (1 - self.full))
        return os.statvfs_result((4096, 4096, blocks, free, free, 0, 0, 0, 0, 255))

    def write(self) -> None:
        """The files of the machine."""
        busy, total, swap, reads, spent = (int(self.counts[name]) for name in ("busy", "total", "swap", "reads", "ms"))
        times = f"{busy} 0 0 {total - busy} 0 0 0 0 0 0"
        boot = int(self.counts.get("boot", 0))
        cores = "".join(f"cpu{core} {times}\n" for core in range(CORES))
        self.put("proc/stat", f"cpu  {times}\n{cores}btime {boot}\n")
        self.put("proc/loadavg", "0.5 0.4 0.3 1/100 4711\n")
        sizes = (("MemTotal", MEMORY), ("MemAvailable", self.available))
        swaps = (("SwapTotal", self.swap_total), ("SwapFree", self.swap_total // 2))
        self.put("proc/meminfo", "".join(f"{name}: {value >> 10} kB\n" for name, value in (*sizes, *swaps)))
        self.put("proc/vmstat", f"pswpin {swap}\npswpout {swap}\n")
        self.put("proc/diskstats", f" 254 0 vda {reads} 0 {reads * 16} {spent} 10 0 80 10 0 {spent} {spent}\n")
        for name, value in self.limits.items():
            self.put(f"sys/fs/cgroup/{name}", value)

    def put(self, name: str, content: str) -> None:
        """Write one file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="ascii")


class NoFiles:
    """A machine of which nothing can be read."""

    async def read(self, paths: Iterable[str]) -> Mapping[str, str | None]:
        return dict.fromkeys(paths)

    async def processes(self, pids: Sequence[int]) -> Mapping[int, tuple[bytes | None, ...]]:
        del pids
        return {}
