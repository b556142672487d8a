from hypothesis import given
from hypothesis import strategies as st

from scorer.classify.windows import MARKERS, Piece, pieces, windows
from scorer.records import Segment

IDS = {marker: 1000 + at for at, marker in enumerate(MARKERS)}


def cut(sizes: list[int], window_tokens: int, context_tokens: int) -> list:  # type: ignore[type-arg]
    parts = [Piece(at, tuple(range(size))) for at, size in enumerate(sizes)]
    return list(windows(parts, cls_id=-1, sep_id=-2, window_tokens=window_tokens, context_tokens=context_tokens))


@given(st.lists(st.integers(2, 30), min_size=1, max_size=60), st.integers(0, 20))
def test_every_piece_is_answered_once_whole_and_no_window_is_too_long(sizes: list[int], context: int) -> None:
    made = cut(sizes, 48, context)

    answered = [span for window in made for span in window.spans]
    assert [segment for segment, _, _ in answered] == list(range(len(sizes)))
    assert [end - start for _, start, end in answered] == sizes
    assert all(len(window.token_ids) <= 48 for window in made)
    assert all(window.token_ids[0] == -1 and window.token_ids[-1] == -2 for window in made)


def test_a_call_that_fits_is_one_window() -> None:
    assert len(cut([5, 5, 5], 17, 4)) == 1


def test_a_segment_is_seen_with_what_was_said_before_and_after_it() -> None:
    first, second = cut([5, 5, 5, 5, 5, 5], 22, 5)

    assert [s for s, _, _ in first.spans] == [0, 1, 2]  # of 0..3: the last one shows what follows
    assert [s for s, _, _ in second.spans] == [3, 4, 5]
    assert second.spans[0][1] == 6  # after [CLS] and segment 2


def test_a_long_segment_is_split_and_nothing_is_lost() -> None:
    words = list(range(100))

    made = pieces([Segment(0, "agent", "long")], [words], IDS, room=32)

    assert [w for piece in made for w in piece.token_ids[2:]] == words
    assert {piece.segment for piece in made} == {0}
    assert max(len(piece.token_ids) for piece in made) <= 32


def test_a_segment_without_words_still_has_its_markers() -> None:
    (piece,) = pieces([Segment(0, "other", "")], [[]], IDS, room=32)

    assert len(piece.token_ids) == 2
