"""How do finished runs get into the review database? What the queue needs, without a word of the transcripts."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scorer.errors import ReviewError
from scorer.labels import names
from scorer.manifest import read_run
from scorer.review.night import Night, read_night
from scorer.review.sample import draw, strata
from scorer.review.store import KNOWN, saving
from scorer.review.verdicts import set_state
from scorer.review.words import find_again, remember, wordless
from scorer.scoring.flags import SEVERITIES
from scorer.tables.judged import read_judged
from scorer.tables.nights import AGENT, TEAM, call_facts, drift_facts, flag_facts, label_facts

FACTS = ("agent", "team", "score", "band", "severity", "doubt", "labels", "kind", "stratum")  # of a call, but its names and state
UNFLAGGED = len(SEVERITIES)  # severity of a call without a flag


def add_runs(connection: sqlite3.Connection, runs: Sequence[Path], *, sample: int, seed: int) -> list[str]:
    """Make the runs part of the database; those in it get their folder refreshed, and what is new where a date was scored again.

    Returns the run ids.

    Raises RunError where one is not a finished run.
    """
    found = []
    for run in runs:
        about = read_run(run)
        run_id = str(about["run_id"])
        row = connection.execute("select about from run where run_id = ?", [run_id]).fetchone()
        known = json.loads(row["about"]) if row else {}
        same = known.get("fingerprint") == about["fingerprint"]
        if same:
            connection.execute("update run set folder = ? where run_id = ?", [str(run.resolve()), run_id])
            _remember(connection, run, run_id)
        if not same or "forgotten" in known:
            _add(connection, read_night(run), sample=sample, seed=seed)
        found.append(run_id)
    return found


def forget_run(connection: sqlite3.Connection, run: str) -> int:
    """Take a run, named by folder or id, out of queue and trends until it is added again.

    Returns how many of its calls stay, since people spoke of them. Raises ReviewError where the database has no such run.
    """
    named = [run, str(Path(run).resolve())]
    found = connection.execute(f"select run_id from run where (run_id = ? or folder = ?) and {KNOWN}", named).fetchall()
    if not found:
        raise ReviewError(f"{run}: the review database has no such run: name the folder that it was opened with, or its run_id")
    stay = 0
    with saving(connection):
        for (run_id,) in found:
            _forget(connection, run_id, set())
            stay += connection.execute("update call set kind = 'rest' where run_id = ?", [run_id]).rowcount
            connection.execute("update run set about = json_set(about, '$.forgotten', 1) where run_id = ?", [run_id])
            connection.execute("delete from run where run_id = ?1 and not exists (select 1 from call where run_id = ?1)", [run_id])
    return stay


def _add(connection: sqlite3.Connection, night: Night, *, sample: int, seed: int) -> None:
    run_id, label_names = night.about["run_id"], names(night.labels)
    said = label_facts(night.folder, label_names)
    flags = list(flag_facts(night.folder))
    about, drift = (json.dumps(value, default=str) for value in (night.about, drift_facts(night.folder, label_names)))
    facts = list(call_facts(night.folder, night.behaviours))
    rows = list(_call_rows(run_id, facts, said, flags, sample=sample, seed=seed))
    with saving(connection):
        connection.execute(
            "insert into run values (?, ?, ?, ?, ?, ?) on conflict do update set"
            " folder = excluded.folder, night = excluded.night, about = excluded.about, drift = excluded.drift, seed = excluded.seed",
            [run_id, str(night.folder.resolve()), night.date.isoformat(), about, drift, seed],
        )
        _forget(connection, run_id, {fact["call_id"] for fact in facts})
        connection.executemany(
            "insert into call(run_id, call_id, agent, team, score, band, severity, doubt, labels, kind, stratum)"
            " values (:run_id, :call_id, :agent, :team, :score, :band, :severity, :doubt, :labels, :kind, :stratum)"
            f" on conflict do update set {', '.join(f'{name} = excluded.{name}' for name in FACTS)}",
            rows,
        )
        numbers = dict(connection.execute("select call_id, id from call where run_id = ?", [run_id]).fetchall())
        connection.executemany(
            "insert or ignore into flag values (?, ?, ?, ?)",
            [(numbers[flag["call_id"]], flag["rule"], flag["severity"], flag["reason"]) for flag in flags],
        )
        _find_again(connection, night, numbers)
        touched = connection.execute("select id from call where run_id = ? and state <> 'open'", [run_id]).fetchall()
        for (number,) in touched:
            set_state(connection, number)  # another flag may be new
        connection.executemany("insert into tally values (?, ?, ?, ?, ?, ?)", _tally_rows(run_id, facts, night.behaviours))


def _find_again(connection: sqlite3.Connection, night: Night, numbers: Mapping[str, int]) -> None:
    """The verdicts on the night's calls stand where their words are now; those on calls that are gone stay as they are."""
    spoken = {number for (number,) in connection.execute("select call from verdict union select call from dispute")}
    names_of = [call_id for call_id, number in numbers.items() if number in spoken]
    for judged, _ in read_judged(night.folder, night.labels, call_ids=names_of) if names_of else ():
        find_again(connection, numbers[judged.call.call_id], judged.call.segments)


def _remember(connection: sqlite3.Connection, run: Path, run_id: str) -> None:
    numbers = wordless(connection, run_id)
    if numbers:
        with saving(connection):
            for judged, _ in read_judged(run, read_night(run).labels, call_ids=sorted(numbers)):
                remember(connection, numbers[judged.call.call_id], judged.call.segments)


def _forget(connection: sqlite3.Connection, run_id: str, kept: set[str]) -> None:
    """Drop what the version before said of a run that was scored again; a call that is gone stays only where people spoke of it."""
    calls = connection.execute("select id, call_id from call where run_id = ?", [run_id]).fetchall()
    connection.executemany("delete from flag where call = ?", [[number] for number, _ in calls])
    connection.executemany(
        "delete from call where id = ?1 and not exists (select 1 from verdict where call = ?1)"
        " and not exists (select 1 from dispute where call = ?1)",
        [[number] for number, call_id in calls if call_id not in kept],
    )
    connection.execute("delete from tally where run_id = ?", [run_id])


def _call_rows(
    run_id: str,
    facts: Sequence[dict[str, Any]],
    said: dict[str, tuple[float, list[str]]],
    flags: Sequence[dict[str, Any]],
    *,
    sample: int,
    seed: int,
) -> Iterator[dict[str, Any]]:
    worst: dict[str, int] = {}
    for flag in flags:
        worst[flag["call_id"]] = min(SEVERITIES.index(flag["severity"]), worst.get(flag["call_id"], UNFLAGGED))
    stratum_of = strata(facts, {name: doubt for name, (doubt, _) in said.items()})
    drawn = draw(stratum_of, size=sample, seed=seed)
    for fact in facts:
        name = fact["call_id"]
        doubt, labels = said.get(name, (0.0, []))
        yield {
            "run_id": run_id,
            "call_id": name,
            "agent": fact[AGENT] or "",
            "team": fact[TEAM] or "",
            "score": fact["score"],
            "band": fact["band"] or fact["status"],
            "severity": worst.get(name, UNFLAGGED),
            "doubt": doubt,
            "labels": f" {' '.join(labels)} ",
            "kind": "flagged" if name in worst else "sample" if name in drawn else "rest",
            "stratum": stratum_of[name],
        }


def _tally_rows(run_id: str, facts: Sequence[dict[str, Any]], behaviours: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Tallies of every agent; of a team's calls without an agent, and of calls without either, under the empty name."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for fact in facts:
        for name in behaviours:
            counted = groups.setdefault((fact[TEAM] or "", fact[AGENT] or "", name), [0, 0])
            counted[0] += fact[f"{name}_hits"]
            counted[1] += fact[f"{name}_chances"]
    for (team, agent, name), (hits, chances) in groups.items():
        yield run_id, team, agent, name, hits, chances
