"""Who works on reviews: a loan system with its applicants, reviewers, and second persons."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from google.type.money_pb2 import Money

from bench.reliability.client import loan
from bench.reliability.desks.account import Case, End, Step
from bench.reliability.desks.desk import PAUSE, REVIEWERS, SECOND, Desk
from bench.reliability.vendor import person
from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import review_service_pb2 as pb

REQUESTED, WITHIN, ABOVE = 30_000, 10_000, 25_000
"""What is asked for, and what one person may approve, and two."""

APPLICANTS = 4
"""At a time."""

MOST_OPEN = 12
AT_ONCE = 4
"""So many of the oldest open reviews are worked on: each is wanted by several."""


@dataclass(frozen=True, slots=True)
class Work:
    """Everybody's work at one desk; `people` numbers persons who were never decided on."""

    desk: Desk
    people: Iterator[int]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def go_on(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(APPLICANTS):
                group.create_task(self._apply())
            for who in REVIEWERS:
                group.create_task(self._review(who))
            for who in SECOND:
                group.create_task(self._confirm(who))

    async def _apply(self) -> None:
        """Applications: two of three are referred for the score, one for want of data."""
        while True:
            if len(self.desk.account.open) >= MOST_OPEN:
                await asyncio.sleep(PAUSE)
                continue
            await self.referred(waits=self.desk.dice.random() < 1 / 3)

    async def referred(self, *, waits: bool) -> None:
        """One referred application; of one that waits for data, the arrival too."""
        number = next(self.people)
        user_id = person("George" if waits else "Anisha", number)
        if waits:
            self.desk.script.withhold(user_id)
        request = loan(f"{self.desk.name}-{number}", user_id, REQUESTED)
        decision = await self.desk.decided(request)
        if decision.outcome != decision_pb2.OUTCOME_REFER:
            self.desk.account.wrong["not referred"] += 1
            return
        case = Case(decision.decision_id, user_id, waits)
        self.desk.account.referred(case)
        if waits:
            await self.desk.arrived(case)

    async def _review(self, who: str) -> None:
        while True:
            wanted = self.desk.account.open[:AT_ONCE]
            if wanted:
                await self.reviewed(who, self.desk.dice.choice(wanted))
            await asyncio.sleep(PAUSE)

    async def reviewed(self, who: str, review_id: str) -> None:
        """Claim a review; once it is had, give it back or end it."""
        claim = pb.ClaimReviewRequest(review_id=review_id)
        if await self.desk.asked(who, "ClaimReview", claim) is None:
            return
        account = self.desk.account
        account.told[Step(review_id, who, "CLAIMED")] += 1
        if self.desk.dice.random() < 0.2:
            release = pb.ReleaseReviewRequest(review_id=review_id)
            await self.desk.asked(who, "ReleaseReview", release)
            return
        result = self.desk.dice.choice(("within", "above", "decline"))
        ended = await self._ended(End(who, "CompleteReview", self._completion(review_id, result)))
        if not ended:
            account.wrong["refused to who had the claim"] += 1
            return
        target = None if result == "within" else account.proposed
        account.moved(review_id, account.open, target)

    def _completion(self, review_id: str, result: str) -> pb.CompleteReviewRequest:
        approves = result != "decline"
        units = WITHIN if result == "within" else ABOVE
        return pb.CompleteReviewRequest(
            review_id=review_id,
            request_id=f"end-{next(self.numbers)}",
            outcome="OUTCOME_APPROVE" if approves else "OUTCOME_DECLINE",
            approved_amount=Money(currency_code="PHP", units=units) if approves else None,
            reason="INCOME_CONFIRMED" if approves else "NOT_AFFORDABLE",
            explanation="As the employer says.",
        )

    async def _confirm(self, who: str) -> None:
        while True:
            wanted = self.desk.account.proposed[:AT_ONCE]
            if wanted:
                await self.confirmed(who, self.desk.dice.choice(wanted))
            await asyncio.sleep(PAUSE)

    async def confirmed(self, who: str, review_id: str) -> None:
        """Confirm a proposed end, or reject it; another one may have been sooner."""
        reject = self.desk.dice.random() < 0.2
        request = pb.ConfirmReviewRequest(
            review_id=review_id,
            request_id=f"end-{next(self.numbers)}",
            reject=reject,
            text="No payslip." if reject else "",
        )
        if await self._ended(End(who, "ConfirmReview", request)):
            account = self.desk.account
            account.moved(review_id, account.proposed, account.open if reject else None)

    async def _ended(self, end: End) -> bool:
        """Ask for an end, half of the time twice at once; whether it was answered.

        Who has the claim gets one answer to both. A confirmation may be refused that comes while
        nothing is proposed, and its twin be answered that comes after.
        """
        account, request = self.desk.account, end.request
        account.ends.append(end)
        times = 1 + (self.desk.dice.random() < 0.5)
        asked = (self.desk.asked(end.who, end.method, request) for _ in range(times))
        found: list[Any] = await asyncio.gather(*asked)
        refused = found.count(None)
        if 0 < refused < times and end.method == "CompleteReview":
            account.wrong["answered and refused to who had the claim"] += 1
        if refused == times:
            return False
        account.answered.add((request.review_id, request.request_id))
        return True
