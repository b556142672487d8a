"""Which words is a verdict about, and where are they after the call was scored again?"""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence

from scorer.records import Segment
from scorer.review.verdicts import GONE, NO_SEGMENT

LETTERS = 8  # of a digest: enough to tell the segments of a call apart, too few to guess a number that was said from it
REPEATED = "*"


def digests(segments: Iterable[Segment]) -> list[str]:
    """A digest of each segment's speaker and text, with a star where another segment of the call is the same."""
    found = [_digest([segment.speaker, segment.text]) for segment in segments]
    times = Counter(found)
    return [each + REPEATED if times[each] > 1 else each for each in found]


def whole_digest(segments: Iterable[Segment]) -> str:
    """A digest of all that was said in a call."""
    return _digest([[segment.speaker, segment.text] for segment in segments])


def find_segment(words: str, segment: int, said: Sequence[str]) -> int:
    """Where the words are now among `said`: at their number still, else at the only one that has them, else GONE."""
    if 0 <= segment < len(said) and said[segment].rstrip(REPEATED) == words.rstrip(REPEATED):
        return segment
    return said.index(words) if words in said and not words.endswith(REPEATED) else GONE


def find_again(connection: sqlite3.Connection, call: int, segments: Sequence[Segment]) -> None:
    """Bring verdicts and disputes of a call that was scored again to where their words are now, or nowhere.

    What was said of a flag stays. What does not say what it was about is about words that are gone.
    """
    said, whole = digests(segments), whole_digest(segments)
    remembered = dict(connection.execute("select verdict, words from place where words is not null").fetchall())

    def now(row: sqlite3.Row) -> int:
        words = json.loads(row["machine"]).get("words") or remembered.get(row["id"], "")
        if row["kind"] == "call":
            return NO_SEGMENT if words == whole else GONE
        return find_segment(words, row["segment"], said)

    for row in connection.execute("select * from verdict where call = ? and kind <> 'flag'", [call]).fetchall():
        connection.execute(
            "insert into place(verdict, segment) values (?, ?) on conflict do update set segment = excluded.segment", [row["id"], now(row)]
        )
    for row in connection.execute("select * from dispute where call = ? and kind = 'label'", [call]).fetchall():
        connection.execute("update dispute set segment = ? where id = ?", [now(row), row["id"]])


def wordless(connection: sqlite3.Connection, run_id: str) -> dict[str, int]:
    """The calls of a run, with their numbers, on which there are verdicts that do not say what they were about: those of version 1."""
    rows = connection.execute(
        "select distinct call.call_id, call.id from verdict v join call on call.id = v.call where call.run_id = ? and v.kind <> 'flag'"
        " and json_extract(v.machine, '$.words') is null and not exists (select 1 from place where verdict = v.id)",
        [run_id],
    )
    return dict(rows.fetchall())


def remember(connection: sqlite3.Connection, call: int, segments: Sequence[Segment]) -> None:
    """Keep what such verdicts on a call are about, while its words are still those that they were about."""
    said = dict(enumerate(digests(segments))) | {NO_SEGMENT: whole_digest(segments)}
    rows = connection.execute(
        "select id, segment from verdict v where call = ? and kind <> 'flag' and json_extract(machine, '$.words') is null"
        " and not exists (select 1 from place where verdict = v.id)",
        [call],
    ).fetchall()
    connection.executemany("insert into place values (?, ?, ?)", [(number, at, said.get(at)) for number, at in rows])


def _digest(said: list[str] | list[list[str]]) -> str:
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:LETTERS]
