"""What does one night add up to, by team and by agent?"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from scorer.labels import Label
from scorer.manifest import RUN_FILE, read_run
from scorer.records import Tally
from scorer.scoring.rubric import Rubric
from scorer.tables.nights import group_sums, most_common_day, score_bars

BAR_POINTS = 5  # width of a bar of the histogram of scores
NONE = Tally()


@dataclass(frozen=True, slots=True)
class Group:
    """The calls of a team, of an agent, or of all. Counts add, rates come last."""

    team: str = ""
    agent: str = ""
    scored: int = 0
    tallies: Mapping[str, Tally] = field(default_factory=dict)

    def __add__(self, other: "Group") -> "Group":
        """With the name of the first."""
        names = {**self.tallies, **other.tallies}
        tallies = {name: self.tallies.get(name, NONE) + other.tallies.get(name, NONE) for name in names}
        return Group(self.team, self.agent, self.scored + other.scored, tallies)


@dataclass(frozen=True, slots=True)
class Night:
    """A finished run as the pages need it. Groups are in order of their names."""

    folder: Path
    about: dict[str, Any]  # run.json
    date: dt.date  # on which most of the calls began; the day of the run where they have no start
    dated: bool  # whether they have
    rubric: Rubric
    labels: tuple[Label, ...]
    bars: tuple[int, ...]  # calls by score, each bar BAR_POINTS wide
    whole: Group
    teams: tuple[Group, ...]
    agents: tuple[Group, ...]

    @property
    def behaviours(self) -> tuple[str, ...]:
        """Names of the scored behaviours."""
        return tuple(self.rubric.behaviours)

    def wanted(self, behaviour: str) -> bool:
        """Whether more of it is better."""
        label = self.rubric.behaviours[behaviour].label
        return any(x.name == label and x.polarity == "desired" for x in self.labels)


def read_night(run: Path) -> Night:
    """Add up a finished run. Raises RunError where there is none."""
    about = read_run(run)
    rubric = rubric_of(about)
    groups = [Group(*found) for found in group_sums(run, tuple(rubric.behaviours))]
    day = most_common_day(run)
    return Night(
        folder=run,
        about=about,
        date=day or _finished(run),
        dated=day is not None,
        rubric=rubric,
        labels=labels_of(about),
        bars=tuple(score_bars(run, 100 // BAR_POINTS)),
        whole=sum(groups, Group()),
        teams=tuple(sum(found, Group(team)) for team, found in groupby(groups, key=attrgetter("team")) if team),
        agents=tuple(group for group in groups if group.agent),
    )


def rubric_of(about: Mapping[str, Any]) -> Rubric:
    """The rubric that a run was scored with."""
    return Rubric.model_validate(about["rubric"]["rules"], strict=False)


def labels_of(about: Mapping[str, Any]) -> tuple[Label, ...]:
    """The labels that the run's model gives."""
    return tuple(Label(**row) for row in about["labels"])


def histogram(night: Night) -> list[tuple[int, int, str]]:
    """Bars of the scores: (from, number of calls, band in which the bar begins)."""
    starts = [(at * BAR_POINTS, count) for at, count in enumerate(night.bars)]
    return [(start, count, [band.name for band in night.rubric.bands if band.start <= start][-1]) for start, count in starts]


def _finished(run: Path) -> dt.date:
    """The day on which the run was finished (UTC), where the calls have no start."""
    return dt.datetime.fromtimestamp((run / RUN_FILE).stat().st_mtime, dt.UTC).date()
