"""WebSocket close codes of the streaming protocol.

Daphne's WebSocket library lets an application send only 1000 and 3000 to 4999.
"""

from typing import Final

NORMAL: Final = 1000
PROTOCOL: Final = 4400
NOT_SIGNED_IN: Final = 4401
FORBIDDEN: Final = 4403
STALLED: Final = 4408
DRAINING: Final = 4412
FRAME_TOO_BIG: Final = 4413
FLOOD: Final = 4429

FINAL: Final = frozenset({PROTOCOL, NOT_SIGNED_IN, FORBIDDEN})
"""A client does not reconnect after these. After any other close, it reconnects with jittered backoff."""
