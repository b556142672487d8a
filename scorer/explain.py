"""What did one call get, and why? A finished run's call as a page for the terminal."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scorer.errors import RunError
from scorer.labels import MENTIONED, Label
from scorer.manifest import read_run
from scorer.records import CallScore, Flag, JudgedCall, Segment, SegmentPrediction
from scorer.scoring.aggregate import contributions, score_call, why_no_score
from scorer.scoring.rubric import Rubric
from scorer.tables.judged import read_call_ids, read_judged, read_rejects

NEAR = 0.75  # how alike two call ids are, 0 to 1, where one is taken for a slip of the other
LEGEND = (
    f"labels with the model's probability; (in brackets): {MENTIONED:.2f} or more, but below the point from which the model gives that "
    "label. over: seconds spoken over the other party. interruption: what the overlap is known from, (words), (turns) or (none)."
)


def explain_call(run: Path, call_id: str) -> RenderableType:
    """One call of a run, scored by the rubric that the run was scored with.

    Raises RunError where the run or the call is not there.
    """
    about = read_run(run)
    labels = tuple(Label(**row) for row in about["labels"])
    rubric = Rubric.model_validate(about["rubric"]["rules"], strict=False)
    wanted = call_id.encode(errors="replace").decode()  # what the shell gives may hold bytes that are no text
    for judged, _ in read_judged(run, labels, call_ids=[wanted]):
        return render_call(judged, score_call(judged, rubric), rubric)
    raise RunError(f"{run} has no call {printable(call_id)!r}: {_instead(run, wanted)}")


def _instead(run: Path, call_id: str) -> str:
    """What there is in place of a call that is not in the run."""
    rejects = [reject.reason.value for reject in read_rejects(run) if reject.call_id == call_id]
    if rejects:
        return f"it was rejected ({', '.join(dict.fromkeys(rejects))}), see {run}/rejects/"
    folded = {known.casefold(): known for known in read_call_ids(run)}
    near = get_close_matches(call_id.casefold(), folded, n=1, cutoff=NEAR)
    return f"did you mean {printable(folded[near[0]])!r}?" if near else f"see {run}/calls/ for its calls"


def render_call(judged: JudgedCall, score: CallScore, rubric: Rubric) -> RenderableType:
    """Transcript, behaviours, arithmetic and flags. Transcript text is never read as markup or control codes."""
    parts: list[RenderableType] = [
        _transcript(judged),
        Text(LEGEND, style="dim"),
        _behaviours(score),
        *_arithmetic(judged, score, rubric),
        *(part for f in score.flags for part in _flag(f)),
    ]
    return Group(*parts)


def printable(text: str) -> str:
    """The text without characters that could steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def clock(seconds: float | None) -> str:
    """Minutes and seconds, empty where unknown."""
    return "" if seconds is None else f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def _transcript(judged: JudgedCall) -> Table:
    table = Table(title=Text(f"call {printable(judged.call.call_id)}"), title_justify="left")
    for name in ("", "time", "who", "over", "text", "labels"):
        table.add_column(name, overflow="fold")
    for segment, prediction in zip(judged.call.segments, judged.predictions, strict=True):
        over = f"{prediction.overlap_s:.1f}s" if prediction.overlap_s else ""
        row = (str(segment.index), clock(segment.start_s), segment.speaker, over, printable(segment.text))
        table.add_row(*map(Text, row), _labels(segment, prediction))
    return table


def _labels(segment: Segment, prediction: SegmentPrediction) -> Text:
    """Given labels in bold, likely ones in brackets."""
    text = Text()
    for name, p in sorted(prediction.probabilities.items(), key=lambda item: -item[1]):
        if name in prediction.labels:
            tier = f" ({prediction.tier})" if name == "interruption" else ""
            text.append(f"{name} {p:.2f}{tier}\n", style="bold")
        elif p >= MENTIONED:
            text.append(f"({name} {p:.2f})\n", style="dim")
    text.rstrip()
    return text


def _behaviours(score: CallScore) -> Table:
    table = Table(title="behaviours", title_justify="left")
    for name in ("behaviour", "hits", "chances", "expected hits", "points", "expected points", "weight"):
        table.add_column(name, justify="left" if name == "behaviour" else "right")
    for b in score.behaviours:
        points = ("not applicable", "") if b.points is None else (f"{b.points:.2f}", f"{b.expected_points or 0:.2f}")
        table.add_row(b.behaviour, str(b.tally.hits), str(b.tally.chances), f"{b.expected_hits:.2f}", *points, f"{b.weight:g}")
    return table


def _arithmetic(judged: JudgedCall, score: CallScore, rubric: Rubric) -> Iterator[Text]:
    if score.score is None or score.raw_score is None:
        yield Text(f"no score: {score.status}, {why_no_score(judged, rubric)}")
        return
    terms = contributions(score.behaviours)
    upper = " + ".join(f"{weight:g}x{points:.2f}" for _, weight, points in terms)
    yield Text(f"score = 100 x ({upper}) / {sum(weight for _, weight, _ in terms):g} = {score.raw_score:.1f}")
    if score.auto_fail:
        yield Text(f"after the critical rule: {score.score:.1f}, because {score.auto_fail}")
    yield Text(
        f"band {score.band}; expected score from probabilities {score.expected_score or 0:.1f}; rubric {rubric.name} {rubric.version}"
    )


def _flag(flag: Flag) -> Iterator[Text]:
    yield Text(f"\n{flag.severity}: {flag.reason} ({flag.rule})")
    for found in flag.evidence:
        where = f"  [{found.segment_index}] {clock(found.start_s)} {found.label} {found.probability:.2f}"
        yield Text(f"{where}: “{printable(found.quote)}”")
