"""Which calls does a model learn from, which are held out, and which has it seen? Decided by call, and on record in its folder."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorer.errors import ModelError
from scorer.labels import Label
from scorer.training.corpus import LabelledCall, is_read_through, spoken_words

RECORD = "training.json"


@dataclass(frozen=True, slots=True)
class Split:
    """Labelled calls to learn from, and others for temperatures and thresholds."""

    train: list[LabelledCall]
    held_out: list[LabelledCall]


@dataclass(frozen=True, slots=True)
class Mark:
    """By what a call is known again without its id or its words: a digest of each."""

    call: str
    words: str


def split(calls: Iterable[LabelledCall], labels: Sequence[Label], share: float, seed: int) -> Split:
    """Hold out about that share of the calls; a call's side hangs on its id and the seed, whatever other calls there are.

    Copies of one call, by id or words, lie on one side: what is learnt from one would be tested on the other.
    A call of which people judged single segments only is never held out: they were mostly asked about what a machine had found, which
    says nothing of what it misses. A label that nobody judged at all, as in calls older than the label, keeps no call from it.
    """
    order = sorted(calls, key=lambda labelled: (_digest(f"{seed} {first_id(labelled)}"), labelled.call.call_id))
    held = [x for x in order if is_read_through(x, labels) and int(_digest(f"{seed} {first_id(x)}"), 16) < share * 16**64]
    held = _with_copies(held, order)
    taken = {x.call.call_id for x in held}
    return Split([x for x in order if x.call.call_id not in taken], held)


def _with_copies(held: list[LabelledCall], calls: Sequence[LabelledCall]) -> list[LabelledCall]:
    """The calls that are held out or a copy of one, or of its copies, in the order of `calls`."""
    marks = [(x, mark(x)) for x in calls]
    taken = {x.call.call_id for x in held}
    while True:
        seen = [m for x, m in marks if x.call.call_id in taken]
        ids, spoken = {m.call for m in seen}, {m.words for m in seen}
        wider = [x for x, m in marks if m.call in ids or m.words in spoken]
        if len(wider) == len(taken):
            return wider
        taken = {x.call.call_id for x in wider}


def mark(labelled: LabelledCall) -> Mark:
    """The call's mark; a copy under another name, or with other punctuation and segment borders, shares half of it.

    So does another transcript of the call, whose id the export of verdicts ends in "@" and its run.
    """
    return Mark(_digest(first_id(labelled))[:32], _digest(spoken_words(labelled))[:32])


def first_id(labelled: LabelledCall) -> str:
    """The call's id, up to the "@" behind which the run of another transcript is named."""
    return labelled.call.call_id.split("@")[0]


def write_record(folder: Path, seen: Split, before: Sequence[Path] = ()) -> None:
    """Put on record what the model was trained on; `before` are model folders that it was made from, which saw calls too."""
    record = {
        "train": [[m.call, m.words] for m in map(mark, seen.train)],
        "held_out": [[m.call, m.words] for m in map(mark, seen.held_out)],
        "before": sorted({(m.call, m.words) for folder in before for m in seen_by(folder)}),
    }
    (folder / RECORD).write_text(json.dumps(record) + "\n", encoding="utf-8")


def seen_by(folder: Path) -> set[Mark]:
    """The marks of all calls that shaped the model: to learn from, for thresholds, and those of the models that it was made from."""
    return {Mark(*found) for part in _read_record(folder).values() for found in part}


def split_of(folder: Path, calls: Sequence[LabelledCall]) -> Split:
    """The model's own split, of those of its calls that are still there. Raises ModelError where none of the held-out calls is."""
    record = _read_record(folder)
    train, held = ({Mark(*found) for found in record[part]} for part in ("train", "held_out"))
    found = Split([x for x in calls if mark(x) in train], [x for x in calls if mark(x) in held])
    if not found.held_out:
        raise ModelError(f"{folder}/{RECORD}: none of the calls held out from this training is among the calls of the config: train again")
    return found


def shared_calls(seen: set[Mark], dev: Iterable[LabelledCall]) -> list[str]:
    """call_ids of `dev` that were seen, under the same id (up to an "@") or with the same words."""
    ids, spoken = {m.call for m in seen}, {m.words for m in seen}
    return sorted(x.call.call_id for x in dev if mark(x).call in ids or mark(x).words in spoken)


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {part: record[part] for part in ("train", "held_out", "before")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: no readable record of the training calls ({type(error).__name__}): train again") from error


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
