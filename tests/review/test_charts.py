"""Do the marks of a picture stand where they should?"""

from hypothesis import given
from hypothesis import strategies as st

from scorer.records import Segment
from scorer.review.charts import overlaps

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)).map(lambda pair: (float(pair[0]), float(pair[0] + pair[1]))), max_size=12)


@given(SPANS, SPANS)
def test_both_speak_wherever_a_stretch_of_one_meets_one_of_the_other(
    agent: list[tuple[float, float]], customer: list[tuple[float, float]]
) -> None:
    segments = [Segment(at, "agent" if at < len(agent) else "customer", "word") for at in range(len(agent) + len(customer))]

    found = overlaps(segments, dict(enumerate([*agent, *customer])))

    pairs = [(max(a, c), min(b, d)) for a, b in agent for c, d in customer]
    assert found == sorted((start, end) for start, end in pairs if end > start)
