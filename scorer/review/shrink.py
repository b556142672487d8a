"""How sure are we of a rate? Rates of few chances, drawn towards the group they belong to."""

from dataclasses import dataclass

import numpy as np

from scorer.records import Tally

PRIOR_CHANCES = 20.0  # the group counts as so many chances of each of its members
COVERED = 0.9  # of the interval
GRID = (np.arange(2000) + 0.5) / 2000


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A rate with its interval, 0 to 1, beside the tally that it rests on."""

    tally: Tally
    mean: float
    low: float
    high: float


def shrink(tally: Tally, towards: Tally | None = None) -> Shrunk | None:
    """The rate drawn towards the rate of `towards`, with a 90 % interval; None without a chance.

    Three chances move little away from the group, three hundred stand for themselves. Without a group, the rate of the
    tally alone. Method: beta-binomial posterior (Gelman et al., Bayesian Data Analysis, 5.1), half a hit and half a miss as a start.
    """
    if not tally.chances:
        return None
    centre, weight = (towards.rate, PRIOR_CHANCES) if towards and towards.rate is not None else (0.0, 0.0)
    hits = tally.hits + weight * (centre or 0.0) + 0.5
    misses = tally.chances - tally.hits + weight * (1 - (centre or 0.0)) + 0.5
    density = (hits - 1) * np.log(GRID) + (misses - 1) * np.log1p(-GRID)
    below = np.cumsum(np.exp(density - density.max()))
    low, high = np.interp([(1 - COVERED) / 2, (1 + COVERED) / 2], below / below[-1], GRID)
    return Shrunk(tally, hits / (hits + misses), float(low), float(high))


def stands_out(rate: Shrunk, group: Tally) -> bool:
    """Whether the interval leaves out the group's own rate; never where both are the same, as no interval holds 0 or 1."""
    return group.rate is not None and rate.tally.rate != group.rate and not rate.low <= group.rate <= rate.high
