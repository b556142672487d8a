"""Reading on all cores, and in batches, against the plain way: one window, one segment after the other."""

import random
from functools import partial
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForTokenClassification

from scorer.classify import predict as predicting
from scorer.classify import reading
from scorer.classify.decide import Decision
from scorer.classify.load import load_model
from scorer.classify.model import SegmentModel
from scorer.classify.predict import judge, predict
from scorer.classify.windows import MARKERS_PER_SEGMENT
from scorer.labels import names
from scorer.records import Call, JudgedCall, Segment
from scorer.training.corpus import read_corpus

ROOT = Path(__file__).parents[2]
WINDOW = 64
SAID = ("word", "broken", "sorry", "cancel", ".", "fix", "stay", "policy")


@pytest.fixture(scope="module")
def model(keyword_folder: Path) -> SegmentModel:
    """Attention over everything, and answers on both sides of the thresholds."""
    plain = load_model(keyword_folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(plain.tokenizer), hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128, num_labels=7
    )
    network = BertForTokenClassification(config).eval()
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(4.0)
    return SegmentModel(network, plain.tokenizer, plain.labels, (Decision(1.5, 0.2, 0.4),) * 7)


def night(count: int, seed: int = 1) -> list[Call]:
    """Calls of every length, with segments of no, one, a few, and more words than a window holds, and some that only look empty."""
    rng = random.Random(seed)
    calls = []
    for number in range(count):
        words = [rng.choice([0, 1, 1, 3, 8, 8, 20, WINDOW * 2 if number % 9 == 0 else 5]) for _ in range(rng.randrange(number % 40 + 1))]
        speakers = [rng.choice(["agent", "customer", "other"]) for _ in words]
        nothing = "\N{ZERO WIDTH SPACE}" if number % 2 else ""  # no token either, but not blank
        texts = [" ".join(rng.choices(SAID, k=length)) or nothing for length in words]
        calls.append(Call(str(number), tuple(Segment(at, s, t) for at, (s, t) in enumerate(zip(speakers, texts, strict=True)))))  # type: ignore[arg-type]
    return calls


def plainly(model: SegmentModel, calls: list[Call]) -> list[JudgedCall]:
    """What the network says to every window alone: the mean at a segment's markers, and the mean at its words where it has any."""
    found = []
    for call in calls:
        logits = torch.full((len(call.segments), 7), -torch.inf)
        for window in model.maker(WINDOW, 16).windows(call.segments):
            with torch.inference_mode():
                tokens = model.network(input_ids=torch.tensor([window.token_ids])).logits[0]
            for segment, start, end in window.spans:
                words = start + MARKERS_PER_SEGMENT
                said = tokens[words:end].mean(dim=0) if end > words else torch.zeros(7)
                logits[segment] = torch.maximum(logits[segment], tokens[start:words].mean(dim=0) + said)
        found.append(judge(call, logits, model))
    return found


def on_all_cores(model: SegmentModel, calls: list[Call], batch_tokens: int = 4096) -> list[JudgedCall]:
    return list(predict(calls, model, model.maker(WINDOW, 16), batch_tokens=batch_tokens))


def test_labels_are_those_of_the_plain_way_on_calls_of_every_length(model: SegmentModel) -> None:
    calls = night(120)

    plain, ours = plainly(model, calls), on_all_cores(model, calls)

    assert [[p.labels for p in judged.predictions] for judged in ours] == [[p.labels for p in judged.predictions] for judged in plain]
    assert {label for judged in plain for p in judged.predictions for label in p.labels} == {label.name for label in model.labels}


@pytest.mark.parametrize(("cores", "batch_tokens", "segments_at_once"), [(1, 64, 1), (2, 300, 100), (5, 100_000, 100_000)])
def test_every_bit_is_the_same_whatever_is_read_beside_it(
    model: SegmentModel, monkeypatch: pytest.MonkeyPatch, cores: int, batch_tokens: int, segments_at_once: int
) -> None:
    calls = night(150, seed=2)
    usual = on_all_cores(model, calls)

    monkeypatch.setattr(reading, "usable_cores", lambda: cores)
    monkeypatch.setattr(predicting, "SEGMENTS_AT_ONCE", segments_at_once)

    assert on_all_cores(model, calls[::-1], batch_tokens)[::-1] == usual


@pytest.mark.parametrize("batch_tokens", [1, 64, 300, 4096])
def test_batches_as_a_gpu_reads_them_give_the_labels_of_the_plain_way(
    model: SegmentModel, monkeypatch: pytest.MonkeyPatch, batch_tokens: int
) -> None:
    answer = partial(reading._logits, model, device="cpu", precision="float32")
    monkeypatch.setattr(predicting, "reading_of", lambda *_: reading.Reading(answer, batch_tokens, 1))
    calls = night(120, seed=3)

    plain, ours = plainly(model, calls), on_all_cores(model, calls)

    for one, other in zip(plain, ours, strict=True):
        assert [p.labels for p in other.predictions] == [p.labels for p in one.predictions]
        assert [p.probabilities for p in other.predictions] == [pytest.approx(p.probabilities, abs=2e-5) for p in one.predictions]


def test_without_a_gpu_the_cores_are_told_and_the_build_of_torch_that_found_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "usable_cores", lambda: 3)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert reading.told_place() == f"3 CPU cores: torch {torch.__version__} finds no GPU"

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    assert reading.told_place() == "NVIDIA H200"


def test_in_16_bit_the_shipped_model_says_nearly_the_same() -> None:
    shipped = load_model(ROOT / "models" / "default")
    calls = [labelled.call for labelled in read_corpus([ROOT / "models" / "data" / "dev.jsonl"], names(shipped.labels))[:4]]
    maker = shipped.maker(512, 96)

    full = [p for judged in predict(calls, shipped, maker, batch_tokens=4096) for p in judged.predictions]
    short = [p for judged in predict(calls, shipped, maker, batch_tokens=4096, precision="bfloat16") for p in judged.predictions]

    assert full != short
    assert all(one.probabilities == pytest.approx(other.probabilities, abs=0.03) for one, other in zip(full, short, strict=True))
    assert sum(one.labels != other.labels for one, other in zip(full, short, strict=True)) <= 1


def test_the_threads_of_torch_are_given_back(model: SegmentModel) -> None:
    before = torch.get_num_threads()
    judged = predict(night(30), model, model.maker(WINDOW, 16), batch_tokens=4096)

    next(judged)
    judged.close()  # type: ignore[attr-defined]

    assert torch.get_num_threads() == before
