from __future__ import annotations

from tests.faults.conftest import alice, http, prepared, shared_site, site, upstream

__all__ = ["alice", "http", "prepared", "shared_site", "site", "upstream"]
