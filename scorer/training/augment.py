"""What else could the same call have looked like? Changes to labelled calls that keep their labels true."""

import random
import re
from dataclasses import replace

from scorer.records import Segment
from scorer.training.corpus import LabelledCall
from scorer.training.cutins import vary_turns

FILLERS = ("uh", "um", "er", "you know", "like")
PUNCTUATION = re.compile(r"[^\w\s'*\[\]]")
JITTER_S = 0.15
MASKS = (  # for a name, for a number: how those who hand transcripts on blank out who is meant
    ("[NAME]", "[NUMBER]"),
    ("[PII]", "[PII]"),
    ("<PERSON>", "<DATE>"),
    ("{{Person Name}}", "{{Account Number}}"),
    ("XXXX", "XXXX"),
    ("####", "####"),
    ("***", "***"),
    ("__name__", "__number__"),
)
_NEVER_NAMES = "I|Im|Ill|Ive|Id|OK|TV|Yes|No|Sorry|Well|Thanks?|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_CAPITAL = rf"(?!(?:{_NEVER_NAMES})\b)[A-Z][\w'’-]*"
NAME = re.compile(rf"(?<=[a-z,;] ){_CAPITAL}(?: {_CAPITAL})*")  # not of a sentence's first word
_DIGIT = "(?:oh|zero|one|two|three|four|five|six|seven|eight|nine|double|treble)"
NUMBER = re.compile(rf"[£$€]?\d[\d,.:/-]*\d|\b{_DIGIT}(?: {_DIGIT}){{2,}}\b")


def augment(labelled: LabelledCall, rng: random.Random) -> LabelledCall:
    """One variant: with or without clock, punctuation, apostrophes, names and numbers, and with a recogniser's small mistakes."""
    if rng.random() < 0.33:  # before turns are made up: what shows an interruption differs without a clock
        bare = tuple(replace(s, start_s=None, end_s=None) for s in labelled.call.segments)
        labelled = replace(labelled, call=replace(labelled.call, segments=bare))
    labelled = vary_turns(labelled, rng)
    segments = _clock(labelled.call.segments, rng)
    if rng.random() < 0.7:
        segments = tuple(replace(s, text=PUNCTUATION.sub(" ", s.text)) for s in segments)
        if rng.random() < 0.4:
            segments = tuple(replace(s, text=s.text.replace("'", "")) for s in segments)
    if rng.random() < 0.15:
        masks = rng.choice(MASKS)
        segments = tuple(replace(s, text=masked(s.text, *masks)) for s in segments)
    if rng.random() < 0.3:
        segments = tuple(replace(s, text=_misheard(s.text, rng)) for s in segments)
    return replace(labelled, call=replace(labelled.call, segments=segments))


def _clock(segments: tuple[Segment, ...], rng: random.Random) -> tuple[Segment, ...]:
    """A shaky clock for half of the calls that have one."""
    if rng.random() < 0.5:
        return segments
    return tuple(_shaken(s, rng) for s in segments)


def _shaken(segment: Segment, rng: random.Random) -> Segment:
    if segment.start_s is None or segment.end_s is None:
        return segment
    start = max(0.0, segment.start_s + rng.gauss(0, JITTER_S))
    return replace(segment, start_s=start, end_s=max(start + 0.1, segment.end_s + rng.gauss(0, JITTER_S)))


def masked(text: str, name: str, number: str) -> str:
    """What redaction leaves of names and numbers; most of them: a name that opens a sentence stays, and labels never rest on one."""
    return NUMBER.sub(number, NAME.sub(name, text))


def _misheard(text: str, rng: random.Random) -> str:
    """Some words lost, some fillers added; at least one word stays."""
    words: list[str] = []
    for word in text.split():
        if rng.random() < 0.02:
            words.append(rng.choice(FILLERS))
        if rng.random() >= 0.03:
            words.append(word)
    return " ".join(words) or text
