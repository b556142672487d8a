from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForTokenClassification

from scorer.classify.decide import Decision, probabilities
from scorer.classify.load import load_model
from scorer.classify.model import SegmentModel
from scorer.classify.predict import predict
from scorer.errors import ModelError
from scorer.records import Call, JudgedCall, Segment


def call(call_id: str, *turns: str) -> Call:
    """Turns are "agent words" or "customer words"."""
    parts = [turn.split(" ", 1) for turn in turns]
    return Call(call_id, tuple(Segment(at, who, text) for at, (who, text) in enumerate(parts)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def model(keyword_folder: Path) -> SegmentModel:
    return load_model(keyword_folder)


def judge(model: SegmentModel, *calls: Call, batch_tokens: int = 4096, window_tokens: int = 512) -> list[JudgedCall]:
    return list(predict(calls, model, model.maker(window_tokens, 16), batch_tokens=batch_tokens))


def test_labels_go_on_the_party_that_can_carry_them(model: SegmentModel) -> None:
    (judged,) = judge(model, call("c", "customer it is broken sorry", "agent sorry broken", "other sorry broken"))

    assert [sorted(p.labels) for p in judged.predictions] == [["problem"], ["apology"], []]
    assert set(judged.predictions[0].probabilities) == {"problem", "exit_request"}
    assert judged.predictions[2].probabilities == {}


def test_a_probability_is_calibrated_and_rounded() -> None:
    found = probabilities(np.array([[2.0, 0.0], [-np.inf, 1.0]], np.float32), [Decision(2.0, 0.1, 0.5), Decision(1.0, 0.0, 0.5)])

    assert found == [[0.75026, 0.5], [0.0, 0.731059]]  # 1 / (1 + exp(-1.1)), ...


def test_an_answer_that_is_no_number_ends_the_run(model: SegmentModel) -> None:
    broken = random_model(model)
    torch.nn.init.constant_(broken.network.classifier.bias, torch.nan)

    with pytest.raises(ModelError, match="not a number"):
        judge(broken, call("c", "agent sorry"))


def test_a_call_without_segments_is_judged_among_others(model: SegmentModel) -> None:
    first, empty, last = judge(model, call("a", "agent sorry"), Call("b", ()), call("c", "agent sorry"))

    assert empty.predictions == () and first.predictions == last.predictions and first.predictions[0].labels == {"apology"}


def test_a_segment_without_words_carries_nothing(model: SegmentModel) -> None:
    (judged,) = judge(model, Call("c", (Segment(0, "agent", "  "),)))

    assert judged.predictions[0].probabilities == {}


def test_the_last_of_a_segment_of_two_thousand_words_is_still_read(model: SegmentModel) -> None:
    (judged,) = judge(model, call("c", "agent " + "word " * 2000 + "sorry " * 20), window_tokens=64)

    assert judged.predictions[0].labels == {"apology"}


def test_special_tokens_in_a_transcript_are_only_words(model: SegmentModel) -> None:
    plain, odd = judge(model, call("a", "agent sorry"), call("b", "agent sorry [SEP] [unused1] [CLS]"))

    assert plain.predictions[0].labels == odd.predictions[0].labels == {"apology"}


def random_model(model: SegmentModel) -> SegmentModel:
    """Attention over everything, so that a leak between calls or windows would show."""
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(model.tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, num_labels=7
    )
    return SegmentModel(BertForTokenClassification(config).eval(), model.tokenizer, model.labels, model.decisions)


@pytest.mark.parametrize("batch_tokens", [64, 300, 10_000])
def test_a_call_is_judged_the_same_whatever_lies_beside_it(model: SegmentModel, batch_tokens: int) -> None:
    attentive = random_model(model)
    long = call("long", *(f"{'agent' if n % 2 else 'customer'} {'word broken sorry cancel . ' * (n % 7)}word" for n in range(60)))
    others = [call(f"c{n}", *(["customer broken word", "agent fix word"] * (n + 1))) for n in range(9)]

    (alone,) = judge(attentive, long, window_tokens=64)
    among = judge(attentive, *others[:4], long, *others[4:], batch_tokens=batch_tokens, window_tokens=64)[4]

    for a, b in zip(alone.predictions, among.predictions, strict=True):
        assert a.labels == b.labels
        assert a.probabilities == pytest.approx(b.probabilities, abs=2e-6)


def test_results_come_in_the_order_of_the_calls(model: SegmentModel) -> None:
    calls = [call(str(n), *(["agent word"] * (n * 7 % 13 + 1))) for n in range(600)]

    assert [judged.call.call_id for judged in judge(model, *calls)] == [c.call_id for c in calls]
