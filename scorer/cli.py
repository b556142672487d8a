"""What can be typed? Each command parses, calls one function, prints and exits; rooms are imported inside, so that help is instant."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from scorer.cli_model import commands
from scorer.cli_review import review
from scorer.ending import code_of, ended, other
from scorer.errors import ExitCode, ScorerError
from scorer.log import log_json, told
from scorer.stopping import Stopped, leave, stoppable

app = typer.Typer(
    help="Score the quality of customer calls from their transcripts, with the evidence behind every score.",
    epilog="Example: scorer score tests/sample_night --out out/night",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(review, name="review")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"scorer {version('scorer')}")
        raise typer.Exit


@app.callback()
def every(
    asked: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")] = False,
) -> None:
    """What holds for every command."""


Inputs = Annotated[list[str], typer.Argument(metavar="INPUT...", help="Parquet files, folders or globs; paths or URIs.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the results; new, or holding the same run.")]
ConfigFile = Annotated[Path, typer.Option("--config", help="Columns, speakers, time unit, limits.")]
RubricFile = Annotated[Path, typer.Option("--rubric", help="How calls are scored.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")]

CONFIG, RUBRIC = Path("configs/scoring.yaml"), Path("configs/rubric.yaml")
REUSED = "{} already held this run: nothing was to be done."


class LogKind(StrEnum):
    """How a run tells how far it is."""

    HUMAN = "human"
    JSON = "json"


class EngineKind(StrEnum):
    """What runs the shards of a night."""

    LOCAL = "local"
    RAY = "ray"


Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes, or actors; default: 1, with Ray all that it has.")]
Address = Annotated[str | None, typer.Option("--ray-address", help="A Ray cluster, or auto; default: a Ray of its own, here.")]
Day = Annotated[
    datetime | None,
    typer.Option(
        "--date", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Score INPUT/date=... into DIR/date=..., in place of what it holds."
    ),
]
Log = Annotated[LogKind, typer.Option("--log", help="json: one object a line on stderr.")]
Metrics = Annotated[Path | None, typer.Option("--metrics", metavar="FILE.prom", help="Also write counts for Prometheus.")]


@app.command(epilog="Example: scorer score night/*.parquet --out out/2026-11-20")
def score(
    inputs: Inputs,
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder or URI for the results; new, or holding the same run.")],
    config: ConfigFile = CONFIG,
    rubric: RubricFile = RUBRIC,
    model: Annotated[Path | None, typer.Option("--model", help="Model folder; default: the one that the config names.")] = None,
    date: Day = None,
    engine: Annotated[EngineKind, typer.Option("--engine", help="ray: on a cluster; the result is the same.")] = EngineKind.LOCAL,
    ray_address: Address = None,
    workers: Workers = None,
    log: Log = LogKind.HUMAN,
    metrics: Metrics = None,
    work: Annotated[Path | None, typer.Option("--work", help="Where a run to a URI works; default: the user's cache folder.")] = None,
) -> None:
    """Score every call of a night and write calls, segments, flags and rejects."""
    if log == LogKind.JSON:
        log_json()
    from scorer.engines.choose import choose
    from scorer.places import below
    from scorer.remote import score_to
    from scorer.screen import night_table, progress_of, say

    partition = f"date={date:%Y-%m-%d}" if date else None
    if partition:
        inputs, out = [below(text, partition) for text in inputs], below(out, partition)
    with _measured(metrics) as counted:
        runs = choose(engine.value, address=ray_address, workers=workers)
        with progress_of("scoring") as progress:
            night, out = score_to(
                out, inputs, work=work, config=config, rubric=rubric, model=model, partition=partition, engine=runs, progress=progress
            )
        counted.update(night.run)
        say(night_table(night.run, out))
        if night.reused:
            say(REUSED.format(out))
        if night.over_budget:
            raise night.over_budget


@app.command("import", epilog="Example: scorer import exports/ --role-map ch_0=agent,ch_1=customer -o calls.parquet")
def import_(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Files, folders, globs, archives, JSON Lines.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Parquet file to write; the rejects go beside it.")],
    config: ConfigFile = CONFIG,
    format_name: Annotated[str, typer.Option("--format", help="A format's name, or auto.")] = "auto",
    role_map: Annotated[
        str, typer.Option("--role-map", help="Who is who: LABEL=ROLE,... with roles agent, customer, bot, ivr, unknown.")
    ] = "",
    speaker_pattern: Annotated[
        str | None, typer.Option("--speaker-pattern", help="Regular expression with groups speaker and text, in place of the usual marks.")
    ] = None,
) -> None:
    """Turn transcripts of other systems into a table that can be scored."""
    from scorer.importing.importer import import_sources
    from scorer.screen import import_table, progress_of, say

    with progress_of("importing") as progress:
        result = import_sources(
            sources,
            out=out,
            config=config,
            format_name=format_name,
            role_map=role_map,
            speaker_pattern=speaker_pattern,
            progress=progress,
        )
    say(import_table(result))
    if result.over_budget:
        raise result.over_budget


@app.command(epilog="Example: scorer check night/*.parquet")
def check(inputs: Inputs, config: ConfigFile = CONFIG) -> None:
    """Say how the input would be understood, and list what is wrong with it; no model needed."""
    from scorer.config import ScoringConfig, load_yaml
    from scorer.screen import inspection_table, say
    from scorer.tables.fetching import brought
    from scorer.tables.look import fence, look

    settings = load_yaml(config, ScoringConfig)
    limits = settings.limits
    with brought(inputs) as files, fence(memory_mb=limits.file_memory_mb, seconds=limits.file_seconds) as behind:
        found = look(files, settings.input, unknown_max_share=limits.unknown_speakers_max_share, behind=behind)
    say(inspection_table(found, config))
    if found.problems:
        raise typer.Exit(ExitCode.FAILED)


@app.command(epilog="Example: scorer rescore out/night --rubric my-rubric.yaml --out out/night-rescored")
def rescore(
    run: Run, rubric: Annotated[Path, typer.Option("--rubric", help="Yours: a changed copy of configs/rubric.yaml.")], out: Out
) -> None:
    """Score a finished run again with another rubric, from its stored predictions."""
    from scorer.rescore import rescore_run
    from scorer.screen import changes_table, night_table, progress_of, say

    with progress_of("rescoring") as progress:
        result, changes, reused = rescore_run(run, rubric=rubric, out=out, progress=progress)
    say(night_table(result, out))
    say(changes_table(changes))
    if reused:
        say(REUSED.format(out))


@app.command(epilog="Example: scorer explain out/night va-047")
def explain(
    run: Run,
    call_id: Annotated[str, typer.Argument(metavar="CALL_ID", help="A call_id of the run.")],
) -> None:
    """Show one call: transcript, labels and probabilities, tallies, points, weights, flags."""
    from scorer.explain import explain_call
    from scorer.screen import say

    say(explain_call(run, call_id))


@app.command("compare-vendor", epilog="Example: scorer compare-vendor out/night")
def compare_vendor(run: Run) -> None:
    """List where the source's own interruptions and ours differ, with the words."""
    from scorer.screen import comparison_table, say
    from scorer.vendor import compare_vendor as compare

    say(comparison_table(compare(run)))


@app.command("export-vcon", epilog="Example: scorer export-vcon out/night vcons/ --out scored-vcons")
def export_vcon(
    run: Run,
    sources: Annotated[list[str], typer.Argument(metavar="VCON...", help="The vCons that were imported.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the copies.")],
) -> None:
    """Write a run's results into copies of the vCons they came from."""
    from scorer.vcon_report import write_reports

    written, without = write_reports(run, sources, out=out)
    typer.echo(f"{written} vCons written to {out}")
    for name in without:
        typer.echo(f"not written, the run has no call of it: {name}")


@app.command(epilog="Example: scorer report out/night")
def report(
    run: Run,
    unmasked: Annotated[bool, typer.Option("--unmasked", help="Show card numbers, phone numbers and e-mail addresses.")] = False,
) -> None:
    """Write the morning report of a finished run again: RUN/report.html, one page that needs nothing else."""
    from scorer.lock import hold
    from scorer.manifest import read_run
    from scorer.review.report import write_report

    read_run(run)  # else the lock would make the folder
    with hold(run):
        path = write_report(run, masked=not unmasked)
    typer.echo(f"{path} is written: open it in any browser")


@app.command(epilog="Example: scorer fetch s3://scores/date=2026-11-20 --out out/2026-11-20")
def fetch(
    uri: Annotated[str, typer.Argument(metavar="URI", help="A finished run in a store.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the copy; new, or holding the same run.")],
) -> None:
    """Bring a finished run from a store here, every file held against run.json, for the commands that read a RUN."""
    from scorer.remote import fetch_run

    fetch_run(uri, out)
    typer.echo(f"{out} holds the run: scorer report, review, explain and rescore read it")


app.add_typer(commands)


@contextmanager
def _measured(path: Path | None) -> Iterator[dict[str, Any]]:
    """Write the metrics file at the end, however it ends; put run.json into what is given where the run is complete.

    A file that cannot be written stops the night before it starts; later it never takes the place of what went wrong, and is told.
    """
    run: dict[str, Any] = {}
    if path is None:
        yield run
        return
    from scorer.metrics import check_metrics, write_metrics

    check_metrics(path)
    try:
        yield run
    finally:
        error = sys.exception()
        try:
            write_metrics(path, exit_code=code_of(error), finished=time.time(), run=run or None)
        except ScorerError as unwritten:
            if error is None:
                raise
            told("unwritten", str(unwritten))


def main() -> None:
    """Run the command line; the one place where errors become exit codes."""
    try:
        with stoppable():
            app()
    except ScorerError as error:
        sys.exit(ended(error, str(error)))
    except Stopped as stop:
        leave(ended(stop, f"stopped by {stop.name}; nothing unfinished was published, run the same command again to go on"))
    except MemoryError as error:
        advice = "finished shards are kept: free memory, use fewer --workers or, on a GPU, lower model.batch_tokens; then run it again"
        sys.exit(ended(error, f"out of memory; {advice}"))
    except Exception as error:  # noqa: BLE001  # the border: whatever is left is our bug, or the disk
        sys.exit(ended(error, other(error)))
