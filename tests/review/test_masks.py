"""Numbers that identify people, and characters that deceive."""

import pytest

from scorer.review.masks import is_card, visible


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("it is 4111 1111 1111 1111 thanks", "it is [card number] thanks"),
        ("it is 4111 1111 1111 1112 thanks", "it is [number] thanks"),  # no card, still a long number
        ("ring +44 (0)20 7946 0958 or 555-867-5309", "ring [number] or [number]"),
        ("jo.b+x@mail.example.org, please", "[e-mail], please"),
        ("it's jo dot bloggs at mail dot com", "it's [e-mail]"),
        ("oh one six three two, nine six oh", "[number]"),
        ("double four seven one two nine", "[number]"),
        ("on 2026-11-20 I paid 1,250.00 for 3 of 12", "on 2026-11-20 I paid 1,250.00 for 3 of 12"),
        ("one of the two", "one of the two"),
        ("in twenty twenty six", "in twenty twenty six"),
    ],
)
def test_numbers_and_addresses_are_hidden_and_amounts_are_not(said: str, shown: str) -> None:
    assert visible(said, masked=True) == shown
    assert visible(said, masked=False) == said


def test_characters_that_reorder_or_steer_are_taken_out() -> None:
    assert visible("a\u202eb\u2066c\x1bd\u200fe", masked=False) == "abc\N{REPLACEMENT CHARACTER}de"


def test_a_card_has_a_check_digit() -> None:
    # 79927398713 fits the check digit, but is too short for a card
    assert is_card("5555555555554444") and not is_card("5555555555554445") and not is_card("79927398713")
