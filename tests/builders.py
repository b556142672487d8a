"""Judged calls in one line each, for tests of scoring."""

from scorer.records import Call, JudgedCall, Segment, SegmentPrediction

AGENT = ("interruption", "retention_pushiness", "ownership", "apology", "deflection", "empathy")
CUSTOMER = ("problem", "exit_request")


def judged(*turns: str, call_id: str = "c") -> JudgedCall:
    """A call from turns such as "agent #apology" or "customer #problem=0.7 ~exit_request=0.4".

    `#` gives a label (probability 1 unless said), `~` a probability without the label; all others have probability 0.
    """
    segments, predictions = [], []
    for at, turn in enumerate(turns):
        speaker, *marks = turn.split()
        given = {name: float(p or 1) for name, _, p in (mark[1:].partition("=") for mark in marks)}
        carried = {"agent": AGENT, "customer": CUSTOMER}.get(speaker, ())
        segments.append(Segment(at, speaker, f"words {at}", float(at), float(at) + 0.9))  # type: ignore[arg-type]
        predictions.append(
            SegmentPrediction(
                {name: given.get(name, 0.0) for name in carried},
                frozenset(mark[1:].partition("=")[0] for mark in marks if mark.startswith("#")),
                0.0,
                "turns",
            )
        )
    return JudgedCall(Call(call_id, tuple(segments), rows=len(segments)), tuple(predictions))
