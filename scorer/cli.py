"""What can be typed? Each command parses, calls one function, prints and exits; rooms are imported inside, so that help is instant."""

import sys
import traceback
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from scorer.errors import ExitCode, ScorerError

app = typer.Typer(
    help="Score the quality of customer calls from their transcripts, with the evidence behind every score.",
    epilog="Example: scorer score tests/sample_night --out out/night",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class ReviewGroup(TyperGroup):
    """`scorer review RUN...` opens the app; only the words of its commands mean something else."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `open` in front of runs and options."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["open", *args]
        return super().parse_args(ctx, args)


review = typer.Typer(
    cls=ReviewGroup,
    help="Look at flagged calls in the browser, say what is right and wrong, and teach the model. `scorer review RUN...` opens the app.",
    epilog="Example: scorer review out/night",
    no_args_is_help=True,
    rich_markup_mode=None,
)
users = typer.Typer(help="Who may get in.", epilog="Example: scorer review users add ana", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(review, name="review")
review.add_typer(users, name="users")

Inputs = Annotated[list[str], typer.Argument(metavar="INPUT...", help="Parquet files, folders or globs.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the results; new, or holding the same run.")]
ConfigFile = Annotated[Path, typer.Option("--config", help="Columns, speakers, time unit, limits.")]
RubricFile = Annotated[Path, typer.Option("--rubric", help="How calls are scored.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")]
ModelFolder = Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.")]
Live = Annotated[Path, typer.Option("--live", help="The link that names the released version.")]
Against = Annotated[Path, typer.Option("--against", help="The released model to compare with.")]
OutFile = Annotated[Path, typer.Option("--out", help="File to write.")]
Most = Annotated[int, typer.Option("--most", min=1, help="How many to write.")]
Database = Annotated[Path, typer.Option("--db", help="The review database.")]
TrainingFile = Annotated[Path, typer.Option("--config", help="Data and settings of the training.")]

CONFIG, RUBRIC, MODEL = Path("configs/scoring.yaml"), Path("configs/rubric.yaml"), Path("models/default")
TRAINING = Path("configs/training.yaml")
REVIEWS = Path("reviews.sqlite")


@app.command(epilog="Example: scorer score night/*.parquet --out out/2026-11-20")
def score(
    inputs: Inputs,
    out: Out,
    config: ConfigFile = CONFIG,
    rubric: RubricFile = RUBRIC,
    model: Annotated[Path | None, typer.Option("--model", help="Model folder; default: the one that the config names.")] = None,
) -> None:
    """Score every call of a night and write calls, segments, flags and rejects."""
    from scorer.pipeline import score_night
    from scorer.screen import night_table, progress_of, say

    with progress_of("scoring") as progress:
        night = score_night(inputs, out=out, config=config, rubric=rubric, model=model, progress=progress)
    if night.reused:
        say(f"{out} already holds this run: nothing to do.")
    say(night_table(night.run, out))
    if night.over_budget:
        raise night.over_budget


@app.command("import", epilog="Example: scorer import exports/ --role-map ch_0=agent,ch_1=customer -o calls.parquet")
def import_(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Files, folders, globs, archives, JSON Lines.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Parquet file to write; the rejects go beside it.")],
    config: ConfigFile = CONFIG,
    format_name: Annotated[str, typer.Option("--format", help="A format's name, or auto.")] = "auto",
    role_map: Annotated[str, typer.Option("--role-map", help="Who is who: LABEL=ROLE,... with roles agent, customer, bot, ivr.")] = "",
    speaker_pattern: Annotated[
        str | None, typer.Option("--speaker-pattern", help="Regular expression with groups speaker and text.")
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
    from scorer.tables.files import expand_inputs
    from scorer.tables.inspect import inspect_inputs

    found = inspect_inputs(expand_inputs(inputs), load_yaml(config, ScoringConfig).input)
    say(inspection_table(found))
    if found.problems:
        raise typer.Exit(ExitCode.FAILED)


@app.command(epilog="Example: scorer rescore out/night --rubric configs/stricter.yaml --out out/night-stricter")
def rescore(run: Run, rubric: Annotated[Path, typer.Option("--rubric", help="The new rubric.")], out: Out) -> None:
    """Score a finished run again with another rubric, from its stored predictions."""
    from scorer.rescore import rescore_run
    from scorer.screen import changes_table, night_table, progress_of, say

    with progress_of("rescoring") as progress:
        result, changes = rescore_run(run, rubric=rubric, out=out, progress=progress)
    say(night_table(result, out))
    say(changes_table(changes))


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
    from scorer.review.report import write_report

    typer.echo(f"{write_report(run, masked=not unmasked)} is written: open it in any browser")


@review.command("open", epilog="Example: scorer review out/night --db reviews.sqlite")
def open_review(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs.")],
    db: Database = REVIEWS,
    host: Annotated[str, typer.Option("--host", help="Another address than this machine's own needs accounts and HTTPS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8700,
    allow_host: Annotated[list[str] | None, typer.Option("--allow-host", help="Name under which a proxy serves the app.")] = None,
    sample: Annotated[int, typer.Option("--sample", min=0, help="Unflagged calls per run that are looked at too.")] = 20,
    seed: Annotated[int, typer.Option("--seed", help="Which of them.")] = 13,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Open the review app on finished runs."""
    import getpass

    from scorer.review.server import open_desk, serve

    def ready(address: str) -> None:
        typer.echo(f"the review app is at {address} (Ctrl-C ends it; every verdict is saved at once)")
        if browser:
            typer.launch(address)

    desk = open_desk(db, runs, person=getpass.getuser(), sample=sample, seed=seed)
    serve(desk, host=host, port=port, allowed=allow_host or [], ready=ready)


@review.command("export", epilog="Example: scorer review export models/verdicts")
def export_verdicts(
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that the training reads.")], db: Database = REVIEWS
) -> None:
    """Write what people confirmed as labelled calls, for make retrain."""
    from scorer.review.export import export_labelled
    from scorer.review.store import existing

    with existing(db) as connection:
        path, calls = export_labelled(connection, out)
    typer.echo(f"{path} holds {calls} labelled calls; next: make retrain")


@review.command("import", epilog="Example: scorer review import annotations.json")
def import_verdicts(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Label Studio's JSON export.")], db: Database = REVIEWS
) -> None:
    """Take annotations from Label Studio in as verdicts."""
    from scorer.review.label_studio import import_annotations
    from scorer.review.store import existing

    with existing(db) as connection:
        typer.echo(f"{import_annotations(connection, file)} annotations are new")


@users.command("add", epilog="Example: scorer review users add ana --role admin")
def add_user(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    role: Annotated[
        Literal["reviewer", "admin"], typer.Option("--role", help="An admin may export and see numbers unmasked.")
    ] = "reviewer",
    db: Database = REVIEWS,
) -> None:
    """Let somebody in, or give them another password; it is asked for, or read from a pipe."""
    from scorer.review.accounts import add_account
    from scorer.review.store import opened, prepare

    typed = sys.stdin.isatty()
    password = typer.prompt("password", hide_input=True, confirmation_prompt=True) if typed else sys.stdin.readline().rstrip("\n")
    prepare(db)
    with opened(db) as connection:
        add_account(connection, name, password, role)
    typer.echo(f"{name} may get in as {role}")


@users.command("list", epilog="Example: scorer review users list")
def list_users(db: Database = REVIEWS) -> None:
    """Show who may get in."""
    from scorer.review.accounts import accounts
    from scorer.review.store import existing

    with existing(db) as connection:
        for account in accounts(connection):
            typer.echo(f"{account.name}  {account.role}")


@users.command("remove", epilog="Example: scorer review users remove ana")
def remove_user(name: Annotated[str, typer.Argument(metavar="NAME")], db: Database = REVIEWS) -> None:
    """Let somebody in no more; what they said stays."""
    from scorer.review.accounts import remove_account
    from scorer.review.store import existing

    with existing(db) as connection:
        remove_account(connection, name)


@app.command(epilog="Example: scorer train --out models/candidate")
def train(out: Annotated[Path, typer.Option("--out", help="Folder for the new model.")], config: TrainingFile = TRAINING) -> None:
    """Train a model on the labelled calls; an interrupted training goes on where it was."""
    from scorer.config import load_yaml
    from scorer.training.settings import TrainingConfig
    from scorer.training.train import train as train_model

    train_model(load_yaml(config, TrainingConfig), out=out, work=out.with_name(out.name + ".work"))
    typer.echo(f"{out} is trained; next: scorer calibrate {out}")


@app.command(epilog="Example: scorer calibrate models/candidate")
def calibrate(model: ModelFolder, config: TrainingFile = TRAINING) -> None:
    """Fit temperature and threshold of every label on held-out training calls."""
    from scorer.config import load_yaml
    from scorer.training.calibrate import calibrate as calibrate_model
    from scorer.training.settings import TrainingConfig

    fitted = calibrate_model(load_yaml(config, TrainingConfig), model)
    for name, numbers in fitted.items():
        typer.echo(f"{name:22} temperature {numbers['temperature']:.2f}  threshold {numbers['threshold']:.2f}")
    typer.echo(f"{model} is calibrated; next: scorer evaluate {model}")


@app.command(epilog="Example: scorer evaluate models/candidate")
def evaluate(model: ModelFolder, config: TrainingFile = TRAINING, rubric: RubricFile = RUBRIC, against: Against = MODEL) -> None:
    """Measure a model on the dev calls beside two baselines and the released model; writes evaluation.html, .json and the model card."""
    from scorer.config import load_yaml
    from scorer.scoring.rubric import load_rubric
    from scorer.screen import evaluation_table, say
    from scorer.training.evaluate import evaluate as evaluate_model
    from scorer.training.report import write_report
    from scorer.training.settings import TrainingConfig

    released = against if against.exists() and against.resolve() != model.resolve() else None
    report = evaluate_model(load_yaml(config, TrainingConfig), model, rubric=load_rubric(rubric), released=released)
    write_report(model, report)
    say(evaluation_table(report))
    typer.echo(f"read {model}/evaluation.html; next: scorer release {model}")


@app.command(epilog="Example: scorer release models/candidate")
def release(model: ModelFolder, config: TrainingFile = TRAINING, live: Live = MODEL) -> None:
    """Put an evaluated model to use as a new version, if it passes the gate; older versions stay."""
    from scorer.config import load_yaml
    from scorer.training.gate import check_gate
    from scorer.training.settings import TrainingConfig
    from scorer.training.versions import publish

    check_gate(load_yaml(config, TrainingConfig), model)
    version = publish(model, live)
    typer.echo(f"{live} is now {version}; to go back: scorer rollback --live {live}")


@app.command(epilog="Example: scorer rollback --to default-v1")
def rollback(live: Live = MODEL, to: Annotated[str | None, typer.Option("--to", help="Version; default: the one before.")] = None) -> None:
    """Put an earlier version of the model to use again."""
    from scorer.training.versions import roll_back

    typer.echo(f"{live} is now {roll_back(live, to)}")


@app.command(epilog="Example: scorer doubts --out out/doubts.jsonl")
def doubts(out: OutFile = Path("out/doubts.jsonl"), config: TrainingFile = TRAINING, most: Most = 200) -> None:
    """List the segments whose labels a cross-validated model doubts most, for a person to check."""
    from scorer.config import load_yaml
    from scorer.screen import doubts_table, say
    from scorer.training.doubts import find_doubts, write_doubts
    from scorer.training.settings import TrainingConfig

    found = find_doubts(load_yaml(config, TrainingConfig).quick(), work=out.with_suffix(".work"))
    write_doubts(found[:most], out)
    say(doubts_table(found))
    typer.echo(f"the {min(most, len(found))} strongest of {len(found)} doubts are in {out}; mend labels in the data, then: make retrain")


@app.command("learning-curve", epilog="Example: scorer learning-curve --out out/learning-curve")
def learning_curve(out: Out, config: TrainingFile = TRAINING) -> None:
    """Train on growing shares of the calls and draw F1 on the dev calls against their number."""
    from scorer.config import load_yaml
    from scorer.training.curve import draw_curve
    from scorer.training.settings import TrainingConfig

    draw_curve(load_yaml(config, TrainingConfig).quick(), out=out)
    typer.echo(f"the curve is {out}/learning-curve.svg, its numbers learning-curve.json beside it")


def main() -> None:
    """Run the command line; the one place where errors become exit codes."""
    try:
        app()
    except ScorerError as error:
        typer.echo(f"scorer: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("scorer: interrupted; nothing unfinished was published, run the same command again", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:  # noqa: BLE001  # the border: whatever is left is our bug
        sys.exit(_bug(error))


def _bug(error: Exception) -> int:
    """Say where it happened, never what the message held: it may quote a transcript."""
    where = traceback.extract_tb(error.__traceback__)
    lines = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in where]
    typer.echo("\n".join([f"scorer: a bug in scorer ({type(error).__name__}); please report these lines:", *lines]), err=True)
    return ExitCode.BUG
