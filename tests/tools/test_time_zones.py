from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chat.tools.time_zones import zone_of

NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("Europe/Berlin", 1.0),
        ("America/Argentina/Buenos_Aires", -3.0),
        ("Etc/GMT+12", -12.0),
        ("UTC", 0.0),
        ("utc", 0.0),
        # Older names, which browsers still report. Debian has them in a package of their own.
        ("Asia/Calcutta", 5.5),
        ("Europe/Kiev", 2.0),
    ],
)
def test_a_zone_is_known_by_its_name(name: str, hours: float) -> None:
    zone = zone_of(name)
    assert zone is not None
    assert NOON.astimezone(zone).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "Berlin", "Europe", "Europe/", "../../etc/passwd", "/etc/passwd", "x\0", "\ud800", "a" * 5_000],
)
def test_what_is_no_zone_is_none(name: str) -> None:
    assert zone_of(name) is None
