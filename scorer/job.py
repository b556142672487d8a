"""What is one night's job: its settings, rubric, model and input, and the name that follows from them?"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scorer import manifest
from scorer.classify.model import model_hash
from scorer.config import ScoringConfig, load_yaml
from scorer.durable import digest
from scorer.errors import RejectBudgetError
from scorer.places import is_uri, parse_uri, plain
from scorer.scoring.rubric import Rubric, load_rubric, rubric_hash
from scorer.tables.fetching import find_inputs
from scorer.tables.files import InputFile
from scorer.tables.schemas import Stamp


@dataclass(frozen=True, slots=True)
class Job:
    """All that decides what comes out. `stamp` goes onto every row; `fingerprint` covers `parts`, each as run.json has it."""

    settings: ScoringConfig
    rubric: Rubric
    model: Path
    files: tuple[InputFile, ...]
    stamp: Stamp
    fingerprint: str
    parts: Mapping[str, Any]  # inputs, settings, model, rubric and version

    @property
    def told(self) -> dict[str, Any]:
        """The settings as run.json and the fingerprint have them."""
        return _told(self.settings)

    def base(self, carried: str) -> str:
        """What a shard's result depends on beside its own calls; `carried` tells the carried columns."""
        return digest([json.dumps(asdict(self.stamp), sort_keys=True), json.dumps(self.told, sort_keys=True), carried])


def read_job(inputs: Sequence[str], *, config: Path, rubric: Path, model: Path | None, partition: str | None, fetched: Path) -> Job:
    """Read and hash all of it; no model is loaded. Without `model` it is the one that the config names.

    What lies in a store is brought into `fetched`.

    Where the output is a partition (its name, such as date=2026-11-20), the run id depends on where the input lies, not on what lies
    there: a partition with a late file is still that partition, and the calls that were scored before keep their rows.
    """
    settings, rules = load_yaml(config, ScoringConfig), load_rubric(rubric)
    model = (model or Path(settings.model.folder)).resolve()  # a link may lead to a new version before the model is loaded
    kind: dict[str, Any] = {
        "settings": _told(settings),
        "model": model_hash(model),
        "rubric": rubric_hash(rules),
        "version": version("scorer"),
    }
    files = tuple(find_inputs(inputs, fetched))
    parts = {"inputs": [file.identity for file in files]} | kind
    wanted = manifest.fingerprint(parts | {"partition": partition})
    stamp = Stamp(
        run_id=(wanted if partition is None else manifest.fingerprint(kind | {"partition": partition, "roots": _roots(inputs)}))[:16],
        model_name=model.name,
        model_hash=kind["model"],
        rubric_name=rules.name,
        rubric_version=str(rules.version),
        rubric_hash=kind["rubric"],
        scorer_version=version("scorer"),
    )
    return Job(settings, rules, model, files, stamp, wanted, parts)


def _roots(inputs: Sequence[str]) -> list[str]:
    """Folders and patterns as they are whatever folder one stands in, URIs without their options."""
    return sorted(str(parse_uri(text)) if is_uri(text) else os.path.abspath(plain(text)) for text in inputs)


def _told(settings: ScoringConfig) -> dict[str, Any]:
    return settings.model_dump(mode="json", exclude={"model": {"folder"}})  # the hash says which model, wherever it lies


def over_budget(job: Job, run: dict[str, Any], out: Path) -> RejectBudgetError | None:
    """Whether more was rejected, or said by nobody known, than the config allows."""
    counts, limits = run["counts"], job.settings.limits
    rejected, files = counts["rows_rejected"], counts["files_rejected"]
    share = rejected / max(1, rejected + counts["rows_scored"])
    found = []
    if files > limits.files_max_rejected:
        found.append(f"{files} of {len(job.files)} files were rejected and limits.files_max_rejected allows {limits.files_max_rejected}")
    if share > limits.rejects_max_share:
        found.append(f"{share:.1%} of the rows were rejected and limits.rejects_max_share allows {limits.rejects_max_share:.1%}")
    told = [f"{' and '.join(found)}: read {out}/rejects/ and mend the export"] if found else []
    unknown = counts["notes"].get("unknown_speaker", 0) / max(1, counts["segments"])
    if unknown > limits.unknown_speakers_max_share:
        told.append(
            f"nobody knows who speaks in {unknown:.1%} of the segments and limits.unknown_speakers_max_share allows "
            f"{limits.unknown_speakers_max_share:.1%}: name your speaker values in the config under input.speakers, scorer check lists them"
        )
    return RejectBudgetError(f"{out}: done, but {'; '.join(told)}") if told else None
