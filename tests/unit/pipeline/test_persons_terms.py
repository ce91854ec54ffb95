"""The terms of what a person approves: kept with the review, and told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from decision_service.casework.compose import letter, text
from decision_service.casework.letters import subject_of
from decision_service.casework.review_results import ReadReviewChain, ReviewedResult
from decision_service.casework.reviews import OperateReviews
from decision_service.cli.views import chain_lines
from decision_service.decide.application import user_key
from decision_service.decide.replay import ReadDecisions
from decision_service.domain.actors import Actor
from decision_service.domain.decision import NO_TERMS, ApprovalTerms, Outcome
from decision_service.domain.reviews import ReviewResult, ReviewState
from decision_service.domain.values import Money
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.rulebook.rulebook import Rulebook
from decision_service.server.reviews import chain_message
from decision_service.store.store import Store
from tests.fakes.world import World, application
from tests.kits.stores import opened
from tests.unit.notices.test_letters import TEXTS
from tests.unit.pipeline.test_decide_again import Steps, stale

DECEMBER = datetime(2026, 11, 30, 16, tzinfo=UTC)
"""When a figure of the loan changes, in Manila."""
HALF = Money("PHP", 1_000_000)
ANA = Actor("ana")
PROVIDER = "Sss (PH)"


class Office:
    """A referral that Ana has claimed, read by the rules that are known."""

    def __init__(self, store: Store) -> None:
        self.store, self.world = store, World(log=cast("Any", store))
        self.world.source.snapshot = stale()  # type: ignore[attr-defined]  # a scripted source
        self.review_id = self.decision_id = ""

    async def opened(self, known: Rulebook | None = None) -> OperateReviews:
        """The use cases, with a claimed review."""
        made = await self.world.decide(leases=self.store.leases)(application(), self.world.call())
        assert made.outcome is Outcome.REFER
        self.decision_id = made.decision_id
        [review] = await self.store.reviews.of_decision(made.decision_id)
        self.review_id, book = review.review_id, self.world.book if known is None else known
        archive = RulesetArchive(self.store, lambda: book, CompilationThread())
        read, plans = ReadDecisions(self.store, archive), self.world.book
        world, reviews = self.world, self.store.reviews
        operate = OperateReviews(
            reviews, read, lambda: plans, world.clock, world.ids, print, Steps()
        )
        await operate.claim(self.review_id, ANA)
        return operate


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(f"sqlite:///{tmp_path}/decisions.db") as store:
        yield Office(store)


def result(amount: Money | None = None) -> ReviewResult:
    """An approval, or without an amount a decline."""
    outcome = Outcome.DECLINE if amount is None else Outcome.APPROVE
    return ReviewResult(outcome, "DATA_WRONG", "payslips seen", amount)


async def test_an_approval_has_the_terms_of_its_amount(office: Office) -> None:
    """Kept with the review, shown with what stands, and the same when the call is repeated.

    It ends after the product's time, or before, where a figure of the rules changes.
    """
    operate = await office.opened()
    for _ in range(2):
        ended = await operate.complete(office.review_id, ANA, "r-1", result(HALF))
        assert (ended.terms.term_months, ended.terms.instalment) == (6, Money("PHP", 197_017))
    assert ended.ended is not None
    assert ended.ended + timedelta(days=14) > DECEMBER
    assert ended.expires == DECEMBER
    lasting = replace(ended, terms=replace(ended.terms, change=ended.ended))
    assert lasting.expires == ended.ended + timedelta(days=14)
    chain = ReadReviewChain(office.store.reviews, office.store, office.world.clock)
    found = await chain(office.decision_id, Outcome.REFER)
    assert found is not None
    assert (found.current.terms, found.current.expires) == (ended.terms, DECEMBER)
    past = await office.store.past([user_key(ended.user_id)])
    found_of = {one.decision_id: one for one in past[user_key(ended.user_id)].decisions}
    counted = found_of[office.decision_id]
    assert (counted.expires, counted.reviewed) == (DECEMBER, ended.ended)
    message = chain_message(found)
    assert message.expire_time.ToDatetime(UTC) == DECEMBER
    [_, line] = chain_lines(message)
    assert " by a person (review), until 2026-11-30 16:00" in line


async def test_a_letter_of_what_is_missing_names_the_provider_of_the_stale_account(
    office: Office,
) -> None:
    """As the decision recorded it, in the applicant's words."""
    await office.opened()
    archive = RulesetArchive(office.store, lambda: office.world.book, CompilationThread())
    recorded = await ReadDecisions(office.store, archive).get(office.decision_id, full=True)
    assert recorded.decision is not None
    subject = subject_of(recorded.decision, ReviewedResult())
    made = letter(subject, TEXTS["en"])
    assert made is not None
    assert {one.provider for one in subject.lacks} == {PROVIDER}
    assert f"Connect {PROVIDER} again" in " ".join(text(made).split())


async def test_a_result_that_is_tried_has_the_terms_and_is_counted_nowhere(office: Office) -> None:
    """Without a reason or a request id, and as often as the person likes."""
    operate = await office.opened()
    bare = replace(result(HALF), reason="", explanation="")
    tried = [
        await operate.complete(office.review_id, ANA, "", bare, dry_run=True) for _ in range(2)
    ]
    ended = await operate.complete(office.review_id, ANA, "r-1", result(HALF))
    assert [one.terms for one in tried] == [ended.terms] * 2
    assert [one.state for one in tried] == [ReviewState.COMPLETED] * 2
    shown = cast("Steps", operate.observer).taken
    assert [step.event.action for step in shown] == ["CLAIMED", "COMPLETED"]


async def test_a_decline_has_no_terms(office: Office) -> None:
    """There is nothing to repay."""
    operate = await office.opened()
    ended = await operate.complete(office.review_id, ANA, "r-1", result())
    assert (ended.terms, ended.expires) == (NO_TERMS, None)


async def test_what_no_rules_can_check_has_a_second_person(office: Office) -> None:
    """Where those that decided are known no more, an approval has no terms and is confirmed."""
    operate = await office.opened(Rulebook({}))
    ended = await operate.complete(office.review_id, ANA, "r-1", result(HALF))
    assert (ended.state, ended.result) == (ReviewState.AWAITING_SECOND, result(HALF))
    assert ended.terms == ApprovalTerms(failed_checks=("RULE_ERROR",))
