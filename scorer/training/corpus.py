"""Which labelled calls are there, and which of them are for what?"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scorer.errors import ConfigError, count_of, listing
from scorer.labels import Label
from scorer.records import Call, Segment, Speaker

SHOWN = 50  # problems in a message
VERDICTS = "verdicts"  # the `source` in the meta of what `scorer review export` writes


PARTIES: dict[str, Speaker] = {"agent": "agent", "customer": "customer"}


class _SegmentRow(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    speaker: str
    text: str
    labels: frozenset[str] | None  # null: nobody judged it
    judged: frozenset[str] = frozenset()  # the labels that a person judged; not given: all
    start: float | None = None
    end: float | None = None


class _CallRow(BaseModel):
    """A line of labelled calls; what else it holds is passed over."""

    model_config = ConfigDict(strict=True)

    call_id: str = Field(min_length=1)
    segments: list[_SegmentRow]
    meta: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class LabelledCall:
    """A call with the labels a person gave to each of its segments, in order."""

    call: Call
    labels: tuple[frozenset[str], ...]
    meta: dict[str, Any] = field(default_factory=dict)  # style, lang, domain, type: for slices, never an input of the model
    judged: tuple[frozenset[str] | None, ...] = ()  # per segment the labels that a person judged; None, or no entry: all

    @property
    def carried(self) -> frozenset[str]:
        """Every label that some segment carries."""
        return frozenset().union(*self.labels)

    def is_judged(self, at: int, label: str) -> bool:
        """Whether a person said if the segment carries the label; where not, it is neither a yes nor a no."""
        judged = self.judged[at] if self.judged else None
        return judged is None or label in judged


Placed = dict[str, tuple[str, LabelledCall]]  # by call_id: file and line, and the call


def is_whole(labelled: LabelledCall, labels: Sequence[Label]) -> bool:
    """Whether a person judged every label on every segment of its party."""
    segments = enumerate(labelled.call.segments)
    return all(labelled.is_judged(at, label.name) for at, segment in segments for label in labels if label.party == segment.speaker)


def is_read_through(labelled: LabelledCall, labels: Sequence[Label]) -> bool:
    """Whether each party with a label to carry has one that a person judged on every one of its segments."""
    parties = {s.speaker for s in labelled.call.segments} & {label.party for label in labels}
    return all(any(is_whole(labelled, [label]) for label in labels if label.party == party) for party in parties)


def read_corpus(paths: Iterable[Path], label_names: Sequence[str]) -> list[LabelledCall]:
    """Read labelled calls: JSON Lines files, or folders of them (models/README.md gives the format).

    What the export of verdicts says of a call that is labelled elsewhere goes into its labels, above them where both say something.
    Raises ConfigError naming file and line of every call that is malformed, names an unknown label or comes twice; also where
    there is no call at all.
    """
    calls: Placed = {}
    verdicts: Placed = {}
    problems: list[str] = []
    files = corpus_files(paths)
    for path in files:
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):  # as text, a transcript's U+2028 would end a line, too
            place = f"{path}:{number}"
            try:
                labelled = _labelled_call(_CallRow.model_validate_json(line))
            except ValidationError as error:
                problems.append(f"{place}: not a labelled call: {_first_fault(error)}: models/README.md has the format")
                continue
            problems += [f"{place}: {text}" for text in _unfit(labelled, set(label_names))]
            alike = verdicts if labelled.meta.get("source") == VERDICTS else calls
            first, _ = alike.setdefault(labelled.call.call_id, (place, labelled))
            if first != place:
                problems.append(
                    f"{place}: call_id {labelled.call.call_id!r} was there before, in {first}: rename one of them or take it out"
                )
    problems.extend(_join(calls, verdicts))
    if problems:
        raise ConfigError(listing(f"the labelled calls cannot be used: {count_of(len(problems), 'problem')}", problems[:SHOWN]))
    if not calls:
        looked = ", ".join(map(str, files[:SHOWN])) or "no file"
        raise ConfigError(f"no labelled call was found, in {looked}: name files that hold some under train and dev of the training config")
    return [labelled for _, labelled in calls.values()]


def _unfit(labelled: LabelledCall, known: set[str]) -> Iterator[str]:
    """What cannot be learnt from a call's labels. Verdicts may have been given on labels that are trained no more."""
    if unknown := sorted(labelled.carried - known):
        yield (
            f"labels {unknown} are none of {sorted(known)}: add them to the file that `labels` of the training config names, or mend the "
            "call; where a model is measured, it must know every label of these calls"
        )
    judged = frozenset().union(*(names for names in labelled.judged if names is not None))
    if (unknown := sorted(judged - known)) and labelled.meta.get("source") != VERDICTS:
        yield f"`judged` names {unknown}, which are not in the label file: add them there, or mend the call"
    for at, (carried, names) in enumerate(zip(labelled.labels, labelled.judged, strict=False)):
        if names is not None and not carried <= names:
            yield f"segment {at} carries {sorted(carried - names)}, which its `judged` does not name: add them there"


def _join(calls: Placed, verdicts: Placed) -> Iterator[str]:
    """Put the verdicts among the calls; a line for each whose call is there with other words."""
    for call_id, (place, said) in verdicts.items():
        first, labelled = calls.setdefault(call_id, (place, said))
        if _turns(labelled) != _turns(said):
            yield f"{place}: verdicts on call_id {call_id!r} with other words than in {first}: rename the call there or take it out"
        elif labelled is not said:
            calls[call_id] = (first, with_verdicts(labelled, said))


def with_verdicts(labelled: LabelledCall, verdicts: LabelledCall) -> LabelledCall:
    """The labelled call, its labels replaced by those that verdicts on the same words gave, where they gave any."""
    labels, judged = [], []
    for at, (old, new) in enumerate(zip(labelled.labels, verdicts.labels, strict=True)):
        by_hand, said = (x.judged[at] if x.judged else None for x in (labelled, verdicts))
        labels.append(new if said is None else (old - said) | new)
        judged.append(None if by_hand is None or said is None else by_hand | said)
    return replace(labelled, labels=tuple(labels), judged=tuple(judged) if any(j is not None for j in judged) else ())


def _turns(labelled: LabelledCall) -> list[tuple[str, list[str]]]:
    return [(segment.speaker, segment.text.split()) for segment in labelled.call.segments]


def corpus_files(paths: Iterable[Path]) -> list[Path]:
    """The files, each folder replaced by its *.jsonl files in the order of their names.

    Raises ConfigError for a path that is not there.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise ConfigError(f"{path}: no such file or folder of labelled calls: mend the path in the training config")
        found.extend(sorted(path.glob("*.jsonl")) if path.is_dir() else [path])
    return found


def spoken_words(labelled: LabelledCall) -> str:
    """What was said, without case, punctuation and segment borders: a copy stays a copy under another transcriber."""
    return " ".join(re.findall(r"\w+", " ".join(s.text for s in labelled.call.segments).casefold()))


def _labelled_call(row: _CallRow) -> LabelledCall:
    segments = tuple(Segment(at, PARTIES.get(s.speaker, "other"), s.text, s.start, s.end) for at, s in enumerate(row.segments))
    labels = tuple(s.labels or frozenset() for s in row.segments)
    judged = tuple(_judged(s) for s in row.segments)
    return LabelledCall(Call(row.call_id, segments), labels, row.meta, judged if any(j is not None for j in judged) else ())


def _judged(segment: _SegmentRow) -> frozenset[str] | None:
    """The labels that a person judged: those named, none where `labels` is null, else all (None)."""
    if segment.labels is None:
        return frozenset()
    return segment.judged if "judged" in segment.model_fields_set else None


def _first_fault(error: ValidationError) -> str:
    """Where in its line a call is not as it should be, and how; not what is there, which may be transcript."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return ": ".join([*filter(None, [".".join(map(str, fault["loc"]))]), fault["msg"]])


def corpus_hash(paths: Iterable[Path]) -> str:
    """sha256 over the files' contents, in the order given."""
    digest = hashlib.sha256()
    for path in corpus_files(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()
