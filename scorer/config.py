"""How are the YAML files in configs/ read, and which settings does a night have?"""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scorer.errors import ConfigError, listing

MAX_BYTES = 1 << 20  # a settings file is a page or two; more is a mistake or an attack
SHOWN = 60  # characters of a found value in a message

Model = TypeVar("Model", bound=BaseModel)


def fold(value: str) -> str:
    """A speaker value as it is compared."""
    return value.strip().casefold()


class Settings(BaseModel):
    """Base of every settings model: frozen, strict, no unknown keys, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


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


class Speakers(Settings):
    """The values of the speaker column that mean agent and customer; case and outer spaces do not count."""

    agent: tuple[str, ...] = ("agent", "rep", "representative", "advisor", "csr")
    customer: tuple[str, ...] = ("customer", "client", "caller", "end_user")

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
    shard_rows: int = Field(default=10_000, ge=1)

    @model_validator(mode="after")
    def _windows_fit(self) -> "ModelSettings":
        if self.context_tokens * 2 >= self.window_tokens:
            raise ValueError("context_tokens is needed on both sides: keep it below half of window_tokens")
        if self.batch_tokens < self.window_tokens:
            raise ValueError("a batch holds at least one window: raise batch_tokens to window_tokens or more")
        return self


class Limits(Settings):
    """When a night is not good enough."""

    rejects_max_share: float = Field(default=0.05, ge=0, le=1)
    files_max_rejected: int = Field(default=0, ge=0)
    allow_empty: bool = False
    segment_characters: int = Field(default=100_000, ge=1)
    file_memory_mb: int = Field(default=2048, ge=64)
    file_seconds: int = Field(default=900, ge=1)


class ScoringConfig(Settings):
    """configs/scoring.yaml."""

    input: InputMapping = InputMapping()
    model: ModelSettings = ModelSettings()
    limits: Limits = Limits()


def load_yaml(path: Path, model: type[Model]) -> Model:
    """Read a YAML file strictly into `model`.

    Raises ConfigError with every problem of the file: line, key path, value found, what to do.
    """
    text = _read_text(path)
    try:
        root = _compose(path, text)
        problems = list(_node_problems(root, "")) if root is not None else []
        # JSON in between, since strict pydantic takes a list for a tuple only from JSON
        document = json.dumps(yaml.safe_load(text) if root is not None and not problems else {}, default=str)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path}: not readable as YAML{_line(error)}: mend the syntax there") from error
    if problems:
        raise ConfigError(listing(f"{path}: {len(problems)} problem(s)", problems))
    try:
        return model.model_validate_json(document, strict=True)
    except ValidationError as error:
        found = [f"{_line_of(root, problem['loc'])}{_describe(problem, model)}" for problem in error.errors(include_url=False)]
        raise ConfigError(listing(f"{path}: {len(found)} problem(s)", found)) from error


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes: this is not a settings file")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}): check the path, or name another file with --config or --rubric"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text: save it as UTF-8") from error


def _compose(path: Path, text: str) -> Any:
    marks: list[Any] = [event.start_mark for event in yaml.parse(text, yaml.SafeLoader) if isinstance(event, yaml.AliasEvent)]
    aliases = [mark.line + 1 for mark in marks]
    if aliases:
        found = [f"line {line}: an alias (*name): write the value out" for line in aliases[:20]]
        raise ConfigError(listing(f"{path}: aliases are not allowed", found))
    return yaml.compose(text, yaml.SafeLoader)


def _node_problems(node: Any, where: str) -> Iterator[str]:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            path = f"{where}.{name}" if where else name
            if name in seen:
                yield f"line {line}: {path}: given twice, also in line {seen[name]}: keep one"
            seen.setdefault(name, line)
            yield from _node_problems(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _node_problems(item, f"{where}[{index}]")
    elif node.tag == "tag:yaml.org,2002:int" and re.match(r"[-+]?0\d", node.value):
        yield f"line {node.start_mark.line + 1}: {where}: {node.value} would be read as an octal number: drop the leading zero or quote it"
    elif node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float") and ":" in node.value:
        yield f"line {node.start_mark.line + 1}: {where}: {node.value} is a number of base 60 to YAML: write it out or quote it"


def _line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1})" if mark else ""


def _line_of(node: Any, place: Sequence[int | str]) -> str:
    """The line of the innermost part of `place` that the file has; parts that are not in it, such as a missing key, are passed over."""
    line = node.start_mark.line if node is not None else 0
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if str(key.value) == str(part)]
        else:
            found = (
                [(item, item) for item in node.value[part : part + 1]]
                if isinstance(part, int) and isinstance(node, yaml.SequenceNode)
                else []
            )
        if found:
            key, node = found[0]
            line = key.start_mark.line
    return f"line {line + 1}: "


def _describe(problem: Any, model: type[BaseModel]) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"]).lstrip(".") or "(whole file)"
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(problem["loc"][-1]), sorted(_keys(model)), n=1)
        return f"{where}: unknown key: " + (f"did you mean {near[0]}?" if near else "remove it")
    if problem["type"] == "missing":
        return f"{where}: missing: add it"
    found = repr(problem["input"])
    found = found if len(found) <= SHOWN else found[:SHOWN] + "..."
    return f"{where}: found {found}: {problem['msg'].removeprefix('Value error, ')}"


def _keys(annotation: Any) -> set[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        return set(fields).union(*(_keys(field.annotation) for field in fields.values())) if fields else set()
    return set().union(*(_keys(part) for part in get_args(annotation)))
