"""What happens in one night, top to bottom? The only module that knows all rooms."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from scorer import manifest
from scorer.engines.engine import Engine, Handout
from scorer.engines.local import Plain
from scorer.errors import InputError, RejectBudgetError, RunError
from scorer.job import Job, over_budget, read_job
from scorer.labels import Label
from scorer.lock import hold
from scorer.log import tell
from scorer.manifest import Shard
from scorer.records import Reject
from scorer.review.report import ensure_report, write_report
from scorer.scoring.rubric import check_rubric
from scorer.shard import Rules, rows_of
from scorer.tables.fence import Fence
from scorer.tables.fetching import swept
from scorer.tables.folder import RunFolder
from scorer.tables.intake import fence
from scorer.tables.reader import CallReader
from scorer.tables.spool import Spool
from scorer.tables.writer import RunTables
from scorer.totals import Totals, describe_run, totals_of

NUMBERS = ("calls", "segments", "rows_scored", "rows_rejected", "files_rejected", "flagged_calls")  # that the last log line tells
Progress = Callable[[int, int], None]  # rows done, rows in all
Kept = Callable[[Shard], Shard]


@dataclass(frozen=True, slots=True)
class Night:
    """A finished run: its run.json, whether it was there before, whether it is not good enough."""

    out: Path
    run: dict[str, Any]
    reused: bool = False
    over_budget: RejectBudgetError | None = None  # set where a limit of the config says so


def score_night(
    inputs: Sequence[str],
    *,
    out: Path,
    config: Path,
    rubric: Path,
    model: Path | None,
    progress: Progress,
    partition: str | None = None,
    engine: Engine | None = None,
    kept: Kept = lambda shard: shard,
) -> Night:
    """Score every call of the inputs into `out`, with `model` or else the model that the config names.

    Raises a ScorerError before anything is written where settings, rubric, model or input cannot be used. Running the same again into
    the same folder does nothing; after a kill it goes on where it was. Where `out` is a `partition`, its run may have had other inputs,
    model or rubric: it stands until the new one is complete, and shards that are the same in both are not scored again.
    The `engine` changes nothing of what comes out; without one, all is done in this process. Every finished shard goes through `kept`,
    one by one, in this process.
    """
    started = time.monotonic()
    with hold(out), swept(out / manifest.FETCHED) as fetched:
        job = read_job(inputs, config=config, rubric=rubric, model=model, partition=partition, fetched=fetched)
        tell("started", run_id=job.stamp.run_id, out=str(out), files=len(job.files))
        before = manifest.claim(out, job.fingerprint, replace=partition is not None, parts=job.parts)
        folder = RunFolder(out, manifest.shards_of(before) if before else ())
        if before and before["fingerprint"] == job.fingerprint and folder.is_whole():
            ensure_report(out, job.fingerprint)
            return _night(job, before, out, seconds=_since(started), reused=True)
        limits = job.settings.limits
        with fence(memory_mb=limits.file_memory_mb, seconds=limits.file_seconds) as behind:  # gets ready while the model is loaded
            engine = engine or Plain()
            labels = engine.open(job.model)
            check_rubric(job.rubric, labels, rubric)
            shards, about = _read_and_score(job, labels, folder, out=out, behind=behind, engine=engine, progress=progress, kept=kept)
        run = folder.publish(shards, about | {"seconds": _since(started)})
        write_report(out)
        return _night(job, run, out, seconds=run["seconds"])


def _since(started: float) -> float:
    return round(time.monotonic() - started, 2)


def _night(job: Job, run: dict[str, Any], out: Path, *, seconds: float, reused: bool = False) -> Night:
    facts = {name: run["counts"][name] for name in NUMBERS}
    tell("done", run_id=job.stamp.run_id, reused=reused, seconds=seconds, **facts)
    return Night(out, run, reused=reused, over_budget=over_budget(job, run, out))


def _read_and_score(
    job: Job, labels: Sequence[Label], folder: RunFolder, *, out: Path, behind: Fence, engine: Engine, progress: Progress, kept: Kept
) -> tuple[list[Shard], dict[str, Any]]:
    """All shards of the night, finished, in the order of their ids, and what run.json says of them."""
    settings = job.settings
    with folder.workdir() as workdir, Spool(workdir) as spool:
        reader = CallReader(job.files, settings.input, limits=settings.limits, spool=spool)
        reader.read(workdir, behind)
        for reject in reader.rejects:
            tell("rejected", run_id=job.stamp.run_id, source=reject.source, reason=reject.reason.value, rows=reject.rows)
        if not reader.rows_in and not settings.limits.allow_empty:
            raise InputError("the input holds no rows: check the night's export, or set limits.allow_empty in the config")
        found = _shards(job, labels, folder, out=out, workdir=workdir, reader=reader, engine=engine, progress=progress)
        with closing(found):  # an engine ends its workers before the folder goes
            shards = sorted(map(kept, found), key=lambda shard: shard.id)
    totals = reduce(add, (totals_of(shard.counts) for shard in shards), Totals())
    _check_rows(reader.rows_in, totals)
    rejected = {reject.source: reject.reason.value for reject in reader.rejects if reject.is_file}
    about = describe_run(job.stamp, job.fingerprint, labels=labels, rubric=job.rubric, totals=totals) | {
        "settings": job.told,
        "inputs": [
            {"path": file.source, "size": file.size, "sha256": file.sha256, "rejected": rejected.get(file.source)} for file in job.files
        ],
    }
    return shards, about


def _shards(
    job: Job,
    labels: Sequence[Label],
    folder: RunFolder,
    *,
    out: Path,
    workdir: Path,
    reader: CallReader,
    engine: Engine,
    progress: Progress,
) -> Generator[Shard, None, None]:
    """Every shard of the night: those that are there already, then the others as they are scored."""
    tables = RunTables(tuple(labels), tuple(job.rubric.behaviours), reader.carried, job.stamp)
    plans = reader.plan(job.settings.model.shard_rows, base=job.base(str(reader.carried)))
    known = {plan.id: shard for plan in plans if (shard := folder.find(plan.id))}
    yield from known.values()
    if reader.rejects or not plans:
        yield _loose_shard(job, folder, tables, reader.rejects)
    done, since = sum(rows_of(shard) for shard in known.values()), time.monotonic()
    rules = Rules(job.model, job.settings.model, job.rubric, tables)
    wanted = [plan for plan in plans if plan.id not in known]
    here = Handout(rules, reader, wanted, out=out.resolve(), workdir=workdir.resolve(), folder=folder)
    before = done
    if not wanted:
        return
    with closing(engine.run(here, lambda rows: progress(before + rows, reader.rows_in))) as scored:
        for shard in scored:
            done += rows_of(shard)
            facts = {
                "calls": shard.counts["calls"],
                "rows_rejected": shard.counts["rows_rejected"],
                "rows_done": done,
                "rows_in": reader.rows_in,
            }
            tell("shard", run_id=job.stamp.run_id, shard=shard.id, seconds=round(time.monotonic() - since, 2), **facts)
            since = time.monotonic()
            yield shard


def _loose_shard(job: Job, folder: RunFolder, tables: RunTables, rejects: Sequence[Reject]) -> Shard:
    """The shard of what belongs to no call; also what an empty night has."""
    shard_id = manifest.fingerprint({"base": job.base(str(tables.carried)), "rejects": [asdict(reject) for reject in rejects]})
    there = folder.find(shard_id)
    if there:
        return there
    totals = Totals()
    with folder.writer(shard_id, tables) as writer:
        for reject in rejects:
            writer.write_reject(reject)
            totals.reject(reject)
        return folder.keep(writer, totals.counts(), call_ids=[])


def _check_rows(rows_in: int, totals: Totals) -> None:
    """Rows in = rows scored + rows rejected; anything else is our bug and must not be published."""
    if rows_in != totals.rows_scored + totals.rows_rejected:
        raise RunError(
            f"{rows_in} rows came in, {totals.rows_scored} were scored and {totals.rows_rejected} rejected: "
            "nothing was published; please report this with scorer check's output"
        )
