"""How fast values rise or fall, whatever outliers there are among them, and how sure that is. Pure.

The slope is that of Theil and Sen: the median of the slopes between pairs of values. Its band is the confidence
interval of Sen (Estimates of the regression coefficient based on Kendall's tau, Journal of the American Statistical
Association 63, 1968): ranks by the normal approximation of Kendall's statistic, whose variance is corrected for
autocorrelation as by Yue and Wang (The Mann-Kendall test modified by effective sample size, Water Resources Management
18, 2004).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from math import ceil, floor, sqrt
from typing import Protocol

from console.records import dataclass

CONFIDENCE = 1.96  # standard deviations: 95 %
LEAST_PAIRS = 7
MOST_CORRELATION = 0.99


class Numbered(Protocol):
    """A value and its place on a scale of whole numbers: a day, a minute."""

    @property
    def number(self) -> int: ...

    @property
    def value(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Band:
    """A slope and its confidence interval, for each step of the scale."""

    middle: float
    low: float
    high: float


def slope(blocks: Sequence[Sequence[Numbered]]) -> Band | None:
    """The median of the slopes within each block, with its band; None: there are too few pairs.

    No number is in more than one block.
    """
    slopes = sorted(
        (later.value - earlier.value) / (later.number - earlier.number)
        for block in blocks
        for earlier, later in combinations(block, 2)
    )
    if len(slopes) < LEAST_PAIRS:
        return None
    middle = _median(slopes)
    variance = sum(len(block) * (len(block) - 1) * (2 * len(block) + 5) / 18 for block in blocks)
    width = CONFIDENCE * sqrt(variance * _inflation(_residuals(blocks, middle)))
    low = max(0, floor((len(slopes) - width) / 2) - 1)
    high = min(len(slopes) - 1, ceil((len(slopes) + width) / 2))
    return Band(middle, slopes[low], slopes[high])


def _residuals(blocks: Sequence[Sequence[Numbered]], slope: float) -> dict[int, float]:
    """How far the value of each point is from the line through the others of its block."""
    found: dict[int, float] = {}
    for block in filter(None, blocks):
        level = _median(point.value - slope * point.number for point in block)
        found |= {point.number: point.value - slope * point.number - level for point in block}
    return found


def _inflation(residuals: dict[int, float]) -> float:
    """By how much autocorrelation of the first order increases the variance of Kendall's statistic; at least 1."""
    square = sum(value * value for value in residuals.values())
    if square <= 0:
        return 1.0
    neighbours = sum(value * residuals[number + 1] for number, value in residuals.items() if number + 1 in residuals)
    correlation = min(max(neighbours / square, 0.0), MOST_CORRELATION)
    count = len(residuals)
    return 1 + 2 * sum((1 - lag / count) * correlation**lag for lag in range(1, count))


def _median(values: Iterable[float]) -> float:
    from statistics import median  # noqa: PLC0415  takes as long to load as a rule to judge; seldom needed

    return median(values)
