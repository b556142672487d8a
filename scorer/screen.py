"""What does a person see in the terminal? Tables of results and progress; no transcript text."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from scorer.errors import count_of
from scorer.log import is_json
from scorer.training.summary import measured

COLUMNS_SHOWN = 30
LINE_EVERY_S = 30.0  # in a log, where there is no terminal


def say(what: RenderableType) -> None:
    """Print to stdout; strings as they are, without markup."""
    console = Console(width=None if sys.stdout.isatty() else 140, soft_wrap=False, highlight=False)
    console.print(Text(what) if isinstance(what, str) else what)


@contextmanager
def progress_of(doing: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, a line now and then elsewhere, both on stderr; a JSON log has events instead.

    Call it with (done, in all; 0 where unknown).
    """
    if is_json():
        yield lambda done, total: None
        return
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(doing)
            yield lambda done, total: bar.update(task, completed=done, total=total or None)
        return
    last = time.monotonic()

    def line(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_EVERY_S:
            last = time.monotonic()
            print(f"{doing}: {done} of {total}" if total else f"{doing}: {done}", file=sys.stderr, flush=True)

    yield line


def night_table(run: dict[str, Any], out: Path | str) -> RenderableType:
    """Counts, bands, tallies, the flagged calls with their reasons, and where the files are."""
    counts = run["counts"]
    head = Table(show_header=False, box=None, pad_edge=False)
    files, rows = ({reason: n for reason, n in counts["rejects"].items() if reason.startswith("file_") == of} for of in (True, False))
    bands = [band["name"] for band in run["rubric"]["rules"]["bands"] if band["name"] in counts["bands"]]
    mean = "none" if counts["mean_score"] is None else f"{counts['mean_score']:.1f}"
    for name, value in (
        ("calls", _with(counts["calls"], counts["statuses"])),
        ("segments", str(counts["segments"])),
        ("rejected rows", _with(counts["rows_rejected"], rows)),
        ("rejected files", _with(counts["files_rejected"], files)),
        ("notes", ", ".join(f"{note} {n}" for note, n in counts["notes"].items()) or "none"),
        ("mean score", mean),
        ("calls per band", ", ".join(f"{band} {counts['bands'][band]}" for band in bands) or "none"),
        ("hits of chances", ", ".join(f"{name} {t['hits']}/{t['chances']}" for name, t in counts["tallies"].items())),
    ):
        head.add_row(Text(name), Text(value))
    where = Text(f"{out}/: calls/ segments/ flags/ rejects/ run.json report.html   (scorer explain {out} CALL_ID shows one call)")
    return Group(head, Text(""), _flagged_table(counts), where)


def import_table(result: Any) -> RenderableType:
    """What was recognised by which rule, what was rejected why, and what is known of roles and time."""
    counts = result.counts
    table = Table(title=count_of(counts.documents, "document"), title_justify="left")
    for name in ("format", "calls", "rejected", "recognised by"):
        table.add_column(name, justify="right" if name == "calls" else "left", overflow="fold")
    rejects: dict[str, list[str]] = {}
    for (format_, reason), number in sorted(counts.rejects.items()):
        rejects.setdefault(format_, []).append(f"{reason} {number}")
    for name in sorted({*counts.calls, *rejects}):
        table.add_row(Text(name), str(counts.calls[name]), ", ".join(rejects.get(name, [])), Text(counts.notes.rules.get(name, "")))
    lines = [
        f"{title}: {', '.join(f'{name} {number}' for name, number in sorted(found.items())) or 'none'}"
        for title, found in (("overlap is known from", counts.tiers), ("roles by", counts.role_sources))
    ]
    causes = [f"{reason}: {printable(cause)}" for reason, cause in sorted(counts.causes.items())]
    suspect = [f"roles look swapped in {count_of(counts.suspects, 'call')}: see the column role_suspect"] if counts.suspects else []
    return Group(
        table, *map(Text, [*causes, *lines, *suspect, *_left_out(counts.notes.left_out), f"{result.out}   rejects: {result.rejects}"])
    )


def _left_out(tables: Counter[str]) -> list[str]:
    """The line about columns of CSV and Excel that are read from no file."""
    if not tables:
        return []
    shown = [f"{printable(name)[:40]} (in {number})" for name, number in sorted(tables.items())[:COLUMNS_SHOWN]]
    more = [f"and {len(tables) - COLUMNS_SHOWN} more"] if len(tables) > COLUMNS_SHOWN else []
    return [f"columns left out, with the number of tables that have them: {', '.join(shown + more)}"]


def _with(total: int, parts: dict[str, int]) -> str:
    return f"{total} ({', '.join(f'{name} {n}' for name, n in parts.items())})" if parts else str(total)


def _flagged_table(counts: dict[str, Any]) -> RenderableType:
    shown = counts["flagged"]
    more = f", the {len(shown)} lowest" if len(shown) < counts["flagged_calls"] else ""
    title = f"flagged calls: {counts['flagged_calls']}{more}"
    if not shown:
        return Text(title)
    table = Table(title=title, title_justify="left")
    for name in ("call", "score", "band", "why"):
        table.add_column(name, justify="right" if name == "score" else "left", no_wrap=name != "why")
    for row in shown:
        score = "none" if row["score"] is None else f"{row['score']:.1f}"
        why = "\n".join(f"{flag['severity']}: {flag['reason']}" for flag in row["flags"])
        table.add_row(Text(printable(row["call_id"])[:40]), score, Text(row["band"] or ""), Text(why))
    return table


def printable(text: str) -> str:
    """The text without characters that could steer a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def changes_table(changes: Sequence[Any]) -> RenderableType:
    """The calls whose band is another one under the new rubric, with what moved."""
    if not changes:
        return Text("no call changed band")
    table = Table(title=f"calls that changed band: {len(changes)}", title_justify="left")
    for name in ("call", "band", "score", "why"):
        table.add_column(name)
    for change in changes:
        scores = " -> ".join("none" if s is None else f"{s:.1f}" for s in (change.old_score, change.new_score))
        bands = f"{change.old_band or 'none'} -> {change.new_band or 'none'}"
        table.add_row(Text(printable(change.call_id)[:40]), Text(bands), scores, Text(change.why))
    return table


def inspection_table(found: Any, config: Path) -> RenderableType:
    """What `scorer check` understood, then every warning and problem, and where the settings are that they name."""
    told = [Text(f"warning: {printable(warning)}") for warning in found.warnings]
    told += [Text(f"problem: {printable(problem)}") for problem in found.problems]
    where = f"; input and limits are set in {config}" if any("input." in str(line) for line in told) else ""
    verdict = "cannot be scored: mend the problems above" if found.problems else "can be scored"
    return Group(*([_understood(found)] if found.files else []), *told, Text(verdict + where))


def _understood(found: Any) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    rows = sum(view.rows for view in found.files)
    shapes = sorted({view.shape for view in found.files})
    timed = "none" if found.timed_share is None else f"{found.timed_share:.0%} of the segments have a start and an end"
    typical = "" if found.median_segment_s is None else f"; half of them last longer than {found.median_segment_s:.1f} s"
    for name, value in (
        ("files", f"{len(found.files)} readable, {count_of(rows, 'row')} ({', '.join(shapes) or 'none'})"),
        ("columns", ", ".join(f"{ours} = {theirs} ({kind})" for ours, (theirs, kind) in found.columns.items())),
        ("carried", ", ".join(f"{name} ({kind})" for name, kind in found.carried.items()) or "none"),
        ("speakers", ", ".join(f"{printable(str(s.value))[:40]} = {s.party} ({s.count})" for s in found.speakers)),
        ("sample", f"{count_of(found.sampled_calls, 'call')}, {count_of(found.sampled_segments, 'segment')}"),
        ("clock", timed + typical),
        ("words", "none" if not found.words_share else f"{found.words_share:.0%} of the segments have word times"),
    ):
        table.add_row(Text(name), Text(value))
    return table


def comparison_table(found: Any) -> RenderableType:
    """Every place that only the source or only we call an interruption, with the words."""
    head = f"{count_of(found.calls, 'call')}: both {found.both}, only the vendor {found.only_vendor}, only scorer {found.only_scorer}"
    table = Table(title=Text(head), title_justify="left")
    for name in ("call", "time", "only", "our p", "customer before", "agent"):
        table.add_column(name, overflow="fold")
    for row in found.differences:
        time_s = "" if row.start_s is None else f"{row.start_s:.1f} s"
        cells = (printable(row.call_id), time_s, row.only, "" if row.probability is None else f"{row.probability:.2f}")
        table.add_row(*map(Text, cells), Text(printable(row.customer)), Text(printable(row.agent)))
    return table


def evaluation_table(report: dict[str, Any]) -> Table:
    """Numbers per label beside the baselines and the released model."""
    table = Table(title=f"on {report['calls']['dev']} calls", title_justify="left")
    for name in ("label", "precision", "recall", "F1", "lexicon F1", "TF-IDF F1", "calibration error", "to released"):
        table.add_column(name, justify="left" if name == "label" else "right")
    keys = ("precision", "recall", "f1", "lexicon_f1", "tfidf_f1", "calibration_error")
    for name, numbers in report["labels"].items():
        table.add_row(name, *(_share(measured(numbers, key)) for key in keys), _against(report, name))
    mean = ("mean_f1_of_behaviours", "mean_lexicon_f1", "mean_tfidf_f1")
    table.add_row(f"mean of the {len(report['behaviours'])} behaviours", "", "", *(_share(report[key]) for key in mean), "", "")
    return table


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _against(report: dict[str, Any], name: str) -> str:
    """Difference in F1 to the released model; empty where there is none or it lacks the label."""
    row = (report["released"] or {"labels": {}})["labels"].get(name)
    return f"{row['difference']:+.3f} {row['verdict']}" if row else ""


def doubts_table(found: Sequence[Any]) -> Table:
    """How many doubts there are, by label and kind."""
    table = Table(title="doubted labels", title_justify="left")
    for name in ("label", "given, looks wrong", "not given, looks missing"):
        table.add_column(name, justify="left" if name == "label" else "right")
    for label in sorted({doubt.label for doubt in found}):
        given = sum(doubt.given for doubt in found if doubt.label == label)
        table.add_row(label, str(given), str(sum(doubt.label == label for doubt in found) - given))
    return table
