"""What does one night add up to, by team and by agent?"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scorer.labels import Label
from scorer.manifest import RUN_FILE, read_run
from scorer.records import Tally
from scorer.scoring.rubric import Rubric
from scorer.tables.nights import AGENT, STARTED, TEAM, call_facts

BAR_POINTS = 5  # width of a bar of the histogram of scores


@dataclass(slots=True)
class Group:
    """The calls of a team, of an agent, or of all; filled call by call. Counts add, means come last."""

    team: str = ""
    agent: str = ""
    calls: int = 0
    scored: int = 0
    flagged: int = 0
    score_sum: float = 0.0
    tallies: dict[str, Tally] = field(default_factory=dict)

    def add(self, fact: Mapping[str, Any], behaviours: Iterable[str]) -> None:
        """Count one call."""
        self.calls += 1
        self.flagged += bool(fact["flags"])
        if fact["score"] is not None:
            self.scored += 1
            self.score_sum += fact["score"]
        for name in behaviours:
            seen = Tally(fact[f"{name}_hits"], fact[f"{name}_chances"])
            self.tallies[name] = self.tallies.get(name, Tally()) + seen

    @property
    def mean_score(self) -> float | None:
        """0 to 100; None where no call has a score."""
        return self.score_sum / self.scored if self.scored else None


@dataclass(frozen=True, slots=True)
class Night:
    """A finished run as the pages need it. Groups are in order of their names."""

    folder: Path
    about: dict[str, Any]  # run.json
    date: dt.date
    rubric: Rubric
    labels: tuple[Label, ...]
    facts: tuple[dict[str, Any], ...]  # one per call, see tables/nights.py
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
    behaviours = tuple(rubric.behaviours)
    facts = call_facts(run, behaviours)
    whole = Group()
    teams: dict[str, Group] = {}
    agents: dict[tuple[str, str], Group] = {}
    for fact in facts:
        team, agent = fact[TEAM] or "", fact[AGENT] or ""
        whole.add(fact, behaviours)
        if team:
            teams.setdefault(team, Group(team)).add(fact, behaviours)
        if agent:
            agents.setdefault((team, agent), Group(team, agent)).add(fact, behaviours)
    return Night(
        folder=run,
        about=about,
        date=_date(run, [fact[STARTED] for fact in facts if fact[STARTED] is not None]),
        rubric=rubric,
        labels=labels_of(about),
        facts=tuple(facts),
        whole=whole,
        teams=tuple(teams[name] for name in sorted(teams)),
        agents=tuple(agents[name] for name in sorted(agents)),
    )


def rubric_of(about: Mapping[str, Any]) -> Rubric:
    """The rubric that a run was scored with."""
    return Rubric.model_validate(about["rubric"]["rules"], strict=False)


def labels_of(about: Mapping[str, Any]) -> tuple[Label, ...]:
    """The labels that the run's model gives."""
    return tuple(Label(**row) for row in about["labels"])


def histogram(night: Night) -> list[tuple[int, int, str]]:
    """Bars of the scores: (from, number of calls, band in which the bar begins)."""
    counts = [0] * (100 // BAR_POINTS)
    for fact in night.facts:
        if fact["score"] is not None:
            counts[min(len(counts) - 1, int(fact["score"] // BAR_POINTS))] += 1
    starts = [(at * BAR_POINTS, count) for at, count in enumerate(counts)]
    return [(start, count, [band.name for band in night.rubric.bands if band.start <= start][-1]) for start, count in starts]


def _date(run: Path, started_s: list[float]) -> dt.date:
    """The day in the middle of the calls' starts; without them, the day on which the run was finished (UTC)."""
    middle = sorted(started_s)[len(started_s) // 2] if started_s else (run / RUN_FILE).stat().st_mtime
    return dt.datetime.fromtimestamp(middle, dt.UTC).date()
