"""Labelled calls and a base encoder in, a trained (not yet calibrated) model folder out."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForTokenClassification, AutoTokenizer, PrinterCallback, set_seed
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, get_last_checkpoint
from transformers.utils.logging import disable_progress_bar, get_verbosity, set_verbosity, set_verbosity_error

from scorer.classify.decide import UNCALIBRATED
from scorer.classify.load import load_model
from scorer.classify.model import WEIGHTS, SegmentModel, record_files
from scorer.classify.tokens import WindowMaker
from scorer.classify.windows import MARKER_SCHEME, SPEAKER_MARKERS, TIMING_MARKERS
from scorer.durable import file_hash
from scorer.errors import ConfigError, ModelError, count_of
from scorer.labels import Label, names, read_labels
from scorer.training.calibrate import check_held_out
from scorer.training.corpus import LabelledCall, read_corpus
from scorer.training.examples import training_batches
from scorer.training.settings import TrainingConfig, base_model_path
from scorer.training.split import RECORD, split, write_record
from scorer.training.trainer import AVERAGE, MovingAverage, Progress, SegmentTrainer, Told, arguments
from scorer.training.versions import check_unreleased


@dataclass(frozen=True)
class Fitted:
    """A trained network in evaluation mode, with what it takes to use it."""

    network: Any
    tokenizer: Any
    labels: tuple[Label, ...]

    def as_model(self) -> SegmentModel:
        """The network as a model that can judge; not calibrated."""
        return SegmentModel(self.network, self.tokenizer, self.labels, (UNCALIBRATED,) * len(self.labels))


def train(config: TrainingConfig, *, out: Path, work: Path, progress: Progress = lambda *_: None) -> None:
    """Train and write weights, tokenizer and labels to `out`; `work` keeps checkpoints, from which an interrupted run goes on."""
    check_unreleased(out)
    before = made_from(config)
    labels = read_labels(config.labels)
    calls = split(read_corpus(config.train_files, names(labels)), labels, config.held_out_share, config.seed)
    check_held_out(calls.held_out, labels)  # now, not in an hour
    save(fit(config, calls.train, labels, work=work, progress=progress), out)
    write_record(out, calls, before=before)
    shutil.rmtree(work, ignore_errors=True)


def made_from(config: TrainingConfig) -> list[Path]:
    """The trained models that this training starts or learns from. Raises ModelError where one does not say which calls it has seen."""
    named = [Path(config.base_model), config.teacher, config.mix]
    trained = [folder for folder in named if folder is not None and (folder / "labels.json").is_file()]
    unknown = [folder for folder in trained if not (folder / RECORD).is_file()]
    if unknown:
        raise ModelError(
            f"{unknown[0]}: holds no {RECORD}, so nobody can tell whether it has seen dev calls: start from a model that has one, "
            "or from a base encoder"
        )
    return trained


def fit(config: TrainingConfig, calls: Sequence[LabelledCall], labels: Sequence[Label], *, work: Path, progress: Progress) -> Fitted:
    """Train on just these calls. Goes on from `work` only where settings, data and base are those of the checkpoint."""
    set_seed(config.seed)
    disable_progress_bar()  # of loading and saving: `progress` tells enough
    getLogger("transformers.trainer_utils").setLevel(ERROR)  # it warns where two checkpoints are of one moment, and goes by their numbers
    base = base_model_path(config.base_model)
    tokenizer = AutoTokenizer.from_pretrained(base)
    maker = WindowMaker(tokenizer, config.window_tokens, config.context_tokens)
    batches = training_batches(calls, labels, maker, epochs=config.epochs, batch=config.batch_windows, seed=config.seed)
    if not batches:
        raise ModelError(
            f"nothing to learn from in {count_of(len(calls), 'call')} (the others are held out, with their copies): label more calls, "
            "or lower held_out_share"
        )
    model = new_model(base, labels, tokenizer, dropout=config.dropout, layers=config.layers)
    others = _mixable(config.mix, model, labels) if config.mix is not None else {}
    average = MovingAverage(config.average_decay)
    trainer = SegmentTrainer(
        model=model,
        args=arguments(config, work),
        train_dataset=batches,
        data_collator=lambda features: {"examples": features[0]},
        optimizers=(torch.optim.AdamW(parameter_groups(model, config), weight_decay=config.weight_decay, fused=True), None),
        callbacks=[average, Told(progress)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.pad_id = tokenizer.pad_token_id
    if config.teacher is not None:
        trainer.teacher, trainer.teacher_share = _teacher(config.teacher, labels), config.teacher_share
    trainer.train(resume_from_checkpoint=checkpoint(work, _origin(config, calls, labels)))
    model.load_state_dict(mixed(average.weights, others, config.mix_share))
    if not all(value.to(torch.float16).isfinite().all() for value in model.state_dict().values()):
        raise ModelError("the training has diverged, its weights are no numbers any more: lower learning_rate or head_learning_rate")
    return Fitted(model.eval(), tokenizer, tuple(labels))


def _origin(config: TrainingConfig, calls: Sequence[LabelledCall], labels: Sequence[Label]) -> str:
    """What a checkpoint was made from."""
    folders = [folder for folder in (Path(base_model_path(config.base_model)), config.teacher, config.mix) if folder is not None]
    weights = [file_hash(folder / WEIGHTS) if (folder / WEIGHTS).is_file() else None for folder in folders]  # None: a model of the hub
    learnt = [[asdict(x.call), [sorted(given) for given in x.labels], [None if j is None else sorted(j) for j in x.judged]] for x in calls]
    return hashlib.sha256(json.dumps([config.model_dump(mode="json"), learnt, [repr(x) for x in labels], weights]).encode()).hexdigest()


def _teacher(folder: Path, labels: Sequence[Label]) -> Any:
    """The teacher's network. Raises ModelError where its outputs are not these labels in this order."""
    teacher = load_model(folder, calibrated=False)
    if names(teacher.labels) != names(labels):
        raise ModelError(
            f"{folder}: as a teacher it must know just the labels {list(names(labels))}, and knows {list(names(teacher.labels))}"
        )
    return teacher.network


def _mixable(folder: Path, model: Any, labels: Sequence[Label]) -> dict[str, Tensor]:
    """The weights of a trained model. Raises ConfigError where they are not those of a model like this one, for just these labels."""
    other = load_model(folder, calibrated=False)
    weights = {name: value for name, value in other.network.state_dict().items() if value.is_floating_point()}
    shapes = {name: value.shape for name, value in model.state_dict().items() if value.is_floating_point()}
    if names(other.labels) != names(labels) or {name: value.shape for name, value in weights.items()} != shapes:
        raise ConfigError(
            f"mix: {folder} is no model for just these labels with as many layers: name one that is, or null with mix_share 0"
        )
    return weights


def mixed(trained: Mapping[str, Tensor], others: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """So much of another model's weights in those of this one. Both must come from one encoder: else nothing useful lies between them.

    Where the other one is what the training began with, what was known is kept, and what is new is learnt by half; where it was trained
    apart, each mends mistakes of the other. Source: Wortsman et al. 2022, arXiv:2109.01903 and arXiv:2203.05482.
    """
    return {name: value.lerp(others[name].to(value), share) if name in others else value for name, value in trained.items()}


def checkpoint(work: Path, origin: str) -> str | None:
    """The last whole checkpoint in `work`, if it is of this origin; anything else there is deleted, since it cannot be gone on from."""
    mark = work / "origin"
    if mark.is_file() and mark.read_text(encoding="utf-8") == origin:
        for partial in (folder for folder in work.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if not (folder / AVERAGE).is_file()):
            shutil.rmtree(partial)  # the training was stopped while it was written
        return get_last_checkpoint(str(work))  # type: ignore[no-any-return]
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    mark.write_text(origin, encoding="utf-8")
    return None


def new_model(base: str, labels: Sequence[Label], tokenizer: Any, *, dropout: float, layers: int | None = None) -> Any:
    """The base encoder under a linear head with one output per label; a base that was trained for just these labels keeps its head.

    With `layers`, evenly spaced layers are kept, the last one among them. Source: Sanh et al. 2019, arXiv:1910.01108.
    """
    told = get_verbosity()
    set_verbosity_error()  # it would report at length that the head is new, which it should be
    model = AutoModelForTokenClassification.from_pretrained(
        base,
        num_labels=len(labels),
        id2label=dict(enumerate(names(labels))),
        label2id={name: at for at, name in enumerate(names(labels))},
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=0.0,
        trust_remote_code=False,
        dtype=torch.float32,
        ignore_mismatched_sizes=True,
    )
    set_verbosity(told)
    model.config.marker_scheme = MARKER_SCHEME
    known = Path(base) / "labels.json"  # of a base that is a trained scorer itself
    if not known.is_file():
        give_markers_meaning(model, tokenizer)
    if not known.is_file() or names(read_labels(known)) != names(labels):
        torch.nn.init.normal_(model.classifier.weight, std=model.config.initializer_range)
        torch.nn.init.constant_(model.classifier.bias, -1.5)  # most segments carry no label: start there
    if layers is not None:
        stack = model.base_model.encoder.layer
        if layers > len(stack):
            raise ConfigError(f"layers, or quick_layers: {base} has {len(stack)}, and {layers} are to be kept: name at most {len(stack)}")
        kept = [round((at + 1) * len(stack) / layers) - 1 for at in range(layers)]
        model.base_model.encoder.layer = torch.nn.ModuleList(stack[at] for at in kept)
        model.config.num_hidden_layers = layers
    return model


def give_markers_meaning(model: Any, tokenizer: Any) -> None:
    """Start each marker from the words of its name: a base model has never seen the markers, but knows "pause" and "cuts in"."""
    embeddings = model.get_input_embeddings().weight.data
    for name, marker in (SPEAKER_MARKERS | TIMING_MARKERS).items():
        words = tokenizer(name.replace("_", " "), add_special_tokens=False)["input_ids"]
        embeddings[tokenizer.convert_tokens_to_ids(marker)] = embeddings[words].mean(dim=0)


def parameter_groups(model: Any, config: TrainingConfig) -> list[dict[str, Any]]:
    """The head at its own rate, each encoder layer at a share of the one above, the embeddings lowest."""
    top = model.config.num_hidden_layers
    groups: dict[float, list[Tensor]] = {}
    for name, weights in model.named_parameters():
        if name.startswith("classifier"):
            rate = config.head_learning_rate
        else:
            layer = int(name.split("encoder.layer.")[1].split(".")[0]) + 1 if "encoder.layer." in name else 0
            rate = config.learning_rate * config.layer_decay ** (top - layer)
        groups.setdefault(rate, []).append(weights)
    return [{"params": weights, "lr": rate} for rate, weights in groups.items()]


def save(fitted: Fitted, out: Path) -> None:
    """Write 16-bit weights, tokenizer and labels; replaces what was there."""
    shutil.rmtree(out, ignore_errors=True)
    fitted.network.to(torch.float16).save_pretrained(out)
    fitted.tokenizer.save_pretrained(out)
    rows = [{"name": x.name, "party": x.party, "polarity": x.polarity, "description": x.description} for x in fitted.labels]
    (out / "labels.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    record_files(out)
