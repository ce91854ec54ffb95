"""identity.*: age; the date of birth is the only identity field that is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import ValueType
from decision_service.domain.values import Cause, DataReason, Missing
from decision_service.factors.answer import Answer, answer, plus_months, whole_months
from decision_service.factors.quality import feed, supply
from decision_service.factors.records import evidence_of, identities
from decision_service.factors.registry import READ_CAUSES, FactorContext, Family

IDENTITY = Family("identity", frozenset({Kind.IDENTITIES}), READ_CAUSES)
OLDEST = 120
YEAR = 12
BIRTH = (
    " Someone born on 29 February completes a year on 1 March of a common year. NO_DATA when no"
    " source has a date of birth; BAD_DATA when two differ (IDENTITY_CONFLICT) or the age is"
    " above 120."
)


@IDENTITY.factor(
    "age_years",
    ValueType.INTEGER,
    "The applicant's age; for knock-outs only.",
    "Completed years from the date of birth to as_of's civil date." + BIRTH,
    unit="years",
    upper=OLDEST,
    knock_out_only=True,
)
def age_years(context: FactorContext) -> Answer:
    return _age_on(context, lambda today: today)


@IDENTITY.factor(
    "age_at_maturity_years",
    ValueType.INTEGER,
    "The applicant's age when the requested loan ends; for knock-outs only.",
    "Completed years from the date of birth to as_of's civil date plus the application's"
    " requested_term_months (the month's last day where it is shorter); NOT_SENT when the"
    " application sends no term." + BIRTH,
    unit="years",
    causes=frozenset({Cause.NOT_SENT}),
    knock_out_only=True,
)
def age_at_maturity_years(context: FactorContext) -> Answer:
    term = context.term_months
    return _age_on(context, lambda today: None if term is None else plus_months(today, term))


def _age_on(context: FactorContext, when: Callable[[date], date | None]) -> Answer:
    clean, today = identities(context), context.as_of.date
    telling = [r for r in clean.records if r.birth_date is not None]
    born = {r.birth_date for r in telling if r.birth_date is not None}
    codes = [DataReason.IDENTITY_CONFLICT] if len(born) > 1 else []
    if any(whole_months(day, today) // YEAR > OLDEST for day in born):
        codes.append(DataReason.BAD_DATE)
    doubts = [Missing(Cause.BAD_DATA, code, Kind.IDENTITIES, detail="dob") for code in codes]
    supplies = (supply(context, Kind.IDENTITIES),)
    missing = feed(context, supplies, [*clean.taints, *doubts], held=bool(born)).missing
    if missing:
        return Answer(None, missing)
    day = when(today)
    figure = Cause.NOT_SENT if day is None else whole_months(min(born), day) // YEAR
    return answer(figure, Kind.IDENTITIES, evidence_of(context, telling))
