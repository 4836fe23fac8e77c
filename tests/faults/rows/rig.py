"""What a round takes and returns."""

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
    """`failure` is empty if nothing was lost, duplicated or torn. `late`: it took too long.

    `seconds`, `note`: measurements, if any.
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
        """Alice's browser, through nginx or directly to one of the servers."""
        url = "" if server is None else self.site.servers[server].url
        return Browser(self.site, self.alice, self.http, url=url)
