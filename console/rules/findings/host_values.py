"""The values of the host that the first screen shows: what the rules have read of it, without another read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from console.model import CannotTell, Frame
from console.rules.findings.host import device_latencies, server_latencies, swapped
from console.rules.findings.wording import number


def host_values(frame: Frame) -> dict[str, float | None]:
    """Each value as its rule judges it; None: not known yet, or not measurable here."""
    return {name: _known(value, frame) for name, value in _VALUES.items()}


def _known(value: Callable[[Frame], float | None], frame: Frame) -> float | None:
    try:
        return value(frame)
    except CannotTell:
        return None


def _highest(query: str, *columns: str) -> Callable[[Frame], float | None]:
    """The highest of some columns in all rows of a reading: the host and the container, each file system."""

    def highest(frame: Frame) -> float | None:
        values = (row[column] for row in frame.rows(query) for column in columns)
        return max((number(value) for value in values if value is not None), default=None)

    return highest


def _slowest_read(frame: Frame) -> float | None:
    found: list[float] = []
    for latencies in (device_latencies, server_latencies):
        try:
            found += [mean for mean, _, _ in latencies(frame)]
        except CannotTell:
            continue
    return max(found, default=None)


_VALUES: Mapping[str, Callable[[Frame], float | None]] = {
    "host_cpu": _highest("host_overview", "cpu_recent", "limit_recent"),
    "host_memory": _highest("host_overview", "memory_percent", "limit_percent"),
    "host_swap": swapped,
    "host_read_ms": _slowest_read,
    "host_disk": _highest("host_disks", "used_percent"),
}
HOST_VALUES: tuple[str, ...] = tuple(_VALUES)
