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
        ("4111, 1111, 1111, 1111", "[card number]"),
        ("4111\u20131111\u20131111\u20131111", "[card number]"),
        ("4111:1111:1111:1111", "[card number]"),
        ("4111_1111_1111_1111", "[card number]"),
        ("no.4111111111111111", "no.[card number]"),
        ("4111111111111111x", "[number]"),
        ("4111 1111 uh 1111, um, 1111", "[card number]"),
        ("account AB12345678, IBAN GB29NWBK60161331926819", "account [number], IBAN [number]"),
        ("555 123, 4567", "[number]"),
        ("john at gmail.com", "[e-mail]"),
        ("four one one one uh one one one one um one", "[number]"),
        ("it's four hundred five six seven eight", "it's [number]"),
        ("BB, then 3, 3, 7, 0, 9, 9, 1, double 8.", "BB, then [number]."),
        ("2026-11-20 4111 1111 1111 1111", "2026-11-20 [card number]"),
        ("one of the two", "one of the two"),
        ("in twenty twenty six", "in twenty twenty six"),
    ],
)
def test_numbers_and_addresses_are_hidden_and_amounts_are_not(said: str, shown: str) -> None:
    assert visible(said, masked=True) == shown
    assert visible(said, masked=False) == said


@pytest.mark.parametrize(
    "said",
    [
        "on 20 November 2026, 10:30 or 11:45, 12:15",
        "from 2026-11-20 09:30 to 2026-11-21 17:00",
        "11/20/2026, 12/21/2026 or 20.11.2026",
        "in 2024, 2025",
        "$1,250.00, $30.50, $1,250,000 and 1,250,000.00",
        "I paid 1,250.00 on 2026-11-20 and 12,500 later",
        "maybe 800, 1000 rupees",
        "two thousand five hundred thirty two dollars",
        "one hundred twenty three thousand four hundred fifty six dollars",
        "order B12 of 14, gate 22, 45 minutes",
        "look at the third one at 5.30",
    ],
)
def test_dates_times_and_prices_stay(said: str) -> None:
    assert visible(said, masked=True) == said


def test_characters_that_reorder_or_steer_are_taken_out() -> None:
    assert visible("a\u202eb\u2066c\x1bd\u200fe", masked=False) == "abc\N{REPLACEMENT CHARACTER}de"


def test_a_card_has_a_check_digit() -> None:
    # 79927398713 fits the check digit, but is too short for a card
    assert is_card("5555555555554444") and not is_card("5555555555554445") and not is_card("79927398713")
