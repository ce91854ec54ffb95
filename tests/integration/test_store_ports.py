"""The store keeps the ports' contracts, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from decision_service.store.keys import DATA_KEYS
from decision_service.store.store import Store
from tests.fakes.examples import ALL
from tests.kits.applicant_log import ApplicantLogKit
from tests.kits.arm_figures import ArmFiguresKit
from tests.kits.arm_log import ArmLogKit
from tests.kits.consent_log import ConsentKit
from tests.kits.decision_log import DecisionLogKit
from tests.kits.expiry import ExpiryKit
from tests.kits.history_log import HistoryLogKit
from tests.kits.notice_log import NoticeLogKit
from tests.kits.outcome_log import OutcomeLogKit
from tests.kits.postgres import Postgres
from tests.kits.review_log import ReviewLogKit
from tests.kits.review_taking import ReviewTakingKit
from tests.kits.rollout_journal import RolloutJournalKit
from tests.kits.stores import opened
from tests.kits.warm_log import WarmKit


class StoreKit(
    DecisionLogKit,
    ArmLogKit,
    ApplicantLogKit,
    ConsentKit,
    WarmKit,
    RolloutJournalKit,
    ArmFiguresKit,
    ExpiryKit,
    OutcomeLogKit,
    ReviewLogKit,
    ReviewTakingKit,
    NoticeLogKit,
    HistoryLogKit,
):
    """Every suite of a store's ports."""


class TestSqlite(StoreKit):
    @pytest.fixture
    async def log(self, tmp_path: Path) -> AsyncIterator[Store]:
        async with opened(f"sqlite:///{tmp_path}/decisions.db", keep_data_keys=True) as store:
            yield store


class TestPostgres(StoreKit):
    @pytest.fixture
    async def log(self, postgres: Postgres, tmp_path: Path) -> AsyncIterator[Store]:
        DATA_KEYS.add(tmp_path / "data-keys")
        async with opened(postgres.migrated(), data_keys=tmp_path / "data-keys") as store:
            yield store


@pytest.mark.long
class TestOldestPostgres(TestPostgres):
    __test__ = ALL

    @pytest.fixture
    def postgres(self, oldest_postgres: Postgres) -> Postgres:
        """The server of every test here."""
        return oldest_postgres
