"""The in-memory decision log keeps the port's contract."""

import pytest

from tests.fakes.in_memory import InMemoryDecisionLog
from tests.kits.decision_log import DecisionLogKit


class TestInMemory(DecisionLogKit):
    @pytest.fixture
    def log(self) -> InMemoryDecisionLog:
        return InMemoryDecisionLog()
