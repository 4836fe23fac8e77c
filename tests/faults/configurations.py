"""Marks that say in which configurations of the shared site a test runs."""

from __future__ import annotations

from typing import Final

import pytest

CLUSTER_MARKS: Final = (pytest.mark.redis, pytest.mark.postgresql, pytest.mark.nginx)
CLUSTER: Final = pytest.param("cluster", marks=CLUSTER_MARKS)

in_every_configuration: Final = pytest.mark.parametrize("site", ["embedded", "uvicorn", CLUSTER], indirect=True)
in_a_cluster: Final = pytest.mark.parametrize("site", [CLUSTER], indirect=True)
