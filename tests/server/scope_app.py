"""Responds with the scope of each request: python -m tests.server.scope_app, or under Daphne or uvicorn.

With SCOPE_CONTROL=1, the scope is as the server made it: the negative control.
"""

from __future__ import annotations

import json
import os
from typing import Any

from chat.server.listening import listen
from chat.server.server import Server
from chatsite.trusted_scope import TrustedScope, distrust_headers
from tests.server.streaming_app import tell

PARTS = ("root_path", "scheme", "client", "path")
HEALTHY = "probe.example.org"
METRICS_TOKEN = "0123456789abcdef"


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise RuntimeError("not supported")
    seen = {
        # Daphne omits the scheme of a WebSocket.
        **{part: scope.get(part) for part in PARTS},
        "headers": sorted({name.decode("latin-1") for name, _ in scope["headers"]}),
        "host": [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"],
    }
    text = json.dumps(seen)
    await receive()
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": text})
        await send({"type": "websocket.close", "code": 1000})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})


application: Any = echo
if not os.environ.get("SCOPE_CONTROL"):
    distrust_headers()
    application = TrustedScope(
        echo,
        https=bool(os.environ.get("SCOPE_HTTPS")),
        proxies=int(os.environ.get("SCOPE_PROXIES", "0")),
        probe_host=HEALTHY,
        metrics_token=METRICS_TOKEN,
    )


if __name__ == "__main__":
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    Server(application, listener, on_listening=lambda: tell(port)).run()
