"""Which calls that nobody flagged are read all the same, so that misses are found?"""

import random
from collections.abc import Mapping, Sequence
from statistics import median

FLAGGED = "flagged"  # the stratum of all flagged calls


def strata(calls: Sequence[Mapping[str, object]], doubts: Mapping[str, float]) -> dict[str, str]:
    """The stratum of every call: flagged, or its band with the model's doubt above or below the middle of the night."""
    middle = median(doubts.values()) if doubts else 0.0
    found = {}
    for call in calls:
        name = str(call["call_id"])
        doubt = "doubtful" if doubts.get(name, 0.0) > middle else "sure"
        found[name] = FLAGGED if call["flags"] else f"{call['band'] or call['status']}, {doubt}"
    return found


def draw(stratum_of: Mapping[str, str], *, size: int, seed: int) -> set[str]:
    """Up to `size` unflagged calls, the strata taking turns; the same seed draws the same calls.

    Within a stratum each call is as likely as the other, so calls found / calls read x calls there is an estimate.
    """
    rng = random.Random(seed)
    piles: dict[str, list[str]] = {}
    for name in sorted(stratum_of):
        if stratum_of[name] != FLAGGED:
            piles.setdefault(stratum_of[name], []).append(name)
    for stratum in sorted(piles):
        rng.shuffle(piles[stratum])
    drawn: set[str] = set()
    while len(drawn) < size and any(piles.values()):
        for stratum in sorted(piles):
            if piles[stratum] and len(drawn) < size:
                drawn.add(piles[stratum].pop())
    return drawn
