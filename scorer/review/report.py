"""What does a supervisor find in the morning? One self-contained page per run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from scorer.durable import unwritable, write_text
from scorer.manifest import REPORT
from scorer.records import Tally
from scorer.review.callview import CallView, read_views
from scorer.review.compare import earlier_runs, what_changed, what_moved
from scorer.review.masks import visible
from scorer.review.night import BAR_POINTS, Group, Night, histogram, read_night
from scorer.review.render import render
from scorer.review.shrink import PRIOR_CHANCES, Shrunk, shrink, stands_out
from scorer.scoring.flags import SEVERITIES
from scorer.tables.nights import call_facts, flag_facts, reject_facts

TRANSCRIPTS = 40  # flagged calls that are shown in full; a mail should stay small
LISTED = 400  # flagged calls in the list
AGENTS = 12  # per behaviour
REJECTS = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One team or agent in the table of a behaviour. `stands` is better or worse where it clearly is so than its group, else empty."""

    name: str
    team: str
    rate: Shrunk
    stands: Literal["better", "worse", ""]


@dataclass(frozen=True, slots=True)
class BehaviourTable:
    """One behaviour by team and agent; agents in most need first."""

    name: str
    description: str
    wanted: bool
    rate: Shrunk | None
    teams: tuple[Row, ...]
    agents: tuple[Row, ...]
    agents_in_all: int
    top: float  # right end of the scale, 0 to 1

    @property
    def stands(self) -> bool:
        """Whether somebody clearly differs from their group."""
        return any(row.stands for row in (*self.teams, *self.agents))


def write_report(run: Path, *, masked: bool = True) -> Path:
    """Write report.html into a finished run and return its path. Raises RunError where there is no run, or it cannot be written to."""
    night = read_night(run)
    page = render("report.html", **report_values(night, earlier_runs(night), masked=masked))
    try:
        write_text(run / REPORT, [page], step="report")
    except OSError as error:
        raise unwritable(run / REPORT, error) from error
    return run / REPORT


def ensure_report(run: Path, fingerprint: str) -> None:
    """Write report.html where it is missing or of the run before: a run may be killed between its last two files.

    The page says which run it is of, since a clock may have been set back between the two.
    """
    page = run / REPORT
    if not page.exists() or f'content="{fingerprint}"' not in page.read_text(encoding="utf-8", errors="replace"):
        write_report(run)


def report_values(night: Night, earlier: Sequence[dict[str, Any]], *, masked: bool) -> dict[str, Any]:
    """Everything that the page shows."""
    flagged, flagged_in_all = worst_first(night.folder)
    shown = [row["call_id"] for row in flagged[:TRANSCRIPTS]]
    return {
        "night": night,
        "counts": night.about["counts"],
        "earlier": earlier,
        "earlier_mean": _mean([old["counts"]["mean_score"] for old in earlier]),
        "moved": what_moved(night.about["counts"], [old["counts"] for old in earlier]),
        "changed": what_changed(night.about, earlier[-1]) if earlier else [],
        "bars": histogram(night),
        "bar_points": BAR_POINTS,
        "bands": [(band.name, band.start, night.about["counts"]["bands"].get(band.name, 0)) for band in night.rubric.bands],
        "tones": tones(night),
        "flagged": flagged,
        "flagged_in_all": flagged_in_all,
        "tables": behaviour_tables(night),
        "calls": _views(night, shown, masked=masked),
        "rejects": list(islice(reject_facts(night.folder), REJECTS)),
        "masked": masked,
        "prior": PRIOR_CHANCES,
    }


def worst_first(run: Path) -> tuple[list[dict[str, Any]], int]:
    """The flagged calls that are listed, each with its reasons, and how many there are in all.

    Most severe first, then the lowest score. No more of them are held than are listed.
    """
    in_all = 0

    def flagged() -> Iterator[dict[str, Any]]:
        nonlocal in_all
        for call_id, flags in groupby(flag_facts(run), key=itemgetter("call_id")):
            in_all += 1
            yield _flagged(call_id, list(flags))

    found = nsmallest(LISTED, flagged(), key=lambda row: (SEVERITIES.index(row["reasons"][0][0]), row["score"], row["call_id"]))
    facts = {fact["call_id"]: fact for fact in call_facts(run, (), call_ids=[row["call_id"] for row in found])}
    return [facts[row["call_id"]] | row for row in found], in_all


def _flagged(call_id: str, flags: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    reasons = sorted(((flag["severity"], flag["reason"]) for flag in flags), key=lambda reason: SEVERITIES.index(reason[0]))
    return {"call_id": call_id, "score": flags[0]["score"], "shown_id": visible(call_id, masked=False), "reasons": reasons}


def behaviour_tables(night: Night) -> list[BehaviourTable]:
    """Each behaviour by team and agent: teams drawn towards the others of the night, agents towards the others of their team."""
    return [_behaviour_table(night, name) for name in night.behaviours]


def tones(night: Night) -> dict[str, int]:
    """Colour of each band, 0 (worst) to 3 (best)."""
    last = max(1, len(night.rubric.bands) - 1)
    return {band.name: round(3 * at / last) for at, band in enumerate(night.rubric.bands)}


def _behaviour_table(night: Night, name: str) -> BehaviourTable:
    whole = night.whole.tallies.get(name, Tally())
    of_team = {group.team: group.tallies.get(name, Tally()) for group in night.teams}
    wanted = night.wanted(name)
    teams = _rows(night.teams, name, {group.team: whole for group in night.teams}, wanted=wanted)
    agents = _rows(night.agents, name, {group.team: of_team.get(group.team, whole) for group in night.agents}, wanted=wanted)
    shown = agents[:AGENTS]
    label = next(label for label in night.labels if label.name == night.rubric.behaviours[name].label)
    highest = max([row.rate.high for row in (*teams, *shown)], default=1.0)
    return BehaviourTable(name, label.description, wanted, shrink(whole), teams, shown, len(agents), top=min(1.0, highest * 1.05))


def _rows(groups: Sequence[Group], name: str, towards: dict[str, Tally], *, wanted: bool) -> tuple[Row, ...]:
    """In most need first: by the end of the interval that is kinder to them, so that few chances do not lead the list."""
    rows = []
    for group in groups:
        tally = group.tallies.get(name, Tally())
        rate = shrink(tally, towards[group.team] - tally)
        if rate:
            title = visible(group.agent or group.team, masked=False)
            rows.append(Row(title, visible(group.team, masked=False), rate, _stands(rate, towards[group.team], wanted=wanted)))
    return tuple(sorted(rows, key=lambda row: (row.rate.high, row.name) if wanted else (-row.rate.low, row.name)))


def _stands(rate: Shrunk, group: Tally, *, wanted: bool) -> Literal["better", "worse", ""]:
    if not stands_out(rate, group):
        return ""
    return "better" if (rate.mean > (group.rate or 0.0)) == wanted else "worse"


def _views(night: Night, call_ids: Sequence[str], *, masked: bool) -> list[CallView]:
    return read_views(night.folder, call_ids, labels=night.labels, rubric=night.rubric, masked=masked)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
