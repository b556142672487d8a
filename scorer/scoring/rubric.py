"""How is a call to be scored? configs/rubric.yaml as checked, frozen values."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from scorer.config import MisfitError, Settings, load_yaml
from scorer.errors import ConfigError, listing
from scorer.labels import Label
from scorer.yaml_file import Part, place, read_yaml

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Weight = Annotated[float, Field(ge=0, le=1_000_000)]  # only their ratios count
Share = Annotated[float, Field(gt=0, le=1)]


class PerTurn(Settings):
    """An undesired behaviour that can go wrong whenever the agent takes over from the customer."""

    kind: Literal["per_turn"]
    label: Name
    weight: Weight
    limit: Share


class AfterSignal(Settings):
    """An undesired behaviour that can go wrong in every agent segment after a customer's signal."""

    kind: Literal["after_signal"]
    label: Name
    signal: Name
    weight: Weight
    points_by_count: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(min_length=2)
    repeated_counts: float = Field(ge=1)

    @model_validator(mode="after")
    def _falls(self) -> "AfterSignal":
        if list(self.points_by_count) != sorted(self.points_by_count, reverse=True):
            points = list(self.points_by_count)
            raise MisfitError([(("points_by_count",), f"found {points}: must not rise: more hits cannot give more points")])
        return self


class PerEpisode(Settings):
    """A desired behaviour that is called for by every episode of a customer's signal."""

    kind: Literal["per_episode"]
    label: Name
    signal: Name
    weight: Weight
    target: Share
    one_is_enough: bool
    within_segments: int | None = Field(default=None, ge=1)  # else episodes.answer_segments
    against: Name | None = None
    against_share: float = Field(default=0.0, ge=0, le=1)


class Rate(Settings):
    """A behaviour counted over all agent segments: desired with a target, undesired with a limit."""

    kind: Literal["rate"]
    label: Name
    weight: Weight
    target: Share | None = None
    limit: Share | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "Rate":
        if (self.target is None) == (self.limit is None):
            raise MisfitError([((), "give either target (a desired behaviour) or limit (an undesired one)")])
        return self


Behaviour = Annotated[PerTurn | AfterSignal | PerEpisode | Rate, Field(discriminator="kind")]


class Minimum(Settings):
    """Below this a call is too short or too one-sided to judge."""

    agent_segments: int = Field(ge=0)
    customer_segments: int = Field(ge=0)


class Episodes(Settings):
    """What belongs to one problem, and how long the agent has to answer it; counts of segments."""

    gap_segments: int = Field(ge=0)
    answer_segments: int = Field(ge=1)


class Critical(Settings):
    """A rule that no other merit outweighs."""

    name: Name
    behaviour: Name
    hits_at_least: int = Field(ge=1)
    after_repeated: bool = False
    effect: Literal["zero", "cap", "flag_only"]
    cap: float | None = Field(default=None, ge=0, le=100)
    reason: str

    @model_validator(mode="after")
    def _cap_fits(self) -> "Critical":
        if (self.effect == "cap") != (self.cap is not None):
            raise MisfitError([(("effect",), f"found {self.effect}: effect cap needs a cap, and only that")])
        return self


class Count(Settings):
    """So many times a behaviour."""

    behaviour: Name
    count: int = Field(ge=1)


class FlagRule(Settings):
    """A reason for a person to look, with exactly one condition."""

    name: Name
    severity: Literal["critical", "warning", "notice"]
    reason: str
    score_below: float | None = Field(default=None, gt=0, le=100)
    hits_at_least: Count | None = None
    missed_at_least: Count | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> "FlagRule":
        if sum(c is not None for c in (self.score_below, self.hits_at_least, self.missed_at_least)) != 1:
            raise MisfitError([((), f"rule {self.name}: give exactly one of score_below, hits_at_least, missed_at_least")])
        return self


class Band(Settings):
    """A named range of scores, up to where the next begins."""

    name: str = Field(min_length=1)
    start: float = Field(alias="from", ge=0, le=100)


class Rubric(Settings):
    """configs/rubric.yaml, which explains every key."""

    name: str = Field(min_length=1)
    version: int = Field(ge=1)
    minimum: Minimum
    episodes: Episodes
    behaviours: Mapping[Name, Behaviour] = Field(min_length=1)
    critical: tuple[Critical, ...] = ()
    flags: tuple[FlagRule, ...] = ()
    bands: tuple[Band, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _holds_together(self) -> "Rubric":
        problems = list(self._problems())
        if problems:
            raise MisfitError(problems)
        return self

    def _problems(self) -> Iterator[tuple[tuple[Part, ...], str]]:
        if not any(behaviour.weight for behaviour in self.behaviours.values()):
            yield ("behaviours",), "all weights are 0: give at least one behaviour a weight"
        starts = [band.start for band in self.bands]
        if starts[0] != 0 or any(a >= b for a, b in pairwise(starts)):
            yield ("bands",), f"bands begin at {starts}: the first must begin at 0 and each later one higher"
        for at, band in enumerate(self.bands):
            if band.name in [earlier.name for earlier in self.bands[:at]]:
                yield ("bands", at, "name"), f"two bands have the same name {band.name!r}: give each its own"
        for name in self.behaviours:
            if name.removesuffix("_expected") in self.behaviours and name.endswith("_expected"):
                yield ("behaviours", name), "its columns in calls/ would be called as those of the behaviour before _expected: rename it"
        rules: list[tuple[tuple[Part, ...], Critical | FlagRule]] = [
            *((("critical", at), rule) for at, rule in enumerate(self.critical)),
            *((("flags", at), rule) for at, rule in enumerate(self.flags)),
        ]
        names = [rule.name for _, rule in rules]
        for at, (where, rule) in enumerate(rules):
            if rule.name in names[:at]:
                yield (*where, "name"), f"two rules have the same name {rule.name!r}: give each its own"
            for below, used in _behaviours_of(rule):
                if used not in self.behaviours:
                    yield (
                        (*where, *below),
                        f"a rule names the behaviour {used!r}, which is not under behaviours {sorted(self.behaviours)}: name one of them",
                    )


def _behaviours_of(rule: Critical | FlagRule) -> Iterator[tuple[tuple[Part, ...], str]]:
    if isinstance(rule, Critical):
        yield ("behaviour",), rule.behaviour
        return
    for key, count in (("hits_at_least", rule.hits_at_least), ("missed_at_least", rule.missed_at_least)):
        if count:
            yield (key, "behaviour"), count.behaviour


def load_rubric(path: Path) -> Rubric:
    """Read a rubric. Raises ConfigError with every problem of the file."""
    return load_yaml(path, Rubric)


def check_rubric(rubric: Rubric, labels: Sequence[Label], path: Path) -> None:
    """Raise ConfigError where the rubric, read from `path`, names labels that the model lacks, or uses one of another kind."""
    known = {label.name: label for label in labels}
    found: list[tuple[tuple[Part, ...], str]] = []
    for name, behaviour in rubric.behaviours.items():
        for key, used, wanted in _used(behaviour):
            label = known.get(used)
            where = ("behaviours", name, key)
            if label is None:
                found.append((where, f"the model has no label {used!r}; it has {sorted(known)}"))
            elif (label.party, label.polarity) != wanted:
                found.append((where, f"{used!r} is {label.party}, {label.polarity}; {' and '.join(wanted)} is needed"))
    if found:
        file = read_yaml(path)
        problems = [f"line {file.line(where)}: {place(where)}: {text}" for where, text in found]
        raise ConfigError(listing(f"{path}: rubric {rubric.name!r} does not fit the model:", problems))


def is_desired(behaviour: PerTurn | AfterSignal | PerEpisode | Rate) -> bool:
    """Whether more hits are better."""
    return isinstance(behaviour, PerEpisode) or (isinstance(behaviour, Rate) and behaviour.target is not None)


def _used(behaviour: PerTurn | AfterSignal | PerEpisode | Rate) -> Iterator[tuple[str, str, tuple[str, str]]]:
    yield "label", behaviour.label, ("agent", "desired" if is_desired(behaviour) else "undesired")
    if isinstance(behaviour, AfterSignal | PerEpisode):
        yield "signal", behaviour.signal, ("customer", "signal")
    if isinstance(behaviour, PerEpisode) and behaviour.against is not None:
        yield "against", behaviour.against, ("agent", "undesired")


def rubric_hash(rubric: Rubric) -> str:
    """sha256 of what the rubric says; comments and order of keys do not matter."""
    return hashlib.sha256(json.dumps(rubric.model_dump(mode="json", by_alias=True), sort_keys=True).encode()).hexdigest()
