"""How does Genesys Cloud write a call? Phrases of an internal or external party, in milliseconds, words with times."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from scorer.importing.fields import Fields, Many, Millis, Share, check
from scorer.importing.source import Format, ImportReason, ReadOptions, Role, SourceCall, SourceError, SourceSegment
from scorer.records import Word

ROLES: Mapping[str, Role] = {
    "agent": "agent",
    "user": "agent",
    "customer": "customer",
    "external": "customer",
    **dict.fromkeys(("ivr", "acd", "voicemail", "conference", "workflow", "station"), "ivr"),
    "bot": "bot",
    "botflow": "bot",
}


class Length(Fields):
    milliseconds: Millis


class SpokenPart(Fields):
    word: str
    confidence: Share | None = None
    startTimeMs: int
    duration: Length


class Phrase(Fields):
    participantPurpose: str
    text: str
    decoratedText: str | None = None
    confidence: Share | None = None
    startTimeMs: int
    duration: Length
    words: Many[SpokenPart] = ()


class Participant(Fields):
    participantPurpose: str
    startTime: str | None = None
    endTime: str | None = None
    userId: str | None = None


class Transcript(Fields):
    language: str | None = None
    phrases: Many[Phrase] = ()


class Call(Fields):
    conversationId: str
    mediaType: str | None = None
    startTime: str | int | None = None
    participants: Many[Participant] = ()
    transcripts: Many[Transcript]


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one transcript file. "internal" is the agent only where the participants say so for that moment."""
    call = check(Call, document)
    if call.mediaType not in (None, "call", "voice"):
        raise SourceError(ImportReason.UNSUPPORTED_VERSION, "a mediaType other than call: only voice is read")
    phrases = [phrase for transcript in call.transcripts for phrase in transcript.phrases]
    zero, unit = _clock(call, phrases)
    agents = {p.userId for p in call.participants if ROLES.get(p.participantPurpose) == "agent" and p.userId}
    yield SourceCall(
        tuple(_segment(phrase, _role(phrase, call, zero), zero) for phrase in phrases),
        call_id=call.conversationId,
        apart=True,  # each party is transcribed on its own
        agent_id=agents.pop() if len(agents) == 1 else None,
        started_at=unit,
        language=next((transcript.language for transcript in call.transcripts if transcript.language), None),
    )


def _clock(call: Call, phrases: Sequence[Phrase]) -> tuple[int, str | None]:
    """Epoch milliseconds of the start where the phrases count from 1970, else 0; and the start as text."""
    absolute = any(phrase.startTimeMs > 10**12 for phrase in phrases)
    zero = min((phrase.startTimeMs for phrase in phrases), default=0) if absolute else 0
    if isinstance(call.startTime, int) and absolute and call.startTime <= zero:
        zero = call.startTime
    return zero, call.startTime if isinstance(call.startTime, str) else None


def _segment(phrase: Phrase, role: Role | None, zero: int) -> SourceSegment:
    start = _seconds(phrase.startTimeMs, zero)
    words = [(word.word, _seconds(word.startTimeMs, zero), word.duration.milliseconds) for word in phrase.words]
    return SourceSegment(
        phrase.decoratedText or phrase.text,
        phrase.participantPurpose,
        role=role,
        start_s=start,
        end_s=start + phrase.duration.milliseconds,
        words=tuple(Word(text, begin, begin + length) for text, begin, length in words),
        confidence=phrase.confidence,
    )


def _seconds(moment: int, zero: int) -> float:
    if not zero <= moment < zero + 7 * 86_400_000:
        raise SourceError(ImportReason.BAD_TIMES, "startTimeMs before the start of the call or a week later")
    return (moment - zero) / 1e3


def _role(phrase: Phrase, call: Call, zero: int) -> Role | None:
    """The external party is the customer; the internal one is who of the participants was there, where that is one role."""
    if phrase.participantPurpose != "internal":
        return ROLES.get(phrase.participantPurpose)
    inside = [p for p in call.participants if ROLES.get(p.participantPurpose, "unknown") not in ("customer", "unknown")]
    middle = phrase.startTimeMs + phrase.duration.milliseconds * 500
    there = {ROLES[p.participantPurpose] for p in inside if _was_there(p, call, middle, zero)}
    return there.pop() if len(there) == 1 else None


def _was_there(who: Participant, call: Call, moment: float, zero: int) -> bool:
    """Whether a participant was on the call at a moment; those without times were there all along."""
    start, end = _moment(who.startTime), _moment(who.endTime)
    base = 0.0 if zero else _moment(call.startTime if isinstance(call.startTime, str) else None)
    if base is None:
        return start is None and end is None
    return (start is None or start <= base + moment) and (end is None or base + moment <= end)


def _moment(text: str | None) -> float | None:
    """Epoch milliseconds, None where the text is no time."""
    try:
        return datetime.fromisoformat(text).timestamp() * 1e3 if text else None
    except (ValueError, OverflowError):
        return None


FORMAT = Format("genesys", "Genesys Cloud", "json", ("conversationId", "transcripts[].phrases[].participantPurpose"), read)
