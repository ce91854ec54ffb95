"""The in-memory decision log keeps the port's contract."""

import pytest

from tests.fakes.in_memory import InMemoryDecisionLog
from tests.kits.applicant_log import ApplicantLogKit
from tests.kits.arm_figures import ArmFiguresKit
from tests.kits.arm_log import ArmLogKit
from tests.kits.consent_log import ConsentKit
from tests.kits.decision_log import DecisionLogKit
from tests.kits.rollout_journal import RolloutJournalKit
from tests.kits.warm_log import WarmKit


class TestInMemory(
    DecisionLogKit,
    ArmLogKit,
    ApplicantLogKit,
    ConsentKit,
    WarmKit,
    RolloutJournalKit,
    ArmFiguresKit,
):
    @pytest.fixture
    def log(self) -> InMemoryDecisionLog:
        return InMemoryDecisionLog()
