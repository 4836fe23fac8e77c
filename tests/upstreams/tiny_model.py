"""A language model with one layer, made by hand: a word that it knows in the prompt (the cue) selects the answer.

Nothing is downloaded, and its output is predictable, unlike that of random weights:

* The vocabulary has every byte, the words of the answers, and the cues. A token's embedding is a unit vector plus a
  constant component.
* The attention head looks for cues: the highest one in the prompt gets all of its weight. Without a cue, the weight
  goes to the tokens that begin a turn, and has no effect.
* The output layer follows each token of an answer with the next. At the beginning of an answer, the cue decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from tests.upstreams import gguf
from tests.upstreams.gguf import Matrix

CONTEXT: Final = 2**17
HEAD: Final = 32
# All zeros. They keep the processor busy, so that an answer takes as long as a real model's.
FEED_FORWARD: Final = 16_384
# If this is large enough, the last pair of a head's dimensions is not rotated by the position.
ROPE_BASE: Final = 1e30
# A head's score for the weakest cue; a prompt of e^20 tokens would drown it out.
SCORE: Final = 20.0
# Differences of logits that sampling at a temperature of about 1 never overcomes.
SURE: Final = 30.0
CHOSEN: Final = 15.0
USUAL: Final = 5.0

# Where an answer begins: after `<start_of_turn>model` and after `<|im_start|>assistant`.
NEWLINE: Final = r"\x0a"
TURNS: Final = ("<bos>", "<start_of_turn>", "<|im_start|>")
END: Final = "<end_of_turn>"
CONTROL: Final = (*TURNS, END, "<eos>", "<|im_end|>")
THINK: Final = r"<think>\n"
THOUGHT_OVER: Final = r"\n</think>\n\n"
NORMAL_TOKEN, CONTROL_TOKEN = 1, 3


@dataclass(frozen=True)
class Answer:
    """The tokens to generate if the prompt has this cue. No two answers of a model may share a token."""

    cue: str
    tokens: Sequence[str]
    # Repeats them until it is stopped.
    is_endless: bool = False


def write(path: Path, answers: Sequence[Answer], thought: Sequence[str]) -> None:
    """Write a GGUF file. `answers`: of two cues in a prompt, the later in this list wins; without a cue, the first.

    `thought`: its reasoning before the answer, if the chat template ends with `<think>`.
    """
    model = _Model(answers, thought)
    gguf.write(path, model.metadata(), model.tensors())


class _Model:
    def __init__(self, answers: Sequence[Answer], thought: Sequence[str]) -> None:
        self._answers = answers
        self._thought = thought
        said = [THINK, *thought, THOUGHT_OVER, *(token for answer in answers for token in answer.tokens)]
        assert len(set(said)) == len(said), "each token can be followed by only one other"
        words = dict.fromkeys((*said, *(answer.cue for answer in answers)))
        self._tokens = [*(rf"\x{byte:02x}" for byte in range(256)), *CONTROL, *words]
        self._ids = {token: number for number, token in enumerate(self._tokens)}
        self._constant = len(self._tokens)
        used = self._constant + 1 + len(answers)
        self._width = used + -used % HEAD

    def metadata(self) -> Mapping[str, gguf.Value]:
        kinds = [CONTROL_TOKEN if token in CONTROL else NORMAL_TOKEN for token in self._tokens]
        return {
            "general.architecture": "llama",
            "general.name": "tiny",
            "llama.context_length": CONTEXT,
            "llama.embedding_length": self._width,
            "llama.block_count": 1,
            "llama.feed_forward_length": FEED_FORWARD,
            "llama.attention.head_count": 1,
            "llama.attention.head_count_kv": 1,
            "llama.attention.key_length": HEAD,
            "llama.attention.value_length": HEAD,
            "llama.attention.layer_norm_rms_epsilon": 1e-6,
            "llama.rope.dimension_count": HEAD,
            "llama.rope.freq_base": ROPE_BASE,
            # Takes the longest matching token, regardless of word boundaries.
            "tokenizer.ggml.model": "rwkv",
            "tokenizer.ggml.tokens": self._tokens,
            "tokenizer.ggml.token_type": kinds,
            "tokenizer.ggml.bos_token_id": self._ids["<bos>"],
            "tokenizer.ggml.eos_token_id": self._ids["<eos>"],
        }

    def tensors(self) -> Mapping[str, Matrix]:
        width, vocabulary = self._width, len(self._tokens)
        silent = {
            "ffn_gate": (FEED_FORWARD, width),
            "ffn_up": (FEED_FORWARD, width),
            "ffn_down": (width, FEED_FORWARD),
        }
        return {
            "token_embd.weight": Matrix(vocabulary, width, self._embeddings()),
            "blk.0.attn_norm.weight": gguf.ones(width),
            "blk.0.attn_q.weight": Matrix(HEAD, width, {(HEAD - 2, self._constant): 1.0}),
            "blk.0.attn_k.weight": Matrix(HEAD, width, self._keys()),
            "blk.0.attn_v.weight": Matrix(HEAD, width, self._values()),
            "blk.0.attn_output.weight": Matrix(width, HEAD, self._said()),
            "blk.0.ffn_norm.weight": gguf.ones(width),
            **{f"blk.0.{name}.weight": Matrix(*shape, {}) for name, shape in silent.items()},
            "output_norm.weight": gguf.ones(width),
            "output.weight": Matrix(vocabulary, width, dict(self._logits())),
        }

    @property
    def _scale(self) -> float:
        """A 1 in an embedding, which has two of them, after normalization."""
        return math.sqrt(self._width / 2)

    def _embeddings(self) -> Mapping[tuple[int, int], float]:
        places = {(number, number): 1.0 for number in range(len(self._tokens))}
        return places | {(number, self._constant): 1.0 for number in range(len(self._tokens))}

    def _keys(self) -> Mapping[tuple[int, int], float]:
        step = SCORE * math.sqrt(HEAD) / self._scale**2
        sinks = {(HEAD - 2, self._ids[token]): step for token in TURNS}
        cues = enumerate((answer.cue for answer in self._answers), start=2)
        return sinks | {(HEAD - 2, self._ids[cue]): step * number for number, cue in cues}

    def _values(self) -> Mapping[tuple[int, int], float]:
        return {(place, self._ids[answer.cue]): 1 / self._scale for place, answer in enumerate(self._answers)}

    def _said(self) -> Mapping[tuple[int, int], float]:
        return {(self._constant + 1 + place, place): 1.0 for place in range(len(self._answers))}

    def _logits(self) -> Iterator[tuple[tuple[int, int], float]]:
        """(token, dimension) → weight."""
        # A residual with a cue has three ones.
        scale = math.sqrt(self._width / 3)
        for token, following in pairwise((THINK, *self._thought, THOUGHT_OVER)):
            yield (self._ids[following], self._ids[token]), SURE / scale
        for place, answer in enumerate(self._answers):
            first = self._ids[answer.tokens[0]]
            for beginning in (NEWLINE, THOUGHT_OVER):
                yield (first, self._ids[beginning]), (SURE if place else SURE + USUAL) / scale
            yield (first, self._constant + 1 + place), CHOSEN / scale
            for token, following in pairwise((*answer.tokens, answer.tokens[0] if answer.is_endless else END)):
                yield (self._ids[following], self._ids[token]), SURE / scale
