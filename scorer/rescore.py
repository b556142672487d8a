"""What would another rubric have said of a finished night? Scores stored predictions again; no model is loaded."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scorer import manifest
from scorer.errors import RunError
from scorer.labels import Label
from scorer.lock import hold
from scorer.manifest import Shard
from scorer.records import CallScore, JudgedCall, Reject
from scorer.review.report import ensure_report, write_report
from scorer.scoring.aggregate import score_call
from scorer.scoring.rubric import Rubric, check_rubric, load_rubric, rubric_hash
from scorer.tables.folder import RunFolder
from scorer.tables.judged import carried_of, read_judged, read_rejects
from scorer.tables.schemas import Stamp
from scorer.tables.writer import RunTables, ShardWriter
from scorer.totals import Totals, describe_run

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Change:
    """A call whose band is another one under the new rubric. Points are 0 to 1, None where there was no chance."""

    call_id: str
    old_band: str | None
    new_band: str | None
    old_score: float | None
    new_score: float | None
    why: str


def rescore_run(run: Path, *, rubric: Path, out: Path, progress: Progress) -> tuple[dict[str, Any], list[Change]]:
    """Write a run of the same predictions under another rubric; returns its run.json and the calls that changed band.

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
        totals, changes = Totals(), []

        def scored() -> Iterator[tuple[JudgedCall, CallScore]]:
            for judged, stored in read_judged(run, labels):
                score = score_call(judged, rules)
                totals.add(judged.call, score)
                changes.extend(band_change(stored, score))
                progress(totals.calls, old["counts"]["calls"])
                yield judged, score

        if before and folder.is_whole():
            for _ in scored():
                pass
            ensure_report(out)
            return before, changes
        stamp = _stamp(wanted, old, rules)
        with folder.workdir(), folder.writer(wanted, RunTables(labels, tuple(rules.behaviours), carried_of(run), stamp)) as writer:
            shard = _write(folder, writer, scored(), read_rejects(run), totals=totals)
        result = describe_run(stamp, wanted, labels=labels, rubric=rules, totals=totals)
        result |= {"rescored_from": old["run_id"], "seconds": round(time.monotonic() - started, 2)}
        whole = folder.publish([shard], result)
        write_report(out)
        return whole, changes


def _write(
    folder: RunFolder,
    writer: ShardWriter,
    scored: Iterable[tuple[JudgedCall, CallScore]],
    rejects: Iterable[Reject],
    *,
    totals: Totals,
) -> Shard:
    """The whole run as one shard: it takes seconds."""
    call_ids = []
    for judged, score in scored:
        writer.write_call(judged, score)
        call_ids.append(judged.call.call_id)
    for reject in rejects:
        writer.write_reject(reject)
        totals.reject(reject)
        call_ids += [reject.call_id] if reject.call_id is not None else []
    return folder.keep(writer, totals.counts(), call_ids=call_ids)


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
