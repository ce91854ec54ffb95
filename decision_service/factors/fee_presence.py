"""transactions.fee_presence_91d, unexplained_credit_share_91d: what a platform kept and gave back.

They rest on the transactions that stand in as income, and on no account but those of platforms: who
has none needs no further call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from decision_service.domain.factor import Better, Evidence, ValueType
from decision_service.domain.kinds import INCOME_KINDS, Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.factors.answer import Answer, answer
from decision_service.factors.context import FactorContext
from decision_service.factors.figures import Amount, Figure, quotient
from decision_service.factors.horizons import stand_in_from, trailing_end
from decision_service.factors.income_sources import platforms
from decision_service.factors.ledger import ledger
from decision_service.factors.netting import unexplained, within_days
from decision_service.factors.pages import Page
from decision_service.factors.quality import Feed, Supply, feed, supply
from decision_service.factors.reading import reading, unread_from
from decision_service.factors.registry import READ_CAUSES, Family
from decision_service.factors.stretches import Stretch
from decision_service.factors.tally import EARNED, FEES
from decision_service.factors.trading import LOOK_BACK_DAYS, flaws
from decision_service.factors.usage import Feeder, counted

PRESENT, ABSENT, NOT_CHARGED = "PRESENT", "ABSENT", "NOT_CHARGED"
PLATFORMS = Family(
    "transactions",
    INCOME_KINDS,
    READ_CAUSES
    | {Cause.MIXED_CURRENCY, Cause.UNCLASSIFIED, Cause.NO_EVIDENCE, Cause.UNKNOWN_PROVIDER},
)


@PLATFORMS.factor(
    "fee_presence_91d",
    ValueType.TEXT,
    "label",
    "Whether the platforms with earnings in the last 91 days show their fees.",
    "Of the accounts of GIG providers with a transaction classed EARNING in the 91 trailing days"
    " that end with the earliest sync among them, of documents where there is no other: ABSENT when"
    " one at a provider that the data files mark as charging fees has no transaction classed FEE"
    " there; else PRESENT when one has a FEE; else NOT_CHARGED. NOT_CONNECTED without an account of"
    " a GIG provider, NO_DATA when the days hold no transaction, NO_EVIDENCE when they hold no"
    " EARNING.",
    labels=(PRESENT, ABSENT, NOT_CHARGED),
)
def fee_presence(context: FactorContext) -> Answer:
    """Trips for which no platform ever took its share are somebody's invention."""
    riders = platforms(context)
    return _over_platforms(context, riders, None, lambda stretches, *_: _label(context, stretches))


@PLATFORMS.factor(
    "unexplained_credit_share_91d",
    ValueType.NUMBER,
    "share",
    "How much of what came in during the last 91 days are refunds that no fee explains.",
    "Of the accounts of GIG providers, over the 91 trailing days that end with the earliest sync"
    " among them: the credits of class REVERSAL beyond the FEEs and the REVERSAL debits since the"
    " first day of the 13th month before as_of, by account and in order of time, that no earlier"
    " credit has used / (the transactions classed EARNING + these credits). Documents are left out,"
    " whose earnings would thin the share out. NOT_CONNECTED without an account of a GIG provider,"
    " NO_DATA when the days hold no transaction, NO_EVIDENCE when they hold neither an EARNING nor"
    " such a credit.",
    lower=0,
    upper=1,
    better=Better.DOWN,
)
def unexplained_credit_share(context: FactorContext) -> Answer:
    """How much of the income may be the applicant's own money in a circle."""
    since = stand_in_from(context.as_of.date)
    linked = tuple(f for f in platforms(context) if not f.document)
    return _over_platforms(context, linked, since, lambda *found: _share(context, *found))


def _share(
    context: FactorContext, stretches: Mapping[str, Stretch], begins: date, before: date
) -> Amount | Cause:
    tallies = [stretch.tally for stretch in stretches.values()]
    if not any(any(tally.counts) for tally in tallies):
        return Cause.NO_DATA
    rest = sum(within_days(unexplained(context, s), begins, before) for s in stretches)
    whole = rest + sum(tally.sums[EARNED] for tally in tallies)
    return quotient(rest, whole) if whole > 0 else Cause.NO_EVIDENCE


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
    taints = [*_unasked(context), *(ledger(context).taints if riders else ())]
    held = any(f.id in ledger(context).pages for f in riders)
    return feed(context, (working,), taints, held=held)


def _unasked(context: FactorContext) -> list[Missing]:
    """Transactions stand in only where incomes were asked for."""
    unread = [kind for kind in INCOME_KINDS if reading(context.snapshot, kind) is None]
    return [Missing(Cause.NOT_FETCHED, kind=kind) for kind in unread]


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
