"""Can a call be trusted: its order, its clock, its two channels?"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from scorer.importing.roles import RoleAnswer
from scorer.importing.source import ImportReason, SourceCall, SourceError, SourceSegment
from scorer.records import Tier, Word

SAME_TIME_S = 1.0
COPIED_SHARE = 0.6  # of the words of the quieter party that the other says at the same time; an echo stays far below
FEWEST_WORDS = 8
WORDS_SHARE = 0.9  # of the segments; a word of no length happens


def ordered(call: SourceCall) -> SourceCall:
    """The call with its segments by start, where all have one. Raises SourceError for times that cannot be."""
    segments = [segment for segment in call.segments if segment.text.strip()]
    if not segments:
        raise SourceError(ImportReason.NO_SEGMENTS, "no words in it")
    backwards = sum(s.start_s is not None and s.end_s is not None and s.end_s < s.start_s for s in segments)
    if backwards:
        raise SourceError(ImportReason.BAD_TIMES, f"{backwards} segments end before they start")
    if all(segment.start_s is not None for segment in segments):
        segments.sort(key=lambda segment: segment.start_s or 0.0)
    return replace(call, segments=tuple(segments))


def check_characters(call: SourceCall) -> None:
    """Raise SourceError for half a character, which JSON can hold and a table cannot."""
    said = [text for s in call.segments for text in (s.text, s.speaker, s.channel, *(word.text for word in s.words))]
    try:
        "".join(filter(None, [call.call_id, call.agent_id, call.started_at, call.language, *said])).encode()
    except UnicodeEncodeError as error:
        raise SourceError(ImportReason.UNEXPECTED_SHAPE, "half a character in a text, such as \\ud83d alone: export it again") from error


def timing_tier(call: SourceCall, answers: Sequence[RoleAnswer]) -> Tier:
    """What overlap can be known from.

    `none` unless the parties were recorded apart and have times, `words` where nearly every segment has all word times.
    """
    spoken = [s for s, a in zip(call.segments, answers, strict=True) if a.role in ("agent", "customer")]
    if not call.apart or not all(segment.start_s is not None and segment.end_s is not None for segment in spoken):
        return "none"
    timed = sum(bool(segment.words) and all(_is_timed(word) for word in segment.words) for segment in spoken)
    return "words" if timed >= WORDS_SHARE * len(spoken) else "turns"


def check_channels(call: SourceCall, answers: Sequence[RoleAnswer]) -> None:
    """Raise SourceError where both parties say the same at the same time: a mono recording copied to both channels."""
    said = {role: list(_timed_words(call, answers, role)) for role in ("agent", "customer")}
    quieter, other = sorted(said.values(), key=len)
    if len(quieter) < FEWEST_WORDS:
        return
    times: dict[str, list[float]] = defaultdict(list)
    for word, at in other:
        times[word].append(at)
    copied = sum(any(abs(at - there) <= SAME_TIME_S for there in times[word]) for word, at in quieter if word in times)
    if copied >= COPIED_SHARE * len(quieter):
        detail = f"{copied} of {len(quieter)} words are on both channels at the same time: a mono recording copied to stereo"
        raise SourceError(ImportReason.MONO_COPIED, detail)


def _is_timed(word: Word) -> bool:
    return word.start_s is not None and word.end_s is not None and word.end_s > word.start_s


def _timed_words(call: SourceCall, answers: Sequence[RoleAnswer], role: str) -> Iterator[tuple[str, float]]:
    """Each word with its time, spread evenly over the segment where the words have none."""
    for segment, answer in zip(call.segments, answers, strict=True):
        if answer.role == role:
            yield from _spread(segment)


def _spread(segment: SourceSegment) -> Iterator[tuple[str, float]]:
    if segment.words and all(word.start_s is not None for word in segment.words):
        yield from ((word.text.casefold().strip(".,?!"), word.start_s or 0.0) for word in segment.words)
    elif segment.start_s is not None and segment.end_s is not None:
        words = segment.text.casefold().split()
        step = (segment.end_s - segment.start_s) / max(1, len(words))
        yield from ((word.strip(".,?!"), segment.start_s + number * step) for number, word in enumerate(words))
