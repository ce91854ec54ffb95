"""The catalogue of factors as a page; its words are in `templates/factors.md.j2`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined

from decision_service.domain.factor import Better, FactorSpec, Mover
from decision_service.factors.laws import DEFINITIONS, LAWS, TOGETHER
from decision_service.factors.registry import catalogue, months

GUIDE = (
    ("accumulated number of months with income", "income.months_total"),
    ("accumulated number of months with contributions", "contributions.months_total"),
    *(
        (f"number of {kind} in the {w.period}", f"{family}.count_{w.label}")
        for kind, family in (("incomes", "income"), ("contributions", "contributions"))
        for w in months(3, 6, 9, 12)
    ),
    *(
        (f"difference in {kind} amount over the {w.period}", f"{family}.change_{w.label}")
        for kind, family in (("income", "income"), ("contribution", "contributions"))
        for w in months(6, 12, 24)
    ),
)
"""The integration guide's factor families, with our names."""

_STATISTICS = ("sum", "average", "min", "max", "median", "std")
_LOAN_STATISTICS = ("total", "average", "min", "max", "std")
_DIVISOR = "divisor n - 1, which the vendor's document leaves open"


def vendor_factors() -> Iterator[tuple[str, str, str]]:
    """Each Insights feature, ours, and where they differ though all is known."""
    yield from _incomes()
    yield from _liabilities()
    yield from _people()


def _incomes() -> Iterator[tuple[str, str, str]]:
    yield "incomes_count", "income.months_total", "months with income, not records"
    yield "incomes_first_income_month_range", "income.months_since_first", "ours up to the horizon"
    yield "incomes_missing_month_max", "income.longest_inner_gap_all", ""
    yield "incomes_missing_month_count", "income.inner_gaps_all", ""
    for name in _STATISTICS:
        yield f"incomes_amount_{name}", f"income.{name}_all", _noted(name)
    for n in (3, 6, 9, 12, 18):
        for name in _STATISTICS:
            yield f"incomes_last{n}_months_amount_{name}", f"income.{name}_{n}m", _noted(name)
    yield "incomes_last18_months_max_amount_count", "income.months_at_max_18m", ""
    yield "incomes_starting_amount", "income.starting_amount", ""
    yield "incomes_current_amount", "income.current_amount", ""
    yield "incomes_latest_growth", "income.growth_12m", "ours in percent"


def _liabilities() -> Iterator[tuple[str, str, str]]:
    yield "liabilities_loan_count", "liabilities.loan_count", ""
    for name in _LOAN_STATISTICS:
        yield f"liabilities_loan_amount_{name}", f"liabilities.loan_amount_{name}", _noted(name)
    for state in ("finished", "outstanding", "overdue"):
        yield f"liabilities_{state}_loan_count", f"liabilities.{state}_count", ""
    for name in ("max", "total", "average"):
        yield f"liabilities_outstanding_amount_{name}", f"liabilities.outstanding_{name}", ""
    for name in ("total", "average"):
        yield f"liabilities_overdue_amount_{name}", f"liabilities.overdue_{name}", ""
    for name in _STATISTICS:
        ours = f"liabilities.ongoing_amortization_{name}"
        yield f"liabilities_ongoing_amortization_amount_{name}", ours, _noted(name)
    unpaid = "no endpoint lists payments; ours is what is paid back of each loan"
    yield "liabilities_payment_count", "liabilities.repaid_count", unpaid
    for name in _STATISTICS:
        ours = "total" if name == "sum" else name
        yield f"liabilities_payment_amount_{name}", f"liabilities.repaid_{ours}", unpaid


def _people() -> Iterator[tuple[str, str, str]]:
    seen = "ours asks for payroll, contributions or earnings of the last 3 months"
    yield "employments_current_status", "employment.status", seen
    yield "employments_employer_count", "employment.employers_count", ""
    tenure = "ours the oldest open employment, in completed months"
    yield "employments_current_tenure", "employment.current_tenure_months", tenure
    yield "identity_age", "identity.age_years", ""
    for edge in ("first", "last"):
        yield f"link_days_since_{edge}", f"links.days_since_{edge}", "as told"
    for n in (3, 7, 30, 90, 180, 365, 730):
        yield f"link_day{n}_count", f"links.connected_{n}d", "as told"


def _noted(name: str) -> str:
    return _DIVISOR if name == "std" else ""


_DIRECTIONS = {Better.UP: "higher is better", Better.DOWN: "lower is better"}
_MOVERS = {Mover.APPLICANT: "moved by the applicant", Mover.WAITING: "moved by waiting"}


def markdown() -> str:
    pages = Environment(
        loader=PackageLoader("decision_service.workbench"),
        autoescape=False,  # noqa: S701 - of Markdown
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return pages.get_template("factors.md.j2").render(
        families=groupby(catalogue().values(), key=lambda spec: spec.family),
        facts=_facts,
        laws=groupby(LAWS, key=lambda law: law.name.partition(":")[0]),
        definitions=DEFINITIONS,
        together=TOGETHER,
        guide=GUIDE,
        vendor=vendor_factors(),
    )


def _facts(spec: FactorSpec) -> list[str]:
    facts = [spec.type.value, spec.unit, range_of(spec)]
    facts += [f"{spec.months} months"] if spec.months else []
    facts += [f"needs {spec.needs_months} observed"] if spec.needs_months else []
    facts += [_DIRECTIONS[spec.better]] if spec.better in _DIRECTIONS else []
    facts += [_MOVERS[spec.action.by]] if spec.action.by in _MOVERS else []
    facts += ["for comparison with the vendor only"] if spec.parity else []
    facts += ["for knock-outs only"] if spec.knock_out_only else []
    return [fact for fact in facts if fact]


def range_of(spec: FactorSpec) -> str:
    """The factor's bounds or labels in words: `0 to 12`, `at least 0`, `EMPLOYED, GIG`."""
    if spec.labels:
        return ", ".join(spec.labels)
    if spec.lower is not None and spec.upper is not None:
        return f"{spec.lower} to {spec.upper}"
    if spec.lower is not None:
        return f"at least {spec.lower}"
    return f"at most {spec.upper}" if spec.upper is not None else "any"
