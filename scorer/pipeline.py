"""What happens in one night, top to bottom? The only module that knows all rooms."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path
from typing import Any

from scorer import manifest
from scorer.classify.model import SegmentModel, load_model, model_hash
from scorer.classify.predict import predict
from scorer.config import ScoringConfig, load_yaml
from scorer.errors import InputError, RejectBudgetError, RunError
from scorer.records import Call, JudgedCall, Reject
from scorer.review.report import REPORT, write_report
from scorer.scoring.aggregate import score_call
from scorer.scoring.rubric import Rubric, check_rubric, load_rubric, rubric_hash
from scorer.tables.files import expand_inputs
from scorer.tables.reader import CallReader
from scorer.tables.schemas import Stamp
from scorer.tables.writer import RunWriter
from scorer.totals import Totals, describe_run

Progress = Callable[[int, int], None]  # rows done, rows in all


@dataclass(frozen=True, slots=True)
class Night:
    """A finished run: its run.json, whether it was there before, whether too much was rejected."""

    out: Path
    run: dict[str, Any]
    reused: bool = False
    over_budget: RejectBudgetError | None = None  # set where more was rejected than the config allows


def score_night(inputs: Sequence[str], *, out: Path, config: Path, rubric: Path, model: Path | None, progress: Progress) -> Night:
    """Score every call of the inputs into `out`, with `model` or else the model that the config names.

    Raises a ScorerError before anything is written where settings, rubric, model or input cannot be used.
    Running the same again into the same folder does nothing.
    """
    started = time.monotonic()
    settings, rules = load_yaml(config, ScoringConfig), load_rubric(rubric)
    model = model or Path(settings.model.folder)
    hashed = model_hash(model)
    loaded = load_model(model)
    check_rubric(rules, loaded.labels)
    files = expand_inputs(inputs)
    identity = {
        "inputs": sorted(manifest.file_hash(path) for path in files),
        "model": hashed,
        "rubric": rubric_hash(rules),
        "settings": settings.model_dump(mode="json", exclude={"model": {"folder"}}),  # the hash says which model, wherever it lies
        "version": version("scorer"),
    }
    wanted = manifest.fingerprint(identity)
    if manifest.claim(out, wanted):
        run = manifest.read_run(out)
        if not (out / REPORT).exists():  # of a run that was killed between its last two files
            write_report(out)
        return Night(out, run, reused=True, over_budget=_over_budget(run, settings, out))
    stamp = _stamp(wanted, model, hashed, rules)
    totals = Totals()
    with tempfile.TemporaryDirectory(prefix="scorer-") as workdir:
        reader = CallReader(files, settings.input, workdir=Path(workdir))
        found = iter(reader)
        first = list(islice(found, 1))  # reads every file to its end: bad input stops the night here, before anything is written
        if not first and not settings.limits.allow_empty:
            raise InputError("the input holds no rows: check the night's export, or set limits.allow_empty in the config")
        with RunWriter(out, loaded.labels, tuple(rules.behaviours), reader.carried, stamp) as writer:
            for judged in _judged(chain(first, found), loaded, settings, writer, totals):
                score = score_call(judged, rules)
                writer.write_call(judged, score)
                totals.add(judged.call, score)
                progress(totals.rows_scored + totals.rows_rejected, reader.rows_in)
            _check_rows(reader.rows_in, totals)
            writer.commit()
    run = describe_run(stamp, wanted, labels=loaded.labels, rubric=rules, totals=totals) | {
        "settings": identity["settings"],
        "inputs": [asdict(file) for file in reader.files],
        "seconds": round(time.monotonic() - started, 2),
    }
    manifest.write_run(out, run)
    write_report(out)
    return Night(out, run, over_budget=_over_budget(run, settings, out))


def _judged(
    found: Iterable[Call | Reject], loaded: SegmentModel, settings: ScoringConfig, writer: RunWriter, totals: Totals
) -> Iterator[JudgedCall]:
    """Judge the reader's calls; its rejects go straight to the writer."""
    maker = loaded.maker(settings.model.window_tokens, settings.model.context_tokens)

    def calls() -> Iterator[Call]:
        for item in found:
            if isinstance(item, Reject):
                writer.write_reject(item)
                totals.reject(item)
            else:
                yield item

    return predict(calls(), loaded, maker, batch_tokens=settings.model.batch_tokens)


def _check_rows(rows_in: int, totals: Totals) -> None:
    """Rows in = rows scored + rows rejected; anything else is our bug and must not be published."""
    if rows_in != totals.rows_scored + totals.rows_rejected:
        raise RunError(
            f"{rows_in} rows came in, {totals.rows_scored} were scored and {totals.rows_rejected} rejected: "
            "nothing was published; please report this with scorer check's output"
        )


def _over_budget(run: dict[str, Any], settings: ScoringConfig, out: Path) -> RejectBudgetError | None:
    rejected, scored, allowed = run["counts"]["rows_rejected"], run["counts"]["rows_scored"], settings.limits.rejects_max_share
    share = rejected / max(1, rejected + scored)
    if share <= allowed:
        return None
    return RejectBudgetError(
        f"{out}: done, but {share:.1%} of the rows were rejected and limits.rejects_max_share allows {allowed:.1%}: "
        f"read {out}/rejects/ and mend the export"
    )


def _stamp(wanted: str, model: Path, hashed: str, rules: Rubric) -> Stamp:
    return Stamp(
        run_id=wanted[:16],
        model_name=model.resolve().name,
        model_hash=hashed,
        rubric_name=rules.name,
        rubric_version=str(rules.version),
        rubric_hash=rubric_hash(rules),
        scorer_version=version("scorer"),
    )
