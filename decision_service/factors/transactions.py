"""transactions.*: what a gig account's wallet shows by class, and its platform's fees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import partial
from itertools import pairwise

from decision_service.domain.accounts import INCOME_KINDS, Kind
from decision_service.domain.factor import Better, Evidence, ValueType
from decision_service.domain.needs import DataPolicy
from decision_service.domain.values import AsOf, Cause, Missing, Month
from decision_service.factors.answer import (
    Amount,
    Answer,
    Figure,
    answer,
    percent_change,
    ratio,
    twice_median,
    variation,
)
from decision_service.factors.horizons import stand_in_from, trailing_end
from decision_service.factors.income_sources import platforms
from decision_service.factors.ledger import (
    LOOK_BACK_DAYS,
    LOOK_BACK_MONTHS,
    flaws,
    ledger,
    on_trade,
    trade_book,
    unexplained,
    within_days,
)
from decision_service.factors.quality import Feed, Supply, feed, supply
from decision_service.factors.registry import (
    READ_CAUSES,
    FactorContext,
    Family,
    days,
    months,
    window_length,
)
from decision_service.factors.tally import (
    EARNED,
    FEES,
    OF_ALL,
    OF_EARNINGS,
    OF_NET,
    REPAID,
    WITHDRAWN,
    Page,
    Stretch,
    Tally,
)
from decision_service.factors.usage import Feeder, counted, reading, unread_from

CHANGE_DAYS = 28
VARIATION_DAYS = 30
VARIATION_NEEDS = 20
MONTHS = months(*(1, 3, 6, 12))
DAYS = days(*(7, 14, 28, 91))
CAUSES = READ_CAUSES | {Cause.MIXED_CURRENCY, Cause.UNKNOWN_PROVIDER}
UNCLASSIFIED = frozenset({Cause.UNCLASSIFIED})
DIVISION = frozenset({Cause.DIVISION_BY_ZERO})
QUIET = (
    " Over all accounts with transactions and no documents, of two at one platform the one that"
    " earned most in the last 91 days. NO_DATA when the {period} and at least the last 3 months"
    " hold no transaction; otherwise an empty window is 0."
)
QUIET_DAYS = (
    " The trailing days end with the earliest sync among the accounts with transactions, that day"
    " included; documents are left out, and of two accounts at one platform the one that earned"
    " most in the last 91 days counts. NO_DATA when the last 91 days hold no transaction; otherwise"
    " an empty window is 0."
)


PRESENT = "PRESENT"
ABSENT = "ABSENT"
NOT_CHARGED = "NOT_CHARGED"
PLATFORMS = Family(
    "transactions",
    INCOME_KINDS,
    READ_CAUSES
    | {Cause.MIXED_CURRENCY, Cause.UNCLASSIFIED, Cause.NO_EVIDENCE, Cause.UNKNOWN_PROVIDER},
)


def _months_reach(length: int, policy: DataPolicy, as_of: AsOf) -> date:
    """The first day of the window of an account synced as long ago as the policy allows."""
    oldest = (as_of.instant - policy.max_age).astimezone(as_of.zone).date()
    last = Month.of(min(oldest, as_of.date)).plus(-1 - _lag(policy))
    return last.plus(1 - max(length, LOOK_BACK_MONTHS)).first_day


def _days_reach(length: int, policy: DataPolicy, as_of: AsOf) -> date:
    oldest = (as_of.instant - policy.max_age).astimezone(as_of.zone).date()
    return min(oldest, as_of.date) - timedelta(days=max(length, LOOK_BACK_DAYS) - 1)


def _lag(policy: DataPolicy) -> int:
    """The longest posting lag that a provider with transactions may have."""
    lags = [months for glob, months in policy.posting_lag if _may_have(policy, glob)]
    return max([policy.default_lag, *lags])


def _may_have(policy: DataPolicy, glob: str) -> bool:
    """Whether a provider that a glob names may have transactions; an unknown one may."""
    named = [p for p in policy.provider_types.values() if fnmatchcase(p.id, glob)]
    return not named or any("TRANSACTIONS" in p.supported for p in named)


def _net_reach(length: int, policy: DataPolicy, as_of: AsOf) -> date:
    return min(_months_reach(length, policy, as_of), stand_in_from(as_of.date))


BY_MONTH = Family("transactions", frozenset({Kind.TRANSACTIONS}), CAUSES, reach=_months_reach)
BY_NET_MONTH = Family("transactions", frozenset({Kind.TRANSACTIONS}), CAUSES, reach=_net_reach)
BY_DAY = Family("transactions", frozenset({Kind.TRANSACTIONS}), CAUSES, reach=_days_reach)


def _minus(part: int, tally: Tally) -> int:
    return -tally.sums[part]


def _fee_share(tally: Tally) -> Figure | Cause:
    return ratio(-tally.sums[FEES], tally.sums[EARNED])


def _earning_days(stretch: Stretch, _: Tally) -> int:
    return len(stretch.earning_days())


def _days_at_most(months: int) -> int:
    return 31 * months


@BY_MONTH.factor(
    "count_{w}",
    ValueType.INTEGER,
    "Transactions in the {period}.",
    "Count of the transactions of any class in the {n} calendar months up to the transaction"
    " horizon." + QUIET,
    unit="records",
    windows=MONTHS,
    better=Better.UP,
)
def count(context: FactorContext, length: int) -> Answer:
    return _over_months(context, length, lambda tally: tally.records(OF_ALL), of=OF_ALL)


@BY_MONTH.factor(
    "earnings_{w}",
    ValueType.MONEY,
    "Gross earnings in the {period}.",
    "Sum of the transactions classed EARNING in the {n} calendar months up to the transaction"
    " horizon, before fees and reversals." + QUIET,
    windows=MONTHS,
    causes=UNCLASSIFIED,
    better=Better.UP,
)
def earnings(context: FactorContext, length: int) -> Answer:
    return _over_months(context, length, lambda tally: tally.sums[EARNED])


@BY_MONTH.factor(
    "fees_{w}",
    ValueType.MONEY,
    "Fees in the {period}, as a positive amount.",
    "Minus the signed sum of the transactions classed FEE in the {n} calendar months up to the"
    " transaction horizon." + QUIET,
    windows=MONTHS,
    causes=UNCLASSIFIED,
)
def fees(context: FactorContext, length: int) -> Answer:
    return _over_months(context, length, partial(_minus, FEES), of=(FEES,))


@BY_MONTH.factor(
    "withdrawals_{w}",
    ValueType.MONEY,
    "Cash-outs in the {period}, as a positive amount.",
    "Minus the signed sum of the transactions classed WITHDRAWAL in the {n} calendar months up to"
    " the transaction horizon." + QUIET,
    windows=MONTHS,
    causes=UNCLASSIFIED,
)
def withdrawals(context: FactorContext, length: int) -> Answer:
    return _over_months(context, length, partial(_minus, WITHDRAWN), of=(WITHDRAWN,))


@BY_NET_MONTH.factor(
    "net_{w}",
    ValueType.MONEY,
    "Earnings after fees and reversals in the {period}.",
    "Signed sum of the transactions classed EARNING, FEE and REVERSAL in the {n} calendar months up"
    " to the transaction horizon; below zero when refunds exceed earnings. Credits of class"
    " REVERSAL count, by account and in order of time, up to the fees and the REVERSAL debits since"
    " the first day of the 13th month before as_of that no earlier credit has used; NOT_FETCHED"
    " when transactions were not read from that day on." + QUIET,
    windows=MONTHS,
    causes=UNCLASSIFIED,
    better=Better.UP,
    derived_from=("transactions.earnings_{w}", "transactions.fees_{w}"),
)
def net(context: FactorContext, length: int) -> Answer:
    book = trade_book(context)
    unread = book.unread(stand_in_from(context.as_of.date))
    if unread:
        return Answer(None, unread)

    def due(tally: Tally) -> int:
        return tally.net - book.undue(length)

    return _over_months(context, length, due, of=OF_NET)


@BY_MONTH.factor(
    "active_days_{w}",
    ValueType.INTEGER,
    "Days with an earning in the {period}.",
    "Count of the distinct dates with a transaction classed EARNING in the {n} calendar months up"
    " to the transaction horizon." + QUIET,
    unit="days",
    windows=MONTHS,
    upper=_days_at_most,
    causes=UNCLASSIFIED,
    better=Better.UP,
)
def active_days(context: FactorContext, length: int) -> Answer:
    window = trade_book(context).last_months(length)
    return _over_months(context, length, partial(_earning_days, window.stretch))


@BY_MONTH.factor(
    "fee_ratio_{w}",
    ValueType.NUMBER,
    "Fees against gross earnings in the {period}.",
    "transactions.fees_{w} / transactions.earnings_{w}; DIVISION_BY_ZERO when the earnings are not"
    " above zero." + QUIET,
    unit="ratio",
    windows=MONTHS,
    causes=UNCLASSIFIED | DIVISION,
    derived_from=("transactions.fees_{w}", "transactions.earnings_{w}"),
)
def fee_ratio(context: FactorContext, length: int) -> Answer:
    return _over_months(
        context,
        length,
        _fee_share,
        of=(EARNED, FEES),
    )


@BY_MONTH.factor(
    "largest_earning_share_{w}",
    ValueType.NUMBER,
    "Share of the largest single earning in the earnings of the {period}.",
    "The largest transaction classed EARNING / transactions.earnings_{w}; DIVISION_BY_ZERO when the"
    " earnings are not above zero." + QUIET,
    unit="share",
    windows=MONTHS,
    lower=0,
    causes=UNCLASSIFIED | DIVISION,
    better=Better.DOWN,
    derived_from=("transactions.earnings_{w}",),
)
def largest_earning_share(context: FactorContext, length: int) -> Answer:
    largest = trade_book(context).last_months(length).stretch.largest_earning

    def share(tally: Tally) -> Figure | Cause:
        return ratio(largest(), tally.sums[EARNED])

    return _over_months(context, length, share)


@BY_DAY.factor(
    "earnings_{w}",
    ValueType.MONEY,
    "Gross earnings in the {period} up to the sync.",
    "Sum of the transactions classed EARNING in the {n} trailing days." + QUIET_DAYS,
    windows=DAYS,
    causes=UNCLASSIFIED,
    better=Better.UP,
)
def recent_earnings(context: FactorContext, length: int) -> Answer:
    return _over_days(context, length, lambda tally: tally.sums[EARNED])


@BY_DAY.factor(
    "active_days_{w}",
    ValueType.INTEGER,
    "Days with an earning in the {period} up to the sync.",
    "Count of the distinct dates with a transaction classed EARNING in the {n} trailing days."
    + QUIET_DAYS,
    unit="days",
    windows=DAYS,
    upper=window_length,
    causes=UNCLASSIFIED,
    better=Better.UP,
)
def recent_active_days(context: FactorContext, length: int) -> Answer:
    window = trade_book(context).last_days(length)
    return _over_days(context, length, partial(_earning_days, window.stretch))


@BY_DAY.factor(
    "earnings_change_{w}_pct",
    ValueType.NUMBER,
    "Gross earnings of the {period} against the {n} days before them, in percent.",
    "(earnings of the {n} trailing days - earnings of the {n} days before) / the earlier earnings *"
    " 100; DIVISION_BY_ZERO when the earlier earnings are not above zero." + QUIET_DAYS,
    unit="percent",
    windows=days(CHANGE_DAYS),
    causes=UNCLASSIFIED | DIVISION,
    better=Better.UP,
    derived_from=("transactions.earnings_{w}",),
)
def earnings_change(context: FactorContext, length: int) -> Answer:
    book = trade_book(context)
    new = book.last_days(length).stretch.tally.sums[EARNED]
    old = book.last_days(length, before=length).stretch.tally.sums[EARNED]
    return _over_days(context, 2 * length, lambda _: percent_change(new, old))


@BY_DAY.factor(
    "days_since_last",
    ValueType.INTEGER,
    "Days from the last earning to the sync.",
    "The last trailing day minus the last date up to it with a transaction classed EARNING, looking"
    " at the last 91 days; NO_EVIDENCE when they hold transactions and no earning." + QUIET_DAYS,
    unit="days",
    upper=LOOK_BACK_DAYS - 1,
    causes=UNCLASSIFIED | {Cause.NO_EVIDENCE},
    better=Better.DOWN,
)
def days_since_last(context: FactorContext) -> Answer:
    book = trade_book(context)
    stretch = book.last_days(LOOK_BACK_DAYS).stretch

    def age(_: Tally) -> Figure | Cause:
        return _age(book.end, stretch.last_earning())

    return _over_days(context, LOOK_BACK_DAYS, age)


@BY_DAY.factor(
    "days_idle_habit",
    ValueType.NUMBER,
    "Days without an earning up to the sync, by the applicant's own habit.",
    "transactions.days_since_last / the median gap in days between the days with an earning of the"
    " last 91 days; SHORT_HISTORY with fewer than 5 such days." + QUIET_DAYS,
    unit="ratio",
    lower=0,
    causes=UNCLASSIFIED | {Cause.SHORT_HISTORY},
    better=Better.DOWN,
)
def days_idle_habit(context: FactorContext) -> Answer:
    book = trade_book(context)
    active = sorted(book.last_days(LOOK_BACK_DAYS).stretch.earning_days())
    return _over_days(context, LOOK_BACK_DAYS, lambda _: _idleness(active, book.end))


@BY_DAY.factor(
    "loan_repayments_{w}",
    ValueType.MONEY,
    "What the platform kept back for loans of its own in the {period} up to the sync.",
    "Minus the sum of the debits classed LOAN in the {n} trailing days." + QUIET_DAYS,
    windows=days(28, 91),
    lower=0,
    causes=UNCLASSIFIED,
    better=Better.DOWN,
)
def loan_repayments(context: FactorContext, length: int) -> Answer:
    book = trade_book(context)
    of = (REPAID,)
    window = book.last_days(length)
    back_to = book.last_days(LOOK_BACK_DAYS)
    return on_trade(book, window, back_to, work=partial(_minus, REPAID), of=of)


def _over_months(
    context: FactorContext,
    length: int,
    work: Callable[[Tally], Figure | Cause],
    of: Sequence[int] = OF_EARNINGS,
) -> Answer:
    book = trade_book(context)
    back_to = book.last_months(max(length, LOOK_BACK_MONTHS))
    return on_trade(book, book.last_months(length), back_to, work=work, of=of)


def _over_days(
    context: FactorContext, length: int, work: Callable[[Tally], Figure | Cause]
) -> Answer:
    book = trade_book(context)
    back_to = book.last_days(LOOK_BACK_DAYS)
    return on_trade(book, book.last_days(length), back_to, work=work, of=OF_EARNINGS)


def _idleness(active: Sequence[date], end: date) -> Figure | Cause:
    """Days since the last active one over the median gap between them; five make a habit."""
    if len(active) < 5:
        return Cause.SHORT_HISTORY
    gaps = [(later - earlier).days for earlier, later in pairwise(active)]
    return ratio(2 * (end - active[-1]).days, twice_median(gaps))


def _age(end: date, last: date | None) -> int | Cause:
    return (end - last).days if last else Cause.NO_EVIDENCE


@PLATFORMS.factor(
    "fee_presence_91d",
    ValueType.TEXT,
    "Whether the platforms with earnings in the last 91 days show their fees.",
    "Of the accounts of GIG providers with a transaction classed EARNING in the 91 trailing days"
    " that end with the earliest sync among them, of documents where there is no other: ABSENT when"
    " one at a provider that the data files mark as charging fees has no transaction classed FEE"
    " there; else PRESENT when one has a FEE; else NOT_CHARGED. NOT_CONNECTED without an account of"
    " a GIG provider, NO_DATA when the days hold no transaction, NO_EVIDENCE when they hold no"
    " EARNING.",
    unit="label",
    labels=(PRESENT, ABSENT, NOT_CHARGED),
)
def fee_presence(context: FactorContext) -> Answer:
    """Trips for which no platform ever took its share were invented."""
    riders = platforms(context)
    return _over_platforms(
        context, riders, None, work=lambda stretches, *_: _label(context, stretches)
    )


@PLATFORMS.factor(
    "unexplained_credit_share_91d",
    ValueType.NUMBER,
    "How much of what came in during the last 91 days are refunds that no fee explains.",
    "Of the accounts of GIG providers, over the 91 trailing days that end with the earliest sync"
    " among them: the credits of class REVERSAL beyond the FEEs and the REVERSAL debits since the"
    " first day of the 13th month before as_of, by account and in order of time, that no earlier"
    " credit has used / (the transactions classed EARNING + these credits). Documents are left out,"
    " whose earnings would thin the share out. NOT_CONNECTED without an account of a GIG provider,"
    " NO_DATA when the days hold no transaction, NO_EVIDENCE when they hold neither an EARNING nor"
    " such a credit.",
    unit="share",
    lower=0,
    upper=1,
    better=Better.DOWN,
)
def unexplained_credit_share(context: FactorContext) -> Answer:
    since = stand_in_from(context.as_of.date)
    linked = tuple(f for f in platforms(context) if not f.document)
    return _over_platforms(context, linked, since, work=partial(_share, context))


@PLATFORMS.factor(
    "unfee_share_91d",
    ValueType.NUMBER,
    "How much of the earnings of the last 91 days no fee of the platform fits.",
    "Of the accounts of GIG providers whose usual fee share is in the data files, over the 91"
    " trailing days that end with the earliest sync among the platforms: within an account and day"
    " each EARNING credit, the largest first, takes the largest FEE debit of half to twice the"
    " usual share of it that no other took; a day's only FEE beside several earnings is for the"
    " whole day. The FEEs of the 91 days that none took, such as one for a whole day or week, then"
    " fit as much of the account's other earnings as they are half the usual share of. The earnings"
    " that are left / the earnings of these accounts. Documents are left out. NOT_CONNECTED without"
    " an account of a GIG provider, NO_DATA when the days hold no transaction, NO_EVIDENCE without"
    " an EARNING at a provider whose usual share is known.",
    unit="share",
    lower=0,
    upper=1,
    better=Better.DOWN,
)
def unfee_share(context: FactorContext) -> Answer:
    """A platform keeps its part of each trip; of money that a friend sends it keeps nothing."""
    linked = tuple(f for f in platforms(context) if not f.document)
    return _over_platforms(context, linked, None, work=lambda found, *_: _unfee(context, found))


@PLATFORMS.factor(
    "daily_variation_30d",
    ValueType.NUMBER,
    "How much a working day's earnings vary over the last 30 days: their coefficient of variation.",
    "Of the accounts of GIG providers: sample standard deviation (divisor n - 1) over mean of the"
    " sums of the transactions classed EARNING on each day that has one, among the 30 trailing days"
    " that end with the earliest sync among them. Documents are left out. NOT_CONNECTED without an"
    " account of a GIG provider, NO_DATA when 91 days hold no transaction, SHORT_HISTORY with fewer"
    " than 20 such days.",
    unit="ratio",
    lower=0,
    causes=DIVISION | {Cause.SHORT_HISTORY},
    better=Better.UP,
)
def daily_variation(context: FactorContext) -> Answer:
    """Real days differ; earnings that are equal to the peso were arranged."""
    linked = tuple(f for f in platforms(context) if not f.document)
    return _over_platforms(
        context, linked, None, work=lambda found, _, before: _daily(found, before)
    )


def _daily(stretches: Mapping[str, Stretch], before: date) -> Figure | Cause:
    if not any(any(stretch.tally.counts) for stretch in stretches.values()):
        return Cause.NO_DATA
    since = before - timedelta(days=VARIATION_DAYS)
    days: dict[date, int] = {}
    for stretch in stretches.values():
        for day, amounts in stretch.by_day(EARNED).items():
            if day >= since:
                days[day] = days.get(day, 0) + sum(amounts)
    if len(days) < VARIATION_NEEDS:
        return Cause.SHORT_HISTORY
    return variation([*days.values()])


def _unfee(context: FactorContext, stretches: Mapping[str, Stretch]) -> Amount | Cause:
    if not any(any(stretch.tally.counts) for stretch in stretches.values()):
        return Cause.NO_DATA
    shares = context.policy.fee_shares or {}
    earned = 0
    left = Fraction(0)
    for source, stretch in stretches.items():
        share = shares.get(counted(context)[source].provider_id)
        if share is not None:
            lines = _parts(stretch, EARNED, 1)
            earned += sum([sum(amounts) for amounts in lines.values()])
            left += _without_fee(lines, _parts(stretch, FEES, -1), Fraction(share))
    return left / earned if earned > 0 else Cause.NO_EVIDENCE


def _parts(stretch: Stretch, bucket: int, sign: int) -> Mapping[date, list[int]]:
    """The amounts of one sign, above zero and smallest first, on each day."""
    by_day = stretch.by_day(bucket).items()
    parts: dict[date, list[int]] = {}
    for day, amounts in by_day:
        parts[day] = sorted([sign * one for one in amounts if sign * one > 0])
    return parts


def _without_fee(
    lines: Mapping[date, list[int]], fees: Mapping[date, list[int]], usual: Fraction
) -> Fraction:
    """The earnings of an account that neither a fee of their own nor one of the rest fits."""
    unpaired = 0
    spare = sum([sum(fees[day]) for day in fees.keys() - lines.keys()])
    for day, earned in lines.items():
        left = list(fees.get(day, ()))
        # One fee beside several earnings is the whole day's
        if len(left) == 1 < len(earned):
            spare += left.pop()
        for line in reversed(earned):
            # A fee too large for this line is too large for all that are smaller
            while left and left[-1] > 2 * usual * line:
                spare += left.pop()
            if left and left[-1] >= usual * line / 2:
                left.pop()
            else:
                unpaired += line
        spare += sum(left)
    return max(unpaired - spare * 2 / usual, Fraction(0))


def _share(
    context: FactorContext, stretches: Mapping[str, Stretch], begins: date, before: date
) -> Amount | Cause:
    tallies = [stretch.tally for stretch in stretches.values()]
    if not any(any(tally.counts) for tally in tallies):
        return Cause.NO_DATA
    rest = sum(within_days(unexplained(context, s), begins, before) for s in stretches)
    whole = rest + sum(tally.sums[EARNED] for tally in tallies)
    return Fraction(rest, whole) if whole > 0 else Cause.NO_EVIDENCE


def _over_platforms(
    context: FactorContext,
    riders: tuple[Feeder, ...],
    since: date | None,
    work: Callable[[Mapping[str, Stretch], date, date], Figure | Cause],
) -> Answer:
    """Work on the last 91 days of each platform account, all read `since` a day or the first."""
    trust = _trust(context, riders)
    linked = [f for f in riders if not f.document]
    end = trailing_end(context.as_of, linked or riders)
    begins = end - timedelta(days=LOOK_BACK_DAYS - 1)
    missing = trust.missing or unread_from(context.snapshot, since or begins)
    if missing:
        return Answer(None, missing)
    before = end + timedelta(days=1)
    stretches = {s: Stretch((page,), begins, before) for s, page in _pages(context, trust).items()}
    whole = Stretch(_pages(context, trust).values(), begins, before)
    found = flaws(whole.tally, classed=True)
    if found:
        return Answer(None, found)
    figure = work(stretches, begins, before)
    return answer(figure, Kind.TRANSACTIONS, _proof(whole, stretches, end))


def _trust(context: FactorContext, riders: tuple[Feeder, ...]) -> Feed:
    """The platforms alone; one that was disconnected long ago has nothing to show."""
    several = supply(context, Kind.TRANSACTIONS)
    working = Supply(
        Kind.TRANSACTIONS,
        counted=riders,
        partial=tuple(f for f in several.partial if f.gig),
        revoked=(),
        before=tuple(f for f in several.before if f.gig),
        judged=riders,
        needed=bool(riders),
    )
    # they are income only where incomes were asked for
    unread = [kind for kind in INCOME_KINDS if reading(context.snapshot, kind) is None]
    taints = [Missing(Cause.NOT_FETCHED, kind=kind) for kind in unread]
    taints += ledger(context).taints if riders else ()
    held = any(f.id in ledger(context).pages for f in riders)
    return feed(context, (working,), taints, held=held)


def _pages(context: FactorContext, trust: Feed) -> Mapping[str, Page]:
    pages = ledger(context).pages
    return {f.id: pages[f.id] for f in trust.feeders if f.id in pages}


def _label(context: FactorContext, stretches: Mapping[str, Stretch]) -> str | Cause:
    counts = {source: stretch.tally.counts for source, stretch in stretches.items()}
    if not any(any(each) for each in counts.values()):
        return Cause.NO_DATA
    earning = [source for source, each in counts.items() if each[EARNED]]
    if not earning:
        return Cause.NO_EVIDENCE
    without = [source for source in earning if not counts[source][FEES]]
    if any(
        counted(context)[source].provider_id in context.policy.fee_providers for source in without
    ):
        return ABSENT
    return PRESENT if len(without) < len(earning) else NOT_CHARGED


def _proof(whole: Stretch, stretches: Mapping[str, Stretch], end: date) -> Evidence:
    edges = whole.edges()
    return Evidence(
        records=whole.tally.records((EARNED, FEES)),
        first=edges[0].isoformat() if edges else None,
        last=edges[1].isoformat() if edges else None,
        horizon=end.isoformat(),
        grade="platform",
        top=tuple([name for _, name in whole.heaviest((EARNED, FEES))]),
        sources=tuple(sorted(stretches)),
    )
