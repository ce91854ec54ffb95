"""income.*: agreement of sources on the same work, and claims of unknown providers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.missing import Cause
from decision_service.domain.months import Month
from decision_service.domain.needs import DataPolicy
from decision_service.factors.answer import Answer
from decision_service.factors.claims import claimed
from decision_service.factors.combine import MonthFacts, payroll_grade, total
from decision_service.factors.context import FactorContext
from decision_service.factors.evidence import DOCUMENT_GRADE, PAYROLL_GRADE
from decision_service.factors.figures import Amount, quotient, ratio
from decision_service.factors.income import DIVISION, INCOME, NO_EVIDENCE
from decision_service.factors.income_months import formal_payroll, income_months, income_parts
from decision_service.factors.monthly_income import income
from decision_service.factors.series import MonthSpan, over_spans, within
from decision_service.factors.usage import counted
from decision_service.factors.window import months

CLAIMED_MONTHS = 6

AmountPair = tuple[Amount, Amount]
"""What two sources tell of one month's work."""


@INCOME.factor(
    "source_disagreement_{w}",
    ValueType.NUMBER,
    "ratio",
    "How far sources that tell of the same work are apart, over the {period}.",
    "Over the months among the {n} up to the income horizon of which both tell: the averages of"
    " payroll and of the highest scheme estimate, and of each employer's payroll and of the"
    " uploaded payslips that name the same employer; (larger - smaller) / larger of the pair that"
    " is furthest apart. A scheme's figure at its legal ceiling means at least and agrees with any"
    " larger one; gig earnings are other work. NO_EVIDENCE where no month is told of twice.",
    windows=months(6),
    lower=0,
    upper=1,
    months=lambda n: n,
    causes=NO_EVIDENCE,
    better=Better.DOWN,
)
def source_disagreement(context: FactorContext, length: int) -> Answer:
    """The largest distance of two tellings."""
    book = income(context)
    span = book.last(length)
    return over_spans(book, (span,), lambda: _disagreement(context, span))


@INCOME.factor(
    "unknown_provider_excess",
    ValueType.NUMBER,
    "ratio",
    "What accounts at unknown providers claim against the known income.",
    "Sum over the 6 calendar months up to the income horizon of the payroll, else estimates, else"
    " earnings of accounts whose provider is in no list / the income of these months; 0 without"
    " such claims; DIVISION_BY_ZERO where that income is not above zero.",
    months=CLAIMED_MONTHS,
    lower=0,
    causes=DIVISION,
    better=Better.DOWN,
)
def unknown_provider_excess(context: FactorContext) -> Answer:
    """How much more would be claimed than is known."""
    book = income(context)
    span = book.last(CLAIMED_MONTHS)
    known = sum(total(parts) for _, parts in within(income_parts(context), (span,)))
    claim = claimed(context, span)
    return over_spans(book, (span,), lambda: ratio(claim, known) if claim > 0 else 0)


def _disagreement(context: FactorContext, span: MonthSpan) -> Amount | Cause:
    pairs = [_formal(context, span), *_documents(context, span).values()]
    return max((_apart(pair) for pair in pairs if pair), default=Cause.NO_EVIDENCE)


def _apart(pairs: Sequence[AmountPair]) -> Amount:
    """The distance of the averages, which over equal months is that of the sums."""
    smaller, larger = sorted((sum(one for one, _ in pairs), sum(other for _, other in pairs)))
    return quotient(larger - max(smaller, 0), larger) if larger > 0 else 0


def _formal(context: FactorContext, span: MonthSpan) -> Sequence[AmountPair]:
    """Each month's payroll beside its highest scheme estimate."""
    found = within(income_months(context).facts, (span,))
    return [pair for month, facts in found if (pair := _beside_scheme(context, month, facts))]


def _beside_scheme(context: FactorContext, month: int, facts: MonthFacts) -> AmountPair | None:
    feeders = counted(context)
    estimates = {s: a for s, a in facts.estimates.items() if feeders[s].scheme}
    paid = formal_payroll(context).get(month)
    if not estimates or paid is None:
        return None
    reported = max(estimates.values())
    highest = {feeders[s].provider_id for s, amount in estimates.items() if amount == reported}
    at_least = any(_at_ceiling(context.policy, provider, month, reported) for provider in highest)
    return paid, max(reported, paid) if at_least else reported


def _at_ceiling(policy: DataPolicy, provider_id: str, month: int, reported: Amount) -> bool:
    ceiling = ceiling_of(policy, provider_id, month)
    return ceiling is not None and reported >= ceiling


def _documents(context: FactorContext, span: MonthSpan) -> Mapping[str, Sequence[AmountPair]]:
    """Each employer's payroll beside uploaded payslips, by employer."""
    found: dict[str, list[AmountPair]] = {}
    for _, facts in within(income_months(context).facts, (span,)):
        best = _best_by_grade(context, facts)
        for employer in {employer for employer, _ in best}:
            pair = [best.get((employer, grade)) for grade in (PAYROLL_GRADE, DOCUMENT_GRADE)]
            if pair[0] is not None and pair[1] is not None:
                found.setdefault(employer, []).append((pair[0], pair[1]))
    return found


def _best_by_grade(context: FactorContext, facts: MonthFacts) -> Mapping[tuple[str, int], Amount]:
    best: dict[tuple[str, int], Amount] = {}
    for source, employer, amount in _payrolls(facts):
        feeder = counted(context)[source]
        key = employer, payroll_grade(feeder)
        if not feeder.gig:
            best[key] = max(amount, best.get(key, amount))
    return best


def _payrolls(facts: MonthFacts) -> Iterable[tuple[str, str, Amount]]:
    return ((source, employer, amount) for (source, employer), amount in facts.payroll.items())


def ceiling_of(policy: DataPolicy, provider_id: str, month: int) -> int | None:
    """The most that a scheme can tell of a month's income, in minor units; None: no bound."""
    day = Month(month).first_day
    fitting = [
        c
        for c in policy.ceilings
        if c.since <= day and c.currency == policy.currency and fnmatchcase(provider_id, c.provider)
    ]
    return max(fitting, key=lambda c: c.since).amount if fitting else None
