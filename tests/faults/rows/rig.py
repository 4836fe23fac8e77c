"""What a round is given, and what it gives."""

from __future__ import annotations

import random
from dataclasses import dataclass

import aiohttp

from tests.faults.client import Browser
from tests.faults.cluster import Cluster
from tests.faults.processes import Member, Upstream


@dataclass(frozen=True)
class Trial:
    """`failure` is empty where nothing went wrong. `seconds`: what there was to wait for, where that is measured."""

    what: str
    failure: str = ""
    seconds: float | None = None


@dataclass
class Rig:
    site: Cluster
    upstream: Upstream
    http: aiohttp.ClientSession
    chance: random.Random

    @property
    def alice(self) -> Member:
        return self.site.cast["alice"]

    def browser(self, server: int | None = None) -> Browser:
        """Alice's; through nginx, or past it to one of the servers."""
        url = "" if server is None else self.site.servers[server].url
        return Browser(self.site, self.alice, self.http, url=url)
