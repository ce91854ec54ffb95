"""The in-memory decision log keeps the port's contract."""

import pytest

from tests.fakes.in_memory import InMemoryDecisionLog
from tests.kits.arm_log import ArmLogKit
from tests.kits.decision_log import DecisionLogKit


class TestInMemory(DecisionLogKit, ArmLogKit):
    @pytest.fixture
    def log(self) -> InMemoryDecisionLog:
        return InMemoryDecisionLog()
