"""Which calls come next, and which fit what a person asked for?"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from scorer.review.masks import visible
from scorer.review.store import KNOWN
from scorer.review.verdicts import fallen_flags
from scorer.scoring.flags import SEVERITIES
from scorer.tables.nights import search_calls

PAGE = 50  # calls
LEFT = "state in ('open', 'begun')"
SHOWN = {"": ("flagged", "sample"), "flagged": ("flagged",), "sample": ("sample",), "all": ("flagged", "sample", "rest")}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a person asked for; empty is no wish. `which` is a key of SHOWN."""

    which: str = ""
    night: str = ""
    team: str = ""
    agent: str = ""
    label: str = ""
    rule: str = ""
    band: str = ""
    state: str = ""
    words: str = ""

    @classmethod
    def read(cls, wishes: Mapping[str, str]) -> "Filters":
        """From a query string; what is unknown or too long to be meant is left out."""
        found = {field.name: wishes.get(field.name, "").strip()[:200] for field in fields(cls)}
        return cls(**found | {"which": found["which"] if found["which"] in SHOWN else ""})

    def query(self, page: int = 1) -> str:
        """The end of an address that asks for the same, "?" before it; empty for the first page of everything."""
        asked = {name: wish for name, wish in asdict(self).items() if wish} | ({"page": page} if page > 1 else {})
        return f"?{urlencode(asked)}" if asked else ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filters offer."""

    nights: tuple[str, ...]
    teams: tuple[str, ...]
    agents: tuple[str, ...]
    labels: tuple[str, ...]
    rules: tuple[str, ...]
    bands: tuple[str, ...]
    states: tuple[str, ...] = ("open", "begun", "done", "disputed")


def choices(connection: sqlite3.Connection) -> Choices:
    """Every value that some call has. Goes through all calls: asked once, when the app starts."""

    def distinct(query: str) -> tuple[str, ...]:
        return tuple(str(value) for (value,) in connection.execute(query) if value)

    abouts = [json.loads(about) for (about,) in connection.execute("select about from run")]
    return Choices(
        nights=distinct(f"select distinct night from run where {KNOWN} order by night desc"),
        teams=distinct("select distinct team from tally order by team"),
        agents=distinct("select distinct agent from tally order by agent"),
        labels=tuple(dict.fromkeys(label["name"] for about in abouts for label in about["labels"])),
        rules=distinct("select distinct rule from flag order by rule"),
        bands=distinct("select distinct band from call order by band"),
    )


@dataclass(frozen=True, slots=True)
class Count:
    """How many calls there are of a kind, and how many of them are left to review: open or begun."""

    calls: int
    left: int


def list_calls(
    connection: sqlite3.Connection, filters: Filters, page: int, *, masked: bool = True
) -> tuple[list[dict[str, Any]], dict[str, Count]]:
    """One page of calls with their flags, worst first and samples behind, and how many there are of each kind on all pages.

    Words are searched in the transcripts as they are shown: a number that is masked cannot be guessed digit by digit. A whole call_id
    finds its call too; the start of one does not, for the same reason.
    """
    where, values = _where(connection, filters, masked=masked)
    counts = connection.execute(f"select kind, count(*), sum({LEFT}) from call where {where} group by kind", values).fetchall()
    rows = connection.execute(
        f"select call.*, (select night from run where run.run_id = call.run_id) as night from call where {where}"
        " order by severity, coalesce(score, 101), id limit ? offset ?",
        [*values, PAGE, max(0, page - 1) * PAGE],
    ).fetchall()
    fallen = fallen_flags(connection, [row["id"] for row in rows])
    listed = [dict(row) | {"flags": _flags(connection, row["id"], fallen)} for row in rows]
    return listed, {kind: Count(*found) for kind, *found in counts}


def neighbours(connection: sqlite3.Connection, filters: Filters, number: int, *, masked: bool = True) -> tuple[int | None, int | None]:
    """The call before and the next one that fit, in the queue's order; the next of those that are left, where no state is asked for."""
    row = connection.execute("select severity, coalesce(score, 101) as score from call where id = ?", [number]).fetchone()
    if row is None:
        return None, None
    fits, values = _where(connection, filters, masked=masked)
    fits += f" and run_id in (select run_id from run where {KNOWN})"
    left = "" if filters.state else f" and {LEFT}"  # only forwards: one may go back to a call that was just finished
    place = [*values, row["severity"], row["score"], number]
    key = "(severity, coalesce(score, 101), id)"
    order = "severity {0}, coalesce(score, 101) {0}, id {0}"
    before = connection.execute(f"select id from call where {fits} and {key} < (?, ?, ?) order by {order.format('desc')} limit 1", place)
    after = connection.execute(
        f"select id from call where {fits}{left} and {key} > (?, ?, ?) order by {order.format('asc')} limit 1", place
    )
    found = [cursor.fetchone() for cursor in (before, after)]
    return (found[0][0] if found[0] else None), (found[1][0] if found[1] else None)


def _flags(connection: sqlite3.Connection, number: int, fallen: set[tuple[int, str]]) -> list[dict[str, Any]]:
    rows = connection.execute("select * from flag where call = ?", [number])
    found = [dict(row) | {"overturned": (number, row["rule"]) in fallen} for row in rows]
    return sorted(found, key=lambda flag: SEVERITIES.index(flag["severity"]))


def _where(connection: sqlite3.Connection, filters: Filters, *, masked: bool) -> tuple[str, list[Any]]:
    kinds = SHOWN[filters.which]
    parts, values = [f"kind in ({', '.join('?' * len(kinds))})"], list[Any](kinds)
    wishes: Sequence[tuple[str, str, Any]] = (
        (filters.team, "team = ?", filters.team),
        (filters.agent, "agent = ?", filters.agent),
        (filters.band, "band = ?", filters.band),
        (filters.state, "state = ?", filters.state),
        (filters.label, "instr(labels, ?)", f" {filters.label} "),
        (filters.rule, "exists (select 1 from flag where flag.call = call.id and rule = ?)", filters.rule),
        (filters.night, "run_id in (select run_id from run where night = ?)", filters.night),
    )
    for wish, part, value in wishes:
        if wish:
            parts.append(part)
            values.append(value)
    if filters.words:
        parts.append("((run_id, call_id) in (select run_id, call_id from temp.said) or lower(call_id) = lower(?))")
        values.append(filters.words)
        _search(connection, filters, masked=masked)
    return " and ".join(parts), values


def _search(connection: sqlite3.Connection, filters: Filters, *, masked: bool) -> None:
    """Put the calls in which the words are said into temp.said."""
    runs = connection.execute(
        "select folder, run_id, json_extract(about, '$.fingerprint') from run where ? in ('', night)", [filters.night]
    ).fetchall()
    found = _said(tuple(map(tuple, runs)), filters.words, masked=masked)
    connection.execute("create temp table if not exists said(run_id text, call_id text, primary key (run_id, call_id)) without rowid")
    connection.execute("begin")
    connection.execute("delete from temp.said")
    connection.executemany("insert into temp.said values (?, ?)", found)
    connection.execute("commit")


@lru_cache(maxsize=4)  # every page of a call that words have found asks for them again; kept while the app runs, in its memory alone
def _said(runs: tuple[tuple[str, str, str], ...], words: str, *, masked: bool) -> frozenset[tuple[str, str]]:
    """(run_id, call_id) of the calls in which the words are said; a run is its folder, its id and the fingerprint of what is in it."""
    shown = partial(visible, masked=masked)
    there = [(Path(folder), run_id) for folder, run_id, _ in runs if Path(folder).is_dir()]
    return frozenset((run_id, call_id) for folder, run_id in there for call_id in search_calls(folder, words, shown=shown))
