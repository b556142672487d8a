"""What of a transcript must not be shown? Numbers that identify people, and characters that deceive the eye."""

import re

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
SPOKEN_EMAIL = re.compile(r"\b[\w.]+(?: (?:dot|underscore|dash) \w+)* at \w+(?: dot \w+)+\b", re.IGNORECASE)
DIGITS = re.compile(r"(?<![\w.])\+?\(?\d(?:[ \-.()/]{0,2}\d){6,}(?!\w)")
DATE = re.compile(r"\d{4}-\d\d-\d\d|\d\d?[/.]\d\d?[/.]\d{4}")
ONES = "zero|oh|o|nought|one|two|three|four|five|six|seven|eight|nine|double|triple"
TENS = "ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty"
SPOKEN_DIGITS = re.compile(rf"\b(?:(?:{ONES}|{TENS}|\d+)[\s,.\-]+){{4,}}(?:{ONES}|{TENS}|\d+)\b", re.IGNORECASE)
DECEIVING = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # they reorder what stands around them
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str, *, masked: bool) -> str:
    """The text as a page may show it: without deceiving characters and, where `masked`, without numbers that identify people."""
    plain = CONTROLS.sub("\N{REPLACEMENT CHARACTER}", DECEIVING.sub("", text))
    return mask(plain) if masked else plain


def mask(text: str) -> str:
    """The text with card numbers, long numbers (phones, accounts; also when spoken) and e-mail addresses replaced.

    It rather hides too much than too little: any seven digits in a row are a number, any five spoken ones too.
    """
    text = EMAIL.sub("[e-mail]", text)
    text = SPOKEN_EMAIL.sub("[e-mail]", text)
    text = DIGITS.sub(_number, text)
    return SPOKEN_DIGITS.sub("[number]", text)


def is_card(digits: str) -> bool:
    """Whether 13 to 19 digits carry the check digit of a card. Source: ISO/IEC 7812-1, annex B (Luhn)."""
    doubled = [int(digit) * (2 if at % 2 else 1) for at, digit in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _number(match: re.Match[str]) -> str:
    found = match.group()
    if DATE.fullmatch(found):
        return found
    return "[card number]" if is_card(re.sub(r"\D", "", found)) else "[number]"
