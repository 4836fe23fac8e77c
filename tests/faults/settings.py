"""The settings of the rig's sites.

Patience that a test can wait for and that a busy machine does not wear out, and no limit on how much one user sends:
dozens of tests are one user here.
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
# Of the settings above, those that are limits, and what decides how much a connection costs, as without any setting.
REAL_LIMITS: Final = {
    "CHAT_SENDS_PER_MINUTE": "30",
    "CHAT_LIVE_RUNS_PER_USER": "3",
    "CHAT_SOCKETS_PER_USER": "60",
    "CHAT_STREAMS_PER_USER": "60",
    "CHAT_FRAMES_PER_SECOND_PER_USER": "120",
    "CHAT_HEARTBEAT_SECONDS": "15",
}
