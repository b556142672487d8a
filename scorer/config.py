"""How are the YAML files in configs/ read, and which settings does a night have?"""

import difflib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scorer.errors import ConfigError, count_of, listing
from scorer.yaml_file import Part, YamlFile, place, read_yaml

SHOWN = 60  # characters of a found value in a message
ADVICE = {  # by pydantic's name for what is wrong, where its message alone does not say what to do
    "string_type": ": quote it",
    "bool_type": ": write true or false, without quotes",
    "int_type": ": write it in digits, without quotes",
    "float_type": ": write it in digits, without quotes",
    "tuple_type": ": write a list, as [a, b]",
    "model_type": ": write keys with their values",
    "dict_type": ": write keys with their values",
}

Model = TypeVar("Model", bound=BaseModel)


def fold(value: str) -> str:
    """A speaker value as it is compared."""
    return value.strip().casefold()


class Settings(BaseModel):
    """Base of every settings model: frozen, strict, no unknown keys, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class MisfitError(ValueError):
    """Keys of a file that do not fit each other: raised by validators that know which, as (key path below their model, what to do)."""

    def __init__(self, found: Sequence[tuple[tuple[Part, ...], str]]) -> None:
        super().__init__("; ".join(text for _, text in found))
        self.found = found


def too_wide(context_tokens: int) -> MisfitError:
    """What is wrong with a context that leaves no room in a window."""
    return MisfitError(
        [(("context_tokens",), f"context_tokens of {context_tokens}: needed on both sides: keep it below half of window_tokens")]
    )


class Columns(Settings):
    """The user's name for each column that scorer understands."""

    call_id: str = "call_id"
    speaker: str = "speaker"
    text: str = "text"
    segment_index: str = "segment_index"
    start: str = "start"
    end: str = "end"
    words: str = "words"

    @model_validator(mode="after")
    def _names_differ(self) -> "Columns":
        found = list(self.model_dump().values())
        twice = sorted({name for name in found if found.count(name) > 1})
        if twice or not all(found):
            raise ValueError(f"each column needs a name of its own, {twice or 'an empty one'} cannot be used: name each column once")
        return self


BOTS = ("bot", "virtual_agent", "virtual agent", "automated_agent", "ai_agent", "chatbot")
LINES = ("ivr", "system", "acd", "voicemail", "hold", "music", "announcement", "conference", "workflow")  # what else sounds on a phone line


class Speakers(Settings):
    """The values of the speaker column that mean agent, customer and known to be neither; case and outer spaces do not count.

    A value under `other` that is an agent's or a customer's too is theirs, so that whoever scores a bot need not take it out there.
    """

    agent: tuple[str, ...] = Field(default=("agent", "rep", "representative", "advisor", "csr"), min_length=1)
    customer: tuple[str, ...] = Field(default=("customer", "client", "caller", "end_user"), min_length=1)
    other: tuple[str, ...] = (*BOTS, *LINES)

    @model_validator(mode="after")
    def _parties_differ(self) -> "Speakers":
        both = {fold(value) for value in self.agent} & {fold(value) for value in self.customer}
        if both:
            raise ValueError(f"{sorted(both)} stands for both parties: keep it under one of them")
        return self


class InputMapping(Settings):
    """How the user's tables are to be read."""

    columns: Columns = Columns()
    segments_column: str = Field(default="segments", min_length=1)
    time_unit: Literal["seconds", "milliseconds"] = "seconds"
    speakers: Speakers = Speakers()


class ModelSettings(Settings):
    """Which model judges, and how much it reads at once."""

    folder: str = Field(default="models/default", min_length=1)
    window_tokens: int = Field(default=512, ge=32, le=512)
    context_tokens: int = Field(default=96, ge=0)
    batch_tokens: int = Field(default=4096, ge=32)
    precision: Literal["float32", "bfloat16"] = "float32"
    shard_rows: int = Field(default=10_000, ge=1, le=1_000_000_000)

    @model_validator(mode="after")
    def _windows_fit(self) -> "ModelSettings":
        if self.context_tokens * 2 >= self.window_tokens:
            raise too_wide(self.context_tokens)
        if self.batch_tokens < self.window_tokens:
            raise MisfitError([(("batch_tokens",), f"found {self.batch_tokens}: holds no window: raise it to window_tokens or more")])
        return self


class Limits(Settings):
    """When a night is not good enough."""

    rejects_max_share: float = Field(default=0.05, ge=0, le=1)
    files_max_rejected: int = Field(default=0, ge=0)
    unknown_speakers_max_share: float = Field(default=0.4, ge=0, le=1)
    allow_empty: bool = False
    segment_characters: int = Field(default=100_000, ge=1)
    call_mb: int = Field(default=32, ge=1)
    file_memory_mb: int = Field(default=2048, ge=64, le=1 << 20)
    file_seconds: int = Field(default=900, ge=1, le=86_400)


class ScoringConfig(Settings):
    """configs/scoring.yaml."""

    input: InputMapping = InputMapping()
    model: ModelSettings = ModelSettings()
    limits: Limits = Limits()


def load_yaml(path: Path, model: type[Model]) -> Model:
    """Read a YAML file strictly into `model`.

    Raises ConfigError with every problem of the file: line, key path, value found, what to do.
    """
    file = read_yaml(path)
    try:
        # JSON in between, since strict pydantic takes a list for a tuple only from JSON
        return model.model_validate_json(json.dumps(file.value), strict=True)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        inside = {at["loc"][:-1] for at in problems}  # a list whose items are wrong is also too short: that is no news
        told = [problem for problem in problems if not (problem["type"] == "too_short" and problem["loc"] in inside)]
        found = [line for problem in told for line in _describe(problem, model, file)]
        raise ConfigError(listing(f"{path}: {count_of(len(found), 'problem')}", found)) from error


def _describe(problem: Any, model: type[BaseModel], file: YamlFile) -> Iterator[str]:
    where = problem["loc"]
    misfit = problem.get("ctx", {}).get("error")
    if isinstance(misfit, MisfitError):
        for below, text in misfit.found:
            yield f"line {file.line((*where, *below))}: {place(file.known((*where, *below)))}: {text}"
        return
    head = f"line {file.line(where)}: {place(file.known(where))}"
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(where[-1]), sorted(_keys(model, where[:-1])), n=1)
        yield f"{head}: unknown key: " + (f"did you mean {near[0]}?" if near else "remove it")
    elif problem["type"] == "missing":
        yield f"line {file.line(where)}: {place((*file.known(where[:-1]), where[-1]))}: missing: add it"
    elif problem["type"] == "union_tag_not_found":
        yield f"{head}.kind: missing: add it"
    elif problem["type"] == "union_tag_invalid":
        at, kinds = (*where, "kind"), problem["ctx"]["expected_tags"]
        yield f"line {file.line(at)}: {place(at)}: found {problem['ctx']['tag']!r}: write one of {kinds}"
    else:
        found = repr(problem["input"]) if where[-1:] == ("[key]",) else file.written(where) or repr(problem["input"])
        found = found if len(found) <= SHOWN else found[:SHOWN] + "..."
        advice = "" if problem["type"] == "string_type" and isinstance(problem["input"], list | dict) else ADVICE.get(problem["type"], "")
        yield f"{head}: found {found}: {problem['msg'].removeprefix('Value error, ')}{advice}"


def _keys(annotation: Any, where: Sequence[Part]) -> set[str]:
    """The keys that a section may have: another section's would only lead astray."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
        below = where[1:] if where and where[0] in get_args(fields.get("kind")) else where  # pydantic puts the kind into the path
        return set(fields) if not below else _keys(fields.get(str(below[0])), below[1:])
    below = where if get_origin(annotation) in (Union, UnionType, Annotated) else where[1:]
    return set().union(*(_keys(part, below) for part in get_args(annotation)))
