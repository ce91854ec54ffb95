"""A case of a plan, and the plan that it is about."""

from __future__ import annotations

import msgspec

from decision_service.domain.decision import Arm
from decision_service.domain.missing import DataReason
from decision_service.domain.verdict import Outcome, ReferKind
from decision_service.language.diagnostics import Diagnostic, Place
from decision_service.pipeline.rules.checks.day_bounds import offered_tiers
from decision_service.pipeline.rules.rulebook import Product
from decision_service.pipeline.trial.plan_cases.expectation import PlanExpectation
from decision_service.rollout.allowances import DayTotals, Grant
from decision_service.rollout.model import Plan
from decision_service.ruleset.testing.marks import FigureMark


class RulesSaid(msgspec.Struct, frozen=True):
    """What the rules concluded of an applicant.

    `grant` is that of an approval. `score_aside` is what they would grant as if each scorecard
    approved; None where something else than the score stands against it.
    """

    outcome: Outcome
    refer_kind: ReferKind | None = None
    reasons: tuple[str, ...] = ()
    grant: Grant | None = None
    score_aside: Grant | None = None


class PlanCase(msgspec.Struct, frozen=True):
    """One case: the rules' conclusion, the day's approvals so far, and the unit's place in chance.

    `slot` is 0 to 99,999, None for a unit that takes no part (on the allow list). `before` is the
    most that exploring granted the unit, in minor units: 0 where it was turned away, None where it
    never was considered.
    `defaults` are the keys that the defaults of its file have.
    """

    name: str
    place: Place
    said: RulesSaid
    day: DayTotals
    slot: int | None
    before: int | None
    expectation: PlanExpectation
    defaults: frozenset[str] = frozenset()


class PlanCaseFile(msgspec.Struct, frozen=True):
    """The cases of one file, and all that is wrong with it; after an error there are no cases.

    `marks` are the changes of figures that no case has to notice.
    """

    path: str
    cases: tuple[PlanCase, ...]
    diagnostics: tuple[Diagnostic, ...]
    marks: tuple[FigureMark, ...] = ()


class PlanUnderTest(msgspec.Struct, frozen=True):
    """A plan with what its versions say: the currency, reason codes, and tiers of offers.

    `tiers` is None where a version's tiers cannot be told from its file.
    """

    plan: Plan
    currency: str
    codes: frozenset[str]
    tiers: frozenset[str] | None = None

    @classmethod
    def of(cls, product: Product) -> PlanUnderTest:
        """The plan of a product, with the versions that decide by it."""
        numbers = (product.plan.versions.of(arm) for arm in Arm)
        deciding = [product.versions[n] for n in numbers if n and n in product.versions]
        codes = {code for ruleset in deciding for code in ruleset.reasons}
        codes |= {code.value for code in DataReason}
        currency = product.champion.currency
        return cls(product.plan, currency, frozenset(codes), offered_tiers(deciding))

    @property
    def bounded(self) -> bool:
        """Whether the plan has a cap or a control share."""
        return bool(self.plan.caps) or self.plan.explore is not None
