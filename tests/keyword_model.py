"""A real model folder that is small enough to work out by hand: each label is given where its keyword is said."""

import json
from pathlib import Path

import torch
from transformers import BertConfig, BertForTokenClassification, BertTokenizer

from scorer.classify.windows import MARKER_SCHEME

KEYWORDS = {
    "interruption": "interrupt",
    "retention_pushiness": "stay",
    "ownership": "fix",
    "apology": "sorry",
    "deflection": "policy",
    "problem": "broken",
    "exit_request": "cancel",
}
LABELS = Path(__file__).parents[1] / "models" / "labels.json"


def build(folder: Path, labels_file: Path = LABELS, keywords: dict[str, str] = KEYWORDS) -> Path:
    """Write the folder: a BERT without layers whose embeddings and head are set by hand.

    The embedding of the k-th keyword is the k-th unit vector, every other token is zero; the head reads the k-th dimension.
    A segment of up to about 40 tokens with the keyword has a logit far above 0, one without has -10.
    """
    labels = json.loads(labels_file.read_text(encoding="utf-8"))
    names = [label["name"] for label in labels]
    folder.mkdir(parents=True, exist_ok=True)
    tokens = ["[PAD]", *(f"[unused{n}]" for n in range(1, 11)), "[UNK]", "[CLS]", "[SEP]", "[MASK]", *keywords.values(), "word", "##s", "."]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    size = 4 * len(names)
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=size,
        num_hidden_layers=0,
        num_attention_heads=1,
        intermediate_size=4,
        max_position_embeddings=512,
        id2label=dict(enumerate(names)),
        label2id={name: at for at, name in enumerate(names)},
        marker_scheme=MARKER_SCHEME,
    )
    network = BertForTokenClassification(config)
    with torch.no_grad():
        for weights in network.bert.embeddings.parameters():
            weights.zero_()
        network.bert.embeddings.LayerNorm.weight.fill_(1.0)
        network.classifier.weight.zero_()
        network.classifier.bias.fill_(-5.0)  # counted twice: markers and words
        for at, name in enumerate(names):
            network.bert.embeddings.word_embeddings.weight[tokens.index(keywords[name]), at] = 1.0
            network.classifier.weight[at, at] = 200.0
    network.save_pretrained(folder)
    (folder / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    decisions = {name: {"temperature": 1.0, "threshold": 0.5} for name in names}
    (folder / "thresholds.json").write_text(json.dumps(decisions), encoding="utf-8")
    return folder
