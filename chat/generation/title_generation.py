"""Generates a conversation's title after its first turn, with a small separate request to the model.

Until then, and if that fails, the title is the first words of the first message (titles.py).
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import re
from collections.abc import Mapping
from contextlib import aclosing
from typing import Final

from django.db import Error as DatabaseError

from chat import database
from chat.generation.pseudonym import pseudonym_of
from chat.generation.titles import title_of
from chat.models import Assistant, Conversation, Message
from chat.models.serializers import conversation_object
from chat.models.turn import Turn
from chat.notices import channel
from chat.protocol import objects
from chat.protocol.untrusted_input import clean
from chat.providers.base import Prompt, Provider, ProviderError, Recant, Request, TextDelta

logger = logging.getLogger(__name__)

SECONDS: Final = 30.0
# Above this many concurrent titles, new conversations keep their first words: answers come first.
AT_ONCE: Final = 8
QUESTION_CHARACTERS: Final = 2000
ANSWER_CHARACTERS: Final = 1000
# A longer answer means the model did not understand the task.
LONGEST: Final = 4000
ASK: Final = (
    "You give conversations their titles. Answer with the title alone, in the language of the conversation: at most "
    "six words, on one line, without quotation marks, without markup, without a period at the end."
)

_THOUGHT: Final = re.compile(r"<(think|thinking|thought)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_LINK: Final = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_MARKUP: Final = re.compile(r"\*\*|__|~~|`+|</?[A-Za-z][^<>]*>|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")
_LABEL: Final = re.compile(r"\A(?:#+\s+|title\s*:\s*)", re.IGNORECASE)
_AROUND: Final = " \t\"'`*_«»‹›“”„‘’"


class TitleGenerator:
    """Owns the tasks of the titles in progress. Belongs to one event loop. `is_on`: whether to generate titles."""

    def __init__(self, providers: Mapping[str, Provider], *, is_on: bool, seconds: float = SECONDS) -> None:
        self._providers = providers
        self._is_on = is_on
        self._seconds = seconds
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, turn: Turn) -> None:
        """Generate a title in the background for the conversation of this first turn.

        Not without an answer, unless that waits for a person: then it is known what the conversation is about.
        """
        has_answer = turn.text.strip() or turn.status == Message.Status.WAITING
        if not self._is_on or not has_answer or len(self._tasks) >= AT_ONCE:
            return
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._name(turn), name=f"title {turn.run_id}", context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel all titles in progress and start no more."""
        self._is_on = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _name(self, turn: Turn) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                title = await self._ask(turn)
            renamed = await database.write(rename, turn, title) if title else None
        except (ProviderError, DatabaseError, TimeoutError) as error:
            logger.info("titles: none generated for conversation %s: %s", turn.conversation_id, error)
        except Exception:
            logger.exception("titles: generating failed for conversation %s", turn.conversation_id)
        else:
            if renamed is not None:
                await channel.publish(turn.owner_id, {"kind": "conversation_renamed", "conversation": renamed})

    async def _ask(self, turn: Turn) -> str:
        assistant = await database.read(lambda: Assistant.objects.filter(slug=turn.assistant_slug).first())
        provider = self._providers.get(assistant.provider) if assistant else None
        if provider is None:
            return ""
        said: list[str] = []
        async with aclosing(provider.stream(_request(turn))) as deltas:
            async for delta in deltas:
                if isinstance(delta, TextDelta):
                    said.append(delta.text)
                elif isinstance(delta, Recant):
                    said.clear()
                if sum(map(len, said)) > LONGEST:
                    break
        return tidy("".join(said))


def rename(turn: Turn, title: str) -> objects.Conversation | None:
    """Set the title and return the conversation; None if the user has renamed or deleted it meanwhile."""
    unnamed = Conversation.objects.kept().filter(pk=turn.conversation_id, title=turn.title, is_named=False)
    if not unnamed.update(title=title):
        return None
    return conversation_object(Conversation.objects.select_related("assistant").get(pk=turn.conversation_id))


def tidy(said: str) -> str:
    """The first line of the model's answer without markup, quotes and a final period; may be empty."""
    plain = _MARKUP.sub("", _LINK.sub(r"\1", _THOUGHT.sub("", clean(said))))
    lines = (line.strip(_AROUND) for line in plain.splitlines())
    line = _LABEL.sub("", next(filter(None, lines), "")).strip(_AROUND)
    return title_of(line.removesuffix(".").strip(_AROUND))


def _request(turn: Turn) -> Request:
    said = f"{turn.user_text[:QUESTION_CHARACTERS]}\n\n---\n\n{turn.text[:ANSWER_CHARACTERS]}"
    return Request(
        model=turn.model,
        messages=(Prompt("system", ASK), Prompt("user", said)),
        user=pseudonym_of(turn.owner_id),
        purpose="title",
    )
