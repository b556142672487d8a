"""Processes that ask for the same place in a store at once, again and again."""

import multiprocessing
from multiprocessing.synchronize import Barrier
from typing import Any

from scorer.errors import LockedError
from scorer.places import parse_uri
from scorer.tables.lease import leased
from scorer.tables.store import Store

PATIENCE_S = 60.0  # for one that hangs


def lease_rounds(uri: str, *, jobs: int, rounds: int) -> list[list[str]]:
    """What became of each job in each round: `held` or `left`. Who holds the place keeps it until all others know."""
    context = multiprocessing.get_context("spawn")
    gate, told = context.Barrier(jobs), context.Queue()
    started = [context.Process(target=_ask, args=(uri, rounds, gate, told), daemon=True) for _ in range(jobs)]
    for process in started:
        process.start()
    found = [told.get(timeout=2 * PATIENCE_S) for _ in started]
    for process in started:
        process.join()
    return [list(each) for each in zip(*found, strict=True)]


def _ask(uri: str, rounds: int, gate: Barrier, told: Any) -> None:
    place, found = Store(parse_uri(uri)), []
    for _ in range(rounds):
        gate.wait(PATIENCE_S)
        try:
            with leased(place):
                found.append("held")
                gate.wait(PATIENCE_S)
        except LockedError:
            found.append("left")
            gate.wait(PATIENCE_S)
    told.put(found)
