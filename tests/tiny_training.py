"""A training small enough for a test: the real settings over a tiny encoder and calls whose labels hang on one word."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

from scorer.config import load_yaml
from scorer.training.settings import TrainingConfig

ROOT = Path(__file__).parents[1]
Turn = tuple[str, str, list[str]]
TURNS: list[Turn] = [
    ("customer", "broken word .", ["problem"]),
    ("agent", "sorry word .", ["apology"]),
    ("customer", "cancel word", ["exit_request"]),
    ("agent", "stay word word", ["retention_pushiness"]),
    ("agent", "fix word", ["ownership"]),
    ("agent", "interrupt word", ["interruption"]),
    ("agent", "policy word", ["deflection"]),
    ("agent", "word word", []),
]


def write_calls(path: Path, count: int, prefix: str, turns: Sequence[Turn] = TURNS) -> Path:
    """Calls of these turns in random order; all words are in the keyword model's vocabulary."""
    rng = random.Random(prefix)
    lines = []
    for n in range(count):
        segments = [
            {"speaker": who, "text": text, "labels": labels, "start": 2.0 * at, "end": 2.0 * at + 1.5}
            for at, (who, text, labels) in enumerate(rng.sample(turns, len(turns)))
        ]
        lines.append(json.dumps({"call_id": f"{prefix}{n}", "meta": {}, "segments": segments}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def tiny_config(folder: Path, vocabulary: Path, turns: Sequence[Turn] = TURNS) -> TrainingConfig:
    """configs/training.yaml with a one-layer encoder, 60 training and 20 dev calls; `vocabulary` holds the tokenizer."""
    base = folder / "base"
    tokenizer = AutoTokenizer.from_pretrained(vocabulary)
    tokenizer.save_pretrained(base)
    tiny = BertConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    BertForMaskedLM(tiny).save_pretrained(base)
    real = load_yaml(ROOT / "configs" / "training.yaml", TrainingConfig)
    return real.model_copy(
        update={
            "base_model": str(base),
            "labels": ROOT / real.labels,
            "train": (write_calls(folder / "train.jsonl", 60, "t", turns),),
            "dev": (write_calls(folder / "dev.jsonl", 20, "d", turns),),
            "held_out_share": 0.4,
            "epochs": 30,
            "learning_rate": 0.01,
            "head_learning_rate": 0.02,
            "average_decay": 0.9,
            "save_steps": 20,
            "bootstrap_rounds": 100,
        }
    )
