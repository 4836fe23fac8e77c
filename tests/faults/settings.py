"""The settings of the sites in these tests.

Timeouts are short enough for a test and long enough for a busy machine. The limits per user are practically off,
because dozens of tests share one user.
"""

from __future__ import annotations

from typing import Final

SETTINGS: Final = {
    "CHAT_SENDS_PER_MINUTE": "100000",
    "CHAT_LIVE_RUNS_PER_USER": "100",
    "CHAT_SOCKETS_PER_USER": "100000",
    "CHAT_STREAMS_PER_USER": "100000",
    "CHAT_FRAMES_PER_SECOND_PER_USER": "100000",
    "CHAT_STALLED_SECONDS": "5",
    "CHAT_HEARTBEAT_SECONDS": "0.5",
    "CHAT_DRAIN": "3",
    "CHAT_FIRST_TOKEN_TIMEOUT": "15",
    "CHAT_IDLE_TIMEOUT": "15",
}
# The defaults of the limits above, and of the setting that decides how much a connection costs.
REAL_LIMITS: Final = {
    "CHAT_SENDS_PER_MINUTE": "30",
    "CHAT_LIVE_RUNS_PER_USER": "3",
    "CHAT_SOCKETS_PER_USER": "60",
    "CHAT_STREAMS_PER_USER": "60",
    "CHAT_FRAMES_PER_SECOND_PER_USER": "120",
    "CHAT_HEARTBEAT_SECONDS": "15",
}
