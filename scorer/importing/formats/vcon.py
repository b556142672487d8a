"""How does a vCon hold calls? Parties, dialogs, and transcripts as analyses whose bodies other formats define."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from scorer.config import fold
from scorer.importing.decode import parse
from scorer.importing.fields import Fields, Label, Many, Seconds, check
from scorer.importing.formats import chat_messages, deepgram, plain_text
from scorer.importing.source import Format, ImportReason, ReadOptions, Role, SourceCall, SourceError, SourceSegment

TRANSCRIPTS = ("transcript", "wtf_transcription", "diarized")
VERSIONS = ("0.0.", "0.1.", "0.2.", "0.3.", "0.4.", "0.5.")
DIRECTIVES = ("critical", "must_support")


class Party(Fields):
    name: str | None = None
    role: str | None = None
    meta: dict[str, Any] | None = None


class Dialog(Fields):
    type: str
    start: str | None = None
    parties: int | Many[int | Many[int] | None] | None = None
    originator: int | None = None
    body: Any = None
    url: Any = None
    mediatype: str | None = None
    encoding: str | None = None


class Analysis(Fields):
    type: str
    dialog: int | Many[int] | None = None
    body: Any = None
    encoding: str | None = None


class Vcon(Fields):
    vcon: str | None = None
    uuid: str | None = None
    critical: Many[str] | None = None
    must_support: Many[str] | None = None
    parties: Many[Party] = ()
    dialog: Many[Dialog] = ()
    analysis: Many[Analysis] = ()


class WtfSegment(Fields):
    start: Seconds
    end: Seconds
    text: str
    speaker: Label | None = None


class Wtf(Fields):
    segments: Many[WtfSegment]


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The calls of one vCon: its transcripts, else its text dialogs.

    Several transcripts of the same dialog are not several calls: the first that names speakers is taken.
    """
    vcon = check(Vcon, document)
    _check_version(vcon)
    calls: Mapping[int | None, SourceCall] = _transcripts(vcon, options)
    if not calls and any(item.type == "text" for item in vcon.dialog):
        calls = {None: _texts(vcon)}
    if not calls:
        raise SourceError(ImportReason.NO_SEGMENTS, "a vCon without a transcript and without text dialogs")
    for number, call in calls.items():
        call_id = f"{vcon.uuid}-{number}" if vcon.uuid and number else vcon.uuid  # vcon_report.py reads it back
        dialog = vcon.dialog[number] if number is not None and 0 <= number < len(vcon.dialog) else None
        roles = _roles(vcon.parties, options)
        yield replace(
            call,
            call_id=call_id,
            started_at=(dialog.start if dialog else None) or call.started_at,
            participants=roles,
            channels=_channels(dialog, roles),
        )


def _check_version(vcon: Vcon) -> None:
    if vcon.vcon is not None and not vcon.vcon.startswith(VERSIONS):
        raise SourceError(ImportReason.UNSUPPORTED_VERSION, "a vcon version other than 0.0 to 0.5")
    if vcon.critical or vcon.must_support:
        raise SourceError(ImportReason.UNSUPPORTED_VERSION, "it demands an extension (critical, must_support) that is not known here")


def _transcripts(vcon: Vcon, options: ReadOptions) -> Mapping[int | None, SourceCall]:
    """One call per dialog, or why it has none. Raises SourceError where there are transcripts and none can be read."""
    found: list[tuple[int | None, SourceCall]] = []
    read: list[Analysis] = []
    problems: dict[int | None, SourceError] = {}
    for item in vcon.analysis:
        try:
            if item.type in TRANSCRIPTS:
                found.append((_dialog_of(item), _transcript(item, options)))
                read.append(item)
        except SourceError as error:  # another transcript of the same dialog may do
            problems.setdefault(_dialog_of(item), error)
    calls = _one_per_dialog([(number, call) for number, call in found if call.segments])
    if problems and not calls:
        raise next(iter(problems.values()))
    told = {None} | {number for item in read for number in _dialogs_of(item)}  # a problem of no dialog is that of a second transcript
    unread = {number: SourceCall((), problem=error) for number, error in problems.items() if number not in told and None not in calls}
    return dict(calls) | unread


def _transcript(item: Analysis, options: ReadOptions) -> SourceCall:
    """The call in a body, by the shape of the body: producers name their schemas as they like."""
    body = parse(item.body) if item.encoding == "json" and isinstance(item.body, str) else item.body
    if isinstance(body, str):
        return next(plain_text.read(body, options))
    if isinstance(body, list):
        return next(chat_messages.read({"messages": body}, options))
    if not isinstance(body, dict):
        raise SourceError(ImportReason.UNEXPECTED_SHAPE, "a transcript without a body that can be read")
    if "results" in body:
        return next(deepgram.read(body, options))
    if "segments" in body:
        parts = check(Wtf, body).segments
        return SourceCall(tuple(SourceSegment(part.text, part.speaker, start_s=part.start, end_s=part.end) for part in parts))
    if "words" in body:  # one alternative of Deepgram's
        return next(deepgram.read({"results": {"channels": [{"alternatives": [body]}]}}, options))
    raise SourceError(ImportReason.ROLES_UNKNOWN, "a transcript of one text without speakers")


def _texts(vcon: Vcon) -> SourceCall:
    """Text dialogs as one call, each spoken by the first of its parties, or by its originator."""
    written = [item for item in vcon.dialog if item.type == "text" and _has_words(item)]
    if not all(isinstance(item.body, str) and item.encoding in (None, "", "none") for item in written):
        raise SourceError(ImportReason.UNEXPECTED_SHAPE, "a text dialog that is encoded or elsewhere: give its body as it was written")
    if all(_moment(item) is not None for item in written):
        written.sort(key=lambda item: _moment(item) or 0.0)
    return SourceCall(tuple(SourceSegment(item.body, _speaker(item)) for item in written), started_at=written[0].start if written else None)


def _has_words(item: Dialog) -> bool:
    """Whether anything was written: a body may be taken out, or be a picture."""
    return (item.body is not None or item.url is not None) and (item.mediatype or "text").startswith("text")


def _moment(item: Dialog) -> float | None:
    """Seconds since 1970; as texts, moments of two time zones or with fractions do not sort."""
    try:
        return datetime.fromisoformat(item.start).timestamp() if item.start else None
    except (ValueError, OverflowError):
        return None


def _speaker(item: Dialog) -> str | None:
    first = item.parties[0] if isinstance(item.parties, tuple) and item.parties else item.parties
    who = item.originator if item.originator is not None else first
    return f"party_{who}" if isinstance(who, int) else None


def _roles(parties: Sequence[Party], options: ReadOptions) -> dict[str, Role]:
    """Roles stand on the parties in the wild, as `role` or `meta.role`; the number or the name of a party is its label."""
    roles: dict[str, Role] = {}
    names = Counter(party.name for party in parties)
    for number, party in enumerate(parties):
        given = party.role or (party.meta or {}).get("role")
        role = options.roles.get(fold(given)) if isinstance(given, str) else None
        if role:
            roles |= {f"party_{number}": role} | ({party.name: role} if party.name and names[party.name] == 1 else {})
    return roles


def _channels(dialog: Dialog | None, roles: Mapping[str, Role]) -> dict[str, Role]:
    """Roles by channel, where the parties of a recording are nested: one entry per channel."""
    listed = dialog.parties if dialog and isinstance(dialog.parties, tuple) else ()
    if not any(isinstance(entry, tuple) for entry in listed):
        return {}
    alone = {at: entry[0] if isinstance(entry, tuple) and len(entry) == 1 else entry for at, entry in enumerate(listed)}
    return {f"ch_{at}": roles[f"party_{number}"] for at, number in alone.items() if f"party_{number}" in roles}


def _dialog_of(item: Analysis) -> int | None:
    return next(iter(_dialogs_of(item)), None)


def _dialogs_of(item: Analysis) -> tuple[int, ...]:
    return (item.dialog,) if isinstance(item.dialog, int) else tuple(item.dialog or ())


def _one_per_dialog(found: Sequence[tuple[int | None, SourceCall]]) -> Mapping[int | None, SourceCall]:
    calls: dict[int | None, SourceCall] = {}
    for number, call in found:
        named = any(segment.speaker or segment.channel for segment in call.segments)
        if number not in calls or (named and not any(s.speaker or s.channel for s in calls[number].segments)):
            calls[number] = call
    return calls


FORMAT = Format("vcon", "vCon", "json", ("parties", "dialog", "!results"), read)
