"""Who is the agent and who the customer? From what the source or the user says, in a fixed order, and never a guess."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scorer.config import BOTS, LINES, Speakers, fold
from scorer.errors import InputError
from scorer.importing.source import ImportReason, ReadOptions, Role, RoleSource, SourceCall, SourceError, SourceSegment

ROLES: tuple[Role, ...] = ("agent", "customer", "bot", "ivr", "unknown")
MACHINES: Mapping[str, Role] = {**dict.fromkeys(BOTS, "bot"), **dict.fromkeys(LINES, "ivr")}
GENERATED = re.compile(r"(?:spk|ch|speaker|party)_\d{1,3}|[A-Z]|internal|external|assistant|user", re.ASCII | re.IGNORECASE)
UNKNOWN_MAX_SHARE = 0.2  # of the words; above it the call is rejected


@dataclass(frozen=True, slots=True)
class RoleAnswer:
    """The role of a segment, and what said so."""

    role: Role
    source: RoleSource


def role_names(speakers: Speakers) -> dict[str, Role]:
    """What a role may be called in a source: the speaker values of the settings, and the names of machines."""
    agent: dict[str, Role] = {fold(name): "agent" for name in speakers.agent}
    other: dict[str, Role] = {fold(name): MACHINES.get(fold(name), "ivr") for name in speakers.other}
    return {**MACHINES, **other, **agent, **{fold(name): "customer" for name in speakers.customer}}


def parse_role_map(text: str) -> dict[str, Role]:
    """`ch_0=agent,spk_1=customer` as a mapping of folded labels. Raises InputError."""
    found: dict[str, Role] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        label, _, name = part.rpartition("=")
        role = next((role for role in ROLES if role == fold(name)), None)
        if not label.strip() or role is None or fold(label) in found:
            raise InputError(f"--role-map: {part!r} is not LABEL=ROLE, or its label is there twice; roles are {', '.join(ROLES)}")
        found[fold(label)] = role
    return found


def resolve_roles(call: SourceCall, options: ReadOptions) -> list[RoleAnswer]:
    """The role of every segment.

    Order: the segment's own field, the source's participants, a channel map, a speaker map, unknown.
    Raises SourceError where more than a fifth of the words have no known speaker, or nobody is the agent or the customer.
    """
    answers = [_resolve(segment, call, options) for segment in call.segments]
    words = [(len(segment.text.split()), answer.role) for segment, answer in zip(call.segments, answers, strict=True)]
    total, unknown = sum(count for count, _ in words), sum(count for count, role in words if role == "unknown")
    if unknown > UNKNOWN_MAX_SHARE * total:
        raise SourceError(ImportReason.ROLES_UNKNOWN, f"{unknown} of {total} words have no known speaker: {_advice(call, answers)}")
    missing = [role for role in ("agent", "customer") if all(found != role for count, found in words if count)]
    if missing:
        raise SourceError(ImportReason.ROLES_UNKNOWN, f"nobody speaks as {' or '.join(missing)}: name the role with --role-map")
    return answers


def _resolve(segment: SourceSegment, call: SourceCall, options: ReadOptions) -> RoleAnswer:
    speaker, channel = segment.speaker or "", segment.channel or ""
    candidates: tuple[tuple[Role | None, RoleSource], ...] = (
        (segment.role, "field"),
        (options.roles.get(fold(speaker)), "field"),  # the label is a role's name
        (call.participants.get(speaker), "participants"),
        (call.channels.get(channel) or options.role_map.get(fold(channel)), "channel_map"),
        (options.role_map.get(fold(speaker)), "speaker_map"),
    )
    return next(
        (RoleAnswer(role, source) for role, source in candidates if role not in (None, "unknown")), RoleAnswer("unknown", "unknown")
    )


def _advice(call: SourceCall, answers: Sequence[RoleAnswer]) -> str:
    """What to do about the labels that lack a role."""
    without = [segment for segment, answer in zip(call.segments, answers, strict=True) if answer.role == "unknown"]
    named = [segment.channel or segment.speaker if call.apart else segment.speaker or segment.channel for segment in without]
    labels = sorted({label for label in named if label})
    if not labels:
        return "it names no speakers or channels: ask the service for diarization, or for one channel per party"
    shown = [label for label in labels if GENERATED.fullmatch(label)]  # a name may be a person's
    return "say who is who with --role-map " + (",".join(f"{label}=..." for label in shown[:4]) or "LABEL=agent,LABEL=customer")
