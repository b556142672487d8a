"""What do people together hold to be true of a label or a flag, beside what the machine says?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scorer.review.verdicts import Subject, Verdict

Place = tuple[int, int, str]  # call, segment, label


@dataclass(slots=True)
class Judged:
    """One label at one segment, or one flag: the machine's answer, each person's, and that of the last ruling in a dispute."""

    machine: bool
    answers: dict[str, bool] = field(default_factory=dict)
    settled: bool | None = None

    @property
    def truth(self) -> bool | None:
        """The settled answer, else that of the most people; None where as many say one as the other."""
        if self.settled is not None:
            return self.settled
        yes = sum(self.answers.values())
        no = len(self.answers) - yes
        return None if yes == no else yes > no


def judged_labels(verdicts: Sequence[Verdict], rulings: Iterable[Verdict]) -> dict[Place, Judged]:
    """Every label that a person judged, one by one or by confirming a whole call.

    Confirming a whole call confirms what was shown at every segment on which that person said nothing else; "unsure" is
    something else, and leaves the label unjudged. A ruling settles what it is about, whatever its author says afterwards.
    """
    own = [verdict for verdict in verdicts if verdict.subject.kind == "label"]
    said = {(v.who, v.subject.call, v.subject.segment, v.subject.name) for v in own}
    found: dict[Place, Judged] = {}
    for verdict in own:
        subject = verdict.subject
        if verdict.answer in ("yes", "no"):
            place = (subject.call, subject.segment, subject.name)
            judged = found.setdefault(place, Judged(bool(verdict.machine["given"])))
            judged.answers[verdict.who] = verdict.answer == "yes"
    for verdict in verdicts:
        if verdict.subject.kind == "call" and verdict.answer == "yes":
            for segment, label, given in shown_labels(verdict.machine):
                if (verdict.who, verdict.subject.call, segment, label) not in said:
                    judged = found.setdefault((verdict.subject.call, segment, label), Judged(given))
                    judged.answers[verdict.who] = given
    for ruling in rulings:
        subject = ruling.subject
        if subject.kind == "label":
            judged = found.setdefault((subject.call, subject.segment, subject.name), Judged(bool(ruling.machine["given"])))
            judged.settled = ruling.answer == "yes"
    return found


def judged_flag(subject: Subject, verdicts: Sequence[Verdict], rulings: Iterable[Verdict], *, machine: bool) -> Judged:
    """What people say of a flag; it counts as it does for a label."""
    answers = {v.who: v.answer == "yes" for v in verdicts if v.subject == subject and v.answer in ("yes", "no")}
    ruled = [ruling.answer == "yes" for ruling in rulings if ruling.subject == subject]
    return Judged(machine, answers, ruled[-1] if ruled else None)


def whole_calls(verdicts: Iterable[Verdict]) -> set[int]:
    """The calls that somebody read whole."""
    return {v.subject.call for v in verdicts if v.subject.kind == "call" and v.answer == "yes"}


def machine_snapshot(carried: Iterable[Iterable[str]], given: Iterable[Iterable[str]]) -> list[dict[str, list[str]]]:
    """What was shown of a whole call: per segment the labels that it can carry and those that it was given."""
    return [{"can": sorted(can), "given": sorted(has)} for can, has in zip(carried, given, strict=True)]


def shown_labels(machine: Mapping[str, Any]) -> Iterable[tuple[int, str, bool]]:
    """Segment, label and whether it was given, of everything that a whole call showed."""
    for at, segment in enumerate(machine["segments"]):
        for label in segment["can"]:
            yield at, label, label in segment["given"]
