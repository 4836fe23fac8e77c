"""All processes share the account limits, and a Redis outage locks nobody out."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from pytest_django import Settings

from chat.models import User
from chatsite.caches import JsonSerializer, SharedCache, cache
from tests.cast import PASSWORD
from tests.streams.redis_server import RedisServer

pytestmark = pytest.mark.redis


@pytest.fixture(autouse=True)
def _no_outage_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SharedCache, "_away_until", 0.0)
    monkeypatch.setattr(SharedCache, "_is_away", False)


@pytest.fixture
def shared(own_redis: RedisServer, settings: Settings) -> Iterator[Any]:
    """The site's cache, in Redis."""
    settings.CACHES = {"default": cache(own_redis.url)}
    yield caches["default"]
    caches["default"].clear()


def guess(times: int) -> list[bool]:
    """Whether each attempt was refused."""
    answers = [Client().post("/accounts/login/", {"login": "alice", "password": "wrong"}) for _ in range(times)]
    return ["Too many failed" in answer.content.decode() for answer in answers]


def in_another_process(url: str, code: str) -> str:
    program = f"""
from django.conf import settings
from chatsite.caches import cache as configured
settings.configure(CACHES={{"default": configured({url!r})}})
from django.core.cache import cache
{code}
"""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_without_redis_the_cache_is_local_to_the_process() -> None:
    assert cache("")["BACKEND"].endswith("LocMemCache")
    assert cache("")["OPTIONS"]["MAX_ENTRIES"] >= 100_000


@pytest.mark.parametrize("value", [[1.5, 2.5], True, 7, "text", {"a": [None]}, []])
def test_it_stores_the_values_of_the_rate_limits(shared: Any, value: Any) -> None:
    shared.set("key", value, 60)

    assert shared.get("key") == value
    assert shared.add("key", 1, 60) is False
    shared.delete("key")
    assert shared.get("key", "gone") == "gone"


def test_it_counts(shared: Any) -> None:
    shared.set("number", 1, 60)

    assert (shared.incr("number"), shared.get("number"), shared.has_key("number")) == (2, 2, True)
    shared.set_many({"a": 1, "b": [2.5]}, 60)
    assert shared.get_many(["a", "b", "c"]) == {"a": 1, "b": [2.5]}
    shared.touch("a", 60)
    shared.delete_many(["a", "b"])
    assert shared.get_many(["a", "b"]) == {}


def test_counts_are_shared_between_processes(shared: Any, own_redis: RedisServer) -> None:
    shared.set("key", [1.0], 60)

    assert in_another_process(own_redis.url, "print(cache.get('key')); cache.set('key', [1.0, 2.0], 60)") == "[1.0]"
    assert shared.get("key") == [1.0, 2.0]


def test_control_without_redis_counts_are_not_shared(settings: Settings) -> None:
    settings.CACHES = {"default": cache("")}
    caches["default"].set("key", [1.0], 60)

    assert in_another_process("", "print(cache.get('key'))") == "None"


class Planted:
    def __reduce__(self) -> Any:
        return print, ("run by the cache",)


def test_pickles_planted_in_redis_are_not_executed(shared: Any, own_redis: RedisServer, capsys: Any) -> None:
    shared.set("key", "x", 60)
    [name] = own_redis.client().keys("*")
    own_redis.command("SET", name, pickle.dumps(Planted()))

    assert shared.get("key", "not ours") == "not ours"
    assert "run by the cache" not in capsys.readouterr().out


def test_control_djangos_own_serializer_executes_them(
    own_redis: RedisServer, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = cache(own_redis.url)
    ours["OPTIONS"].pop("serializer")
    settings.CACHES = {"default": ours}
    caches["default"].set("key", "x", 60)
    [name] = own_redis.client().keys("*")
    own_redis.command("SET", name, pickle.dumps(Planted()))

    caches["default"].get("key")

    assert "run by the cache" in capsys.readouterr().out


def test_every_key_has_the_cache_prefix_and_expires(shared: Any, own_redis: RedisServer, alice: User) -> None:
    guess(3)

    names = own_redis.client().keys("*")
    assert names
    assert all(name.startswith(b"chat:cache:") for name in names)
    assert own_redis.keys_that_stay() == []
    assert b"alice" not in b"".join(names)


def test_clearing_the_cache_keeps_live_answers(shared: Any, own_redis: RedisServer) -> None:
    own_redis.command("SET", "chat:run:1", "an answer")
    shared.set("key", 1, 60)

    shared.clear()

    assert own_redis.client().keys("*") == [b"chat:run:1"]


def test_the_limits_hold_in_redis(shared: Any, alice: User) -> None:
    assert guess(7) == [False] * 5 + [True] * 2


@pytest.mark.parametrize("failure", ["kill", "pause", "full"])
def test_without_redis_logins_work_and_limits_hold_per_process(
    shared: Any, own_redis: RedisServer, alice: User, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    if failure == "full":
        own_redis.command("CONFIG", "SET", "maxmemory", "1")
    else:
        getattr(own_redis, failure)()
    client = Client()

    with caplog.at_level(logging.INFO, "chat.cache"):
        response = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        refused = guess(7)

    assert response.status_code == 302
    assert refused == [False] * 5 + [True] * 2
    told = [record.getMessage() for record in caplog.records if record.name == "chat.cache"]
    assert len([line for line in told if "Redis failed" in line]) == 1
    assert not any(own_redis.url in line for line in told)
    if failure == "full":
        own_redis.command("CONFIG", "SET", "maxmemory", "0")
    if failure == "pause":
        own_redis.resume()


def test_counting_resumes_when_redis_is_back(
    shared: Any, own_redis: RedisServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_redis.kill()
    shared.set("key", 1, 60)
    own_redis.start()
    monkeypatch.setattr(SharedCache, "_away_until", 0.0)

    with caplog.at_level(logging.INFO, "chat.cache"):
        shared.set("key", 2, 60)

    assert own_redis.client().keys("*") != []
    assert "cache: Redis is back" in caplog.text


def test_control_djangos_own_cache_breaks_login(own_redis: RedisServer, settings: Settings, alice: User) -> None:
    settings.CACHES = {"default": {**cache(own_redis.url), "BACKEND": "django.core.cache.backends.redis.RedisCache"}}
    own_redis.kill()

    with pytest.raises(Exception, match=r"connecting|refused|No such file"):
        Client().post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    settings.CACHES = {"default": cache("")}


def test_non_json_values_are_refused() -> None:
    with pytest.raises(ValueError):
        JsonSerializer().loads(b"\x80\x05N.")
    with pytest.raises(TypeError):
        JsonSerializer().dumps(object())
