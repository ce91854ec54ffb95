"""A law's ceilings on what a loan costs: its file, whom it may apply to, and what is beyond it.

What decides reads none of it: checks and proofs do, so that a law may change under a version that
has decided.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import msgspec

from decision_service.domain.decision import WEEKLY
from decision_service.domain.values import exponent
from decision_service.rules.keys import (
    AMOUNT,
    EFFECTIVE,
    MINIMUM,
    MOST_COST,
    MOST_TERM_MONTHS,
    NOMINAL,
    PENALTY,
    TERM,
)
from decision_service.rules.language.diagnostics import Diagnostic, Report, did_you_mean
from decision_service.rules.language.expressions import money_minor
from decision_service.rules.language.fields import (
    Fields,
    as_decimal,
    as_map,
    day_hint,
    parse_day,
)
from decision_service.rules.language.yaml import MapEntry, MapNode, read
from decision_service.rules.literals import as_amount, as_currency
from decision_service.rules.offer import OfferRunner, Terms
from decision_service.rules.program import CompiledRuleset
from decision_service.rules.ranges import span_of
from decision_service.rules.stages import unconditional

CEILINGS: Mapping[str, str] = {
    NOMINAL: "the nominal rate a month",
    EFFECTIVE: "the effective rate a month",
    PENALTY: "the penalty for late payment a month",
    MOST_COST: "the most total cost, as a share of the amount",
}
"""What a law may limit, in words."""

INSTALMENTS = "instalments"
TOTAL = "total"
_KEYS = ("title", "source", "checked_by_counsel", "scope", "ceilings")
_SCOPE = ("currency", "principal", "months")
# Above ten times the amount a ceiling is a slip: 12 for 12 %.
_MOST = 10

_ANY = Decimal("-Infinity")


class Step(msgspec.Struct, frozen=True):
    """A ceiling from a day on, a share."""

    start: date
    most: Decimal


class PriceLaw(msgspec.Struct, frozen=True):
    """The ceilings of one file; `principal` is in minor units, `checked` by counsel.

    Loans up to the principal and up to so many months are within it, both inclusive.
    """

    name: str
    title: str
    source: str
    checked: bool
    currency: str
    principal: int
    months: int
    ceilings: Mapping[str, tuple[Step, ...]]

    @property
    def weeks(self) -> int:
        """The whole weeks of its months: 18 weeks are longer than any four months."""
        return self.months * 52 // 12

    @property
    def scope(self) -> str:
        amount = Decimal(self.principal).scaleb(-exponent(self.currency))
        return f"up to {amount:,f} {self.currency} over up to {self.months} months"

    @property
    def starts(self) -> frozenset[date]:
        return frozenset(step.start for steps in self.ceilings.values() for step in steps)

    def most(self, key: str, day: date) -> Decimal | None:
        """The ceiling in force on a day; None where there is none yet."""
        steps = self.ceilings.get(key, ())
        found = bisect_right([step.start for step in steps], day)
        return steps[found - 1].most if found else None


class LawReading(msgspec.Struct, frozen=True):
    """The law of a file, or None where any diagnostic is an error."""

    law: PriceLaw | None
    diagnostics: tuple[Diagnostic, ...]


def read_law(path: str, name: str, text: str) -> LawReading:
    """Read and check a law; never raises. `path` is as messages show it."""
    report = Report()
    node = read(path, text, report)
    fields = node and Fields.of(node, "a law", report, required=_KEYS)
    law = _law(name, fields, report) if fields else None
    return LawReading(None if report.failed else law, report.diagnostics())


def _law(name: str, fields: Fields, report: Report) -> PriceLaw | None:
    title = fields.text("title")
    source = fields.text("source")
    checked = fields.choice("checked_by_counsel", ("yes", "no"))
    written = fields.map("ceilings")
    ceilings = _ceilings(written, report) if written else {}
    node = fields.get("scope")
    scope = node and Fields.of(node, "`scope`", report, required=_SCOPE)
    if not scope:
        return None
    currency = as_currency(scope.scalar("currency"), report)
    months = scope.integer("months", 1, MOST_TERM_MONTHS)
    amount = scope.get("principal")
    if amount is None or currency is None or months is None:
        return None
    principal = as_amount(amount, "`principal`", currency, report=report)
    return PriceLaw(
        name,
        title or "",
        source or "",
        checked=checked == "yes",
        currency=currency,
        principal=money_minor(principal or Decimal(0), currency) or 0,
        months=months,
        ceilings=ceilings,
    )


def _ceilings(node: MapNode, report: Report) -> Mapping[str, tuple[Step, ...]]:
    """The ceilings by what they limit, each in the order of its days."""
    found: dict[str, tuple[Step, ...]] = {}
    for entry in node.entries:
        if entry.key not in CEILINGS:
            message = f"`{entry.key}` is nothing that a law limits"
            hint = did_you_mean(entry.key, CEILINGS) or f"known: {', '.join(CEILINGS)}"
            report.error("R120", entry.key_place, message, hint)
            continue
        dated = as_map(entry.value, f"`{entry.key}`", report)
        steps = [_step(one, report) for one in dated.entries] if dated else []
        sound = [step for step in steps if step is not None]
        found[entry.key] = tuple(sorted(sound, key=lambda step: step.start))
    return found


def _step(entry: MapEntry, report: Report) -> Step | None:
    start = parse_day(entry.key)
    if start is None:
        report.error("R123", entry.key_place, f"`{entry.key}` is no date", day_hint(entry.key))
    most = as_decimal(entry.value, f"the ceiling from {entry.key}", report, low=0, high=_MOST)
    return None if start is None or most is None else Step(start, most)


def offer_of(ruleset: CompiledRuleset) -> Terms | None:
    """The offer of a version; None where it makes none."""
    runners = (unconditional(stage.runner) for stage in ruleset.program.closing)
    return next((one.terms for one in runners if isinstance(one, OfferRunner)), None)


def may_apply(ruleset: CompiledRuleset, law: PriceLaw) -> bool:
    """Whether an offer may be within the law, as far as bounds of inputs and figures tell."""
    terms = offer_of(ruleset)
    if terms is None or ruleset.currency != law.currency:
        return False
    # No offer is below the minimum, whatever the amount's own expression says
    if any(_least(terms, name) > law.principal for name in (AMOUNT, MINIMUM)):
        return False
    # Of a weekly product the shorter length counts, so that neither is stretched out of the law.
    lengths = {TERM: law.months, INSTALMENTS: law.weeks if WEEKLY in terms.lines else None}
    stated = [(name, most) for name, most in lengths.items() if most and name in terms.lines]
    return not stated or any(_least(terms, name) <= most for name, most in stated)


def _least(terms: Terms, name: str) -> Decimal:
    """The least that a line of the offer can be; far below zero where nothing tells."""
    line = terms.lines.get(name)
    if line is None:
        return _ANY
    if name == TERM and terms.choice is not None:
        # The choice itself can be 0, where no term fits, which is no loan.
        return Decimal(min(terms.choice.terms))
    low = span_of(line.tree, {}, terms.currency).low
    return _ANY if low is None else Decimal(low)
