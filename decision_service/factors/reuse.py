"""reuse.*: how many users and customers share one account, one user or one person."""

from __future__ import annotations

from collections.abc import Callable

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import ABSENT, Cause, Missing
from decision_service.domain.own_facts import Reuse
from decision_service.factors.answer import Answer
from decision_service.factors.context import FactorContext
from decision_service.factors.registry import READ_CAUSES, Family

REUSE = Family("reuse", frozenset(), frozenset({Cause.NOT_FETCHED}), of_own_facts=True)
BY_HASH = " Compared by keyed hashes over the decisions on record."


@REUSE.factor(
    "users_of_account",
    ValueType.INTEGER,
    "users",
    "Smile users whose decisions rest on one of the applicant's accounts, this one counted.",
    "The highest count among the accounts; 1 is nobody else." + BY_HASH,
    lower=1,
    better=Better.DOWN,
)
def users_of_account(context: FactorContext) -> Answer:
    """How many users share an account."""
    return _count(context, lambda reuse: reuse.users_of_account)


@REUSE.factor(
    "customers_of_user",
    ValueType.INTEGER,
    "customers",
    "Customers for whom the caller has applied with this Smile user, this one counted.",
    "Distinct customer_refs of the caller's decisions on the user; 1 where none was sent.",
    lower=1,
    better=Better.DOWN,
)
def customers_of_user(context: FactorContext) -> Answer:
    """How many customers share the user."""
    return _count(context, lambda reuse: reuse.customers_of_user)


@REUSE.factor(
    "users_of_person",
    ValueType.INTEGER,
    "users",
    "Smile users with the applicant's name and birth date, this one counted.",
    "By normalised name and birth date as the vendor gives them; NO_DATA where it does not, and"
    " missing where a record of an account that counts could not be read." + BY_HASH,
    lower=1,
    kinds=frozenset({Kind.IDENTITIES}),
    causes=READ_CAUSES - ABSENT | {Cause.NO_DATA},
    better=Better.DOWN,
)
def users_of_person(context: FactorContext) -> Answer:
    """How many users share name and birth date."""
    return _count(context, lambda reuse: reuse.users_of_person)


def _count(context: FactorContext, tell: Callable[[Reuse], int | None]) -> Answer:
    reuse = context.own.reuse
    if reuse is None:
        return Answer(None, (Missing(Cause.NOT_FETCHED),))
    figure = tell(reuse)
    if figure is not None:
        return Answer(figure)
    if not reuse.keyed:
        return Answer(None, (Missing(Cause.NOT_FETCHED),))
    return Answer(None, reuse.unread or (Missing(Cause.NO_DATA),))
