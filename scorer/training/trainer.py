"""How is one step of training done? The stock Trainer over ready-made batches, with our loss and an average of the weights."""

import timeit
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import SequentialSampler
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from scorer.classify.encoder import piece_logits
from scorer.durable import move
from scorer.training.examples import IGNORED, Example
from scorer.training.settings import TrainingConfig

AVERAGE = "average.safetensors"  # the last file of a checkpoint: one without it is not whole
Progress = Callable[[int, int], None]  # takes the steps done and all there are


def part_of(progress: Progress, part: int, parts: int) -> Progress:
    """The progress of one training among several of like length."""
    return lambda done, total: progress(part * total + done, parts * total)


class SegmentTrainer(Trainer):
    """A Trainer whose items are ready-made batches of windows, taken in their order."""

    pad_id: int = 0
    teacher: Any = None  # a trained network whose answers are learnt beside the labels
    teacher_share: float = 0.0  # of the loss

    def compute_loss(self, model: Any, inputs: dict[str, list[Example]], return_outputs: bool = False, **_: Any) -> Any:
        """Mean loss over the segments of the batch."""
        batch = inputs["examples"]
        windows = [example.window for example in batch]
        logits = piece_logits(model, windows, pad_id=self.pad_id)
        targets = torch.tensor([row for example in batch for row in example.targets], device=logits.device)
        loss = loss_of(logits, targets)
        if self.teacher is not None:
            with torch.no_grad():
                taught = torch.sigmoid(piece_logits(self.teacher, windows, pad_id=self.pad_id))
            loss = (1 - self.teacher_share) * loss + self.teacher_share * loss_of(logits, torch.where(targets == IGNORED, targets, taught))
        return (loss, {"logits": logits}) if return_outputs else loss

    def _get_train_sampler(self, *_: Any) -> SequentialSampler:
        return SequentialSampler(self.train_dataset)


def loss_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy over the labels that each segment's party can carry."""
    counted = targets != IGNORED
    return binary_cross_entropy_with_logits(logits[counted], targets[counted])


class Told(TrainerCallback):
    """Tells how many steps are done, of how many."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """One more."""
        self.progress(state.global_step, state.max_steps)


class MovingAverage(TrainerCallback):
    """Keeps an exponential moving average of the weights, also across an interruption."""

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.weights: dict[str, Tensor] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        """Start from the weights as they are, or from the checkpoint's average."""
        saved = _average_of(args, state)
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
        if saved.is_file():
            self.weights.update({name: value.to(self.weights[name].device) for name, value in load_file(saved).items()})

    def on_step_end(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        """Move a little towards the newest weights; faster in the first steps."""
        decay = min(self.decay, (1 + state.global_step) / (10 + state.global_step))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value.detach(), 1 - decay)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Put the average into the checkpoint, which makes it whole."""
        saved = _average_of(args, state)
        staged = saved.with_name(f".{AVERAGE}")
        save_file(self.weights, staged)
        move(staged, saved)


def _average_of(args: Any, state: Any) -> Path:
    """The average's place in the checkpoint of this step."""
    return Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}" / AVERAGE


def arguments(config: TrainingConfig, work: Path) -> TrainingArguments:
    """Settings of the stock Trainer, for the GPU where there is one."""
    gpu = torch.cuda.is_available()
    made = TrainingArguments(
        output_dir=str(work),
        num_train_epochs=1,  # the batches of all epochs lie one behind the other
        per_device_train_batch_size=1,
        learning_rate=config.learning_rate,
        warmup_steps=config.warmup_share,
        lr_scheduler_type="linear",
        bf16=torch.cuda.is_bf16_supported() if gpu else bf16_pays(),
        use_cpu=not gpu,
        seed=config.seed,
        save_steps=config.save_steps,
        save_total_limit=2,  # the last one is not whole where the training was stopped while it was written
        logging_strategy="no",
        disable_tqdm=True,
        report_to=[],
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    made._n_gpu = min(made.n_gpu, 1)  # windows of odd lengths do not split over several
    return made


@cache
def bf16_pays() -> bool:
    """Whether this CPU multiplies faster in 16 bit, which is tried: some with bf16 instructions are nearly twice as slow with them."""
    return _seconds_to_multiply(torch.bfloat16) < 0.9 * _seconds_to_multiply(torch.float32)


def _seconds_to_multiply(kind: torch.dtype) -> float:
    """The best of several products of the size that an encoder layer has."""
    tokens, weights = torch.ones(2048, 384, dtype=kind), torch.ones(1536, 384, dtype=kind)
    return min(timeit.repeat(lambda: torch.nn.functional.linear(tokens, weights), number=2, repeat=5))
