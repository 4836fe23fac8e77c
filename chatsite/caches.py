"""Where the limits of the accounts are counted."""

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
# With Django's 300, trying many names would push the counts out.
MAX_ENTRIES: Final = 100_000
# Somebody waits for their login meanwhile.
TIMEOUT_SECONDS: Final = 1.0
# After a failure: how long this process counts by itself before it asks Redis again.
AWAY_SECONDS: Final = 5.0


def cache(redis_url: str) -> dict[str, Any]:
    """One entry of CACHES: in Redis where there is one, else of this process."""
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
            # By default redis-py tries three times, with a second and more between.
            "retry": Retry(NoBackoff(), 0),
        },
    }


class JsonSerializer:
    """Instead of pickle, by which whoever can write to Redis would run code here. Raises ValueError for no JSON."""

    def dumps(self, value: Any) -> bytes | int:
        # Redis counts on by itself with a plain number.
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class _Client(RedisCacheClient):
    # Django makes a cache for each request: the connections outlive it.
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
            # Not ours.
            return default

    def clear(self) -> bool:
        """Only what is the cache's: Django's own empties the database, and with it the answers being written."""
        client = self.get_client(None, write=True)
        for key in client.scan_iter(match=f"{KEY_PREFIX}:*", count=1000):
            client.delete(key)
        return True


class SharedCache(RedisCache):
    """The cache in Redis. While Redis does not answer, or is full, this process counts by itself.

    So a Redis that is away locks nobody out, and lets nobody guess without a limit. The log tells of it once.
    """

    # Of the process, as the connections are.
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
                answer = getattr(super(), method)(*args, **kwargs)
            except (RedisError, OSError) as error:
                SharedCache._away_until = time.monotonic() + AWAY_SECONDS
                if not SharedCache._is_away:
                    # Without its text, which may hold the address and its password.
                    logger.error(
                        "cache: Redis failed (%s), each process counts logins by itself", type(error).__name__
                    )
                SharedCache._is_away = True
            else:
                if SharedCache._is_away:
                    logger.info("cache: Redis is back")
                SharedCache._is_away = False
                return answer
        return getattr(self._local, method)(*args, **kwargs)
