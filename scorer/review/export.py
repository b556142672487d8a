"""How do verdicts leave the database: as labelled calls to learn from, and as a table to count in?"""

import csv
import io
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from scorer.labels import names
from scorer.records import Call, JudgedCall
from scorer.review.folders import trouble
from scorer.review.masks import visible
from scorer.review.night import labels_of
from scorer.review.truth import judged_labels
from scorer.review.verdicts import GONE, current_verdicts, rulings
from scorer.tables.judged import read_judged

LABELLED = "verdicts.jsonl"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for a formula
COLUMNS = ("id", "at", "who", "night", "run_id", "call_id", "agent", "team", "kind", "segment", "subject", "answer", "note")
MACHINE = ("given", "probability", "model", "rubric")

Truth = dict[tuple[int, str], bool]  # segment and label -> what people hold to be true


def export_labelled(connection: sqlite3.Connection, folder: Path) -> tuple[Path, int]:
    """Write what people confirmed as labelled calls that `scorer train` reads; returns the file and the number of calls.

    A segment's `judged` names the labels that people judged, its `labels` those that they confirmed; `labels` is null where
    nobody judged any. A machine's answer is nowhere among them, except where a person confirmed it.
    """
    rows = list(labelled_rows(connection))
    folder.mkdir(parents=True, exist_ok=True)
    staged = folder / f".{LABELLED}"
    with staged.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(staged, folder / LABELLED)
    return folder / LABELLED, len(rows)


def labelled_rows(connection: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """The labelled calls. A call that came in several nights with the same words comes once, with what was said in all of them."""
    merged: dict[tuple[str, str], tuple[Call, str, dict[tuple[int, str], set[bool]]]] = {}
    for call, run_id, truth in _true_calls(connection):
        key = (call.call_id, json.dumps([(s.speaker, s.text) for s in call.segments]))
        answers = merged.setdefault(key, (call, run_id, {}))[2]
        for place, answer in truth.items():
            answers.setdefault(place, set()).add(answer)
    seen: set[str] = set()
    for call, run_id, answers in merged.values():
        truth = {place: True in given for place, given in answers.items() if len(given) == 1}  # where nights differ, none counts
        name = call.call_id if call.call_id not in seen else f"{call.call_id}@{run_id}"
        seen.add(name)
        if truth:
            yield {"call_id": name, "meta": {"source": "verdicts", "run_id": run_id}, "segments": list(_segments(call, truth))}


def left_out(connection: sqlite3.Connection) -> list[str]:
    """A sentence on each run whose calls the export leaves out, since they cannot be read as they were judged."""
    found = ((len(calls), trouble(connection, run_id)) for run_id, calls in _truths(connection).items())
    return [f"{count} {'call is' if count == 1 else 'calls are'} left out: {why}" for count, why in found if why]


def verdict_table(connection: sqlite3.Connection) -> str:
    """Every verdict ever given as CSV, with what the machine had said; no transcript text, and no cell that a spreadsheet would run."""
    stream = io.StringIO()
    table = csv.writer(stream)
    table.writerow([*COLUMNS, *(f"machine_{name}" for name in MACHINE), "settles_dispute", "supersedes", "segment_now"])
    rows = connection.execute(
        "select v.*, s.segment as segment_now, run.night, call.run_id, call.call_id, call.agent, call.team from verdict v"
        " join stated s on s.id = v.id join call on call.id = v.call join run on run.run_id = call.run_id order by v.id"
    )
    for row in rows:
        machine = json.loads(row["machine"])
        cells = [*(row[name] for name in COLUMNS), *(machine.get(name) for name in MACHINE), row["settles"], row["supersedes"]]
        cells.append("gone" if row["segment_now"] == GONE else row["segment_now"])
        table.writerow([safe_cell(cell) for cell in cells])
    return stream.getvalue()


def safe_cell(value: Any) -> Any:
    """The value, with an apostrophe before what a spreadsheet would take for a formula."""
    if not isinstance(value, str):
        return value
    text = visible(value, masked=False)
    return f"'{text}" if value.startswith(FORMULA) or value.lstrip().startswith(FORMULA) else text


def _true_calls(connection: sqlite3.Connection) -> Iterator[tuple[Call, str, Truth]]:
    """Every call on which people hold something to be true, with its transcript; of runs whose folders are there."""
    for run_id, truths in _truths(connection).items():
        if not trouble(connection, run_id):
            for judged_call in read_calls(connection, run_id, truths):
                yield judged_call.call, run_id, truths[judged_call.call.call_id]


def _truths(connection: sqlite3.Connection) -> dict[str, dict[str, Truth]]:
    """By run and call, what people hold to be true."""
    calls = {number: place for number, *place in connection.execute("select id, run_id, call_id from call")}
    found: dict[str, dict[str, Truth]] = {}
    for (call, segment, label), judged in judged_labels(current_verdicts(connection), rulings(connection)).items():
        if judged.truth is not None:
            run_id, call_id = calls[call]
            found.setdefault(run_id, {}).setdefault(call_id, {})[segment, label] = judged.truth
    return found


def read_calls(connection: sqlite3.Connection, run_id: str, call_ids: Iterable[str]) -> Iterator[JudgedCall]:
    """The named calls of a run of the database. Raises RunError where its folder is gone."""
    run = connection.execute("select folder, about from run where run_id = ?", [run_id]).fetchone()
    for judged, _ in read_judged(Path(run["folder"]), labels_of(json.loads(run["about"])), call_ids=sorted(call_ids)):
        yield judged


def _segments(call: Call, truth: Truth) -> Iterator[dict[str, Any]]:
    for segment in call.segments:
        judged = sorted(label for at, label in truth if at == segment.index)
        labels = [label for label in judged if truth[segment.index, label]] if judged else None
        times = {name: value for name, value in (("start", segment.start_s), ("end", segment.end_s)) if value is not None}
        yield {"speaker": segment.speaker, "text": segment.text, "labels": labels, "judged": judged, **times}


def label_names(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Every label of every run, in the order of the models."""
    abouts = [json.loads(about) for (about,) in connection.execute("select about from run")]
    return tuple(dict.fromkeys(name for about in abouts for name in names(labels_of(about))))
