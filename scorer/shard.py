"""How does one shard become files that stay? The one function that every engine runs, wherever it runs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scorer.classify.model import SegmentModel
from scorer.config import ModelSettings
from scorer.faults import reach
from scorer.manifest import Shard
from scorer.records import Call, Reject
from scorer.scoring.aggregate import score_call
from scorer.scoring.rubric import Rubric
from scorer.tables.folder import RunFolder
from scorer.tables.writer import RunTables, ShardWriter
from scorer.totals import Totals


@dataclass(frozen=True, slots=True)
class Rules:
    """What is the same for every shard of a night; small, so that it can be sent anywhere."""

    model: Path
    use: ModelSettings
    rubric: Rubric
    tables: RunTables


def score_shard(
    shard_id: str,
    call_ids: list[str],
    found: Iterable[Call | Reject],
    *,
    rules: Rules,
    loaded: SegmentModel,
    folder: RunFolder,
    progress: Callable[[int], None] = lambda rows: None,
) -> Shard:
    """Judge, score, stage, verify and keep the calls of a shard; they come in ascending order of call_id.

    To do it twice, also at the same time, is harmless: the bytes are the same, and the first that is kept stays. `progress` is told
    the rows that are done.
    """
    reach("score")
    totals = Totals()
    with folder.writer(shard_id, rules.tables) as writer:
        for _ in _score_calls(found, rules, loaded, writer=writer, totals=totals):
            progress(totals.rows_scored + totals.rows_rejected)
        return folder.keep(writer, totals.counts(), call_ids=call_ids)


def rows_of(shard: Shard) -> int:
    """The input rows that went into a shard."""
    counts = shard.counts
    return int(counts["rows_scored"] + counts["rows_rejected"])


def _score_calls(
    found: Iterable[Call | Reject], rules: Rules, loaded: SegmentModel, *, writer: ShardWriter, totals: Totals
) -> Iterator[None]:
    """Write the calls one by one; rejects go straight to the writer."""
    from scorer.classify.predict import predict  # loads torch, for which nobody waits who is told that there is nothing to do

    maker = loaded.maker(rules.use.window_tokens, rules.use.context_tokens)

    def calls() -> Iterator[Call]:
        for item in found:
            if isinstance(item, Reject):
                writer.write_reject(item)
                totals.reject(item)
            else:
                yield item

    for judged in predict(calls(), loaded, maker, batch_tokens=rules.use.batch_tokens, precision=rules.use.precision):
        score = score_call(judged, rules.rubric)
        writer.write_call(judged, score)
        totals.add(judged.call, score)
        yield
