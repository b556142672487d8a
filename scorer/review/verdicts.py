"""What do people say about flags and labels, who said it and when? Nothing that was said is ever changed."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from scorer.errors import ReviewError
from scorer.review.store import now, saving

Kind = Literal["flag", "label", "call"]  # call: "I have read all of it, and where I said nothing it is as shown"
Answer = Literal["yes", "no", "unsure", "withdrawn"]
NO_SEGMENT = -1
GONE = -2  # segment of what is about words that are no longer in the call, see words.py
NOTE = 2000  # characters


@dataclass(frozen=True, slots=True)
class Subject:
    """What a verdict is about: a flag's rule, a label at a segment, or the call as a whole."""

    call: int
    kind: Kind
    segment: int = NO_SEGMENT
    name: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One verdict as it was given. `machine` is what the machine had said by then; `settles` where it ends a dispute."""

    id: int
    at: str
    who: str
    subject: Subject
    answer: Answer
    note: str
    machine: Mapping[str, Any]
    settles: bool
    supersedes: int | None


def save_verdict(
    connection: sqlite3.Connection, subject: Subject, answer: Answer, *, who: str, note: str = "", machine: Mapping[str, Any]
) -> int:
    """Keep a verdict; an earlier one by the same person on the same subject stays and is superseded. Returns its number."""
    if answer not in get_args(Answer) or subject.kind not in get_args(Kind):
        raise ReviewError("a verdict is yes, no, unsure or withdrawn, on a flag, a label or a call: send one of these")
    with saving(connection):
        saved = add_verdict(connection, subject, answer, who=who, note=note, machine=machine)
        set_state(connection, subject.call)
    return saved


def add_verdict(
    connection: sqlite3.Connection,
    subject: Subject,
    answer: Answer,
    *,
    who: str,
    machine: Mapping[str, Any],
    note: str = "",
    settles: bool = False,
) -> int:
    """The insert alone, for a change that is larger; the caller is in `saving` and sets the state."""
    cursor = connection.execute(
        "insert into verdict(at, who, call, kind, segment, subject, answer, note, machine, settles, supersedes)"
        " values (:at, :who, :call, :kind, :segment, :name, :answer, :note, :machine, :settles, (select id from current"
        " where call = :call and kind = :kind and segment = :segment and subject = :name and who = :who))",
        {
            "at": now(),
            "who": who,
            "call": subject.call,
            "kind": subject.kind,
            "segment": subject.segment,
            "name": subject.name,
            "answer": answer,
            "note": note.strip()[:NOTE],
            "machine": json.dumps(machine),
            "settles": settles,
        },
    )
    return int(cursor.lastrowid or 0)


def set_state(connection: sqlite3.Connection, call: int) -> None:
    """Bring a call's state up to date: disputed, done (read whole, or every flag judged), begun, open."""
    connection.execute(
        """
        update call set state = case
            when exists (select 1 from dispute d where d.call = :call and not exists (select 1 from ruling where dispute = d.id))
                then 'disputed'
            when exists (select 1 from current where call = :call and kind = 'call' and answer = 'yes') then 'done'
            when severity < 3 and not exists (
                select 1 from flag f where f.call = :call and not exists (
                    select 1 from current v where v.call = :call and v.kind = 'flag' and v.subject = f.rule and v.answer in ('yes', 'no')))
                then 'done'
            when exists (select 1 from current where call = :call and answer <> 'withdrawn') then 'begun'
            else 'open' end
        where id = :call""",
        {"call": call},
    )


def current_verdicts(connection: sqlite3.Connection, calls: Sequence[int] | None = None) -> list[Verdict]:
    """The latest verdict of each person on each subject, oldest first; of some calls or of all. Left out are withdrawn ones,
    and those about words that are no longer in their call.
    """
    where = "" if calls is None else f"and call in ({', '.join('?' * len(calls))})"
    rows = connection.execute(f"select * from current where answer <> 'withdrawn' {where} order by id", list(calls or []))
    return [_verdict(row) for row in rows]


def rulings(connection: sqlite3.Connection, calls: Sequence[int] | None = None) -> list[Verdict]:
    """The verdicts that end disputes, oldest first, also where their author has said something else since; the last on a subject holds."""
    where = "" if calls is None else f"and call in ({', '.join('?' * len(calls))})"
    rows = connection.execute(f"select * from stated where settles and segment <> {GONE} {where} order by id", list(calls or []))
    return [_verdict(row) for row in rows]


def fallen_flags(connection: sqlite3.Connection, calls: Sequence[int]) -> set[tuple[int, str]]:
    """Call and rule of each flag that the last decision in a dispute took away."""
    last = {(v.subject.call, v.subject.name): v.answer for v in rulings(connection, calls) if v.subject.kind == "flag"}
    return {flag for flag, answer in last.items() if answer == "no"}


def history(connection: sqlite3.Connection, call: int) -> list[Verdict]:
    """Everything that was said about a call, oldest first: superseded verdicts and those about an earlier transcript too."""
    return [_verdict(row) for row in connection.execute("select * from stated where call = ? order by id", [call])]


def _verdict(row: sqlite3.Row) -> Verdict:
    subject = Subject(row["call"], row["kind"], row["segment"], row["subject"])
    return Verdict(
        row["id"],
        row["at"],
        row["who"],
        subject,
        row["answer"],
        row["note"],
        json.loads(row["machine"]),
        bool(row["settles"]),
        row["supersedes"],
    )
