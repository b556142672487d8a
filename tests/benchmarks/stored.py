"""What does `scorer rescore` start from? A finished run of N calls with the labels that people gave, made without a model."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from runs import CARRIED, LABELS, RUBRIC

from scorer.durable import digest
from scorer.records import Call, JudgedCall, Segment, SegmentPrediction
from scorer.scoring.aggregate import score_call
from scorer.tables.folder import RunFolder
from scorer.tables.schemas import Stamp
from scorer.tables.writer import RunTables
from scorer.totals import Totals, describe_run

DATA = Path(__file__).parents[2] / "models" / "data"
SHARD_CALLS = 350  # as scorer score makes them of calls of thirty segments


def write_stored(folder: Path, count: int) -> Path:
    """A finished run in shards of a usual size."""
    stamp = Stamp("stored", "people", "m" * 64, RUBRIC.name, str(RUBRIC.version), "r" * 64, "0.1.0")
    place, tables = RunFolder(folder), RunTables(LABELS, tuple(RUBRIC.behaviours), CARRIED, stamp)
    shards, totals = [], Totals()
    calls = list(judged_calls())
    with place.workdir():
        for start in range(0, count, SHARD_CALLS):
            ids = [f"call-{number:07}" for number in range(start, min(count, start + SHARD_CALLS))]
            counted = Totals()
            with place.writer(digest([f"shard {start}"]), tables) as writer:
                for number, call_id in enumerate(ids, start):
                    found = calls[number % len(calls)]
                    found = replace(found, call=replace(found.call, call_id=call_id))
                    score = score_call(found, RUBRIC)
                    writer.write_call(found, score)
                    counted.add(found.call, score)
                shards.append(place.keep(writer, counted.counts(), call_ids=ids))
            totals += counted
    place.publish(shards, describe_run(stamp, digest(["stored", str(count)]), labels=LABELS, rubric=RUBRIC, totals=totals))
    return folder


def judged_calls() -> Iterator[JudgedCall]:
    """Every labelled call of the project, with what people said as what the model said."""
    rng = random.Random(1)
    for path in sorted(DATA.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            segments = tuple(Segment(at, x["speaker"], x["text"], x["start"], x["end"]) for at, x in enumerate(row["segments"]))
            given = [frozenset(x["labels"] or ()) for x in row["segments"]]
            fields = {"agent_id": f"a{rng.randrange(300)}", "team": f"t{rng.randrange(12)}", "started_at": None}
            predictions = tuple(_prediction(segment, labels, rng) for segment, labels in zip(segments, given, strict=True))
            yield JudgedCall(Call(row["call_id"], segments, fields), predictions)


def _prediction(segment: Segment, labels: frozenset[str], rng: random.Random) -> SegmentPrediction:
    carried = [label.name for label in LABELS if label.party == segment.speaker]
    chances = {name: round(rng.uniform(0.6, 0.999) if name in labels else rng.uniform(0, 0.3), 6) for name in carried}
    return SegmentPrediction(chances, labels & set(carried), 0.0, "turns" if segment.start_s is not None else "none")
