"""Which labelled calls are there, and which of them are for what?"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scorer.errors import ConfigError, listing
from scorer.labels import Label
from scorer.records import Call, Segment


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

    Raises ConfigError naming file and line of every call that is malformed, names an unknown label or comes twice.
    """
    calls: dict[str, LabelledCall] = {}
    problems: list[str] = []
    for path in corpus_files(paths):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                labelled = _labelled_call(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                problems.append(f"{path}:{number}: not a labelled call ({type(error).__name__})")
                continue
            unknown = sorted(labelled.carried - set(label_names))
            if unknown:
                problems.append(f"{path}:{number}: labels {unknown} are not in the label file")
            if labelled.call.call_id in calls:
                problems.append(f"{path}:{number}: call_id {labelled.call.call_id!r} was there before")
            calls[labelled.call.call_id] = labelled
    if problems:
        raise ConfigError(listing("the labelled calls cannot be used:", problems[:50]))
    return list(calls.values())


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


def _labelled_call(row: dict[str, Any]) -> LabelledCall:
    segments = tuple(
        Segment(at, s["speaker"] if s["speaker"] in ("agent", "customer") else "other", s["text"], s.get("start"), s.get("end"))
        for at, s in enumerate(row["segments"])
    )
    labels = tuple(frozenset(s["labels"] or ()) for s in row["segments"])
    judged = tuple(_judged(s) for s in row["segments"])
    return LabelledCall(Call(row["call_id"], segments), labels, row.get("meta", {}), judged if any(j is not None for j in judged) else ())


def _judged(segment: dict[str, Any]) -> frozenset[str] | None:
    """The labels that a person judged: those named, none where `labels` is null, else all (None)."""
    if segment["labels"] is None:
        return frozenset()
    return frozenset(segment["judged"]) if "judged" in segment else None


def corpus_hash(paths: Iterable[Path]) -> str:
    """sha256 over the files' contents, in the order given."""
    digest = hashlib.sha256()
    for path in corpus_files(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()
