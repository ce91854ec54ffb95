"""What the rules conclude of an applicant, and the decision that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Factors, Input, Value
from decision_service.domain.person import NO_OWN_FACTS, OwnFacts
from decision_service.domain.snapshot import Provider
from decision_service.domain.values import AsOf, DataReason, Missing, Money

DISCLOSED = ("monthly_rate", "fees", "paid_out", "instalments", "total")
"""The lines of an offer that make its price, with one of MONTHLY and WEEKLY: the instalment."""

MONTHLY = "instalment"
WEEKLY = "weekly_deduction"


class Outcome(StrEnum):
    """DECLINE is worse than REFER, REFER than APPROVE; NOT_ENROLLED is outside the order."""

    APPROVE = "APPROVE"
    REFER = "REFER"
    DECLINE = "DECLINE"
    NOT_ENROLLED = "NOT_ENROLLED"

    __hash__ = str.__hash__


class ReferKind(StrEnum):
    """Which queue a referral belongs to; where several apply, the first listed is given."""

    LEGAL = "LEGAL"
    DATA = "DATA"
    POLICY = "POLICY"
    SCORE = "SCORE"

    __hash__ = str.__hash__


class Component(StrEnum):
    """The part of a ruleset a reason comes from."""

    KNOCKOUT = "KNOCKOUT"
    POLICY = "POLICY"
    SCORECARD = "SCORECARD"
    TABLE = "TABLE"
    LEGAL = "LEGAL"
    DATA = "DATA"

    __hash__ = str.__hash__


class Truth(StrEnum):
    """Kleene's three values."""

    TRUE = "TRUE"
    FALSE = "FALSE"
    UNKNOWN = "UNKNOWN"


# Many are made and none is in a cycle: the garbage collector need not follow them (`gc=False`).
class Reason(msgspec.Struct, frozen=True, gc=False):
    """One adverse action reason.

    `texts` maps a language to the sentence, `en` always present. `actual` and `required` are
    formatted in the ruleset's currency and zone ("3", "₱ 412.20"), `actual_value` and
    `required_value` the same as values; `points_lost` is a scorecard's.
    """

    code: str
    texts: Mapping[str, str]
    component: Component
    factor: str = ""
    actual: str = ""
    required: str = ""
    points_lost: Decimal | None = None
    regulatory_text: str = ""
    actual_value: Value | None = None
    required_value: Value | None = None


class DataRequest(msgspec.Struct, frozen=True, gc=False):
    """Missing or unreadable data with advice; not an adverse reason."""

    factor: str
    missing: Missing
    help: str


class Score(msgspec.Struct, frozen=True):
    """A scorecard's total; `best_score` differs where missing characteristics leave bounds."""

    scorecard: str
    score: Decimal
    best_score: Decimal
    band: str


class OfferKind(StrEnum):
    FULL = "FULL"
    REDUCED = "REDUCED"

    __hash__ = str.__hash__


class Price(msgspec.Struct, frozen=True):
    """What a loan costs: `fees` are kept at disbursement, so that `paid_out` is received.

    It is repaid by equal instalments, a month or (`weekly`) a week apart; the last is what is left
    of `total`. `late_penalty` is a share a month of what is due and unpaid, `most_total_cost` the
    most of interest, fees and penalties that is ever charged; None where the rules name none.
    """

    monthly_rate: Decimal
    fees: Money
    paid_out: Money
    instalment: Money
    instalments: int
    total: Money
    weekly: bool = False
    late_penalty: Decimal | None = None
    most_total_cost: Money | None = None

    @classmethod
    def of(
        cls,
        lines: Mapping[str, Value],
        late_penalty: Decimal | None = None,
        most_total_cost: Money | None = None,
    ) -> Price | None:
        """The price by the lines of an offer; None where one is missing or cannot be."""
        weekly = WEEKLY in lines
        found = [lines.get(name) for name in DISCLOSED]
        match [*found, lines.get(WEEKLY if weekly else MONTHLY)]:
            case [
                int() | Decimal() as rate,
                Money() as fees,
                Money() as paid_out,
                int() | Decimal() as count,
                Money() as total,
                Money() as instalment,
            ]:
                # The last instalment is what is left of the total: nothing left is no price.
                left = total.minor - instalment.minor * (int(count) - 1)
                if count == int(count) >= 1 and paid_out.minor > 0 and left > 0:
                    return cls(
                        Decimal(rate),
                        fees,
                        paid_out,
                        instalment,
                        instalments=int(count),
                        total=total,
                        weekly=weekly,
                        late_penalty=late_penalty,
                        most_total_cost=most_total_cost,
                    )
        return None


class Offer(msgspec.Struct, frozen=True, gc=False):
    """Amounts are rounded down; `binding` and `term_binding` are what limits amount and term.

    `late_penalty` and `most_total_cost` are those of its price, which are among `outputs` by the
    rules' own names; None where the rules name none.
    """

    kind: OfferKind
    approved_amount: Money
    max_amount: Money | None = None
    term_months: int | None = None
    monthly_rate: Decimal | None = None
    tier: str = ""
    binding: str = ""
    outputs: Mapping[str, Value] = msgspec.field(default_factory=dict)
    term_binding: str = ""
    late_penalty: Decimal | None = None
    most_total_cost: Money | None = None

    @property
    def most(self) -> Money:
        """The most that could be had, also by who asked for less."""
        amounts = (self.approved_amount, self.max_amount or self.approved_amount)
        return max(amounts, key=lambda amount: amount.minor)

    @property
    def price(self) -> Price | None:
        """What it costs, where its lines say so."""
        rate = {} if self.monthly_rate is None else {"monthly_rate": self.monthly_rate}
        return Price.of({**self.outputs, **rate}, self.late_penalty, self.most_total_cost)


class Condition(msgspec.Struct, frozen=True):
    """What the applicant must still do before disbursement."""

    id: str
    texts: Mapping[str, str]


class Tag(msgspec.Struct, frozen=True):
    """A label of rules that held; one that is not `told` is for the lender's own people alone."""

    name: str
    told: bool = True


class ComparisonTrace(msgspec.Struct, frozen=True):
    """One comparison as it was seen: `left` names or prints the left side, `actual` its value."""

    left: str
    operator: str
    right: str
    actual: str
    required: str
    truth: Truth


class RuleTrace(msgspec.Struct, frozen=True):
    """One rule, scorecard characteristic or table row, with the comparisons that decided it."""

    stage: str
    id: str
    truth: Truth
    effect: str = ""
    reason: str = ""
    comparisons: tuple[ComparisonTrace, ...] = ()
    note: str = ""


class StageTrace(msgspec.Struct, frozen=True):
    """One stage: what it concluded (None: nothing) and its parts in file order."""

    name: str
    component: Component
    concluded: Outcome | None
    rules: tuple[RuleTrace, ...]
    note: str = ""


class Lacking(msgspec.Struct, frozen=True):
    """A kind of data without which something cannot be verified, and the schemes that keep it.

    `texts` say so by language. `providers` have the likeliest first, and are none where the
    applicant alone knows who keeps it.
    """

    kind: Kind
    texts: Mapping[str, str]
    providers: tuple[Provider, ...] = ()


class Connect(msgspec.Struct, frozen=True):
    """What an applicant could connect so that more can be verified; it promises no outcome.

    `types` are the vendor's types of providers of which one account holds all that lacks, else of
    those that hold some; none where something else has to be mended as well.
    """

    types: tuple[str, ...]
    lacking: tuple[Lacking, ...]

    @property
    def first(self) -> tuple[str, ...]:
        """The ids of the providers to offer first, each once."""
        ids = [one.id for lack in self.lacking for one in lack.providers]
        return tuple(dict.fromkeys(ids))


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The pure result of `rules.evaluate.evaluate`.

    `tags` are in the order in which the ruleset declares them. `raw_trace` is what the evaluator
    needs to show its work later: the values it saw and made, and what each part came to (see
    `rules.evaluate`). `valid_until` is as_of plus `valid_for`; `param_change` the next date on
    which a dated parameter that was used changes. A decision expires at the earliest of these and
    of the oldest used sync plus `max_age`.
    """

    outcome: Outcome
    refer_kind: ReferKind | None = None
    reasons: tuple[Reason, ...] = ()
    data_requests: tuple[DataRequest, ...] = ()
    scores: tuple[Score, ...] = ()
    offer: Offer | None = None
    conditions: tuple[Condition, ...] = ()
    valid_until: datetime | None = None
    param_change: date | None = None
    raw_trace: tuple[object, ...] = ()
    tags: tuple[Tag, ...] = ()

    @property
    def told_tags(self) -> tuple[str, ...]:
        return tuple([tag.name for tag in self.tags if tag.told])

    @property
    def withheld_tags(self) -> tuple[str, ...]:
        return tuple([tag.name for tag in self.tags if not tag.told])

    @property
    def approved_amount(self) -> int | None:
        """The approved amount in minor units; None unless the outcome is APPROVE with an offer."""
        if self.outcome is not Outcome.APPROVE or self.offer is None:
            return None
        return self.offer.approved_amount.minor

    @property
    def ended_in_rule_error(self) -> bool:
        """Whether a fault in the rules themselves made this verdict a referral."""
        return any(r.missing.reason is DataReason.RULE_ERROR for r in self.data_requests)


class ApprovalTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """Term in months, instalment and price of an approved amount; None where the offer has none.

    An approval holds for `valid_for`, and no longer than a figure of the rules at `change`. The
    rules grant `minimum` at least, and had offered `offered` at most; None where they say neither.

    `failed_checks` are the reason codes of the post-checks that the amount fails, or that miss a
    value.
    """

    term_months: int | None = None
    instalment: Money | None = None
    failed_checks: tuple[str, ...] = ()
    valid_for: timedelta | None = None
    change: datetime | None = None
    price: Price | None = None
    minimum: Money | None = None
    offered: Money | None = None


NO_TERMS = ApprovalTerms()


class EnrolmentReason(StrEnum):
    """Why an applicant is, or is not, decided by this service; in order of evaluation."""

    KILLED = "KILLED"
    DENIED = "DENIED"
    ALLOWED = "ALLOWED"
    PINNED = "PINNED"
    SEGMENT = "SEGMENT"
    IN_STAGE = "IN_STAGE"
    NOT_IN_STAGE = "NOT_IN_STAGE"

    __hash__ = str.__hash__


class Arm(StrEnum):
    """Which of a product's concurrent ruleset versions decides."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"

    __hash__ = str.__hash__


class ArmReason(StrEnum):
    """Why an enrolled applicant got its arm."""

    CHAMPION = "CHAMPION"
    CHALLENGER = "CHALLENGER"
    PINNED = "PINNED"
    PIN_ENDED = "PIN_ENDED"
    LIMIT_REACHED = "LIMIT_REACHED"

    __hash__ = str.__hash__


class Assignment(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rollout's assignment of one applicant.

    `rollout` is the plan's product. Slots are 0 to 99,999, or None where the hash was not asked
    (allow list, pin, kill switch). `version` is the ruleset version that decides; None when not
    enrolled. `stage` and `percent` (in thousandths, 0 to 100,000) are the go-live stage in force.
    """

    rollout: str
    enrolled: bool
    enrolment_reason: EnrolmentReason
    plan_digest: str
    stage: str
    percent: int
    enrolment_slot: int | None = None
    arm: Arm | None = None
    arm_reason: ArmReason | None = None
    arm_slot: int | None = None
    version: int | None = None


class OverrideKind(StrEnum):
    """Why something else was decided than the rules concluded.

    `CAPPED`: they approved, and a cap of the day was reached. `CLOCK_DOUBTFUL`: the clock that they
    judged ages by could not be believed.
    """

    CAPPED = "CAPPED"
    CLOCK_DOUBTFUL = "CLOCK_DOUBTFUL"

    __hash__ = str.__hash__


class Override(msgspec.Struct, frozen=True):
    """A decision that departs from its rules' `verdict`; `cap` names the cap that was reached."""

    kind: OverrideKind
    verdict: Verdict
    cap: str = ""


class RulesetRef(msgspec.Struct, frozen=True):
    """`digest` is the SHA-256 of the compiled content in hex: equal digests, equal behaviour."""

    ruleset: str
    version: int
    digest: str


class ListAnswer(msgspec.Struct, frozen=True, array_like=True):
    """Whether an input's value stood on a list of keys when a decision was made.

    `digest` is the SHA-256 of the list's file then, in hex. `ends` is the day from which an entry
    with a last day counts no longer; None where there is none.
    """

    list: str
    input: str
    listed: bool
    digest: str
    ends: date | None = None


class RequestFields(msgspec.Struct, frozen=True):
    """What a request says that its decision keeps; application and records have it too."""

    request_id: str
    user_id: str
    product: str
    application_id: str = ""
    customer_ref: str = ""

    def request_fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in RequestFields.__struct_fields__}


class Decision(RequestFields, frozen=True, kw_only=True):
    """One decision as it is recorded and answered.

    A NOT_ENROLLED decision has no `ruleset_ref`, `factors` or `snapshot_id` and zero
    `upstream_calls`. `created` is the instant of admission, `fetched` when gathering ended.
    `first_decision_id` is set where an application was decided again.
    """

    decision_id: str
    created: datetime
    as_of: AsOf
    assignment: Assignment
    inputs: Mapping[str, Input]
    verdict: Verdict
    engine_version: str
    ruleset_ref: RulesetRef | None = None
    factors: Factors | None = None
    snapshot_id: str | None = None
    fetched: datetime | None = None
    upstream_calls: int = 0
    expires: datetime | None = None
    own: OwnFacts = NO_OWN_FACTS
    answers: tuple[ListAnswer, ...] = ()
    override: Override | None = None
    first_decision_id: str = ""
    connect: Connect | None = None

    @property
    def rules_verdict(self) -> Verdict:
        """What the rules concluded, whatever was decided."""
        return self.verdict if self.override is None else self.override.verdict
