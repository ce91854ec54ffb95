"""Seeded scenarios and two rows of the catalogue, decided in virtual time by the real code."""

from __future__ import annotations

from functools import partial

import pytest

from bench.reliability.evidence.__main__ import play
from bench.reliability.evidence.desk import Answer, Desk
from bench.reliability.rows import ROWS, Row
from bench.reliability.vendor import person
from decision_service.smile.applicant import KindRead
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import person_like
from decision_service.standin.world import World
from tests.fakes.world import NOW, PRODUCT
from tests.integration.test_withdrawn_meanwhile import Revoking
from tests.unit.smile.virtual import run

GEORGE = person("George", 0)
SCENARIOS = 90

ERROR_CODES = (
    "ACCOUNT_DISABLED",
    "ACCOUNT_INACCESSIBLE",
    "ACCOUNT_INCOMPLETE",
    "ACCOUNT_LOCKED",
    "AUTH_REQUIRED",
    "EXPIRED_CREDENTIALS",
    "INVALID_ACCOUNT_TYPE",
    "INVALID_AUTH",
    "INVALID_CREDENTIALS",
    "INVALID_MFA",
    "MFA_TIMEOUT",
    "SERVICE_UNAVAILABLE",
    "SYSTEM_ERROR",
    "TOS_REQUIRED",
    "UNSUPPORTED_AUTH_TYPE",
    "UNSUPPORTED_MFA_METHOD",
)


def world() -> World:
    """One steady earner."""
    return World(NOW.date(), {GEORGE: partial(person_like, "George", GEORGE, NOW.date())})


@pytest.fixture(scope="module")
def desk() -> Desk:
    """A desk for the steady earner."""
    return Desk(world())


def decided(desk: Desk, *faults: Fault, page_size: int = 150) -> Answer:
    """His answer with these faults in force."""
    return run(desk.decide(GEORGE, PRODUCT, *faults, page_size=page_size))


@pytest.mark.long
def test_no_scenario_is_decided_wrongly() -> None:
    """Of seeded scenarios none approves or declines on tainted evidence; clean ones are as ever."""
    tally = run(play(seed=7, first=0, count=SCENARIOS, seconds=3_600))
    assert tally.wrong == []
    assert tally.clean > SCENARIOS / 4
    assert tally.tainted > SCENARIOS / 4
    assert min(tally.outcomes[word] for word in ("APPROVE", "DECLINE", "REFER")) > 5


@pytest.mark.long
def test_the_scenarios_notice_missing_data_that_counts_as_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With unreadable kinds taken for empty ones the same scenarios are decided wrongly."""
    monkeypatch.setattr("decision_service.smile.fetch.failed_kind", lambda *_: KindRead())
    assert run(play(seed=7, first=0, count=SCENARIOS // 3, seconds=3_600)).wrong


@pytest.mark.parametrize("code", ERROR_CODES)
def test_an_account_that_delivered_and_broke_is_partial(desk: Desk, code: str) -> None:
    """Whatever the vendor's error code, data of an account in error is not complete."""
    broken = {"provider": "sss_ph", "status": "ERROR", "error_code": code}
    answer = decided(desk, Fault("account_state", "/accounts", settings=broken))
    assert answer.outcome == "REFER"
    assert answer.reasons[0] == "PARTIAL_DATA"


UNREACHED = 1_000


def revoked_at(number: int, page_size: int) -> Answer:
    """The answer when consent is withdrawn before the request with this number."""
    desk = Desk(world())
    desk._transport = Revoking(desk.app, number)  # type: ignore[assignment]  # in place of the cache
    return decided(desk, page_size=page_size)


def requests_of(page_size: int) -> int:
    """How many requests his decision takes when nobody revokes anything."""
    desk = Desk(world())
    desk._transport = Revoking(desk.app, UNREACHED)  # type: ignore[assignment]  # asks every time
    decided(desk, page_size=page_size)
    return desk.app.meter.total


@pytest.mark.parametrize("page_size", [150, 20])
def test_consent_withdrawn_at_any_moment_refers(page_size: int) -> None:
    """Whichever request the revocation precedes, nothing that was read counts any more."""
    requests = requests_of(page_size)
    assert requests >= 6
    for number in range(1, requests):
        answer = revoked_at(number, page_size)
        assert answer == Answer("REFER", ("CONSENT_REVOKED",)), number
    assert revoked_at(requests, page_size).outcome == "APPROVE", "it comes after the last request"


SCRIPTED = [row for row in ROWS if not row.id.startswith("U14")]


@pytest.mark.parametrize("row", SCRIPTED, ids=lambda row: row.id)
def test_each_scripted_row_has_its_answer(desk: Desk, row: Row) -> None:
    """Every fault that an answer of the vendor can carry gives the outcome of the catalogue."""
    answer = decided(desk, *row.make(GEORGE, ""))
    assert answer.outcome == row.outcome
    if row.says:
        assert answer.reasons[0] == row.says
