"""What does one night add up to, by team and by agent?"""

import datetime as dt
from collections import Counter
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
NONE = Tally()


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
            before = self.tallies.get(name, NONE)
            self.tallies[name] = Tally(before.hits + fact[f"{name}_hits"], before.chances + fact[f"{name}_chances"])

    @property
    def mean_score(self) -> float | None:
        """0 to 100; None where no call has a score."""
        return self.score_sum / self.scored if self.scored else None


@dataclass(frozen=True, slots=True)
class Night:
    """A finished run as the pages need it. Groups are in order of their names."""

    folder: Path
    about: dict[str, Any]  # run.json
    date: dt.date  # on which most of the calls began; the day of the run where they have no start
    dated: bool  # whether they have
    rubric: Rubric
    labels: tuple[Label, ...]
    flagged: tuple[dict[str, Any], ...]  # facts of the flagged calls, see tables/nights.py
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
    behaviours = tuple(rubric.behaviours)
    whole = Group()
    teams: dict[str, Group] = {}
    agents: dict[tuple[str, str], Group] = {}
    days: Counter[dt.date] = Counter()
    bars = [0] * (100 // BAR_POINTS)
    flagged = []
    for fact in call_facts(run, behaviours):
        team, agent = fact[TEAM] or "", fact[AGENT] or ""
        whole.add(fact, behaviours)
        if team:
            teams.setdefault(team, Group(team)).add(fact, behaviours)
        if agent:
            agents.setdefault((team, agent), Group(team, agent)).add(fact, behaviours)
        if fact["score"] is not None:
            bars[min(len(bars) - 1, int(fact["score"] // BAR_POINTS))] += 1
        flagged += [fact] if fact["flags"] else []
        if fact[STARTED] is not None:
            days[dt.datetime.fromtimestamp(fact[STARTED], dt.UTC).date()] += 1
    return Night(
        folder=run,
        about=about,
        date=days.most_common(1)[0][0] if days else _finished(run),
        dated=bool(days),
        rubric=rubric,
        labels=labels_of(about),
        flagged=tuple(flagged),
        bars=tuple(bars),
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
    starts = [(at * BAR_POINTS, count) for at, count in enumerate(night.bars)]
    return [(start, count, [band.name for band in night.rubric.bands if band.start <= start][-1]) for start, count in starts]


def _finished(run: Path) -> dt.date:
    """The day on which the run was finished (UTC), where the calls have no start."""
    return dt.datetime.fromtimestamp((run / RUN_FILE).stat().st_mtime, dt.UTC).date()
