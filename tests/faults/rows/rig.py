"""What a round is given, and what it gives."""

from __future__ import annotations

import random
from dataclasses import dataclass

import aiohttp

from tests.faults.client import Browser
from tests.faults.cluster import Cluster
from tests.faults.processes import Upstream
from tests.members import Member


@dataclass(frozen=True)
class Trial:
    """`failure` is empty where nothing is lost, doubled or torn. `late`: it took longer than it may.

    `seconds`, `note`: what was measured, where something was.
    """

    what: str
    failure: str = ""
    seconds: float | None = None
    late: bool = False
    note: str = ""


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
