"""A ruleset as files and as it is after compiling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from decision_service.domain.factor import ValueType
from decision_service.domain.needs import Needs
from decision_service.language.tree import Literal

if TYPE_CHECKING:
    from decision_service.ruleset.program import Program


@dataclass(frozen=True, slots=True)
class RulesetFiles:
    """The texts of one ruleset version.

    `path` is the version's file as messages show it (`rules/personal-loan-ph/v1.yaml`). `data`
    holds `_data/*.yaml` by file name, `tables` the product's CSV files by their path within the
    product's folder (`tables/limit.csv`); both may lack what the version does not use.
    """

    product: str
    path: str
    text: str
    data: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What the loan system sends under one name; bounds are inclusive, money in major units."""

    name: str
    type: ValueType
    required: bool = False
    lower: Decimal | None = None
    upper: Decimal | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReasonSpec:
    """A reason code of the ruleset; a smaller `priority` comes first, one reason per `group`."""

    code: str
    texts: Mapping[str, str]
    regulatory: str = ""
    group: str = ""
    priority: int = 50


@dataclass(frozen=True, slots=True)
class Step:
    """A parameter's value from a day on (None: always), as evaluation wants it."""

    start: date | None
    value: Literal


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """A named constant whose value may change on dates; steps are in date order."""

    name: str
    type: ValueType
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class CompiledRuleset:
    """A checked ruleset, ready to evaluate.

    `digest` is the SHA-256 of its canonical content in hex, `_data` and tables included: comments
    and layout do not change it. `valid_for` is None where the file states none.
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
