"""How do results get back into a vCon? As an analysis object of type report, in a copy of the file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scorer.durable import publish
from scorer.errors import InputError, RunError, listing
from scorer.importing.decode import decode
from scorer.importing.files import documents
from scorer.importing.source import ImportReason, SourceError
from scorer.labels import Label
from scorer.manifest import read_run
from scorer.records import CallScore
from scorer.scoring.aggregate import score_call
from scorer.scoring.rubric import Rubric
from scorer.tables.judged import read_judged

VENDOR, SCHEMA = "scorer", "scorer-call-score/1"


def write_reports(run: Path, sources: Sequence[str], *, out: Path) -> tuple[int, list[str]]:
    """Copy the vCons of the sources to `out`, each with the run's results for it.

    Returns how many were written, and the names of those that the run has no call of. A report of an earlier run is replaced.
    Raises InputError where a source is no vCon, RunError where the run cannot be read.
    """
    reports = dict(_reports(run))
    problems: list[str] = []
    without: list[str] = []
    written = 0
    for document in documents(sources):
        vcon = document.content if isinstance(document.content, SourceError) else _vcon(document.content)
        if isinstance(vcon, SourceError):
            problems.append(f"{document.source}: {vcon.detail}")
            continue
        found = list(_analyses(reports, str(vcon.get("uuid") or document.name), len(vcon.get("dialog", []))))
        if not found:
            without.append(document.source)
            continue
        _write(out / f"{document.name}.json", vcon | {"analysis": [*_without_ours(vcon), *found]})
        written += 1
    if problems:
        raise InputError(listing(f"{len(problems)} source(s) are no vCon; {written} others were written", problems))
    return written, without


def _reports(run: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The result of every call of the run that came from a vCon."""
    about = read_run(run)
    rubric = Rubric.model_validate(about["rubric"]["rules"], strict=False)
    origin = {name: about[name] for name in ("run_id", "scorer_version", "model")}
    origin |= {"rubric": {name: about["rubric"][name] for name in ("name", "version", "sha256")}}
    for judged, _ in read_judged(run, tuple(Label(**row) for row in about["labels"])):
        if judged.call.fields.get("source_format") == "vcon":
            yield judged.call.call_id, report_body(score_call(judged, rubric)) | origin


def _analyses(reports: Mapping[str, dict[str, Any]], uuid: str, dialogs: int) -> Iterator[dict[str, Any]]:
    """An analysis per dialog that the run has a call of; a call_id is the uuid, with the dialog's number but for the first."""
    for number in range(max(1, dialogs)):
        body = reports.get(f"{uuid}-{number}" if number else uuid)
        if body is not None:
            about = {"type": "report", "dialog": number, "vendor": VENDOR, "schema": SCHEMA}
            yield about | {"mediatype": "application/json", "encoding": "json", "body": body}


def report_body(score: CallScore) -> dict[str, Any]:
    """A call's result without its words: those are in the vCon already."""
    return {
        "status": score.status,
        "score": score.score,
        "raw_score": score.raw_score,
        "expected_score": score.expected_score,
        "band": score.band,
        "auto_fail": score.auto_fail,
        "behaviours": {b.behaviour: {"hits": b.tally.hits, "chances": b.tally.chances, "points": b.points} for b in score.behaviours},
        "flags": [
            {
                "rule": flag.rule,
                "severity": flag.severity,
                "reason": flag.reason,
                "segments": [evidence.segment_index for evidence in flag.evidence],
            }
            for flag in score.flags
        ],
    }


def _vcon(content: bytes) -> dict[str, Any] | SourceError:
    found = next(decode(content))
    if isinstance(found, SourceError):
        return found
    value = found.value
    if not isinstance(value, dict) or any(not isinstance(value.get(name, []), list) for name in ("parties", "dialog", "analysis")):
        return SourceError(ImportReason.UNKNOWN_FORMAT, "no object with parties, dialog and analysis: not a vCon")
    return value


def _without_ours(vcon: dict[str, Any]) -> list[Any]:
    found: list[Any] = vcon.get("analysis", [])
    return [item for item in found if not isinstance(item, dict) or (item.get("vendor"), item.get("schema")) != (VENDOR, SCHEMA)]


def _write(path: Path, vcon: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = path.with_name(f".{path.name}.part")
        staging.write_text(json.dumps(vcon, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        publish(staging, path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror}): check space and permissions") from error
