"""The leases in memory keep the port's contract, so tests above them may rely on it."""

import pytest

from tests.fakes.in_memory import InMemoryDecisionLog, InMemoryLeases
from tests.kits.leases import LeasesKit, Replica


class TestInMemoryLeases(LeasesKit):
    @pytest.fixture
    def replicas(self) -> tuple[Replica, Replica]:
        log = InMemoryDecisionLog()
        return Replica(log, InMemoryLeases(log)), Replica(log, InMemoryLeases(log))
