"""A small catalogue of factors for tests, with the bounds and labels of the real ones."""

from __future__ import annotations

from decimal import Decimal

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Action, FactorSpec, Mover, ValueType
from decision_service.domain.values import Cause

_WINDOWS = (3, 6, 9, 12, 18, 24)


def _spec(name, type_=ValueType.INTEGER, lower=0, upper=None, labels=(), months=None, **more):
    return FactorSpec(
        name=name,
        type=type_,
        unit="",
        sentence=name,
        formula=name,
        kinds=frozenset({Kind.EINCOMES}),
        causes=frozenset(Cause),
        lower=None if lower is None else Decimal(lower),
        upper=None if upper is None else Decimal(upper),
        labels=labels,
        months=months,
        **more,
    )


def _all():
    money, number = ValueType.MONEY, ValueType.NUMBER
    yield _spec("accounts.connected_count")
    yield _spec("income.months_total")
    for n in _WINDOWS:
        yield _spec(f"income.months_{n}m", upper=n, months=n)
        yield _spec(f"income.calendar_average_{n}m", money, lower=None, months=n, needs_months=n)
        yield _spec(f"income.average_{n}m", money, lower=None, months=n, parity=True)
        yield _spec(f"contributions.months_{n}m", upper=n, months=n)
    for n in (6, 12):
        yield _spec(f"income.conservative_{n}m", money, lower=None, months=n, needs_months=3)
        yield _spec(f"income.change_{n}m", money, lower=None, months=n)
    yield _spec("income.volatility_6m", number, months=6)
    paid = Action(Mover.APPLICANT)
    yield _spec("liabilities.monthly_amortization", money, action=paid)
    labels = ("EMPLOYED", "GIG", "UNEMPLOYED")
    yield _spec("employment.status", ValueType.TEXT, None, labels=labels)
    yield _spec("employment.has_payroll", ValueType.FLAG, None)
    yield _spec("income.months_since_first")
    yield _spec("identity.age_years", lower=0, upper=150)
    yield _spec("identity.age_at_maturity_years", lower=0, upper=180, knock_out_only=True)


CATALOGUE = {spec.name: spec for spec in _all()}
