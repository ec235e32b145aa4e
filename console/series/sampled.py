"""The samples of one target and the trends in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from console.records import dataclass
from console.series.days import DAY, Sample, SeriesName
from console.series.trend import TooFew, Trend, trend


@dataclass(slots=True)
class Trends:
    """Trends, each computed once while its samples stay the same."""

    _known: dict[SeriesName, tuple[tuple[int, float, float], Trend | TooFew]] = field(default_factory=dict)

    def of(self, name: SeriesName, samples: Sequence[Sample], now: float) -> Trend | TooFew:
        """The trend of a series until `now`, in seconds since 1970."""
        mark = (len(samples), samples[-1].at if samples else 0.0, now // DAY)
        if name not in self._known or self._known[name][0] != mark:
            self._known[name] = (mark, trend(samples, now))
        return self._known[name][1]


@dataclass(frozen=True, slots=True)
class Sampled:
    """What was sampled of one target until `now`, and what is read now."""

    samples: Mapping[SeriesName, Sequence[Sample]]
    trends: Trends
    now: float  # seconds since 1970

    def trend(self, name: SeriesName) -> Trend | TooFew:
        """The trend of a series."""
        return self.trends.of(name, self.samples.get(name, ()), self.now)
