"""Rules over the machine that the server runs on."""

from __future__ import annotations

from console.model import Rule, Window, above, below

HOST_CPU_PERCENT = Rule(
    name="host_cpu_percent",
    title="CPU time of the host, or of the container of the server, that is in use",
    unit="%",
    limit=above(70, 95),
    queries=("host_overview", "vitals"),
    window=Window.RECENT,
)
HOST_MEMORY_PERCENT = Rule(
    name="host_memory_percent",
    title="Memory of the host, or of the container of the server, that is not available to processes",
    unit="%",
    limit=above(80, 95),
    queries=("host_overview", "vitals"),
)
HOST_SWAP_PERCENT = Rule(
    name="host_swap_percent",
    title="Swap space of the host in use",
    unit="%",
    limit=above(50),
    queries=("host_overview",),
)
HOST_SWAP_BYTES_PER_SECOND = Rule(
    name="host_swap_bytes_per_second",
    title="Data that the host swaps in and out",
    unit="bytes per second",
    limit=above(2**20, 20 * 2**20),
    queries=("host_overview", "vitals"),
    window=Window.RECENT,
)
HOST_READ_MS = Rule(
    name="host_read_ms",
    title="Average time of a read from a device, or of the server from the operating system",
    unit="ms",
    limit=above(10, 50),
    queries=("host_devices", "io", "vitals"),
    window=Window.RECENT,
)
HOST_DISK_PERCENT = Rule(
    name="host_disk_percent",
    title="Space in use where the data directory, the WAL or a tablespace is",
    unit="%",
    limit=above(90, 97),
    queries=("host_disks", "vitals"),
)
HOST_DISK_HOURS = Rule(
    name="host_disk_hours",
    title="Time until that space is used up, at the rate of the last minutes or hours",
    unit="h",
    limit=below(24, 4),
    queries=("host_disks",),
    window=Window.RECENT,
)
