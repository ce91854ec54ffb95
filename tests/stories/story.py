"""A story of the whole service: of its rules, and of how vendor and service answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from decision_service.decide.stories import Story
from decision_service.domain.decision import Outcome
from decision_service.domain.snapshot import KnownCount
from decision_service.domain.values import Month


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
class ServiceStory:
    """One file; only what was written is compared.

    `about` are factors that the reasons must name, `known` what an earlier decision saw.
    """

    LISTS: ClassVar = (
        "incomes", "eincomes", "contributions", "employments", "liabilities", "transactions",
        "tasks", "insights", "identities", "providers",
    )  # fmt: skip
    rules: Story
    failing: tuple[str, ...] = ()
    known: tuple[KnownCount, ...] = ()
    clean: bool = True
    about: tuple[str, ...] = ()
    waits_for: Waiting | None = None
    refused: Refused | None = None

    @property
    def path(self) -> str:
        return self.rules.case.place.file

    @property
    def title(self) -> str:
        """The applicant in one line."""
        return self.rules.case.name

    @property
    def why(self) -> str:
        """The reason in the analyst's words."""
        return self.rules.fields.text("why")

    @property
    def product(self) -> str:
        """Whose rules decide."""
        return self.rules.ruleset.ruleset

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.rpartition("/")[2].removesuffix(".yaml")

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that is expected; None where the request is refused."""
        return self.rules.case.expectation.outcome
