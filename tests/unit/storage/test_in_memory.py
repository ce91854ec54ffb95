"""The in-memory decision log keeps the port's contract."""

import pytest

from tests.fakes.in_memory import InMemoryDecisionLog
from tests.kits.arm_log import ArmLogKit
from tests.kits.decision_log import DecisionLogKit
from tests.kits.rollout_journal import RolloutJournalKit


class TestInMemory(DecisionLogKit, ArmLogKit, RolloutJournalKit):
    @pytest.fixture
    def log(self) -> InMemoryDecisionLog:
        return InMemoryDecisionLog()
