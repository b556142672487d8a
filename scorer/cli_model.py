"""What can be typed about the model? The commands of its life, from training to release, written like those in cli.py."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

commands = typer.Typer()

ModelFolder = Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.")]
RubricFile = Annotated[Path, typer.Option("--rubric", help="How calls are scored.")]
TrainingFile = Annotated[Path, typer.Option("--config", help="Data and settings of the training.")]
Live = Annotated[Path, typer.Option("--live", help="The link that names the released version.")]
Against = Annotated[Path, typer.Option("--against", help="The released model to compare with.")]
OutFile = Annotated[Path, typer.Option("--out", help="File to write.")]
OutFolder = Annotated[Path, typer.Option("--out", help="Folder to write to.")]
Most = Annotated[int, typer.Option("--most", min=1, help="How many to write.")]

RUBRIC, MODEL, TRAINING = Path("configs/rubric.yaml"), Path("models/default"), Path("configs/training.yaml")


@commands.command(epilog="Example: scorer train --out models/candidate")
def train(out: Annotated[Path, typer.Option("--out", help="Folder for the new model.")], config: TrainingFile = TRAINING) -> None:
    """Train a model on the labelled calls; an interrupted training goes on where it was."""
    from scorer.config import load_yaml
    from scorer.screen import progress_of
    from scorer.training.settings import TrainingConfig
    from scorer.training.train import train as train_model

    with progress_of("training, steps") as progress:
        train_model(load_yaml(config, TrainingConfig), out=out, work=out.with_name(out.name + ".work"), progress=progress)
    typer.echo(f"{out} is trained; next: {_make('calibrate', MODEL=out, TRAINING=config)}")


@commands.command(epilog="Example: scorer calibrate models/candidate")
def calibrate(model: ModelFolder, config: TrainingFile = TRAINING) -> None:
    """Fit temperature, bias and threshold of every label on held-out training calls."""
    from scorer.config import load_yaml
    from scorer.training.calibrate import FEW
    from scorer.training.calibrate import calibrate as calibrate_model
    from scorer.training.settings import TrainingConfig

    fitted = calibrate_model(load_yaml(config, TrainingConfig), model)
    for name, numbers in fitted.items():
        typer.echo(
            f"{name:22} temperature {numbers['temperature']:.2f}  bias {numbers['bias']:+.2f}  threshold {numbers['threshold']:.2f}"
            + f"  on {numbers['positives']} held-out segments that carry it"
            + (": too few to trust" if numbers["positives"] < FEW else "")
        )
    typer.echo(f"{model} is calibrated; next: {_make('evaluate', MODEL=model, TRAINING=config)}")


@commands.command(epilog="Example: scorer evaluate models/candidate")
def evaluate(model: ModelFolder, config: TrainingFile = TRAINING, rubric: RubricFile = RUBRIC, against: Against = MODEL) -> None:
    """Measure a model on the dev calls beside two baselines and the released model; writes evaluation.html, .json and the model card."""
    from scorer.screen import evaluation_table, say
    from scorer.training.report import write_report
    from scorer.training.versions import check_unreleased

    check_unreleased(model)
    report = _measured(model, config, rubric, against=_other(against, model) if against.exists() else None)
    write_report(model, report)
    say(evaluation_table(report))
    typer.echo(f"read {model}/evaluation.html; next: {_make('release', MODEL=model, TRAINING=config, LIVE=against)}")


@commands.command(epilog="Example: scorer measure models/default my-calls.jsonl")
def measure(
    model: ModelFolder,
    calls: Annotated[list[Path], typer.Argument(metavar="CALLS...", exists=True, help="Files or folders of labelled calls.")],
    out: OutFolder = Path("out/measured"),
    config: TrainingFile = TRAINING,
    rubric: RubricFile = RUBRIC,
    against: Annotated[Path | None, typer.Option("--against", help="Another model to compare with.")] = None,
) -> None:
    """Measure any model, released or not, on labelled calls of your own; changes nothing of it."""
    from scorer.screen import evaluation_table, say
    from scorer.training.report import check_no_model, write_measured

    check_no_model(out)
    report = _measured(model, config, rubric, against=_other(against, model), calls=calls)
    write_measured(out, report, name=model.resolve().name)
    say(evaluation_table(report))
    typer.echo(f"read {out}/evaluation.html")


def _other(against: Path | None, model: Path) -> Path | None:
    """The model to compare with, unless it is the model itself."""
    return against if against is not None and against.resolve() != model.resolve() else None


def _measured(model: Path, config: Path, rubric: Path, *, against: Path | None, calls: Sequence[Path] = ()) -> dict[str, Any]:
    """The evaluation of a model on these labelled calls; where there are none, on the dev calls of the config."""
    from scorer.config import load_yaml
    from scorer.labels import read_labels
    from scorer.scoring.rubric import check_rubric, load_rubric
    from scorer.screen import progress_of
    from scorer.training.evaluate import evaluate as evaluate_model
    from scorer.training.settings import TrainingConfig

    scores = load_rubric(rubric)
    check_rubric(scores, read_labels(model / "labels.json"), rubric)
    settings = load_yaml(config, TrainingConfig)
    with progress_of("evaluating, steps") as progress:
        return evaluate_model(settings, model, rubric=scores, released=against, calls=calls, progress=progress)


@commands.command(epilog="Example: scorer release models/candidate")
def release(model: ModelFolder, config: TrainingFile = TRAINING, live: Live = MODEL) -> None:
    """Put an evaluated model to use as a new version, if it passes the gate; older versions stay."""
    from scorer.config import load_yaml
    from scorer.training.gate import check_gate
    from scorer.training.settings import TrainingConfig
    from scorer.training.versions import publish

    check_gate(load_yaml(config, TrainingConfig), model, live)
    version = publish(model, live)
    typer.echo(f"{live} is now {version}; to go back: {_make('rollback', LIVE=live)}")


@commands.command(epilog="Example: scorer rollback --to default-v1")
def rollback(
    live: Live = MODEL,
    to: Annotated[str | None, typer.Option("--to", help="Version; default: the one that this one took the place of.")] = None,
) -> None:
    """Put an earlier version of the model to use again."""
    from scorer.training.versions import roll_back

    before = live.resolve().name
    typer.echo(f"{live} is now {roll_back(live, to)}; to return: {_make('rollback', LIVE=live, TO=before)}")


@commands.command(epilog="Example: scorer doubts --out out/doubts.jsonl")
def doubts(out: OutFile = Path("out/doubts.jsonl"), config: TrainingFile = TRAINING, most: Most = 200) -> None:
    """List the segments whose labels a cross-validated model doubts most, for a person to check."""
    from scorer.config import load_yaml
    from scorer.screen import doubts_table, progress_of, say
    from scorer.training.doubts import find_doubts, write_doubts
    from scorer.training.settings import TrainingConfig

    with progress_of("training, steps") as progress:
        found = find_doubts(load_yaml(config, TrainingConfig).quick(), work=out.with_suffix(".work"), progress=progress)
    write_doubts(found[:most], out)
    say(doubts_table(found))
    typer.echo(f"the {min(most, len(found))} strongest of {len(found)} doubts are in {out}")
    typer.echo(f"mend labels in the data, then: {_make('retrain', TRAINING=config)}")


@commands.command("learning-curve", epilog="Example: scorer learning-curve --out out/learning-curve")
def learning_curve(out: OutFolder, config: TrainingFile = TRAINING) -> None:
    """Train on growing shares of the calls and draw F1 on the dev calls against their number."""
    from scorer.config import load_yaml
    from scorer.screen import progress_of
    from scorer.training.curve import draw_curve
    from scorer.training.settings import TrainingConfig

    with progress_of("training, steps") as progress:
        draw_curve(load_yaml(config, TrainingConfig).quick(), out=out, progress=progress)
    typer.echo(f"the curve is {out}/learning-curve.svg, its numbers learning-curve.json beside it")


def _make(target: str, **variables: Path | str) -> str:
    """The next step as it is typed: a target of the Makefile, with what is not as usual there."""
    usual = {"MODEL": Path("models/candidate"), "LIVE": MODEL, "TRAINING": TRAINING}
    return " ".join([f"make {target}", *(f"{name}={value}" for name, value in variables.items() if value != usual.get(name))])
