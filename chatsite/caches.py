"""The cache behind the rate limits of accounts."""

from __future__ import annotations

import json
import logging
import os
import time
from typing import Any, ClassVar, Final

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis import RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger("chat.cache")

KEY_PREFIX: Final = "chat:cache"
# With Django's default of 300, an attacker could evict counts by trying many names.
MAX_ENTRIES: Final = 100_000
# Sign-ins wait for the cache.
TIMEOUT_SECONDS: Final = 1.0
# After a failure: how long this process counts locally before it tries Redis again.
AWAY_SECONDS: Final = 5.0


def cache(redis_url: str) -> dict[str, Any]:
    """An entry of CACHES: in Redis if there is one, otherwise in this process."""
    if not redis_url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": MAX_ENTRIES}}
    return {
        "BACKEND": "chatsite.caches.SharedCache",
        "LOCATION": [redis_url],
        "KEY_PREFIX": KEY_PREFIX,
        "OPTIONS": {
            "serializer": "chatsite.caches.JsonSerializer",
            "socket_connect_timeout": TIMEOUT_SECONDS,
            "socket_timeout": TIMEOUT_SECONDS,
            # By default redis-py retries three times, with delays of a second and more.
            "retry": Retry(NoBackoff(), 0),
        },
    }


class JsonSerializer:
    """Replaces pickle, with which anyone who can write to Redis could run code here. Invalid JSON: ValueError."""

    def dumps(self, value: Any) -> bytes | int:
        # Plain integers, so that Redis can increment them.
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class _Client(RedisCacheClient):
    # Django creates a cache object per request; the connection pool outlives it.
    _shared: ClassVar[dict[tuple[str, int], Any]] = {}

    def _get_connection_pool(self, write: bool) -> Any:
        place = (self._servers[0], os.getpid())  # type: ignore[attr-defined]
        if place not in self._shared:
            self._shared[place] = super()._get_connection_pool(write)  # type: ignore[misc]
        return self._shared[place]

    def get(self, key: Any, default: Any) -> Any:
        try:
            return super().get(key, default)
        except ValueError:
            # Not written by us.
            return default

    def clear(self) -> bool:
        """Delete only the cache's keys: Django's own clears the whole database, with the stream logs in it."""
        client = self.get_client(None, write=True)
        for key in client.scan_iter(match=f"{KEY_PREFIX}:*", count=1000):
            client.delete(key)
        return True


class SharedCache(RedisCache):
    """The cache in Redis. While Redis is unavailable or full, this process counts locally.

    So a Redis outage neither locks anyone out nor allows unlimited guessing. An outage is logged once.
    """

    # Per process, like the connections.
    _away_until: ClassVar[float] = 0.0
    _is_away: ClassVar[bool] = False

    def __init__(self, server: list[str], params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _Client
        self._local = LocMemCache("chat.cache", {"OPTIONS": {"MAX_ENTRIES": MAX_ENTRIES}})

    def add(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("add", args, kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("get", args, kwargs)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("set", args, kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("touch", args, kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("delete", args, kwargs)

    def has_key(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("has_key", args, kwargs)

    def incr(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("incr", args, kwargs)

    def get_many(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("get_many", args, kwargs)

    def set_many(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("set_many", args, kwargs)

    def delete_many(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("delete_many", args, kwargs)

    def clear(self) -> Any:
        self._local.clear()
        return self._ask("clear", (), {})

    def _ask(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if time.monotonic() >= SharedCache._away_until:
            try:
                result = getattr(super(), method)(*args, **kwargs)
            except (RedisError, OSError) as error:
                SharedCache._away_until = time.monotonic() + AWAY_SECONDS
                if not SharedCache._is_away:
                    # Without the error's text, which may contain the URL and its password.
                    logger.error("cache: Redis failed (%s), each process counts sign-ins alone", type(error).__name__)
                SharedCache._is_away = True
            else:
                if SharedCache._is_away:
                    logger.info("cache: Redis is back")
                SharedCache._is_away = False
                return result
        return getattr(self._local, method)(*args, **kwargs)
