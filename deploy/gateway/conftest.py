"""One service and one gateway before it, for all checks that change no setting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.gateway.envoy import Gateway, gateway
from tests.e2e.process import Process, serving


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A service with the embedded vendor."""
    with serving(tmp_path_factory.mktemp("service")) as started:
        yield started


@pytest.fixture(scope="session")
def shared(service: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The shipped gateway before it."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    with gateway(folder, service.address) as started:
        yield started
