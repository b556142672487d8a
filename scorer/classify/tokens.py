"""Which token ids does a call become?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from scorer.classify.windows import MARKERS, Window, pieces, windows
from scorer.errors import ModelError
from scorer.records import Segment


@dataclass(frozen=True)
class WindowMaker:
    """Cuts calls into windows with one tokenizer. `tokenizer` is a fast tokenizer of transformers."""

    tokenizer: Any
    window_tokens: int = 512
    context_tokens: int = 96

    def __post_init__(self) -> None:
        unknown = [m for m in MARKERS if self.tokenizer.convert_tokens_to_ids(m) in (None, self.tokenizer.unk_token_id)]
        if unknown:
            raise ModelError(f"the tokenizer does not know the markers {unknown}: train from a base model with BERT's vocabulary")

    def windows(self, segments: Sequence[Segment]) -> list[Window]:
        """The windows of one call, in order; every segment is answered at least once."""
        room = self.window_tokens - 2
        words = self._word_ids([segment.text for segment in segments])
        parts = pieces(segments, words, self._marker_ids, room=min(room, max(16, room // 2)))
        return list(
            windows(
                parts,
                cls_id=self.tokenizer.cls_token_id,
                sep_id=self.tokenizer.sep_token_id,
                window_tokens=self.window_tokens,
                context_tokens=self.context_tokens,
            )
        )

    def _word_ids(self, texts: list[str]) -> list[list[int]]:
        # special tokens written in a transcript are words, not commands
        options = {"add_special_tokens": False, "split_special_tokens": True, "return_attention_mask": False, "verbose": False}
        return self.tokenizer(texts, **options)["input_ids"] if texts else []

    @cached_property
    def _marker_ids(self) -> dict[str, int]:
        return {marker: int(self.tokenizer.convert_tokens_to_ids(marker)) for marker in MARKERS}
