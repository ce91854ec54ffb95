"""A story: one applicant as an analyst tells it, and what is expected of the product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from decision_service.domain.months import Month
from decision_service.domain.own_facts import OwnFacts
from decision_service.domain.person import GivenApplicant
from decision_service.domain.verdict import Outcome
from decision_service.ruleset.testing.expectations import Expectation
from tests.fakes.newcomer import NEWCOMER
from tests.stories.accounts import Held
from tests.stories.times import Today

Plain = Decimal | str | bool


@dataclass(frozen=True)
class Waiting:
    """What a NOT_YET_POSTED decision names: the month, when it is due, and the account."""

    month: Month
    due: date | None
    account: str | None


@dataclass(frozen=True)
class Refused:
    """A request that is answered with an error: on a field of it, or because data is arriving."""

    field: str | None
    not_ready: bool


@dataclass(frozen=True)
class Expected:
    """What was written; only what was written is compared.

    `about` are factors that the reasons must name, `figures` factor values in major units.
    """

    verdict: Expectation | None
    about: tuple[str, ...] = ()
    figures: Mapping[str, Plain] | None = None
    waits_for: Waiting | None = None
    refused: Refused | None = None


@dataclass(frozen=True)
class Story:
    """One file; `version` None is the champion's, `own` what this lender has on record."""

    path: str
    title: str
    product: str
    version: int | None
    today: Today
    application: Mapping[str, Plain]
    applicant: GivenApplicant | None
    accounts: tuple[Held, ...]
    failing: tuple[str, ...]
    clean: bool
    expected: Expected
    why: str
    own: OwnFacts = NEWCOMER

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.rpartition("/")[2].removesuffix(".yaml")

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that is expected; None where the request is refused."""
        return self.expected.verdict.outcome if self.expected.verdict else None
