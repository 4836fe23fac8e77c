"""The ASGI application, for HTTP and WebSocket. Runs under `manage.py serve`, daphne and uvicorn."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
django.setup(set_prefix=False)

# After django.setup(), as these import models.
from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from chat.api.request_queue import RequestQueue  # noqa: E402
from chat.api.streams.event_streams import EventStreams  # noqa: E402
from chat.middleware.on_loop import asgi_handler  # noqa: E402
from chat.socket.consumer import connect_socket  # noqa: E402
from chatsite.body_limit import BodyLimit  # noqa: E402
from chatsite.lifespan import lifespan  # noqa: E402
from chatsite.request_ids import RequestIds  # noqa: E402
from chatsite.trusted_scope import TrustedScope, distrust_headers, probe_host  # noqa: E402

distrust_headers()
application = TrustedScope(
    ProtocolTypeRouter(
        {
            "lifespan": lifespan,
            "http": RequestIds(BodyLimit(EventStreams(RequestQueue(asgi_handler())))),
            "websocket": connect_socket,
        }
    ),
    https=settings.HTTPS,
    proxies=settings.CHAT_TRUSTED_PROXIES,
    probe_host=probe_host(settings.ALLOWED_HOSTS),
    metrics_token=settings.CHAT_METRICS_TOKEN,
    sub_path=settings.SUB_PATH,
)
