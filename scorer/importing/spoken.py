"""How do single words become segments, and what is a segment's confidence?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from scorer.importing.source import SourceSegment
from scorer.records import Word

PAUSE_S = 3.0  # of one speaker, from which on a new segment begins


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word with who said it. `joined` marks punctuation that follows the word before without a space."""

    text: str
    speaker: str | None = None
    channel: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    confidence: float | None = None
    joined: bool = False


def segments_from(words: Iterable[SpokenWord], *, pause_s: float = PAUSE_S) -> Iterator[SourceSegment]:
    """Runs of words of one speaker, cut where the speaker pauses. Words come in the order in which the source has them."""
    for (speaker, channel), found in groupby(_with_punctuation(words), key=lambda word: (word.speaker, word.channel)):
        for run in _cut(list(found), pause_s):
            times = [time for word in run for time in (word.start_s, word.end_s) if time is not None]
            yield SourceSegment(
                " ".join(word.text for word in run),
                speaker,
                channel,
                start_s=min(times, default=None),
                end_s=max(times, default=None),
                words=tuple(Word(word.text, word.start_s, word.end_s) for word in run),
                confidence=mean_of([word.confidence for word in run]),
            )


def by_pause(words: Sequence[SpokenWord]) -> list[SourceSegment]:
    """Segments of several channels, each cut for itself, so that what one says does not cut the other."""
    channels = sorted({word.channel or "" for word in words})
    return [segment for channel in channels for segment in segments_from([w for w in words if (w.channel or "") == channel], pause_s=1.0)]


def mean_of(found: Sequence[float | None]) -> float | None:
    """The mean of what is known, None where nothing is."""
    known = [value for value in found if value is not None]
    return round(sum(known) / len(known), 4) if known else None


def _with_punctuation(words: Iterable[SpokenWord]) -> Iterator[SpokenWord]:
    """The words, each with the punctuation that follows it."""
    kept: SpokenWord | None = None
    for word in words:
        if word.joined and kept is not None:
            kept = SpokenWord(kept.text + word.text, kept.speaker, kept.channel, kept.start_s, kept.end_s, kept.confidence)
            continue
        if kept is not None:
            yield kept
        kept = word
    if kept is not None:
        yield kept


def _cut(words: Sequence[SpokenWord], pause_s: float) -> Iterator[Sequence[SpokenWord]]:
    start = 0
    for at, (word, following) in enumerate(pairwise(words), 1):
        if word.end_s is not None and following.start_s is not None and following.start_s - word.end_s >= pause_s:
            yield words[start:at]
            start = at
    yield words[start:]
