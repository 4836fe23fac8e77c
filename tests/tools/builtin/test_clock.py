from __future__ import annotations

from dataclasses import replace

import pytest

from chat.tools.base import ToolFailed
from chat.tools.builtin.clock import current_time
from chat.tools.definitions import define
from tests.tools.calling import NOBODY, result

CLOCK = define(current_time, source="builtin")


@pytest.mark.parametrize(
    ("arguments", "persons", "said"),
    [
        ("{}", "", "Sunday, 2026-11-29 12:00:00 UTC (UTC+0000), UTC"),
        ("{}", "Europe/Berlin", "Sunday, 2026-11-29 13:00:00 CET (UTC+0100), Europe/Berlin"),
        ('{"time_zone": "Asia/Tokyo"}', "Europe/Berlin", "Sunday, 2026-11-29 21:00:00 JST (UTC+0900), Asia/Tokyo"),
        ('{"time_zone": "utc"}', "Europe/Berlin", "Sunday, 2026-11-29 12:00:00 UTC (UTC+0000), utc"),
        # The person's zone was not the model's mistake.
        ("{}", "Mars/Olympus_Mons", "Sunday, 2026-11-29 12:00:00 UTC (UTC+0000), UTC"),
    ],
)
async def test_it_returns_the_time_in_a_zone(arguments: str, persons: str, said: str) -> None:
    assert (await result(CLOCK, arguments, replace(NOBODY, time_zone=persons))).text == said


@pytest.mark.parametrize("name", ["Berlin", "../../etc/passwd", "/etc/passwd", "Europe", " ", "a" * 64, "x\\u0000"])
async def test_an_invalid_zone_is_refused(name: str) -> None:
    with pytest.raises(ToolFailed, match="This is no time zone") as failure:
        await result(CLOCK, f'{{"time_zone": "{name}"}}')
    assert failure.value.code == "invalid_arguments"


async def test_a_long_name_is_refused() -> None:
    with pytest.raises(ToolFailed, match="do not match"):
        await result(CLOCK, f'{{"time_zone": "{"a" * 65}"}}')
