"""reuse.*: how many users and customers share one account, one user or one person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import ABSENT, Cause, Missing
from decision_service.domain.needs import DataPolicy
from decision_service.domain.own_facts import Reuse
from decision_service.domain.snapshot import Read, Snapshot
from decision_service.factors.answer import Answer
from decision_service.factors.context import FactorContext
from decision_service.factors.employers import employer_key
from decision_service.factors.payroll import amount_of, last_day_of
from decision_service.factors.registry import READ_CAUSES, Family
from decision_service.factors.usage import UPLOADED

REUSE = Family("reuse", frozenset(), frozenset({Cause.NOT_FETCHED}), of_own_facts=True)
_Slip = tuple[date, date, int]
MOST_DOCUMENTS = 12
"""How many threes of payslips are compared, the newest: each is a key of the decision."""

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


@REUSE.factor(
    "users_of_documents",
    ValueType.INTEGER,
    "users",
    "Smile users with the same payslips in their documents, this one counted.",
    "By employer, period and amount of each three payslips of an upload, an archive or a provider"
    " of documents that follow one another with three different amounts, where no payroll account"
    " tells pay of the employer or of the amount in these periods; 1 where there are none."
    + BY_HASH,
    lower=1,
    better=Better.DOWN,
)
def users_of_documents(context: FactorContext) -> Answer:
    """How many users handed in the same payslips."""
    return _count(context, lambda reuse: reuse.users_of_documents if reuse.keyed else None)


def document_texts(snapshot: Snapshot, policy: DataPolicy) -> Sequence[str]:
    """What tells the newest documents from others', as texts to be hashed at once."""
    passing = policy.document_providers
    handed_in = {one.id for one in snapshot.accounts if one.provider_id in passing}
    handed_in |= {s.id for s in snapshot.sources if s.type in UPLOADED or s.provider_id in passing}
    own, paid = dict[str, set[_Slip]](), list[tuple[str, _Slip]]()
    for record in (snapshot.incomes or Read()).records:
        employer, amount = employer_key(record.employer, policy), amount_of(record)
        slip = record.start, last_day_of(record), amount[0] if amount else 0
        if record.source not in handed_in:
            paid.append((employer, slip))
        elif employer and amount:
            own.setdefault(employer, set()).add(slip)
    texts = []
    for employer, found in own.items():
        slips = sorted(one for one in found if not _is_paid(employer, one, paid))
        for three in zip(slips, slips[1:], slips[2:], strict=False):
            if len({amount for *_, amount in three}) == len(three):
                told = " ".join(f"{start}/{end}/{amount}" for start, end, amount in three)
                texts.append((three[-1], f"{employer} {told}"))
    return [text for _, text in sorted(texts)[-MOST_DOCUMENTS:]]


def _is_paid(employer: str, slip: _Slip, paid: Sequence[tuple[str, _Slip]]) -> bool:
    """Whether payroll shows pay of the employer, or of the amount, in the period of a payslip."""
    start, end, amount = slip
    return any(
        from_ <= end and start <= to and (named == employer or told == amount)
        for named, (from_, to, told) in paid
    )


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
