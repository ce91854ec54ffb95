"""The outcome of a decision after its reviews, and what an approval takes from its day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta

import msgspec

from decision_service.casework.review_log import ReviewLog
from decision_service.decide.admit import cap_limits, midnight
from decision_service.decide.history import Past, PastDecision
from decision_service.domain.decision import NO_TERMS, ApprovalTerms, Outcome
from decision_service.domain.errors import ReviewRefused
from decision_service.domain.ports import (
    Allowances,
    CapLimit,
    Clock,
    DayLimits,
    DayTotal,
    DayTotals,
    DecisionLog,
    Grant,
    RecordedOutcome,
    cap_reached,
)
from decision_service.domain.reviews import DayCharge, Review, ReviewResult, ReviewState
from decision_service.domain.values import AsOf, Money
from decision_service.rulebook.rulebook import Product

MOST_LINKS = 20
"""How many decisions of a chain are followed from one that is read."""


class ReviewedResult(msgspec.Struct, frozen=True):
    """A person's `review`, the decision made `again`, or neither; `changed` by it or not."""

    review: Review | None = None
    again: str = ""
    changed: bool = False


def reviewed_result(reviews: Sequence[Review]) -> ReviewedResult:
    """The result of a decision after its reviews, oldest first."""
    completed = _completed(reviews)
    if completed:
        last = completed[-1]
        before = completed[:-1]
        return ReviewedResult(last, changed=_differs(last, before))
    return ReviewedResult(again=decided_again_as(reviews))


def decided_again_as(reviews: Sequence[Review]) -> str:
    """The newest decision that was made when the application was decided again; empty for none."""
    return next((one.decided_again_as for one in reversed(reviews) if one.decided_again_as), "")


def day_charge(review: Review, reviews: Sequence[Review]) -> DayCharge | None:
    """`reviews` are those of the decision; what was approved before is charged already."""
    result = review.result
    if not review.has_effect or result is None or result.amount is None:
        return None
    others = [one for one in reviews if one.review_id != review.review_id]
    outcome, amount = _stood(review, _completed(others))
    already = amount.minor if outcome is Outcome.APPROVE and amount is not None else 0
    approvals = 0 if outcome is Outcome.APPROVE else 1
    # What stood before has taken its part: a contest that raises an amount takes the rest (0177).
    return DayCharge(approvals, max(0, result.amount.minor - already))


def result_of(review: Review) -> ReviewResult:
    if review.result is None:
        raise AssertionError(review.review_id)
    return review.result


def _completed(reviews: Sequence[Review]) -> list[Review]:
    return [one for one in reviews if one.state is ReviewState.COMPLETED and one.result]


def _stood(review: Review, before: Sequence[Review]) -> tuple[Outcome, Money | None]:
    if not before:
        return review.outcome, review.approved
    result = result_of(before[-1])
    return result.outcome, result.amount


def _differs(review: Review, before: Sequence[Review]) -> bool:
    """An amount that is not known differs from none."""
    result = result_of(review)
    (outcome, amount) = _stood(review, before)
    other = amount is not None and result.amount != amount
    return result.outcome is not outcome or other


class CurrentOutcome(msgspec.Struct, frozen=True):
    """The outcome of an application that counts now; `confirmed` by a second person.

    `decision_id` is the decision whose outcome, or whose review's result, it is. `amount`, `terms`
    and `expires` are those of a person's approval, `by_rules` the amount that the rules approved.
    `at` is None where no person decided it.
    """

    decision_id: str
    outcome: Outcome
    amount: Money | None = None
    by_rules: Money | None = None
    at: datetime | None = None
    confirmed: bool = False
    terms: ApprovalTerms = NO_TERMS
    expires: datetime | None = None


class ReviewChain(msgspec.Struct, frozen=True):
    """`final` is when the newest review's result becomes, or became, final."""

    reviews: tuple[Review, ...]
    state: ReviewState
    decided_again_as: str
    current: CurrentOutcome
    final: datetime | None = None


class ReadReviewChain:
    def __init__(self, log: ReviewLog, decisions: DecisionLog, clock: Clock) -> None:
        self._log = log
        self._decisions = decisions
        self._clock = clock

    async def __call__(self, decision_id: str, outcome: Outcome) -> ReviewChain | None:
        return (await self.of_all({decision_id: outcome})).get(decision_id)

    async def of_all(self, outcomes: Mapping[str, Outcome]) -> Mapping[str, ReviewChain]:
        """The chains of decisions by id, of those that have reviews.

        `outcomes` are the recorded ones by decision. The store is visited once, and twice more for
        each further link of the longest chain.
        """
        reviews = await self._log.of_decisions(outcomes)
        current = await self._current(outcomes, reviews)
        now = self._clock.now()
        return {
            one: ReviewChain(
                reviews=tuple(of),
                state=of[-1].state_at(now),
                decided_again_as=decided_again_as(of),
                current=current[one],
                final=of[-1].final or of[-1].ended,
            )
            for one, of in reviews.items()
        }

    async def _current(
        self, outcomes: Mapping[str, Outcome], reviews: Mapping[str, Sequence[Review]]
    ) -> Mapping[str, CurrentOutcome]:
        """What counts of each decision with reviews; every turn follows each chain by one link."""
        recorded = {one: RecordedOutcome(outcome) for one, outcome in outcomes.items()}
        reviews = dict(reviews)
        found: dict[str, CurrentOutcome] = {}
        place = {one: one for one in reviews}
        for _ in range(MOST_LINKS):
            following: dict[str, str] = {}
            for first, here in place.items():
                reviewed = reviewed_result(reviews.get(here, ()))
                if reviewed.review is not None:
                    found[first] = _of_person(reviewed.review)
                else:
                    found[first] = _of_rules(here, recorded[here], reviews.get(here, ()))
                    if reviewed.again:
                        following[first] = reviewed.again
            if not following:
                break
            new = {*following.values()}
            recorded |= await self._decisions.outcomes(new)
            reviews |= await self._log.of_decisions(new)
            # A decision that is not stored any more ends its chain with the one before.
            place = {first: again for first, again in following.items() if again in recorded}
        return found


def _of_rules(
    decision_id: str, recorded: RecordedOutcome, reviews: Sequence[Review]
) -> CurrentOutcome:
    # A review knows it from its decision, also while its own result is not final.
    amount = reviews[0].approved if reviews else recorded.approved
    return CurrentOutcome(decision_id, recorded.outcome, by_rules=amount)


def _of_person(review: Review) -> CurrentOutcome:
    result = result_of(review)
    return CurrentOutcome(
        decision_id=review.decision_id,
        outcome=result.outcome,
        amount=result.amount,
        at=review.ended,
        confirmed=bool(review.confirmed_by),
        terms=review.terms,
        expires=review.expires,
    )


def day_caps(product: Product, now: datetime) -> DayLimits | None:
    """The caps of a product's plan on the civil day of an instant; None where it has none."""
    plan = product.plan
    ruleset = product.champion
    if not plan.product_caps:
        return None
    return DayLimits(midnight(AsOf.at(now, ruleset.zone)), cap_limits(plan, ruleset.currency))


def require_room(limits: DayLimits, totals: DayTotals, review: Review) -> None:
    """Raises ReviewRefused where a cap has no room for a review's charge by what is approved."""
    charge = review.charge
    if charge is None or not (charge.approvals or charge.amount):
        return
    grant = Grant(charge.amount, review.tier, charge.approvals)
    cap = cap_reached(Allowances(limits, totals), grant)
    if cap is not None:
        raise _refusal(cap, totals.of(cap.tier), limits, review=review, charge=charge)


def _refusal(
    cap: CapLimit, total: DayTotal, limits: DayLimits, review: Review, charge: DayCharge
) -> ReviewRefused:
    full = cap.approvals is not None and total.approvals >= cap.approvals
    by_count = bool(charge.approvals) and full
    amount = result_of(review).amount
    most = cap.amount or 0
    currency = "" if amount is None else amount.currency
    left = f"{_money(most, currency)}, of which {_money(max(0, most - total.amount), currency)} is"
    bound = f"{cap.approvals} approvals, of which none is" if by_count else left
    why = f"the cap `{cap.name}` of {review.product} allows a day {bound} left"
    # No other day would have room for it.
    if not by_count and charge.amount > most:
        return ReviewRefused(f"{why}: approve less", review_id=review.review_id, cap=cap.name)
    tomorrow = limits.midnight.date() + timedelta(days=1)
    free_at = datetime.combine(tomorrow, time(), limits.midnight.tzinfo).isoformat()
    what = "end the review" if by_count else "approve less, or end the review"
    return ReviewRefused(
        f"{why}: {what} from {free_at} on",
        review_id=review.review_id,
        cap=cap.name,
        free_at=free_at,
    )


def _money(minor: int, currency: str) -> str:
    major = Money(currency, minor).major
    return f"{currency} {major:,f}".removesuffix(".00")


def require_nothing_granted(review: Review, on_record: Iterable[Past]) -> None:
    """`on_record` is what is found under the keys of the decision; raises ReviewRefused."""
    # Several applications may wait at once, none decided with the others' approvals in view (0177).
    since = _granted_since(on_record, review.decision_id)
    if not since:
        return
    amounts = ", ".join(
        f"{one.currency} {Money(one.currency, one.approved or 0).major:f} ({one.decision_id})"
        for one in since
    )
    raise ReviewRefused(
        f"{amounts} was granted to the same person, or for one of the accounts, since "
        f"{review.decision_id} was decided: have the application decided again, so that it counts",
        review_id=review.review_id,
        granted_by=since[-1].decision_id,
    )


def require_answered(review: Review, on_record: Iterable[Past]) -> None:
    """Raises ReviewRefused where no other application of the person was answered since.

    `on_record` is what is found under the key of the user.
    """
    # The applicant reads this as the reason: it has to be true.
    answered = {Outcome.APPROVE, Outcome.DECLINE}
    later = _decided_since(on_record, review.decision_id)
    if not any(one.outcome in answered and not one.replaced for one in later):
        raise ReviewRefused(
            "no other application of the person was approved or declined since "
            f"{review.decision_id} was referred: choose another reason, or answer the other "
            "application first",
            review_id=review.review_id,
        )


def _granted_since(on_record: Iterable[Past], decision_id: str) -> Sequence[PastDecision]:
    later = _decided_since(on_record, decision_id)
    return sorted((one for one in later if _may_be_owed(one)), key=_decided)


def _decided_since(on_record: Iterable[Past], decision_id: str) -> Sequence[PastDecision]:
    """The other decisions that were made, or decided by a person, since this one was made."""
    every = {one.decision_id: one for past in on_record for one in past.decisions}
    judged = every.pop(decision_id, None)
    if judged is None:
        return ()
    return [one for one in every.values() if _decided(one) >= judged.created]


def _decided(one: PastDecision) -> datetime:
    return one.reviewed or one.created


def _may_be_owed(one: PastDecision) -> bool:
    if one.outcome is not Outcome.APPROVE or not one.approved:
        return False
    loans = one.loans
    # It was decided again, and nothing of its offer may still be paid out.
    if one.replaced:
        return loans is not None and loans.open > 0
    return loans is None or loans.open > 0 or (loans.drawn or one.approved) < one.approved
