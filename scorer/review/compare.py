"""How does a night differ from the nights before: its numbers, its model, its rubric?"""

from collections.abc import Iterator, Mapping, Sequence
from math import log, sqrt
from pathlib import Path
from typing import Any

from scorer.errors import RunError
from scorer.labels import plain
from scorer.manifest import RUN_FILE, read_run
from scorer.records import Tally
from scorer.review.night import Night

CLEAR = 3.0  # standard errors from which a difference is said to be one; calls hold several chances, so two are too few
NIGHTS = 7  # that a night is compared with
CHANCE = 27.9  # chi-squared with nine degrees of freedom (ten bins) is above in one of a thousand
MOVED, MOVED_A_LITTLE = 0.25, 0.1  # of the population stability index; the usual limits


def earlier_runs(night: Night) -> list[dict[str, Any]]:
    """run.json of the finished runs beside this night's that are before it, latest last; rescored nights are left out.

    So are runs of the same input: they are this night. A partition (date=2026-11-20) comes after the partitions of lesser dates, whenever
    they were scored; another folder after those written before it.
    """
    run, read = night.folder.resolve(), _digests(night.about)
    found = []
    for path in run.parent.glob(f"*/{RUN_FILE}"):
        if _key(path.parent) == _key(run) and _place(path.parent) < _place(run):
            try:
                about = read_run(path.parent)
            except RunError:  # of another version: not comparable
                continue
            rescored = "rescored_from" in about or night.about.get("rescored_from") == about["run_id"]
            if not rescored and (not read or _digests(about) != read):
                del about["shards"]  # may be a million
                found.append((_place(path.parent), about | {"name": path.parent.name}))
    return [about for _, about in sorted(found, key=lambda item: item[0])][-NIGHTS:]


def _digests(about: Mapping[str, Any]) -> set[str]:
    """What the run read; empty for a rescored one of an earlier version."""
    return {file["sha256"] for file in about.get("inputs", ())}


def _key(folder: Path) -> str:
    """What partitions are told apart by; empty for a folder that is none."""
    return folder.name.partition("=")[0] if "=" in folder.name else ""


def _place(folder: Path) -> tuple[float, str]:
    """What puts the runs of one key in order."""
    return (0.0 if _key(folder) else (folder / RUN_FILE).stat().st_mtime, folder.name)


def what_moved(counts: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]) -> list[str]:
    """Plain sentences on the rates that clearly differ from the earlier nights together. `counts` as in run.json."""
    if not earlier:
        return []
    sentences = []
    flagged = Tally(counts["flagged_calls"], counts["calls"])
    before = sum((Tally(old["flagged_calls"], old["calls"]) for old in earlier), Tally())
    sentences += _sentence("flagged calls", flagged, before)
    for name, seen in counts["tallies"].items():
        olds = [Tally(**old["tallies"][name]) for old in earlier if name in old["tallies"]]
        sentences += _sentence(plain(name), Tally(**seen), sum(olds, Tally()))
    return sentences


def clearly_differ(now: Tally, before: Tally) -> bool:
    """Whether two rates differ by more than chance, by the usual test of two proportions."""
    if now.rate is None or before.rate is None:
        return False
    pooled = (now + before).rate or 0.0
    error = sqrt(pooled * (1 - pooled) * (1 / now.chances + 1 / before.chances))
    return error > 0 and abs(now.rate - before.rate) > CLEAR * error


def what_changed(about: Mapping[str, Any], last: Mapping[str, Any]) -> list[str]:
    """Plain sentences on model, rubric and program against the last run."""
    found = []
    if about["model"]["sha256"] != last["model"]["sha256"]:
        found.append(f"Another model: {last['model']['name']} ({last['model']['sha256'][:8]}) before, {about['model']['name']} now.")
    if about["scorer_version"] != last["scorer_version"]:
        found.append(f"Another version of scorer: {last['scorer_version']} before, {about['scorer_version']} now.")
    old, new = dict(_flat(last["rubric"]["rules"])), dict(_flat(about["rubric"]["rules"]))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            found.append(f"Rubric: {key} was {old.get(key, 'not there')} and is {new.get(key, 'not there')}.")
    return found or [f"Same model, same rubric and same version as in {last['name']}."]


def stability(now: Sequence[int], before: Sequence[int]) -> float | None:
    """Population stability index of two histograms; None where one is empty. Source: Siddiqi, Credit Risk Scorecards (2006)."""
    if not sum(now) or not sum(before):
        return None
    shares = [
        ((a + 0.5) / (sum(now) + 0.5 * len(now)), (b + 0.5) / (sum(before) + 0.5 * len(before))) for a, b in zip(now, before, strict=True)
    ]
    return sum((a - b) * log(a / b) for a, b in shares)


def more_than_chance(index: float, now: Sequence[int], before: Sequence[int]) -> bool:
    """Whether few values alone would hardly ever give such an index: n m / (n + m) times it is chi-squared where nothing moved."""
    return index * sum(now) * sum(before) / (sum(now) + sum(before)) > CHANCE


def _sentence(name: str, now: Tally, before: Tally) -> list[str]:
    if not clearly_differ(now, before) or now.rate is None or before.rate is None:
        return []
    way = "up" if now.rate > before.rate else "down"
    return [f"{name} went {way}: {now.rate:.0%} tonight ({now.hits} of {now.chances}), {before.rate:.0%} in the nights before."]


def _flat(rules: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of the rules with its path; items of a list by their name where they have one."""
    if isinstance(rules, Mapping):
        for key, value in rules.items():
            yield from _flat(value, f"{where}.{key}" if where else str(key))
    elif isinstance(rules, list) and any(isinstance(item, Mapping) for item in rules):
        for at, item in enumerate(rules):
            yield from _flat(item, f"{where}.{item.get('name', at)}")
    else:
        yield where, rules
