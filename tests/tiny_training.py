"""A training that is small enough for a test."""

import json
import random
from pathlib import Path

from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

from scorer.config import load_yaml
from scorer.training.settings import TrainingConfig

ROOT = Path(__file__).parents[1]
TURNS = [
    ("customer", "broken word .", ["problem"]),
    ("agent", "sorry word .", ["apology"]),
    ("customer", "cancel word", ["exit_request"]),
    ("agent", "stay word word", ["retention_pushiness"]),
    ("agent", "fix word", ["ownership"]),
    ("agent", "interrupt word", ["interruption"]),
    ("agent", "policy word", ["deflection"]),
    ("agent", "word word", []),
]


def write_calls(path: Path, count: int, prefix: str) -> Path:
    rng = random.Random(prefix)
    lines = []
    for n in range(count):
        turns = rng.sample(TURNS, len(TURNS))
        segments = [
            {"speaker": who, "text": text, "labels": labels, "start": 2.0 * at, "end": 2.0 * at + 1.5}
            for at, (who, text, labels) in enumerate(turns)
        ]
        lines.append(json.dumps({"call_id": f"{prefix}{n}", "meta": {}, "segments": segments}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def tiny_config(tmp_path: Path, keyword_folder: Path) -> TrainingConfig:
    """Settings of the real file, with a tiny base encoder and tiny data."""
    base = tmp_path / "base"
    tokenizer = AutoTokenizer.from_pretrained(keyword_folder)
    tokenizer.save_pretrained(base)
    tiny = BertConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    BertForMaskedLM(tiny).save_pretrained(base)
    real = load_yaml(ROOT / "configs" / "training.yaml", TrainingConfig)
    return real.model_copy(
        update={
            "base_model": str(base),
            "labels": ROOT / real.labels,
            "train": (write_calls(tmp_path / "train.jsonl", 60, "t"),),
            "dev": (write_calls(tmp_path / "dev.jsonl", 20, "d"),),
            "epochs": 30,
            "learning_rate": 0.01,
            "head_learning_rate": 0.02,
            "average_decay": 0.9,
            "save_steps": 20,
        }
    )
