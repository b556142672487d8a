"""What does the agent's side say, and who decides? A finding is upheld or overturned by somebody who has not judged it."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from scorer.errors import ReviewError
from scorer.review.store import now, saving
from scorer.review.truth import Judged, judged_flag, judged_labels
from scorer.review.verdicts import NOTE, Answer, Subject, add_verdict, current_verdicts, rulings, set_state


@dataclass(frozen=True, slots=True)
class Dispute:
    """One dispute; `standing` is the finding it is about: yes (it is so) or no. `outcome` is open, upheld or overturned."""

    id: int
    at: str
    who: str
    subject: Subject
    machine: Mapping[str, Any]
    standing: Answer
    agent_side: str
    outcome: str
    ruled_at: str
    ruled_by: str
    ruling: str
    call_id: str
    reason: str  # of the flag that it is about; empty where the call has no such flag any more, and for a label


def open_dispute(connection: sqlite3.Connection, subject: Subject, *, who: str, agent_side: str, machine: Mapping[str, Any]) -> int:
    """Enter the agent's side against the finding as it stands now. Raises ReviewError without a word of it, or where one is open."""
    if not agent_side.strip():
        raise ReviewError("a dispute needs the agent's side: say what they say")
    with saving(connection):
        if any(d.subject == subject and d.outcome == "open" for d in list_disputes(connection)):
            raise ReviewError("this finding is disputed already: decide that dispute first")
        standing = _standing(connection, subject, machine_says=bool(machine["given"]))
        cursor = connection.execute(
            "insert into dispute(at, who, call, kind, segment, subject, machine, standing, agent_side) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                now(),
                who,
                subject.call,
                subject.kind,
                subject.segment,
                subject.name,
                json.dumps(machine),
                standing,
                agent_side.strip()[:NOTE],
            ],
        )
        set_state(connection, subject.call)
    return int(cursor.lastrowid or 0)


def decide(connection: sqlite3.Connection, number: int, outcome: str, *, who: str, note: str) -> None:
    """Uphold or overturn; the decision is a verdict too, and the one that counts.

    Raises ReviewError where `who` has judged the finding before, or it is decided already.
    """
    with saving(connection):
        dispute = next((d for d in list_disputes(connection) if d.id == number), None)
        if dispute is None or dispute.outcome != "open" or outcome not in ("upheld", "overturned"):
            raise ReviewError("there is no open dispute of this number to uphold or overturn: go back to the list")
        if who in judges(connection, dispute.subject):
            raise ReviewError("you have judged this finding yourself: somebody else must decide")
        answer: Answer = dispute.standing if outcome == "upheld" else "no" if dispute.standing == "yes" else "yes"
        connection.execute("insert into ruling values (?, ?, ?, ?, ?)", [number, now(), who, outcome, note.strip()[:NOTE]])
        add_verdict(connection, dispute.subject, answer, who=who, note=note, machine=dispute.machine, settles=True)
        set_state(connection, dispute.subject.call)


def judges(connection: sqlite3.Connection, subject: Subject) -> set[str]:
    """Everybody who ever gave a verdict on the subject; on a label also by confirming its whole call."""
    query = (
        "select distinct who from stated where call = :call and"
        " (kind = :kind and segment = :segment and subject = :name or kind = 'call' and :kind = 'label')"
    )
    return {str(who) for (who,) in connection.execute(query, asdict(subject))}


def list_disputes(connection: sqlite3.Connection, call: int | None = None) -> list[Dispute]:
    """Disputes, open ones first, then the latest; of one call or of all."""
    rows = connection.execute(
        "select d.*, r.at as ruled_at, r.who as ruled_by, r.outcome, r.note as ruling, call.call_id, f.reason from dispute d"
        " join call on call.id = d.call left join ruling r on r.dispute = d.id"
        " left join flag f on d.kind = 'flag' and f.call = d.call and f.rule = d.subject where ? is null or d.call = ?"
        " order by r.at is not null, d.id desc",
        [call, call],
    )
    return [
        Dispute(
            row["id"],
            row["at"],
            row["who"],
            Subject(row["call"], row["kind"], row["segment"], row["subject"]),
            json.loads(row["machine"]),
            row["standing"],
            row["agent_side"],
            row["outcome"] or "open",
            row["ruled_at"] or "",
            row["ruled_by"] or "",
            row["ruling"] or "",
            row["call_id"],
            row["reason"] or "",
        )
        for row in rows
    ]


def _standing(connection: sqlite3.Connection, subject: Subject, *, machine_says: bool) -> Answer:
    """What holds before the dispute: the last ruling, else what most people say, else what the machine says."""
    verdicts, ruled = current_verdicts(connection, [subject.call]), rulings(connection, [subject.call])
    if subject.kind == "flag":
        judged: Judged | None = judged_flag(subject, verdicts, ruled, machine=machine_says)
    else:
        judged = judged_labels(verdicts, ruled).get((subject.call, subject.segment, subject.name))
    truth = judged.truth if judged else None
    return "yes" if (machine_says if truth is None else truth) else "no"
