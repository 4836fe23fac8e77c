"""Sentences that the server sends in English, in frames and API responses, for the page to translate.

The code that sends them knows neither the user's language nor Django: a run goes on while nobody follows it. So they
are repeated here; `{}` is a placeholder for any text. A test finds missing ones.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from django.utils.translation import gettext, gettext_noop

SENTENCES: Final = (
    # chat/providers/http/errors.py
    gettext_noop("The account with the model provider has no quota left. Its owner must check the plan and billing."),
    gettext_noop("The model provider is receiving too many requests."),
    gettext_noop(
        "Together with the conversation before it, this message exceeds the limit of the plan with the model "
        "provider. Start a new conversation, or choose another model."
    ),
    gettext_noop("The model provider's content filter rejected the question."),
    gettext_noop(
        "A firewall or proxy in front of the model server rejected the request with its own web page (status {}). "
        "Its administrator must check it."
    ),
    gettext_noop("The model server rejected the request (status {})."),
    gettext_noop("The model server stopped with an error."),
    gettext_noop("The model provider rejected this site's API key. The administrator must check it."),
    gettext_noop("The conversation is too long for this model. Start a new one, or choose another model."),
    gettext_noop(
        "The model server redirects to another address. Nothing was sent there; the base URL is probably wrong."
    ),
    gettext_noop("The model server sent a redirect without an address (status {}). The base URL is probably wrong."),
    gettext_noop("The model server sent a compressed response that cannot be read."),
    gettext_noop(
        "The model server's certificate is not trusted, so nothing was sent. "
        "The administrator of this site must check it."
    ),
    gettext_noop(
        "The TLS handshake with the model server failed. The base URL probably has the wrong scheme (http or https)."
    ),
    gettext_noop("The model server's host name was not found. The base URL may be wrong, or the network may be down."),
    gettext_noop("The model server's address or API key cannot be used. The administrator must check them."),
    gettext_noop("The model provider does not know this model. Its name or the base URL is probably wrong."),
    gettext_noop("The model server timed out waiting for the model."),
    gettext_noop("The model server is unavailable (status {})."),
    gettext_noop("The model server could not be reached within {} seconds."),
    gettext_noop("The model server stopped responding."),
    gettext_noop("The model server could not be reached."),
    gettext_noop("The connection to the model server was lost."),
    gettext_noop("The connection to the model server was lost before the answer was complete."),
    gettext_noop("The model server ended the answer before it was complete."),
    gettext_noop("The model called {} instead of answering, although it was offered no tools."),
    gettext_noop("The model server sent JSON that is not a chat completion."),
    gettext_noop("The model server closed the connection before the answer began."),
    gettext_noop("The model server sent something that is not an answer."),
    gettext_noop("The model server sent a single event of more than {} MiB; the answer was abandoned."),
    gettext_noop("The model server sent something that is not JSON, so the answer could not be read."),
    gettext_noop("The model server closed the connection before the answer was complete."),
    gettext_noop("The model server ended the stream without saying whether the tool calls are complete."),
    gettext_noop("The model server sent an empty response."),
    # chat/providers/openai/reader.py
    gettext_noop("The model server sent {} MiB without any text of an answer; the answer was abandoned."),
    gettext_noop(
        "The model server sent a web page instead of an answer. The base URL is probably wrong: "
        "it usually ends in /v1."
    ),
    # chat/providers/anthropic/reader.py
    gettext_noop("The model server sent more than {} MiB for one answer; the answer was abandoned."),
    gettext_noop("The model server sent a web page instead of an answer. The base URL is probably wrong."),
    # The providers, chat/providers/http/timeouts.py
    gettext_noop("The model server rejected the tools, so the model answers without them."),
    gettext_noop("The model server did not list its models in time."),
    gettext_noop("The model server's list of models {}."),
    gettext_noop("The model stopped partway: nothing arrived for {} seconds."),
    gettext_noop("The model did not start answering within {} seconds."),
    # chat/generation
    gettext_noop("The model returned an empty answer."),
    gettext_noop("The model used up its length limit without writing an answer."),
    gettext_noop("The model provider's content filter blocked the whole answer."),
    gettext_noop("The model declined to answer."),
    gettext_noop("The model used its tools as often as it may, and did not write an answer."),
    gettext_noop("This call was stopped before it had a result."),
    gettext_noop("This call was interrupted before it had a result."),
    gettext_noop("The model's answer was cut off."),
    gettext_noop("The answer is longer than this site allows."),
    gettext_noop("The answer is complete, but it could not be saved."),
    gettext_noop("The server went down while writing this answer."),
    gettext_noop("The server lost this answer before it was complete."),
    gettext_noop("The answer failed, and the site had no room to keep the part that had arrived."),
    gettext_noop("The server was restarted before the answer was complete."),
    gettext_noop("Something went wrong."),
    gettext_noop("The site has no room for this answer. Try again in a moment."),
    gettext_noop("The answer is still being written."),
    gettext_noop("This could not be saved. Try again later."),
    gettext_noop("The site is receiving more messages than it can handle. Try again in a moment."),
    gettext_noop("The site is writing as many answers as it can. Try again in a moment."),
    gettext_noop("The site has no room for another answer. Try again in a moment."),
    gettext_noop("The message is empty."),
    gettext_noop("This answer is complete. Only an answer that was cut off can be continued."),
    # chat/tools/builtin: what its tools are called
    gettext_noop("Current time"),
    gettext_noop("Calculator"),
    gettext_noop("Search my conversations"),
    gettext_noop("Read a web page"),
    # chat/api
    gettext_noop("title is too long: at most {} characters."),
    gettext_noop("title must be a non-empty string."),
    gettext_noop("Someone else is signed in now."),
    gettext_noop("The request is too large."),
    gettext_noop("The database cannot be reached. Try again."),
    gettext_noop("The server cannot do this right now. Try again."),
)


@lru_cache
def server_words(language: str) -> dict[str, str]:
    """Translations by the English sentence. `language`, the cache key, must be the active language."""
    return {sentence: gettext(sentence) for sentence in SENTENCES}
