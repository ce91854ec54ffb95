"""income.*: agreement of sources on the same work, and claims of unknown providers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from decision_service.domain.factor import Better, Evidence, ValueType
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.factors.answer import Answer
from decision_service.factors.claims import claimed
from decision_service.factors.combine import MonthFacts, formal_jobs, total
from decision_service.factors.context import FactorContext
from decision_service.factors.evidence import DOCUMENT_GRADE, PAYROLL_GRADE
from decision_service.factors.figures import Amount, quotient, ratio
from decision_service.factors.income import DIVISION, INCOME, NO_EVIDENCE
from decision_service.factors.income_months import income_months, income_parts
from decision_service.factors.income_sources import income_sources
from decision_service.factors.income_trust import income_feed
from decision_service.factors.monthly_income import income
from decision_service.factors.proof_of_income import employed_months
from decision_service.factors.series import MonthSpan, over_spans, within
from decision_service.factors.usage import counted
from decision_service.factors.window import months

CLAIMED_MONTHS = 6
CONFLICT_MONTHS = 12
CONFLICTS = 2
CLOSE = 20
"""Two accounts of one scheme may differ by one part in twenty (5 %)."""

AmountPair = tuple[Amount, Amount]
"""What two sources tell of one month's work."""


@INCOME.factor(
    "source_disagreement_{w}",
    ValueType.NUMBER,
    "ratio",
    "How far sources that tell of the same work are apart, over the {period}.",
    "Over the months among the {n} up to the income horizon of which both tell, the averages of"
    " each employer's payroll and of the documents that name the same employer; of payroll, and of"
    " documents, over all employers (a job that only the other shows counts with it) and of the"
    " highest scheme estimate of each grade; and of these estimates: (larger - smaller) / larger of"
    " the pair that is furthest apart. A scheme's figure at its legal ceiling means at least, and"
    " agrees with any larger one, in a month that an employment with a named employer covers which"
    " is no document's; gig earnings are other work. NO_EVIDENCE where no month is told of twice.",
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
    "scheme_conflict",
    ValueType.TEXT,
    "label",
    "The scheme of which two accounts tell different incomes; a person has one number.",
    "The first scheme, in text order, of which two live accounts' estimates differ by more than 5 %"
    " of the larger in two or more of the last 12 months that both have posted and settled; none"
    " where no two do; NO_EVIDENCE without a scheme's estimates.",
    causes=NO_EVIDENCE,
    months=CONFLICT_MONTHS,
)
def scheme_conflict(context: FactorContext) -> Answer:
    """Whether two accounts of one scheme may be two members."""
    missing = income_feed(context).missing
    if missing:
        return Answer(None, missing)
    schemes = [source for source in income_sources(context).values() if source.scheme]
    if not schemes:
        return Answer(None, (Missing(Cause.NO_EVIDENCE, kind=Kind.EINCOMES),))
    live = sorted((s.feeder.provider_id, s.feeder.id) for s in schemes if s.live)
    for (scheme, account), (other_scheme, other) in combinations(live, 2):
        if scheme == other_scheme and _in_conflict(context, account, other):
            return Answer(scheme, (), Evidence(sources=(account, other)))
    return Answer("none", (), Evidence(sources=tuple(account for _, account in live)))


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


def _in_conflict(context: FactorContext, account: str, other: str) -> bool:
    facts = income_months(context).facts
    both = [f.estimates for _, f in sorted(facts.items()) if {account, other} <= f.estimates.keys()]
    pairs = [sorted((told[account], told[other])) for told in both[-CONFLICT_MONTHS:]]
    return sum((more - less) * CLOSE > more for less, more in pairs) >= CONFLICTS


def _disagreement(context: FactorContext, span: MonthSpan) -> Amount | Cause:
    found: dict[object, list[AmountPair]] = {}
    for month, facts in within(income_months(context).facts, (span,)):
        for what, pair in _told_twice(context, month, facts):
            found.setdefault(what, []).append(pair)
    return max((_apart(pairs) for pairs in found.values()), default=Cause.NO_EVIDENCE)


def _told_twice(
    context: FactorContext, month: int, facts: MonthFacts
) -> Iterable[tuple[object, AmountPair]]:
    """What two grades of source tell of a month, with what they are."""
    jobs = formal_jobs(facts, counted(context))
    for employer, grades in jobs.items():
        if len(grades) > 1:
            yield employer, (grades[PAYROLL_GRADE], grades[DOCUMENT_GRADE])
    schemes = _schemes(context, month, facts)
    for grade in (PAYROLL_GRADE, DOCUMENT_GRADE):
        if any(grade in grades for grades in jobs.values()):
            paid = sum(g[grade] if grade in g else g[min(g)] for g in jobs.values())
            for proof, reported in schemes.items():
                yield (grade, proof), _at_least((paid, False), reported)
    for (one, reported), (other, also) in combinations(sorted(schemes.items()), 2):
        yield ("schemes", one, other), _at_least(reported, also)


def _schemes(
    context: FactorContext, month: int, facts: MonthFacts
) -> Mapping[int, tuple[Amount, bool]]:
    """The highest scheme estimate of each grade, and whether it means at least so much."""
    employed = month in employed_months(context)
    found: dict[int, tuple[Amount, bool]] = {}
    for source, amount in facts.estimates.items():
        if counted(context)[source].scheme:
            grade, at_least = facts.grades[source], employed and source in facts.ceilings
            found[grade] = max((amount, at_least), found.get(grade, (amount, at_least)))
    return found


def _at_least(one: tuple[Amount, bool], other: tuple[Amount, bool]) -> AmountPair:
    larger = max(one[0], other[0])
    return (larger if one[1] else one[0]), (larger if other[1] else other[0])


def _apart(pairs: Sequence[AmountPair]) -> Amount:
    """The distance of the averages, which over equal months is that of the sums."""
    smaller, larger = sorted((sum(one for one, _ in pairs), sum(other for _, other in pairs)))
    return quotient(larger - max(smaller, 0), larger) if larger > 0 else 0
