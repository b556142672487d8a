"""How fast is a night, beside what a user would otherwise write and beside what the machine could do? `make bench`, or by hand:

    python tests/benchmarks/scoring.py [CALLS] [ROUNDS]

Options: calls of the night (300), rounds (3). All ways take turns in one process; the median of the rounds counts. The stock pipeline
reads a tenth of the calls, since it takes that much longer; all are compared by the segment, and its tokens are counted as ours. What
is around the model is counted in seconds of the CPU: everything of the job that is not the network, loading it too, which is most of
a night of a few calls.
"""

import itertools
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from results import Row, keep
from transformers import AutoModelForSequenceClassification, pipeline

from scorer.classify import predict as predicting
from scorer.classify.cores import usable_cores
from scorer.classify.load import load_model
from scorer.classify.model import SegmentModel
from scorer.pipeline import score_night
from scorer.records import Call, Segment

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "default"
LONG = 100  # every so-manieth call lasts two hours
LONG_SEGMENTS = 1200
WINDOW_TOKENS, CONTEXT_TOKENS, BATCH_TOKENS = 512, 96, 4096  # the defaults of configs/scoring.yaml
PIPELINE_SHARE = 10  # the stock pipeline reads one of so many calls


def night(count: int, start: int = 0) -> list[Call]:
    """The shipped labelled calls over and over, of their own lengths, and a few that are very long; `start` continues an earlier part."""
    lines = [line for path in sorted((ROOT / "models" / "data").glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
    shipped = itertools.islice(itertools.cycle([json.loads(line)["segments"] for line in lines]), start, None)
    made = []
    for number in range(start, start + count):
        rows = next(shipped)
        while number % LONG == LONG - 1 and len(rows) < LONG_SEGMENTS:
            rows = rows + next(shipped)
        # one clock for all of a long call: text and order are what costs time
        segments = tuple(Segment(at, row["speaker"], row["text"], 3.0 * at, 3.0 * at + 2.5) for at, row in enumerate(rows))
        made.append(Call(f"call-{number:06}", segments))
    return made


def write_night(calls: Sequence[Call], path: Path) -> None:
    """The calls as a table of segments."""
    rows = [
        {"call_id": c.call_id, "segment_index": s.index, "speaker": s.speaker, "text": s.text, "start": s.start_s, "end": s.end_s}
        for c in calls
        for s in c.segments
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)


def stock(calls: Sequence[Call], classify: Any, *, ordered: bool) -> None:
    """What a user would write: every segment with a neighbour on each side through the stock pipeline."""
    texts = []
    for call in calls:
        said = [segment.text for segment in call.segments]
        texts += [" ".join(said[max(0, at - 1) : at + 2]) for at in range(len(said))]
    if ordered:
        texts.sort(key=len)
    for _ in classify(texts, batch_size=32, truncation=True, top_k=None, function_to_apply="sigmoid"):
        pass


def ours(path: Path, folder: Path, precision: str = "float32") -> None:
    """The whole job, from Parquet to Parquet, with loading the model."""
    config, rubric = path.with_name(f"{precision}.yaml"), ROOT / "configs" / "rubric.yaml"
    config.write_text(f"model: {{precision: {precision}}}\n", encoding="utf-8")
    score_night([str(path)], out=folder, config=config, rubric=rubric, model=MODEL, progress=lambda *_: None)


def judged(calls: Sequence[Call], model: SegmentModel) -> None:
    """The job without input and output."""
    for _ in predicting.predict(calls, model, model.maker(WINDOW_TOKENS, CONTEXT_TOKENS), batch_tokens=BATCH_TOKENS):
        pass


def lengths(calls: Sequence[Call], model: SegmentModel) -> list[int]:
    """Tokens of every window."""
    maker = model.maker(WINDOW_TOKENS, CONTEXT_TOKENS)
    return [len(window.token_ids) for call in calls for window in maker.windows(call.segments)]


def flop(sizes: Sequence[int], network: Any) -> int:
    """Additions and multiplications of all matrix products."""
    width, wide, layers = network.config.hidden_size, network.config.intermediate_size, network.config.num_hidden_layers
    return sum(layers * tokens * (8 * width * width + 4 * width * wide + 4 * width * tokens) for tokens in sizes)


def limit(sizes: Sequence[int], network: Any) -> Callable[[], None]:
    """Nothing but the encoder's matrix products, of the same shapes and precision, a window at a time on each core."""
    width, wide, heads = network.config.hidden_size, network.config.intermediate_size, network.config.num_attention_heads
    square, up, down = torch.ones(width, width), torch.ones(wide, width), torch.ones(width, wide)

    def one(tokens: int) -> None:
        narrow, broad, head = torch.ones(tokens, width), torch.ones(tokens, wide), torch.ones(heads, tokens, width // heads)
        with torch.inference_mode():
            for _ in range(network.config.num_hidden_layers):
                for _ in range(4):  # queries, keys, values, and what is made of the answer
                    torch.nn.functional.linear(narrow, square)
                torch.bmm(torch.bmm(head, head.transpose(1, 2)), head)
                torch.nn.functional.linear(narrow, up)
                torch.nn.functional.linear(broad, down)

    def run() -> None:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        with ThreadPoolExecutor(usable_cores()) as threads:
            list(threads.map(one, sizes))
        torch.set_num_threads(before)

    return run


def measure(ways: dict[str, tuple[int, Callable[[], None]]], rounds: int) -> dict[str, float]:
    """Median seconds a segment of each way; they take turns, so that what else the machine does meets all of them."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (count, run) in ways.items():
            began = time.perf_counter()
            run()
            found[name].append((time.perf_counter() - began) / count)
    return {name: statistics.median(times) for name, times in found.items()}


def around(run: Callable[[], None]) -> float:
    """Share of a run's CPU time that the network does not take."""
    real, inside = predicting._answer, []

    def answer(*given: Any) -> torch.Tensor:
        began = time.thread_time()
        try:
            return real(*given)
        finally:
            inside.append(time.thread_time() - began)

    predicting._answer = answer
    try:
        began = sum(os.times()[:4])  # of this process, and of the one that reads files, once it has ended
        run()
        return 1 - sum(inside) / (sum(os.times()[:4]) - began)
    finally:
        predicting._answer = real


def main(count: int = 300, rounds: int = 3) -> None:
    """Measure, and keep two tables."""
    calls = night(count)
    few = calls[::PIPELINE_SHARE] if count >= PIPELINE_SHARE else calls
    model = load_model(MODEL)
    loaded_mb = _peak_mb()
    plain = AutoModelForSequenceClassification.from_pretrained(MODEL, num_labels=len(model.labels), dtype=torch.float32)
    classify = pipeline("text-classification", model=plain.eval(), tokenizer=model.tokenizer, device="cpu")
    sizes, all_segments = lengths(calls, model), _segments(calls)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "night.parquet"
        write_night(calls, path)
        runs = itertools.count()
        ways = {
            "ours, Parquet to Parquet": (all_segments, lambda: ours(path, Path(folder) / str(next(runs)))),
            "ours, in bfloat16": (all_segments, lambda: ours(path, Path(folder) / str(next(runs)), "bfloat16")),
            "ours, without input and output": (all_segments, lambda: judged(calls, model)),
            "matrix products alone": (all_segments, limit(sizes, model.network)),
        }
        seconds = measure(ways, 1)  # builds kernels
        ours_mb = _peak_mb() - loaded_mb
        pipes = {
            "pipeline, batches of 32": (_segments(few), lambda: stock(few, classify, ordered=False)),
            "pipeline, sorted": (_segments(few), lambda: stock(few, classify, ordered=True)),
        }
        seconds = measure(pipes | ways, rounds)
        beside = around(ways["ours, Parquet to Parquet"][1])
    segments, tokens = all_segments / count, sum(sizes) / count
    base, best = seconds["pipeline, batches of 32"], seconds["matrix products alone"]
    rows: list[Row] = [
        {
            "way": name,
            "calls/s": 1 / each / segments,
            "segments/s": 1 / each,
            "tokens/s": tokens / segments / each,
            "times the pipeline": base / each,
            "share of the products' speed": best / each,
        }
        for name, each in seconds.items()
    ]
    keep("how fast", rows)
    keep(
        "of what",
        [
            {
                "calls": count,
                "segments a call": segments,
                "tokens a call": tokens,
                "Gflop a call": flop(sizes, model.network) / count / 1e9,
                "CPU time around the network": beside,
                "peak MB above the loaded model": ours_mb,
                "rounds": rounds,
                "cores": usable_cores(),
                "kind": platform.machine(),
                "torch": torch.__version__,
            }
        ],
    )


def _segments(calls: Sequence[Call]) -> int:
    return sum(len(call.segments) for call in calls)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:]))
