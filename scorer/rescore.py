"""What would another rubric have said of a finished night? Scores stored predictions again; no model is loaded."""

import gc
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from scorer import manifest
from scorer.classify.cores import usable_cores
from scorer.errors import RunError
from scorer.labels import Label
from scorer.lock import hold
from scorer.records import CallScore
from scorer.review.report import ensure_report, write_report
from scorer.scoring.aggregate import score_heard
from scorer.scoring.flags import ROLE_RULE
from scorer.scoring.rubric import Rubric, check_rubric, load_rubric, rubric_hash
from scorer.tables.folder import RunFolder
from scorer.tables.judged import (
    GroupPlace,
    carried_of,
    check_labels,
    flagged_by,
    group_places,
    heard_of,
    notes_of,
    read_group,
    read_rejects,
)
from scorer.tables.schemas import Stamp
from scorer.tables.writer import Part, RunTables, ShardWriter, part_of
from scorer.totals import Totals, describe_run

Progress = Callable[[int, int], None]
GROUPS_FOR_PROCESSES = 8  # below, starting them would take longer than the work
GROUPS_AHEAD = 2  # per process; bounds the memory


@dataclass(frozen=True, slots=True)
class Change:
    """A call whose band is another one under the new rubric. Points are 0 to 1, None where there was no chance."""

    call_id: str
    old_band: str | None
    new_band: str | None
    old_score: float | None
    new_score: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of every group of calls."""

    rules: Rubric
    tables: RunTables


@dataclass(frozen=True, slots=True)
class Rescored:
    """A group of calls under the new rubric: its rows, what to count of it, and the calls that changed band."""

    part: Part
    totals: Totals
    call_ids: tuple[str, ...]
    changes: tuple[Change, ...]


def rescore_run(run: Path, *, rubric: Path, out: Path, progress: Progress) -> tuple[dict[str, Any], list[Change], bool]:
    """Write a run of the same predictions under another rubric; returns its run.json, the calls that changed band, whether it was there.

    Raises RunError where `run` is not a finished run or `out` holds another one, ConfigError where the rubric does not fit.
    """
    started = time.monotonic()
    old, rules = manifest.read_run(run), load_rubric(rubric)
    labels = tuple(Label(**row) for row in old["labels"])
    check_rubric(rules, labels, rubric)
    wanted = manifest.fingerprint({"rescored": old["fingerprint"], "rubric": rubric_hash(rules), "version": version("scorer")})
    if out.resolve() == run.resolve():
        raise RunError(f"{out}: is the run itself: choose another folder for --out")
    with hold(out):
        before = manifest.claim(out, wanted)
        folder = RunFolder(out, manifest.shards_of(before) if before else ())
        stamp = _stamp(wanted, old, rules)
        asked = Asked(rules, RunTables(labels, tuple(rules.behaviours), carried_of(run), stamp))
        totals = Totals()
        changes: list[Change] = []

        def rescored() -> Iterator[Rescored]:
            nonlocal totals
            check_labels(run, labels)
            for found in _each(asked, group_places(run)):
                totals += found.totals
                changes.extend(found.changes)
                progress(totals.calls, old["counts"]["calls"])
                yield found

        if before and folder.is_whole():
            for _ in rescored():
                pass
            ensure_report(out, wanted)
            return before, changes, True
        with folder.workdir(), folder.writer(wanted, asked.tables) as writer:
            call_ids = _write(writer, rescored())
            for reject in read_rejects(run):
                writer.write_reject(reject)
                totals.reject(reject)
                call_ids += [reject.call_id] if reject.call_id is not None else []
            totals.rows_scored = old["counts"]["rows_scored"]  # the tables hold segments, not the rows that they were made of
            shard = folder.keep(writer, totals.counts(), call_ids=call_ids)
        result = describe_run(stamp, wanted, labels=labels, rubric=rules, totals=totals)
        result |= {"rescored_from": old["run_id"], "inputs": old.get("inputs", []), "seconds": round(time.monotonic() - started, 2)}
        whole = folder.publish([shard], result)
        write_report(out)
        return whole, changes, False


def _write(writer: ShardWriter, found: Iterable[Rescored]) -> list[str]:
    """The whole run as one shard: it takes seconds. Returns the calls."""
    call_ids: list[str] = []
    for group in found:
        writer.write_part(group.part)
        call_ids += group.call_ids
    return call_ids


def _each(asked: Asked, places: Sequence[GroupPlace]) -> Iterator[Rescored]:
    """Every group, in order; a large run on all cores."""
    cores = usable_cores()
    if cores == 1 or len(places) < GROUPS_FOR_PROCESSES:
        yield from (_rescore(asked, place) for place in places)
        return
    waiting = iter(places)
    with ProcessPoolExecutor(cores, get_context("spawn"), initializer=_start_process) as processes:
        started = deque(processes.submit(_rescore, asked, place) for place in islice(waiting, GROUPS_AHEAD * cores))
        try:
            while started:
                yield started.popleft().result()
                started.extend(processes.submit(_rescore, asked, place) for place in islice(waiting, 1))
        finally:
            processes.shutdown(cancel_futures=True)


def _start_process() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops all
    gc.disable()  # rows hold no cycles, and looking for some among so many values takes a tenth of the time


def _rescore(asked: Asked, place: GroupPlace) -> Rescored:
    group, totals, scores, changes = read_group(place), Totals(), [], []
    swapped = flagged_by(ROLE_RULE, place, group)
    for heard, stored in zip(heard_of(group, asked.tables.labels), group.calls.to_pylist(), strict=True):
        right = heard.call_id not in swapped and _roles_were_checked(stored, asked.tables.stamp)
        score = score_heard(heard, asked.rules, roles_are_right=right)
        totals.add_score(score, segments=stored["segments"], notes=notes_of(stored))
        changes += band_change(stored, score)
        scores.append(score)
    return Rescored(part_of(group, scores, asked.tables), totals, tuple(score.call_id for score in scores), tuple(changes))


def _roles_were_checked(stored: dict[str, Any], stamp: Stamp) -> bool:
    """Whether this same check, which every scored call goes through and no other, would have left a flag."""
    return bool(stored["status"] == "scored" and stored["scorer_version"] == stamp.scorer_version)


def band_change(stored: dict[str, Any], score: CallScore) -> list[Change]:
    """The change of one call's band, or nothing. `stored` is its old row of calls/."""
    if (stored["status"], stored["band"]) == (score.status, score.band):
        return []
    return [Change(score.call_id, stored["band"], score.band, stored["score"], score.score, _why(stored, score))]


def _why(stored: dict[str, Any], score: CallScore) -> str:
    """What moved: status, critical rule, points and weights that differ; else only the bands' limits."""
    moved = []
    if stored["status"] != score.status:
        moved.append(f"status {stored['status']} -> {score.status}")
    if stored["auto_fail"] != score.auto_fail:
        moved.append(f"critical rule {stored['auto_fail'] or 'none'} -> {score.auto_fail or 'none'}")
    for behaviour in score.behaviours:
        for what, new in (("points", behaviour.points), ("weight", behaviour.weight)):
            old = stored.get(f"{behaviour.behaviour}_{what}")
            if old != new:
                moved.append(f"{behaviour.behaviour} {what} {_number(old)} -> {_number(new)}")
    return "; ".join(moved) or "the bands' limits"


def _number(value: float | None) -> str:
    return "no chance" if value is None else f"{value:.2f}"


def _stamp(wanted: str, old: dict[str, Any], rules: Rubric) -> Stamp:
    return Stamp(
        run_id=wanted[:16],
        model_name=old["model"]["name"],
        model_hash=old["model"]["sha256"],
        rubric_name=rules.name,
        rubric_version=str(rules.version),
        rubric_hash=rubric_hash(rules),
        scorer_version=version("scorer"),
    )
