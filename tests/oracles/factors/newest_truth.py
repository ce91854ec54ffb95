"""What payroll and platforms tell of the months after the last one whose amount is known."""

from __future__ import annotations

from fractions import Fraction

from decision_service.domain.accounts import Kind
from tests.oracles.factors.arithmetic import median
from tests.oracles.factors.grades import is_employed
from tests.oracles.factors.monthly_income import Incomes, observed
from tests.oracles.factors.parts import jobs_by_employer, month_income, parts_of
from tests.oracles.factors.shares import EARNED
from tests.oracles.factors.sources import Source

NONE = Fraction(0)


def work_sources(incomes: Incomes) -> list[Source]:
    """Payroll and what platforms tell, whether live or not; no paper."""
    return [
        one for one in incomes.sources if (one.payroll or one.platform) and not one.feeder.document
    ]


def judges(incomes: Incomes, month: int) -> list[Source]:
    """The live ones of them that have settled a month."""
    return [one for one in work_sources(incomes) if one.live and one.settled >= month]


def job_pay(incomes: Incomes, source: Source, month: int) -> dict[str, Fraction]:
    """What a payroll says of each job in a month, settled or not."""
    jobs: dict[str, str] = incomes.once("jobs", lambda: jobs_by_employer(incomes))
    found: dict[str, Fraction] = {}
    for share in source.shares:
        ours = share.currency == incomes.who.policy.currency and not share.unread
        if share.month == month and ours:
            job = share.employer if source.platform else jobs[share.employer]
            found[job] = found.get(job, NONE) + share.amount
    return found


def of_account(incomes: Incomes, account: str, month: int) -> dict[Kind, dict[str, Fraction]]:
    """What an account's one telling kind says of a month: pay, else estimates, else trips."""
    mine = {one.kind: one for one in work_sources(incomes) if one.name == account}
    pay = job_pay(incomes, mine[Kind.INCOMES], month) if Kind.INCOMES in mine else {}
    if pay:
        return {Kind.INCOMES: pay}
    trips = mine[Kind.TRANSACTIONS].amounts.get(month) if Kind.TRANSACTIONS in mine else None
    if trips is not None and not any(
        share.month == month and share.cls in EARNED for share in mine[Kind.TRANSACTIONS].shares
    ):
        trips = None
    estimate = mine[Kind.EINCOMES].amounts.get(month) if Kind.EINCOMES in mine else None
    if estimate is not None and (trips is None or trips >= 0):
        return {Kind.EINCOMES: {"": estimate}}
    return {} if trips is None else {Kind.TRANSACTIONS: {"": trips}}


def says(incomes: Incomes, source: Source, month: int) -> Fraction:
    """What one source says of a month, where its account has nothing better."""
    return sum(of_account(incomes, source.name, month).get(source.kind, {}).values(), NONE)


def expected(
    incomes: Incomes, account: str, month: int, before: list[int]
) -> dict[Kind, dict[str, Fraction]]:
    """The same of a later month; what is not settled counts as in the months before, at least."""
    told = {kind: dict(jobs) for kind, jobs in of_account(incomes, account, month).items()}
    for source in work_sources(incomes):
        if source.name != account or not source.live or source.settled >= month:
            continue
        earlier = [of_account(incomes, account, one).get(source.kind, {}) for one in before]
        for job in {job for one in earlier for job in one}:
            usual = median([one.get(job, NONE) for one in earlier])
            if usual > told.get(source.kind, {}).get(job, NONE):
                told.setdefault(source.kind, {})[job] = usual
    return told


def whole(incomes: Incomes, month: int, before: list[int] | None = None) -> Fraction:
    """The total of payroll and platforms in a month: the highest account of each job."""
    jobs: dict[str, list[Fraction]] = {}
    platforms: dict[str, list[tuple[bool, Fraction]]] = {}
    for account in sorted({one.name for one in work_sources(incomes)}):
        feeder = next(one.feeder for one in work_sources(incomes) if one.name == account)
        if before is None:
            told = of_account(incomes, account, month)
        else:
            told = expected(incomes, account, month, before)
        if feeder.gig:
            for kind in (Kind.INCOMES, Kind.EINCOMES, Kind.TRANSACTIONS):
                if kind in told:
                    amount = sum(told[kind].values(), NONE)
                    paid = (kind is Kind.INCOMES, amount)
                    platforms.setdefault(feeder.provider_id, []).append(paid)
                    break
        else:
            for job, amount in told.get(Kind.INCOMES, {}).items():
                jobs.setdefault(job, []).append(amount)
    best = [max(amounts) for amounts in jobs.values()] + [max(one)[1] for one in platforms.values()]
    return sum(best, NONE)


def is_low(now: Fraction, usual: Fraction) -> bool:
    """None, or under 60 % of what is usual."""
    return now <= 0 or now < usual * Fraction(60, 100)


def gave_a_third(incomes: Incomes, sources: list[Source], months: list[int]) -> bool:
    """Whether some sources gave a third or more of the income of some months.

    An estimate of no named employer is of the same work as what platforms tell.
    """
    mine = {(one.name, one.kind) for one in sources}
    income, given = NONE, NONE
    for month in months:
        for part in parts_of(incomes, month):
            own = [amount for teller, amount in part.tellers if teller in mine]
            accounts = {name for (name, _), _ in part.tellers}
            if own:
                given += max(own)
            elif part.form == "estimate" and not is_employed(incomes.who, month, accounts):
                worked = sum((says(incomes, one, month) for one in sources), NONE)
                given += max(min(part.amount, worked), NONE)
        income += month_income(incomes, month)
    return income > 0 and given * 3 >= income


def dropped(incomes: Incomes, source: Source, month: int, before: list[int]) -> bool:
    """Whether a source tells none of a month, or under 60 % of its median before."""
    usual = median([says(incomes, source, one) for one in before])
    return is_low(says(incomes, source, month), usual)


def young_dropped(incomes: Incomes, source: Source, month: int, before: list[int]) -> bool:
    """Whether a source of less than six months fell, which gave a third of the last three."""
    earned = [
        one for one in {share.month for share in source.shares} if says(incomes, source, one) > 0
    ]
    own = [one for one in before if earned and one >= min(earned)]
    last_three = [one for one in before if one > before[-1] - 3]
    if not own or min(earned) <= before[-1] - 6 or not dropped(incomes, source, month, own):
        return False
    return gave_a_third(incomes, [source], last_three)


def fell(incomes: Incomes, month: int, before: list[int]) -> bool:
    """Whether all together fell under 60 %, or a young source and, by an eighth, the total."""
    now = whole(incomes, month, before)
    usual = median([whole(incomes, one) for one in before])
    if is_low(now, usual) and gave_a_third(incomes, work_sources(incomes), before):
        return True
    lately = median([whole(incomes, one) for one in before if one > before[-1] - 3])
    if now > lately * Fraction(7, 8):
        return False
    return any(young_dropped(incomes, one, month, before) for one in judges(incomes, month))


def fallen_month(incomes: Incomes, last: int) -> tuple[int, str | None] | None:
    """The first month after the last known one that fell, and the payroll that shows it."""
    before = [month for month in range(last - 5, last + 1) if observed(incomes, month)]
    month = last + 1
    while judges(incomes, month):
        if fell(incomes, month, before):
            payrolls = [
                one.name
                for one in judges(incomes, month)
                if one.payroll and not one.platform and dropped(incomes, one, month, before)
            ]
            return month, min(payrolls, default=None)
        month = month + 1
    return None
