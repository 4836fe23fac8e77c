"""Sentences that the server sends in English, in frames and API responses, for the page to translate.

The code that sends them knows neither the user's language nor Django: a run goes on while nobody follows it. So they
are repeated here; `{}` is a placeholder for any text. A test finds missing ones.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from django.utils.translation import gettext, gettext_noop

SENTENCES: Final = (
    # chat/providers/openai/errors.py
    gettext_noop(
        "The account at the model's provider has no quota left. Its owner must look at the plan and the billing."
    ),
    gettext_noop("The model's provider is getting too many requests at the moment."),
    gettext_noop(
        "With the conversation before it, this message is larger than the plan at the model's provider allows. "
        "Start a new conversation, or choose another model."
    ),
    gettext_noop("The content filter of the model's provider refused the question."),
    gettext_noop(
        "A firewall or proxy before the model's server refused this site with a web page of its own (status {}). Its "
        "administrator must look at it."
    ),
    gettext_noop("The model's server refused the request (status {})."),
    gettext_noop("The model's server broke off with an error."),
    gettext_noop("The model's provider did not accept the API key of this site. Its administrator must check it."),
    gettext_noop("The conversation has become too long for this model. Start a new one, or choose another model."),
    gettext_noop(
        "The model's server redirects to another address, where nothing was sent; its base URL is probably wrong."
    ),
    gettext_noop(
        "The model's server answered with a redirect that names no address (status {}). "
        "Its base URL is probably wrong."
    ),
    gettext_noop("The model's server sent a compressed answer that cannot be read."),
    gettext_noop(
        "The certificate of the model's server cannot be trusted, so nothing was sent. The administrator of this site "
        "must look at it."
    ),
    gettext_noop(
        "The model's server does not speak TLS as this site expects. Its base URL is probably wrong: http or https."
    ),
    gettext_noop("The host name of the model's server was not found. Its base URL may be wrong, or the network down."),
    gettext_noop("The address or the key of the model's server cannot be used. Its administrator must check them."),
    gettext_noop("The model's provider does not know this model. Its name or the base URL is probably wrong."),
    gettext_noop("The model's server gave up waiting for the model."),
    gettext_noop("The model's server cannot answer at the moment (status {})."),
    gettext_noop("The model's server could not be reached within {} seconds."),
    gettext_noop("The model's server stopped answering."),
    gettext_noop("The model's server could not be reached."),
    gettext_noop("The connection to the model's server was lost."),
    gettext_noop("The connection to the model's server was lost before the answer was finished."),
    gettext_noop("The model's server ended the answer before it was complete."),
    gettext_noop("The model called {} instead of answering; it was offered none."),
    gettext_noop("The model's server answered with JSON that is not a chat completion."),
    gettext_noop("The model's server hung up before the answer began."),
    gettext_noop("The model's server sent something that is not an answer."),
    # chat/providers/openai/reader.py
    gettext_noop("The model's server sent one piece of more than {} MiB; the answer was given up."),
    gettext_noop("The model's server sent {} MiB without a word of an answer; the answer was given up."),
    gettext_noop("The model's server sent something that is not JSON, so the answer could not be read."),
    gettext_noop("The model's server hung up before the answer was finished."),
    gettext_noop("The model's server sent an empty response."),
    gettext_noop(
        "The model's server answered with a web page instead of an answer. The base URL of the model is probably "
        "wrong: it usually ends in /v1."
    ),
    # chat/providers/openai/chat.py, patience.py
    gettext_noop("The model's server did not list its models in time."),
    gettext_noop("What the model's server sent as the list of its models {}."),
    gettext_noop("The model stopped in the middle: nothing came for {} seconds."),
    gettext_noop("The model did not begin to answer within {} seconds."),
    # chat/generation
    gettext_noop("The model ended its answer without a word."),
    gettext_noop("The model used up all the length that its answer may have, and said nothing."),
    gettext_noop("The content filter of the model's provider held back all of the answer."),
    gettext_noop("The model's answer broke off."),
    gettext_noop("The answer grew longer than this site allows."),
    gettext_noop("The answer is complete, but it could not be saved."),
    gettext_noop("The server was lost while it wrote this answer."),
    gettext_noop("The server lost this answer before it was complete."),
    gettext_noop("The answer failed, and the site had no room to keep what had arrived."),
    gettext_noop("The server was restarted before the answer was complete."),
    gettext_noop("Something went wrong here."),
    gettext_noop("The site has no room for this answer. Try again in a moment."),
    gettext_noop("The answer is still being written."),
    gettext_noop("This could not be saved. Try again later."),
    gettext_noop("The site is getting more messages than it can take. Try again in a moment."),
    gettext_noop("The site is writing as many answers as it can. Try again in a moment."),
    gettext_noop("The site has no room for another answer. Try again in a moment."),
    gettext_noop("The message is empty."),
    gettext_noop("This answer is complete: only one that was cut off can be continued."),
    # chat/api
    gettext_noop("title is too long: at most {} characters."),
    gettext_noop("title must be a text that is not empty."),
    gettext_noop("Somebody else is signed in by now."),
    gettext_noop("The request is too large."),
    gettext_noop("The database cannot be reached. Try again."),
    gettext_noop("The server cannot do this just now. Try again."),
)


@lru_cache
def server_words(language: str) -> dict[str, str]:
    """Translations by the English sentence. `language`, the cache key, must be the active language."""
    return {sentence: gettext(sentence) for sentence in SENTENCES}
