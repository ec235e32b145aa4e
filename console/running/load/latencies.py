"""Latencies in a histogram: its memory does not grow with their number."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import field

from console.records import dataclass

STEP = math.log(1.01)  # a bucket is 1 % wide, so a percentile is off by half a percent at most


@dataclass(slots=True)
class Latencies:
    """Latencies of transactions, added one by one."""

    buckets: Counter[int] = field(default_factory=Counter)
    number: int = 0
    longest: float = 0.0  # milliseconds

    def add(self, microseconds: int) -> None:
        """Add the latency of one transaction."""
        self.buckets[int(math.log(max(1, microseconds)) / STEP)] += 1
        self.number += 1
        self.longest = max(self.longest, microseconds / 1000)

    def add_all(self, number: int, longest: float, buckets: Mapping[int, int]) -> None:
        """Add latencies that were counted elsewhere, as `buckets` of the same width."""
        self.buckets.update(buckets)
        self.number += number
        self.longest = max(self.longest, longest)

    def percentile(self, percent: float) -> float:
        """The latency in milliseconds that so many percent of the transactions do not exceed; 0 without any."""
        wanted, seen = self.number * percent / 100, 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= wanted:
                return min(self.longest, math.exp((bucket + 0.5) * STEP) / 1000)
        return 0.0

    def figures(self) -> dict[str, float]:
        """Number, percentiles and maximum, as they are kept."""
        shown = {f"p{percent}": round(self.percentile(percent), 3) for percent in (50, 95, 99)}
        return {"transactions": self.number, **shown, "max": round(self.longest, 3)}

    def merged(self, other: Latencies) -> Latencies:
        """Both together."""
        both = Latencies()
        for each in (self, other):
            both.add_all(each.number, each.longest, each.buckets)
        return both
