"""The quick ways to read against the plain one: the stock network in float32, a batch at a time."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.functional import linear
from transformers import BertConfig, BertForTokenClassification

from scorer.classify import predict as predicting
from scorer.classify import reading
from scorer.classify.bert import Bert, exactly
from scorer.classify.decide import Decision
from scorer.classify.eightbit import EightBit, has_eight_bits
from scorer.classify.encoder import piece_logits
from scorer.classify.model import SegmentModel, load_model
from scorer.classify.predict import call_logits, judge, predict
from scorer.records import Call, JudgedCall, Segment

WINDOW = 64
SAID = ("word", "broken", "sorry", "cancel", ".", "fix", "stay", "policy")
eight_bits = pytest.mark.skipif(not has_eight_bits(), reason="this CPU multiplies 8 bit integers no faster")


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
    return SegmentModel(network, plain.tokenizer, plain.labels, (Decision(1.5, 0.4),) * 7)


def night(count: int, seed: int = 1) -> list[Call]:
    """Calls of every length, with segments of no, one, a few, and more words than a window holds."""
    rng = random.Random(seed)
    calls = []
    for number in range(count):
        words = [rng.choice([0, 1, 1, 3, 8, 8, 20, WINDOW * 2 if number % 9 == 0 else 5]) for _ in range(rng.randrange(number % 40 + 1))]
        speakers = [rng.choice(["agent", "customer", "other"]) for _ in words]
        texts = [" ".join(rng.choices(SAID, k=length)) for length in words]
        calls.append(Call(str(number), tuple(Segment(at, s, t) for at, (s, t) in enumerate(zip(speakers, texts, strict=True)))))  # type: ignore[arg-type]
    return calls


def plainly(model: SegmentModel, calls: list[Call]) -> list[JudgedCall]:
    """What the stock network says, one call at a time."""
    found = []
    for call in calls:
        logits = torch.full((len(call.segments), 7), -torch.inf)
        windows = model.maker(WINDOW, 16).windows(call.segments)
        with torch.inference_mode():
            rows = piece_logits(model.network, windows, pad_id=model.pad_id) if windows else []
        for (segment, _, _), row in zip((span for window in windows for span in window.spans), rows, strict=True):
            logits[segment] = torch.maximum(logits[segment], row)
        found.append(judge(call, logits, model))
    return found


def quickly(model: SegmentModel, calls: list[Call], batch_tokens: int = 4096) -> list[JudgedCall]:
    return list(predict(calls, model, model.maker(WINDOW, 16), batch_tokens=batch_tokens))


def test_one_window_alone_is_answered_as_the_stock_network_answers_it(model: SegmentModel) -> None:
    bert = Bert(model.network, exactly)
    ids = [random.Random(1).randrange(len(model.tokenizer)) for _ in range(512)]

    with torch.inference_mode():
        for length in (1, 2, 15, 16, 17, 63, 255, 256, 257, 500, 512):
            stock = model.network(input_ids=torch.tensor([ids[:length]])).logits[0]
            assert torch.allclose(bert(ids[:length]), stock, atol=1e-3), length


def test_labels_are_those_of_the_plain_way_on_calls_of_every_length(model: SegmentModel) -> None:
    calls = night(120)

    plain, quick = plainly(model, calls), quickly(model, calls)

    assert [[p.labels for p in judged.predictions] for judged in quick] == [[p.labels for p in judged.predictions] for judged in plain]
    assert {label for judged in plain for p in judged.predictions for label in p.labels} == {label.name for label in model.labels}


@pytest.mark.parametrize(("cores", "batch_tokens", "segments_at_once"), [(1, 64, 1), (2, 300, 100), (5, 100_000, 100_000)])
def test_every_bit_is_the_same_whatever_is_read_beside_it(
    model: SegmentModel, monkeypatch: pytest.MonkeyPatch, cores: int, batch_tokens: int, segments_at_once: int
) -> None:
    calls = night(150, seed=2)
    usual = quickly(model, calls)

    monkeypatch.setattr(reading, "usable_cores", lambda: cores)
    monkeypatch.setattr(predicting, "SEGMENTS_AT_ONCE", segments_at_once)
    reading.quick_reading.cache_clear()

    assert quickly(model, calls[::-1], batch_tokens)[::-1] == usual
    reading.quick_reading.cache_clear()


def test_a_label_in_doubt_has_the_probability_of_float32(model: SegmentModel) -> None:
    call = night(40)[39]
    exact = call_logits([call], model, model.maker(WINDOW, 16), batch_tokens=1)[0]
    at = next(at for at, segment in enumerate(call.segments) if segment.speaker == "agent" and segment.text)
    border = torch.sigmoid(exact[at, 0] / 1.5).item()
    wavering = replace(model, decisions=(Decision(1.5, min(max(border, 0.01), 0.99)), *model.decisions[1:]))

    (judged,) = quickly(wavering, [call])

    assert judged.predictions[at] == judge(call, exact, wavering).predictions[at]


def test_the_threads_of_torch_are_given_back(model: SegmentModel) -> None:
    before = torch.get_num_threads()
    judged = predict(night(30), model, model.maker(WINDOW, 16), batch_tokens=4096)

    next(judged)
    judged.close()  # type: ignore[attr-defined]

    assert torch.get_num_threads() == before


@eight_bits
def test_a_product_in_eight_bits_is_near_even_where_a_channel_is_loud() -> None:
    generator = torch.Generator().manual_seed(1)
    hidden, weight, bias = (torch.randn(*shape, generator=generator) for shape in ((40, 96), (32, 96), (32,)))
    hidden[:, 7] *= 300

    with torch.inference_mode():
        rough = EightBit(weight, bias, loud=torch.tensor([7]))(hidden)

    error = (rough - linear(hidden, weight, bias)).std() / linear(hidden.index_fill(1, torch.tensor([7]), 0.0), weight).std()
    assert error < 0.02


@eight_bits
def test_a_token_s_product_in_eight_bits_does_not_depend_on_the_tokens_beside_it() -> None:
    generator = torch.Generator().manual_seed(1)
    hidden, weight, bias = (torch.randn(*shape, generator=generator) for shape in ((100, 96), (32, 96), (32,)))
    product = EightBit(weight, bias, loud=torch.tensor([3]))

    with torch.inference_mode():
        together, alone = product(hidden), torch.cat([product(row) for row in hidden.split(7)])

    assert torch.equal(together, alone)
