"""What of a transcript must not be shown? Numbers that identify people, and characters that deceive the eye."""

import re

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-][\w.+'-]*@[\w-]+(?:\.[\w-]+)+")
ENDINGS = "com|net|org|edu|gov|info|biz|io|co|uk|ie|eu|de|fr|nl|ca|au"
SPOKEN_EMAIL = re.compile(
    rf"(?<![\w.-])[\w.-]+(?: (?:dot|underscore|dash) \w+){{0,5}} at (?:\w+(?: dot \w+)+|[\w-]+(?:\.[\w-]+)*\.(?:{ENDINGS}))\b",
    re.IGNORECASE,
)
FILLER = "uh|uhm|um|er|erm|ah|eh|hm|hmm|mm"
YEAR, DAY = r"(?:19|20)\d\d", r"[0-3]?\d"
SIGN, GROUPED = r"[$£€¥]", r"\d{1,3}(?:,\d{3})*(?:\.\d\d)?"
KEPT = re.compile(  # dates, years, times and prices: shown, and no part of a number beside them
    rf"((?<![\d.:/-])(?:{YEAR}-[01]\d-[0-3]\d|{DAY}([/.-]){DAY}\2{YEAR}|{DAY}/{DAY}/\d\d|{YEAR}(?:, {YEAR})+(?!, ?\d)"
    rf"|(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)(?![:/-]?\d)"
    rf"|{SIGN} ?(?:{GROUPED}|\d{{1,6}}(?:\.\d\d)?)(?![,.]?\d)"
    rf"|(?<![\d,.-])(?<!\d )(?:\d{{1,3}}(?:,\d{{3}})+\.\d\d|\d{{1,3}},\d{{3}})(?![ ,.-]{{0,2}}\d))"
)
CODE = re.compile(r"\b(?=\w*[^\W\d_])(?=(?:[^\W\d]*\d){6})\w+\b")  # letters and six digits or more: policies, passports, IBANs
BETWEEN = rf"(?:[ \t.,:;/()_*#\-\u2010-\u2015\u2212]{{0,5}}|[ ,.]{{1,3}}(?:{FILLER}|double|triple)[ ,.]{{1,3}})"
DIGITS = re.compile(rf"(?<!\d)\+?\(?\d(?:{BETWEEN}\d){{6,}}(?!\d)", re.IGNORECASE)
ONES = "zero|oh|o|nought|one|two|three|four|five|six|seven|eight|nine|double|triple"
TENS = "ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty"
WORD = rf"(?:{ONES}|{TENS}|\d+)(?:[\s-](?:hundred|thousand)\b)?"
SPOKEN_DIGITS = re.compile(rf"\b(?:{WORD}[\s,.\-]+(?:(?:{FILLER})[\s,.\-]+)*){{4,}}{WORD}\b", re.IGNORECASE)
ROUND = re.compile(r"hundred|thousand", re.IGNORECASE)
MONEY = re.compile(r"\s(?:dollar|buck|pound|euro|cent|pence|quid|rupee|percent)", re.IGNORECASE)
TWO_SUMS = re.compile(r"\d{1,5}, \d{1,5}")
DECEIVING = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # they reorder what stands around them
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str, *, masked: bool) -> str:
    """The text as a page may show it: without deceiving characters and, where `masked`, without numbers that identify people."""
    plain = CONTROLS.sub("\N{REPLACEMENT CHARACTER}", DECEIVING.sub("", text))
    return mask(plain) if masked else plain


def mask(text: str) -> str:
    """The text with card numbers, long numbers (phones, accounts; also when spoken) and e-mail addresses replaced.

    It rather hides too much than too little: any seven digits in a row are a number, any five spoken ones too,
    and any word of letters with six digits. Dates, times and prices stay.
    """
    text = EMAIL.sub("[e-mail]", text)
    text = SPOKEN_EMAIL.sub("[e-mail]", text)
    shown, end = [], 0
    for kept in KEPT.finditer(text):
        shown += [_masked(text[end : kept.start()]), kept.group()]
        end = kept.end()
    return "".join([*shown, _masked(text[end:])])


def is_card(digits: str) -> bool:
    """Whether 13 to 19 digits carry the check digit of a card. Source: ISO/IEC 7812-1, annex B (Luhn)."""
    doubled = [int(digit) * (2 if at % 2 else 1) for at, digit in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _masked(text: str) -> str:
    text = CODE.sub("[number]", text)
    text = DIGITS.sub(_number, text)
    return SPOKEN_DIGITS.sub(_spoken, text)


def _number(match: re.Match[str]) -> str:
    if MONEY.match(match.string, match.end()) and TWO_SUMS.fullmatch(match.group()):
        return match.group()
    return "[card number]" if is_card(re.sub(r"\D", "", match.group())) else "[number]"


def _spoken(match: re.Match[str]) -> str:
    """A sum of money is said in words too."""
    price = ROUND.search(match.group()) and MONEY.match(match.string, match.end())
    return match.group() if price else "[number]"
