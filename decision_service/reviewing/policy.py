"""A product's review section as values: queues, authority, reason codes, deadlines."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from decimal import Decimal

import msgspec

from decision_service.domain.money import Money
from decision_service.domain.verdict import ReferKind

DEFAULT_QUEUE = "default"
"""The queue of referrals that no queue of the plan takes."""

CONTEST_QUEUE = "contest"
"""The queue of reviews that applicants asked for."""

DEFAULT_SLA = timedelta(hours=24)
CONTEST_SLA = timedelta(hours=72)
CLAIM_FOR = timedelta(minutes=30)


class ReviewQueue(msgspec.Struct, frozen=True):
    """Which referrals a queue takes and how soon each is due; an empty filter takes all.

    Amounts are in major units of the ruleset's currency, bounds inclusive.
    """

    name: str
    sla: timedelta
    kinds: frozenset[ReferKind] = frozenset()
    tags: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None

    def takes(
        self,
        kind: ReferKind | None,
        tags: Collection[str],
        amount: Money | None,
        reasons: Collection[str] = (),
    ) -> bool:
        """Whether a referral of this kind, with these tags, reasons and amount belongs here."""
        if self.kinds and kind not in self.kinds:
            return False
        if self.tags and self.tags.isdisjoint(tags):
            return False
        if self.reasons and self.reasons.isdisjoint(reasons):
            return False
        return self._holds(amount)

    def _holds(self, amount: Money | None) -> bool:
        if self.min_amount is None and self.max_amount is None:
            return True
        if amount is None:
            return False
        least, most = self.min_amount, self.max_amount
        return (least is None or amount.major >= least) and (most is None or amount.major <= most)


class Authority(msgspec.Struct, frozen=True):
    """Up to which amount one person ends a review, and up to which a second one confirms it.

    In major units of the ruleset's currency.
    """

    review: Decimal
    review_second: Decimal


class ReviewReason(msgspec.Struct, frozen=True):
    """Why a reviewer decides: a code, and its sentence for reviewers.

    `letter` is its sentence for applicants by language; without any, `text` is told. A reason that
    is not `is_told` is told to no applicant.
    """

    code: str
    text: str
    letter: Mapping[str, str] = msgspec.field(default_factory=dict)
    is_told: bool = True

    @property
    def sentences(self) -> Mapping[str, str]:
        """What applicants are told by language, always in English; empty where nothing is."""
        return {"en": self.text, **self.letter} if self.is_told else {}


class ReviewPolicy(msgspec.Struct, frozen=True):
    """A product's reviews. Without `authority` no review may be completed."""

    queues: tuple[ReviewQueue, ...] = ()
    authority: Authority | None = None
    reasons: tuple[ReviewReason, ...] = ()
    contest_sla: timedelta = CONTEST_SLA
    claim_for: timedelta = CLAIM_FOR

    def queue_of(
        self,
        kind: ReferKind | None,
        tags: Collection[str],
        amount: Money | None,
        reasons: Collection[str] = (),
    ) -> ReviewQueue:
        """The first queue that takes a referral, else the default one."""
        found = (queue for queue in self.queues if queue.takes(kind, tags, amount, reasons))
        return next(found, ReviewQueue(DEFAULT_QUEUE, DEFAULT_SLA))

    def reason_of(self, code: str) -> ReviewReason | None:
        """The reason of a code; None where the product declares none."""
        return next((reason for reason in self.reasons if reason.code == code), None)


NO_POLICY = ReviewPolicy()
"""The reviews of a product whose plan says nothing of them."""
