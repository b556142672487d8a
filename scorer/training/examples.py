"""In which order and shape does training see the labelled calls?"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from scorer.classify.tokens import WindowMaker
from scorer.classify.windows import Window
from scorer.labels import Label
from scorer.training.augment import augment
from scorer.training.corpus import LabelledCall

IGNORED = -1.0  # a label that the segment's party cannot carry, or that no person judged


@dataclass(frozen=True, slots=True)
class Example:
    """A window and, for each of its spans, one target per label: 0, 1 or IGNORED."""

    window: Window
    targets: tuple[tuple[float, ...], ...]


def targets(labelled: LabelledCall, labels: Sequence[Label]) -> list[tuple[float, ...]]:
    """Targets of every segment, in order."""
    return [
        tuple(
            float(label.name in given) if label.party == segment.speaker and labelled.is_judged(at, label.name) else IGNORED
            for label in labels
        )
        for at, (segment, given) in enumerate(zip(labelled.call.segments, labelled.labels, strict=True))
    ]


def examples(calls: Sequence[LabelledCall], labels: Sequence[Label], maker: WindowMaker) -> list[Example]:
    """The windows of calls as they are, in order; without those in which there is nothing to learn."""
    made = []
    for labelled in calls:
        wanted = targets(labelled, labels)
        for window in maker.windows(labelled.call.segments):
            example = Example(window, tuple(wanted[span[0]] for span in window.spans))
            if any(target != IGNORED for row in example.targets for target in row):
                made.append(example)
    return made


def training_batches(
    calls: Sequence[LabelledCall], labels: Sequence[Label], maker: WindowMaker, *, epochs: int, batch: int, seed: int
) -> list[list[Example]]:
    """All batches of all epochs, in the order of training: shuffled, augmented, windows of like length together.

    Made before training starts, so that an interrupted training goes on exactly where it was.
    """
    rng = random.Random(seed)
    batches: list[list[Example]] = []
    for _ in range(epochs):
        made = examples([augment(labelled, rng) for labelled in calls], labels, maker)
        rng.shuffle(made)
        for at in range(0, len(made), batch * 16):
            pool = sorted(made[at : at + batch * 16], key=lambda example: -len(example.window.token_ids))
            groups = [pool[i : i + batch] for i in range(0, len(pool), batch)]
            rng.shuffle(groups)
            batches.extend(groups)
    return batches
