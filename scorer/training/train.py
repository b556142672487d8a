"""Labelled calls and a base encoder in, a trained (not yet calibrated) model folder out."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import SequentialSampler
from transformers import AutoModelForTokenClassification, AutoTokenizer, Trainer, TrainerCallback, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from scorer.classify.encoder import piece_logits
from scorer.classify.tokens import WindowMaker
from scorer.labels import Label, names, read_labels
from scorer.training.corpus import hold_out, read_corpus
from scorer.training.examples import IGNORED, Example, training_batches
from scorer.training.settings import TrainingConfig, base_model_path


def train(config: TrainingConfig, *, out: Path, work: Path) -> None:
    """Train and write weights, tokenizer and labels to `out`; `work` keeps checkpoints, from which an interrupted run goes on."""
    set_seed(config.seed)
    labels = read_labels(config.labels)
    base = base_model_path(config.base_model)
    tokenizer = AutoTokenizer.from_pretrained(base)
    maker = WindowMaker(tokenizer, config.window_tokens, config.context_tokens)
    calls, _ = hold_out(read_corpus(config.train, names(labels)), config.held_out_share, config.seed)
    batches = training_batches(calls, labels, maker, epochs=config.epochs, batch=config.batch_windows, seed=config.seed)
    model = new_model(base, labels, config.dropout)
    average = MovingAverage(config.average_decay)
    trainer = SegmentTrainer(
        model=model,
        args=_arguments(config, work),
        train_dataset=batches,
        data_collator=lambda features: {"examples": features[0]},
        optimizers=(torch.optim.AdamW(parameter_groups(model, config), weight_decay=config.weight_decay), None),
        callbacks=[average],
    )
    trainer.pad_id = tokenizer.pad_token_id
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(work)) if work.is_dir() else None)
    model.load_state_dict(average.weights)
    save(model, tokenizer, labels, out)
    shutil.rmtree(work, ignore_errors=True)


def new_model(base: str, labels: Sequence[Label], dropout: float) -> Any:
    """The base encoder under a fresh linear head with one output per label."""
    model = AutoModelForTokenClassification.from_pretrained(
        base,
        num_labels=len(labels),
        id2label=dict(enumerate(names(labels))),
        label2id={name: at for at, name in enumerate(names(labels))},
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=0.0,
        trust_remote_code=False,
        dtype=torch.float32,
    )
    torch.nn.init.constant_(model.classifier.bias, -1.5)  # most segments carry no label: start there
    return model


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


def loss_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy over the labels that each segment's party can carry."""
    counted = targets != IGNORED
    return torch.nn.functional.binary_cross_entropy_with_logits(logits[counted], targets[counted])


class SegmentTrainer(Trainer):
    """A Trainer whose items are ready-made batches of windows, taken in their order."""

    pad_id: int = 0

    def compute_loss(self, model: Any, inputs: dict[str, list[Example]], return_outputs: bool = False, **_: Any) -> Any:
        """Mean loss over the segments of the batch."""
        batch = inputs["examples"]
        logits = piece_logits(model, [example.window for example in batch], pad_id=self.pad_id)
        targets = torch.tensor([row for example in batch for row in example.targets], device=logits.device)
        loss = loss_of(logits, targets)
        return (loss, {"logits": logits}) if return_outputs else loss

    def _get_train_sampler(self, *_: Any) -> SequentialSampler:
        return SequentialSampler(self.train_dataset)


class MovingAverage(TrainerCallback):
    """Keeps an exponential moving average of the weights, also across an interruption."""

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.weights: dict[str, Tensor] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        """Start from the weights as they are, or from the checkpoint's average."""
        saved = Path(args.output_dir) / f"checkpoint-{state.global_step}" / "average.safetensors"
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
        if saved.is_file():
            from safetensors.torch import load_file

            self.weights.update(load_file(saved))

    def on_step_end(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        """Move a little towards the newest weights; faster in the first steps."""
        decay = min(self.decay, (1 + state.global_step) / (10 + state.global_step))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value.detach(), 1 - decay)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Put the average beside the checkpoint."""
        from safetensors.torch import save_file

        save_file(self.weights, Path(args.output_dir) / f"checkpoint-{state.global_step}" / "average.safetensors")


def save(model: Any, tokenizer: Any, labels: Sequence[Label], out: Path) -> None:
    """Write 16-bit weights, tokenizer and labels; replaces what was there."""
    shutil.rmtree(out, ignore_errors=True)
    model.to(torch.float16).save_pretrained(out)
    tokenizer.save_pretrained(out)
    rows = [{"name": x.name, "party": x.party, "polarity": x.polarity, "description": x.description} for x in labels]
    (out / "labels.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _arguments(config: TrainingConfig, work: Path) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(work),
        num_train_epochs=1,  # the batches of all epochs lie one behind the other
        per_device_train_batch_size=1,
        learning_rate=config.learning_rate,
        warmup_steps=config.warmup_share,
        lr_scheduler_type="linear",
        bf16=True,
        use_cpu=not torch.cuda.is_available(),
        seed=config.seed,
        save_steps=config.save_steps,
        save_total_limit=1,
        logging_steps=20,
        report_to=[],
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
