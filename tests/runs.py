"""Finished runs in a line per segment, without a model."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from builders import judged

from scorer.durable import digest
from scorer.labels import read_labels
from scorer.records import JudgedCall, Reject, RejectReason
from scorer.scoring.aggregate import score_call
from scorer.scoring.rubric import load_rubric
from scorer.tables.folder import RunFolder
from scorer.tables.schemas import Stamp
from scorer.tables.writer import RunTables
from scorer.totals import Totals, describe_run

ROOT = Path(__file__).parents[1]
LABELS = read_labels(ROOT / "models/labels.json")
RUBRIC = load_rubric(ROOT / "configs/rubric.yaml")
CARRIED = pa.schema([("agent_id", pa.string()), ("team", pa.string()), ("started_at", pa.timestamp("us", "UTC"))])
BAD = (
    "customer #problem=0.9",
    "agent #interruption=0.8",
    "customer #exit_request=0.9",
    "agent #retention_pushiness=0.9",
    "agent #retention_pushiness=0.7 ~apology=0.3",
    "customer",
)
GOOD = ("agent", "customer #problem=0.8", "agent #apology=0.9", "agent #ownership=0.9", "customer", "agent")


def call(call_id: str, *turns: str, texts: Mapping[int, str] | None = None, **fields: Any) -> JudgedCall:
    """A judged call from turns as in builders.judged; `texts` replaces what is said at some segments."""
    found = judged(*turns, call_id=call_id)
    known = {label.name for label in LABELS}
    predictions = tuple(replace(p, probabilities={k: v for k, v in p.probabilities.items() if k in known}) for p in found.predictions)
    segments = tuple(replace(s, text=(texts or {}).get(s.index, s.text)) for s in found.call.segments)
    whole = {"agent_id": "a1", "team": "north", "started_at": dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC)} | fields
    return JudgedCall(replace(found.call, segments=segments, fields=whole), predictions)


def write_run(
    folder: Path,
    calls: Sequence[JudgedCall],
    *,
    run_id: str = "run-1",
    model: str = "m" * 64,
    rejects: Sequence[Reject] = (),
    inputs: Sequence[str] = (),
) -> Path:
    """A finished run of the calls; `inputs` are the digests of its files, where they matter."""
    stamp = Stamp(run_id, "default", model, RUBRIC.name, str(RUBRIC.version), "r" * 64, "0.1.0")
    totals = Totals()
    place, tables = RunFolder(folder), RunTables(LABELS, tuple(RUBRIC.behaviours), CARRIED, stamp)
    ids = [found.call.call_id for found in calls] + [reject.call_id for reject in rejects if reject.call_id is not None]
    with place.workdir(), place.writer(digest([run_id]), tables) as writer:
        for found in sorted(calls, key=lambda found: found.call.call_id):
            score = score_call(found, RUBRIC)
            writer.write_call(found, score)
            totals.add(found.call, score)
        for reject in rejects:
            writer.write_reject(reject)
            totals.reject(reject)
        shard = place.keep(writer, totals.counts(), call_ids=ids)
    read = {"inputs": [{"path": f"{sha256}.parquet", "size": 1, "sha256": sha256, "rejected": None} for sha256 in inputs]}
    place.publish([shard], describe_run(stamp, run_id, labels=LABELS, rubric=RUBRIC, totals=totals) | read)
    return folder


def small_run(folder: Path, run_id: str = "run-1") -> Path:
    """A bad call, three good ones, a reject."""
    calls = [call("bad", *BAD), *(call(f"good-{n}", *GOOD, agent_id=f"a{n}") for n in range(3))]
    return write_run(folder, calls, run_id=run_id, rejects=[Reject(RejectReason.CALL_ID_MISSING, "night.parquet", rows=2)])
