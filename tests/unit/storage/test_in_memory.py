"""The in-memory decision log keeps the port's contract."""

import pytest

from tests.fakes.in_memory import InMemoryDecisionLog
from tests.kits.arm_figures import ArmFiguresKit
from tests.kits.arm_log import ArmLogKit
from tests.kits.decision_log import DecisionLogKit
from tests.kits.rollout_journal import RolloutJournalKit


class TestInMemory(DecisionLogKit, ArmLogKit, RolloutJournalKit, ArmFiguresKit):
    @pytest.fixture
    def log(self) -> InMemoryDecisionLog:
        return InMemoryDecisionLog()
