"""How sure are we of a rate? Rates of few chances, drawn towards the others of their group."""

from dataclasses import dataclass

import numpy as np

from scorer.records import Tally

PRIOR_CHANCES = 20  # the others of a group count as at most so many chances of each of its members
COVERED = 0.9  # of the interval
GRID = (np.arange(2000) + 0.5) / 2000


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A rate with its interval, 0 to 1, beside the tally that it rests on."""

    tally: Tally
    mean: float
    low: float
    high: float


def shrink(tally: Tally, others: Tally | None = None) -> Shrunk | None:
    """The rate drawn towards the rate of the `others` of its group, with a 90 % interval; None without a chance.

    Three chances move little away from the others, three hundred stand for themselves. The tally is not among the others: it would
    count twice. Method: beta-binomial posterior (Gelman et al., Bayesian Data Analysis, 5.1),
    half a hit and half a miss as a start.
    """
    if not tally.chances:
        return None
    centre, weight = (others.rate or 0.0, min(PRIOR_CHANCES, others.chances)) if others else (0.0, 0)
    hits = tally.hits + weight * centre + 0.5
    misses = tally.chances - tally.hits + weight * (1 - centre) + 0.5
    density = (hits - 1) * np.log(GRID) + (misses - 1) * np.log1p(-GRID)
    below = np.cumsum(np.exp(density - density.max()))
    low, high = np.interp([(1 - COVERED) / 2, (1 + COVERED) / 2], below / below[-1], GRID)
    return Shrunk(tally, hits / (hits + misses), float(low), float(high))


def stands_out(rate: Shrunk, group: Tally) -> bool:
    """Whether the interval leaves out the group's own rate; never where both are the same, as no interval holds 0 or 1."""
    return group.rate is not None and rate.tally.rate != group.rate and not rate.low <= group.rate <= rate.high
