"""Texts of /proc and /sys/fs/cgroup become numbers, and what they lack stays unknown."""

from __future__ import annotations

import os

import pytest

from console.sources.host import parsing
from console.sources.host.parsing import Cpu, Mount, Process
from console.sources.host.place import ServerPlace, cgroups
from console.sources.host.processes import Use, used
from console.sources.host.readings import Limits, limits
from tests.hosts import NoFiles

Times = tuple[float, float, float, float, float, float, int]
MEMINFO = "MemTotal:       25276510 kB\nMemFree:  100 kB\nMemAvailable: 2048 kB\nHugePages_Total:       3\n"
DISKSTATS = """\
   7       0 loop0 5 0 0 0 5 0 0 0 0 0 0 0 0 0 0 0 0
   8       0 sda 100 1 800 250 50 2 400 100 3 300 350 0 0 0 0 0 0
   8       1 sda1 90 1 700 240 50 2 400 100 0 290 340
 259       0 nvme0n1 10 0 80 5 0 0 0 0 0 5 5
 259       1 nvme0n1p1 10 0 80 5 0 0 0 0 0 5 5
 253       0 dm-0 7 0 56 3 0 0 0 0 0 3 3
   8      16 sdb 0 0 0 0 0 0 0 0 0 0 0
 11       0 sr0 4 0 4 4 0 0 0 0 0 4 4
"""
MOUNTINFO = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 259:1 / /var/lib/postgres\\040data rw - xfs /dev/nvme0n1p1 rw
23 22 253:0 / /var/lib/postgres\\040data/pg_wal rw - xfs /dev/mapper/wal rw
"""
PRESSURE = "some avg10=1.50 avg60=2.00 avg300=0.25 total=9\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=1\n"
NET = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 61143597859 65194713    0    0    0     0          0         0 61143597859 65194713    0    0    0     0       0          0
  eth0: 1000 2 1 2 0 0 0 0 500 3 4 8 0 0 0 0
  eth1:7 1 0 0 0 0 0 0 3 1 0 0 0 0 0 0
"""  # noqa: E501


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cpu  100 50 200 1000 30 5 15 7 9 9\ncpu0 1\ncpu1 1\n", (3.77, 1.5, 2.2, 0.3, 0.07, 14.07, 2)),
        ("cpu  100 50 200 1000\ncpu0 1 1 1 1\n", (3.5, 1.5, 2.0, 0.0, 0.0, 13.5, 1)),
        ("intr 5\n", None),
        ("", None),
        (None, None),
    ],
)
def test_the_time_of_a_guest_is_not_counted_twice(text: str | None, found: Times | None) -> None:
    assert parsing.cpu(text) == (Cpu(*found) if found else None)


def test_memory_is_what_is_available_and_not_what_is_free() -> None:
    assert parsing.kilobytes(MEMINFO) == {
        "MemTotal": 25276510 << 10,
        "MemFree": 100 << 10,
        "MemAvailable": 2048 << 10,
    }
    assert parsing.kilobytes(None) == {}


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        (
            PRESSURE,
            "some",
            1.5,
        ),
        (
            PRESSURE,
            "full",
            0.5,
        ),
        ("some avg10=1.50 avg60=2.00 avg300=0.25 total=9\n", "full", None),
        (None, "some", None),
    ],
)
def test_pressure_is_unknown_where_the_kernel_has_none(text: str | None, kind: str, found: float | None) -> None:
    assert parsing.pressure(text, kind)[0] == found


def test_devices_are_whole_ones_that_were_used() -> None:
    found = {device.name: device for device in parsing.devices(DISKSTATS)}
    assert list(found) == ["sda", "nvme0n1", "dm-0"]
    sda = found["sda"]
    assert (sda.reads, sda.read_bytes, sda.read_ms, sda.writes, sda.write_bytes) == (100, 800 * 512, 250, 50, 400 * 512)
    assert (sda.in_flight, sda.busy_ms, sda.queued_ms) == (3, 300, 350)


@pytest.mark.parametrize(
    ("name", "whole"),
    [("sda1", "sda"), ("nvme0n1p2", "nvme0n1"), ("nvme0n1", "nvme0n1"), ("dm-0", "dm-0"), ("sdb12", "sdb12")],
)
def test_a_partition_belongs_to_its_device(name: str, whole: str) -> None:
    assert parsing.whole_device(name, ("sda", "nvme0n1", "dm-0")) == whole


@pytest.mark.parametrize(
    ("path", "point"),
    [
        ("/var/lib/postgres data", "/var/lib/postgres data"),
        ("/var/lib/postgres data/base", "/var/lib/postgres data"),
        ("/var/lib/postgres data/pg_wal", "/var/lib/postgres data/pg_wal"),
        ("/var/lib/postgres data2", "/"),
        ("/", "/"),
    ],
)
def test_a_path_is_on_the_mount_with_the_longest_name(path: str, point: str) -> None:
    mount = parsing.mount_of(path, parsing.mounts(MOUNTINFO))
    assert mount is not None
    assert mount.point == point


def test_a_later_mount_hides_an_earlier_one_at_the_same_place() -> None:
    below, above = Mount("1", "8:1", "/data"), Mount("2", "8:2", "/data")
    assert parsing.mount_of("/data/x", (below, above)) is above
    assert parsing.mount_of("/x", (below, above)) is None


def test_the_loopback_is_no_network() -> None:
    assert parsing.network(NET) == (1007, 503, 15)
    assert parsing.network(None) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("672\t2\t2466186\n", (670, 2466186)),
        ("672\t0\t9223372036854775807\n", (672, None)),
        (None, (None, None)),
    ],
)
def test_open_files_are_those_in_use(text: str | None, found: tuple[int | None, int | None]) -> None:
    assert parsing.open_files(text) == found


STAT = b"12 (postgres: a) (b) S 1 12 12 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0 99 1000 33 18446744073709551615\n"


@pytest.mark.parametrize(
    ("statm", "io", "found"),
    [
        (
            b"9000 900 600 5 0 6 0\n",
            b"rchar: 1\nread_bytes: 4096\nwrite_bytes: 8192\n",
            (300 * 4096, 4096, 8192),
        ),
        (b"9000 900 900 5 0 6 0\n", None, (0, None, None)),
        (None, b"", (None, None, None)),
    ],
)
def test_a_process_whose_io_is_hidden_is_unknown_and_not_idle(
    statm: bytes | None, io: bytes | None, found: tuple[int | None, ...]
) -> None:
    assert parsing.process(STAT, statm, io, 4096) == Process(2.0, *found)


@pytest.mark.parametrize(
    ("now", "before", "cpu", "read"),
    [
        (Process(3.0, 1, 500, 9), None, None, None),
        (Process(3.0, 1, 500, 9), Process(2.0, 1, 100, 9), 50.0, 200.0),
        (Process(3.0, 1, None, None), Process(2.0, 1, None, None), 50.0, None),
        (Process(1.0, 1, 50, 9), Process(2.0, 1, 100, 9), 0.0, 0.0),
    ],
)
def test_rates_of_a_process_need_two_reads(
    now: Process, before: Process | None, cpu: float | None, read: float | None
) -> None:
    found = used(Use(10.0, 1, before) if before else None, now, 12.0, 1)
    assert (found.cpu_percent, found.read_rate) == (cpu, read)


@pytest.mark.parametrize(
    ("status", "statm", "page"),
    [
        ("VmSize:\t    9000 kB\n", "2250 1 1", 4096),
        ("VmSize:\t  128000 kB\n", "2000 1 1", 65536),
        (None, "2000 1 1", None),
        ("VmSize:\t 9 kB\n", None, None),
    ],
)
def test_the_page_size_of_another_machine_follows_from_a_process(
    status: str | None, statm: str | None, page: int | None
) -> None:
    assert parsing.page_size(status, statm) == page


@pytest.mark.parametrize(
    ("text", "cores"),
    [("200000 100000", 2.0), ("50000 100000\n", 0.5), ("max 100000", None), ("-1 100000", None), ("", None)],
)
def test_a_container_without_a_quota_has_all_cores(text: str, cores: float | None) -> None:
    assert parsing.quota(text) == cores


SECOND, FIRST = "0::/a/b\n", "4:memory:/x\n3:cpu:/x\n2:cpuacct:/x\n1:name=systemd:/\n"
GB = 1 << 30


@pytest.mark.parametrize(
    ("membership", "files", "found"),
    [
        ("0::/\n", {}, Limits(None, None, None, None, None)),
        (
            SECOND,
            {
                "/sys/fs/cgroup/a/b/memory.max": "max",
                "/sys/fs/cgroup/a/b/memory.current": f"{GB}",
                "/sys/fs/cgroup/a/memory.max": f"{4 * GB}",
                "/sys/fs/cgroup/a/memory.current": f"{3 * GB}",
                "/sys/fs/cgroup/a/memory.stat": f"anon 1\ninactive_file {GB}\n",
                "/sys/fs/cgroup/a/cpu.max": "150000 100000",
                "/sys/fs/cgroup/a/cpu.stat": "usage_usec 2500000\nthrottled_usec 500000\n",
            },
            Limits(1.5, 2.5, 0.5, 4 * GB, 2 * GB),
        ),
        (
            FIRST,
            {  # the container's own hierarchy is mounted at the top
                "/sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GB}",
                "/sys/fs/cgroup/memory/memory.usage_in_bytes": f"{GB // 2}",
                "/sys/fs/cgroup/memory/memory.stat": f"inactive_file 5\ntotal_inactive_file {GB // 4}\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                "/sys/fs/cgroup/cpu/cpu.stat": "nr_throttled 3\nthrottled_time 2000000000\n",
                "/sys/fs/cgroup/cpuacct/cpuacct.usage": "7000000000\n",
            },
            Limits(0.5, 7.0, 2.0, GB, GB // 4),
        ),
        (FIRST, {"/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}, Limits(*[None] * 5)),
    ],
)
def test_the_narrowest_limit_of_a_container_counts(membership: str, files: dict[str, str], found: Limits) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    place = ServerPlace(NoFiles(), "/proc/1", page, cgroups(membership), {}, None, True, (1, ""))
    assert limits(place, files) == found
