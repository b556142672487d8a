"""How do calls go to Label Studio with the machine's predictions, and people's annotations come back?"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from scorer.errors import ReviewError
from scorer.records import JudgedCall, Segment, SegmentPrediction
from scorer.review.export import label_names, read_calls
from scorer.review.folders import trouble
from scorer.review.masks import visible
from scorer.review.store import saving
from scorer.review.truth import machine_snapshot
from scorer.review.verdicts import Subject, add_verdict, current_verdicts, history, set_state
from scorer.review.words import digests, whole_digest

FROM, TO = "labels", "dialogue"


def tasks(connection: sqlite3.Connection, *, masked: bool) -> list[dict[str, Any]]:
    """One task per call of the queue, with what the machine says as its prediction; of runs whose folders are there."""
    queued: dict[str, dict[str, int]] = {}
    for number, run_id, call_id in connection.execute("select id, run_id, call_id from call where kind <> 'rest' order by id").fetchall():
        queued.setdefault(run_id, {})[call_id] = number
    return [
        _task(judged, numbers[judged.call.call_id], run_id, masked=masked)
        for run_id, numbers in queued.items()
        if not trouble(connection, run_id)
        for judged in read_calls(connection, run_id, numbers)
    ]


def labelling_config(connection: sqlite3.Connection) -> str:
    """The labelling interface that the tasks need, to be pasted into Label Studio."""
    labels = "".join(f'<Label value="{escape(name)}"/>' for name in label_names(connection))
    return (
        f'<View><Paragraphs name="{TO}" value="$dialogue" layout="dialogue" nameKey="author" textKey="text"/>'
        f'<ParagraphLabels name="{FROM}" toName="{TO}">{labels}</ParagraphLabels></View>'
    )


def import_annotations(connection: sqlite3.Connection, path: Path) -> int:
    """Take annotations (Label Studio's JSON export) in as verdicts on whole calls; returns how many were new.

    An annotation judges every segment of its call: marked is yes, unmarked is no. The latest of a person on a call counts. Importing a
    file again adds nothing, except what was corrected since.
    Raises ReviewError where the file is not such an export or names a call that is not in the database.
    """
    try:
        found = [(task, note) for task in json.loads(path.read_text(encoding="utf-8")) for note in task.get("annotations", [])]
        found.sort(key=lambda pair: str(pair[1].get("updated_at", "")))
        wanted = [
            (int(task["data"]["call"]), _name(note), _who(note), _marked(note)) for task, note in found if not note.get("was_cancelled")
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReviewError(f"{path}: not a JSON export of Label Studio ({type(error).__name__}): export as JSON, not JSON-MIN") from error
    judged = {number: _read_call(connection, number, path) for number in {call for call, *_ in wanted}}
    for task, _ in found:
        number, words = int(task["data"]["call"]), task["data"].get("words")
        if words and number in judged and words != whole_digest(judged[number].call.segments):
            raise ReviewError(f"{path}: call number {number} was scored again with other words since: leave its task out of the file")
    return sum(_save(connection, call, judged[call], note=note, who=who, marked=marked) for call, note, who, marked in wanted)


def _task(judged: JudgedCall, number: int, run_id: str, *, masked: bool) -> dict[str, Any]:
    pairs = list(zip(judged.call.segments, judged.predictions, strict=True))
    dialogue = [{"author": segment.speaker, "text": visible(segment.text, masked=masked)} for segment, _ in pairs]
    marks = [region for segment, said in pairs for region in _regions(segment, said, len(dialogue[segment.index]["text"]))]
    return {
        "data": {
            "call": number,
            "call_id": judged.call.call_id,
            "run_id": run_id,
            "words": whole_digest(judged.call.segments),
            TO: dialogue,
        },
        "predictions": [{"model_version": run_id, "result": marks}],
    }


def _regions(segment: Segment, said: SegmentPrediction, length: int) -> Iterator[dict[str, Any]]:
    for label in sorted(said.labels):
        place = {"start": str(segment.index), "end": str(segment.index), "startOffset": 0, "endOffset": length, "paragraphlabels": [label]}
        yield {
            "id": f"{segment.index}-{label}",
            "from_name": FROM,
            "to_name": TO,
            "type": "paragraphlabels",
            "score": said.probabilities.get(label, 0.0),
            "value": place,
        }


def _name(note: Mapping[str, Any]) -> str:
    """What an annotation is known by: its number and when it was last changed."""
    return f"Label Studio annotation {note['id']}" + (f" of {note['updated_at']}" if note.get("updated_at") else "")


def _who(note: Mapping[str, Any]) -> str:
    by = note.get("completed_by")
    return f"label-studio:{by.get('email') or by.get('id') if isinstance(by, dict) else by}"[:100]


def _marked(note: Mapping[str, Any]) -> set[tuple[int, str]]:
    """Segments and labels that the annotator marked; a mark over several segments is on each of them."""
    found = set()
    for region in note["result"]:
        if region.get("type") == "paragraphlabels":
            value = region["value"]
            places = range(int(value["start"]), int(value["end"]) + 1)
            found |= {(at, label) for at in places for label in value["paragraphlabels"]}
    return found


def _read_call(connection: sqlite3.Connection, number: int, path: Path) -> JudgedCall:
    row = connection.execute("select run_id, call_id from call where id = ?", [number]).fetchone()
    if row and (why := trouble(connection, row["run_id"])):
        raise ReviewError(f"{path}: names call number {number}: {why}")
    found = list(read_calls(connection, row["run_id"], {row["call_id"]: number})) if row else []
    if not found:
        raise ReviewError(f"{path}: names call number {number}, which this database does not have: import into the one it came from")
    return found[0]


def _save(connection: sqlite3.Connection, call: int, judged: JudgedCall, *, note: str, who: str, marked: set[tuple[int, str]]) -> bool:
    """One annotation as verdicts, unless it was there before."""
    if any(v.who == who and v.note == note for v in history(connection, call)):
        return False
    spoken = {(v.subject.segment, v.subject.name) for v in current_verdicts(connection, [call]) if v.who == who}
    words = digests(judged.call.segments)
    carried = [sorted(said.probabilities) for said in judged.predictions]
    segments = machine_snapshot(carried, [said.labels for said in judged.predictions])
    with saving(connection):
        for at, said in enumerate(judged.predictions):
            for label in carried[at]:
                given, wished = label in said.labels, (at, label) in marked
                if given or wished or (at, label) in spoken:
                    machine = {"given": given, "probability": said.probabilities[label], "words": words[at]}
                    subject = Subject(call, "label", at, label)
                    add_verdict(connection, subject, "yes" if wished else "no", who=who, note=note, machine=machine)
        machine = {"given": True, "segments": segments, "words": whole_digest(judged.call.segments)}
        add_verdict(connection, Subject(call, "call"), "yes", who=who, note=note, machine=machine)
        set_state(connection, call)
    return True
