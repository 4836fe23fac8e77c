"""Ten tools as an assistant may have them, for `bench.tools`: the model is told of them, and calls none."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from chat.tools.definitions import tool

NAMES = (
    "weather", "find_flights", "search_mail", "send_mail", "read_calendar",
    "add_event", "find_contact", "translate", "convert_currency", "read_document",
)  # fmt: skip

Day = Annotated[str, "A date, such as 2026-11-29."]
Limit = Annotated[int, Meta(ge=1, le=50), "The most results."]


@tool(side_effects=False)
async def weather(place: Annotated[str, "A city, or coordinates."], day: Day = "", hourly: bool = False) -> Any:
    """The weather at a place, now or on one of the next ten days. Use it for every question about the weather."""


@tool(side_effects=False)
async def find_flights(
    origin: Annotated[str, "An airport's IATA code."],
    destination: Annotated[str, "An airport's IATA code."],
    day: Day,
    cabin: Literal["economy", "premium", "business", "first"] = "economy",
    limit: Limit = 10,
) -> Any:
    """Find flights between two airports with their times and prices, cheapest first. It does not book them."""


@tool(side_effects=False)
async def search_mail(
    words: Annotated[str, "All of them must occur."], since: Day = "", folder: str = "", limit: Limit = 20
) -> Any:
    """Search the person's mail. Returns senders, subjects and the sentences with the words, newest first."""


@tool(side_effects=True)
async def send_mail(
    to: Annotated[list[str], Meta(min_length=1, max_length=10), "Addresses."],
    subject: str,
    text: Annotated[str, "Plain text, without a signature."],
    reply_to: Annotated[str, "The id of the message that this one answers."] = "",
) -> Any:
    """Send a mail from the person's address. Show them the text before you send it."""


@tool(side_effects=False)
async def read_calendar(first_day: Day, last_day: Day, calendar: str = "") -> Any:
    """The events of some days with their places and guests, in the person's time zone."""


@tool(side_effects=True)
async def add_event(
    title: str,
    begins: Annotated[str, "Such as 2026-11-29T12:00."],
    minutes: Annotated[int, Meta(ge=5, le=1440), "How long it takes."] = 60,
    place: str = "",
    guests: Annotated[list[str], "Addresses of those to invite."] = [],  # noqa: B006  (a default in the schema)
) -> Any:
    """Add an event to the person's calendar and invite its guests. Look for a free time first."""


@tool(side_effects=False)
async def find_contact(name: Annotated[str, "A part of it is enough."], limit: Limit = 5) -> Any:
    """Find people in the address book by their names: addresses, numbers, birthdays."""


@tool(side_effects=False)
async def translate(
    text: Annotated[str, Meta(max_length=20_000), "In any language."],
    language: Annotated[str, "A language code, such as de or pt-BR."],
    formal: Annotated[bool | None, "How the reader is addressed, if the language tells."] = None,
) -> Any:
    """Translate a text with the terms of the company's glossary, which you do not know."""


@tool(side_effects=False)
async def convert_currency(
    amount: Annotated[float, Meta(ge=0), "In the first currency."],
    source: Annotated[str, "A code, such as EUR."],
    target: Annotated[str, "A code, such as USD."],
    day: Day = "",
) -> Any:
    """Convert an amount of money at the rate of a day, by default today's."""


@tool(side_effects=False)
async def read_document(
    address: Annotated[str, "The document's URL in the company's files."],
    pages: Annotated[str, "Such as 1-5. All of them, if it is left out."] = "",
) -> Any:
    """Read a document: its text, with headings and tables as markdown. Long ones are read in several calls."""
