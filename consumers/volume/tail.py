"""How likely a count is, given the counts of earlier windows.

The predictive distribution of a Poisson count whose rate is known from earlier counts (gamma prior of Jeffreys) is a
negative binomial; where the earlier counts scatter more than Poisson counts do, its variance is widened to theirs. That
is the way in which public health looks for outbreaks: Farrington et al. 1996, "A statistical algorithm for the early
detection of outbreaks of infectious disease", J. R. Statist. Soc. A 159, 547-563, and Noufaily et al. 2013, "An
improved algorithm for outbreak detection in multiple surveillance systems", Statistics in Medicine 32, 1206-1222; the
distribution itself: Gelman et al., Bayesian Data Analysis, section 2.6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_NEGLIGIBLE = 1e-12


@dataclass(frozen=True, slots=True)
class Expected:
    """What earlier windows let expect: a negative binomial with this mean and variance (above the mean)."""

    mean: float
    variance: float

    def at_least(self, count: int) -> float:
        """The chance of that count or a larger one."""
        size = self.mean**2 / (self.variance - self.mean)
        ratio = self.mean / self.variance  # the success probability
        if count <= self.mean:
            below = sum(math.exp(_log_mass(k, size, ratio)) for k in range(count))
            return max(0.0, 1.0 - below)
        # Above the mean the terms fall: add them up until the rest no longer matters.
        total = term = math.exp(_log_mass(count, size, ratio))
        k = count
        while term > total * _NEGLIGIBLE:
            term *= (k + size) / (k + 1) * (1 - ratio)
            total += term
            k += 1
        return min(1.0, total)


def expected(earlier: Sequence[int]) -> Expected:
    """From the counts of at least two earlier windows. For pure Poisson counts it is the predictive distribution with
    the prior of Jeffreys; a larger scatter of ``earlier`` widens it."""
    windows = len(earlier)
    mean = (sum(earlier) + 0.5) / windows
    average = sum(earlier) / windows
    scatter = sum((count - average) ** 2 for count in earlier) / (windows - 1)
    return Expected(mean, max(mean, scatter) + max(mean, scatter) / windows)


def _log_mass(k: int, size: float, ratio: float) -> float:
    """Of the negative binomial: ``k`` failures before ``size`` successes of chance ``ratio`` each."""
    ways = math.lgamma(k + size) - math.lgamma(size) - math.lgamma(k + 1)
    return ways + size * math.log(ratio) + k * math.log1p(-ratio)
