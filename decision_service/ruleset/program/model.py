"""A ruleset as files and as it is after compiling."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.domain.needs import Needs
from decision_service.language.diagnostics import Place
from decision_service.language.expressions.tree import Literal, Node
from decision_service.ruleset.program.guarantees import Guarantee
from decision_service.ruleset.program.lists import KeyList, ListQuestion

if TYPE_CHECKING:
    from decision_service.ruleset.program.program import Program


WAITING = "waiting"
"""What `recourse: {tell: …}` names beside factors: the day from which an applicant is approved."""


class RulesetFiles(msgspec.Struct, frozen=True):
    """The texts of one ruleset version.

    `path` is the version's file as messages show it (`rules/personal-loan-ph/v1.yaml`). `data`
    holds `_data/*.yaml` by file name, `tables` the product's CSV files by their path within the
    product's folder (`tables/limit.csv`); both may lack what the version does not use. `lists`
    holds lists of keys likewise (`lists/blocked.csv`, `_shared/lists/blocked.csv` for one of all
    products); None where those of its time are not known, so that any may be named. `shared` holds
    reasons and parameters of several products (`_shared/reasons.yaml`).
    `unreadable` tells why tables and lists that are there could not be read.
    """

    product: str
    path: str
    text: str
    data: Mapping[str, str] = msgspec.field(default_factory=dict)
    tables: Mapping[str, str] = msgspec.field(default_factory=dict)
    unreadable: Mapping[str, str] = msgspec.field(default_factory=dict)
    lists: Mapping[str, str] | None = msgspec.field(default_factory=dict)
    shared: Mapping[str, str] = msgspec.field(default_factory=dict)


class InputSpec(msgspec.Struct, frozen=True):
    """What the loan system sends under one name; bounds are inclusive, money in major units.

    `because` says why the bounds are what they are, to whoever sends a value beyond them.
    """

    name: str
    type: ValueType
    required: bool = False
    lower: Decimal | None = None
    upper: Decimal | None = None
    labels: tuple[str, ...] = ()
    because: str = ""


class ReasonSpec(msgspec.Struct, frozen=True):
    """A reason code of the ruleset; a smaller `priority` comes first, one reason per `group`."""

    code: str
    texts: Mapping[str, str]
    regulatory: str = ""
    group: str = ""
    priority: int = 50


class TagSpec(msgspec.Struct, frozen=True):
    """A label that rules can carry: what it means to colleagues, and whether a caller is told."""

    name: str
    means: str
    told: bool = True


class Step(msgspec.Struct, frozen=True):
    """A parameter's value from a day on (None: always), as evaluation wants it."""

    start: date | None
    value: Literal


class LabelValues(msgspec.Struct, frozen=True):
    """A parameter's values for one label; an empty label stands for every other one."""

    label: str
    steps: tuple[Step, ...]


class ParamSpec(msgspec.Struct, frozen=True):
    """A named constant whose value may change on dates; steps are in date order.

    With `by` it has a value for each label of that name, in `labels`, and no steps of its own.
    The bounds (inclusive, money in major units) and the unit guard the file against slips. They
    decide nothing, and are no part of the digest.
    """

    name: str
    type: ValueType
    steps: tuple[Step, ...]
    lower: Decimal | None = None
    upper: Decimal | None = None
    unit: str = ""
    by: str = ""
    labels: tuple[LabelValues, ...] = ()

    @property
    def series(self) -> tuple[LabelValues, ...]:
        """Its values over time, for each label; for all at once where it has none."""
        return self.labels if self.by else (LabelValues("", self.steps),)

    @property
    def every_step(self) -> tuple[Step, ...]:
        """All its values, label by label."""
        return tuple(step for each in self.series for step in each.steps)


class CompiledRuleset(msgspec.Struct, frozen=True):
    """A checked ruleset, ready to evaluate.

    `digest` is the SHA-256 of its canonical content in hex, `_data` and tables included: comments
    and layout do not change it. `valid_for` is None where the file states none. `derived` holds
    the trees of `derived.x` in the order of evaluation; `places` tells where each `inputs.x`,
    `params.x`, `derived.x` and `reasons.X` is declared; `unused_reasons` are declared, and nothing
    gives them. `questions` are what its rules ask of lists; `lists` are those, as they were when it
    was loaded. They and the `guarantees` are no part of the digest. `tell` holds what of recourse
    applicants may be told: factors, and `waiting`. `lifting` are the amounts that derived
    values read and that are better when larger.
    """

    ruleset: str
    version: int
    title: str
    currency: str
    zone: ZoneInfo
    digest: str
    needs: Needs
    inputs: Mapping[str, InputSpec]
    params: Mapping[str, ParamSpec]
    reasons: Mapping[str, ReasonSpec]
    valid_for: timedelta | None
    program: Program
    derived: Mapping[str, Node]
    places: Mapping[str, Place]
    unused_reasons: frozenset[str] = frozenset()
    tags: Mapping[str, TagSpec] = msgspec.field(default_factory=dict)
    questions: tuple[ListQuestion, ...] = ()
    lists: Mapping[str, KeyList] = msgspec.field(default_factory=dict)
    guarantees: tuple[Guarantee, ...] = ()
    tell: frozenset[str] = frozenset()
    lifting: frozenset[str] = frozenset()
