"""Which months a source has settled, and which months of an income are known or open."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.values import NO_PAY, AsOf, Cause, Missing, Month
from decision_service.factors.registry import FactorContext
from decision_service.factors.usage import EARNING_KINDS, Feeder, FeederState

LIVE_MONTHS = 3
LATE_MONTHS = 13
"""For so many months after a scheme's newest record its silence may only be late."""
STAND_IN_MONTHS = 13


class SourceCoverage(msgspec.Struct, frozen=True):
    """One account's records of one kind, as far as they determine the known months.

    Months are Month.index. `synced` is the civil date of the sync or of as_of, the earlier one.
    `settled` is the last month that ended before it and is posted or past its lag; `newest` the
    last month with a record, `newest_income` the last one with an amount above zero (None: none).
    `lag_months`, where above 0, counts in place of `lag_days`. `today` is as_of's civil date.
    """

    feeder: Feeder
    kind: Kind
    synced: date
    today: date
    lag_months: int
    lag_days: int
    settled: int
    newest: int
    newest_income: int | None

    @property
    def live(self) -> bool:
        if self.feeder.document or self.newest_income is None:
            return False
        return self.newest_income >= self.settled - LIVE_MONTHS

    @property
    def prompt(self) -> bool:
        """Whether it is payroll or a platform, whose silence is no mere lateness; no document."""
        return not self.feeder.document and (self.kind is Kind.INCOMES or self.feeder.gig)

    @property
    def payroll(self) -> bool:
        return self.prompt and not self.feeder.gig

    @property
    def scheme(self) -> bool:
        """Whether it holds a scheme's estimates, whose silence may only be late."""
        return self.kind is Kind.EINCOMES and self.feeder.scheme

    @property
    def doubtful(self) -> range:
        """The months after a scheme's newest record that may still be posted."""
        end = min(self.settled, self.newest + LATE_MONTHS) if self.scheme else self.newest
        return range(self.newest + 1, end + 1)

    def due(self, month: int) -> date:
        """The first day on which a month counts as settled though it has not been posted."""
        ended = Month(month + 1)
        if self.lag_months:
            return ended.plus(self.lag_months).first_day
        return ended.first_day + timedelta(days=self.lag_days)


def source_of(
    context: FactorContext,
    feeder: Feeder,
    kind: Kind,
    posted: Collection[int],
    *,
    newest: int,
    newest_income: int | None,
    delay: int | None = None,
) -> SourceCoverage:
    """A source with its settled month; `posted` holds the months that one of its records posts.

    `delay` is payroll's own one in days: months of the policy count before it only where a line
    names the provider.
    """
    if delay is None:
        lag = context.policy.lag_months(feeder.provider_id)
        days = context.policy.lag_days(feeder.provider_id)
    else:
        named = context.policy.named_lag(feeder.provider_id)
        lag = named[0] if named else 0
        days = delay
    seen = last_seen if kind in EARNING_KINDS else synced_on
    synced = seen(context.as_of, feeder)
    settled = settled_month(synced, lag, days, posted=posted)
    today = context.as_of.date
    return SourceCoverage(
        feeder,
        kind,
        synced,
        today=today,
        lag_months=lag,
        lag_days=days,
        settled=settled,
        newest=newest,
        newest_income=newest_income,
    )


def last_seen(as_of: AsOf, feeder: Feeder) -> date:
    """Until when a feeder shows income: `synced_on`, or where none is to come of it as_of's day."""
    over = feeder.state is FeederState.ENDED or feeder.no_income_due
    return as_of.date if over else synced_on(as_of, feeder)


def synced_on(as_of: AsOf, feeder: Feeder) -> date:
    """The civil date, in the ruleset's zone, of the earlier of `as_of` and the feeder's sync."""
    if feeder.synced is None or feeder.synced >= as_of.instant:
        return as_of.date
    return feeder.synced.astimezone(as_of.zone).date()


def settled_month(synced: date, lag_months: int, lag_days: int, posted: Iterable[int]) -> int:
    """The last month that ended before a day and by then was posted or past its lag."""
    ended = Month.of(synced).index - 1
    return max(lag_month(synced, lag_months, lag_days), min(max(posted, default=0), ended))


def lag_month(synced: date, lag_months: int, lag_days: int) -> int:
    if lag_months:
        return Month.of(synced).index - 1 - lag_months
    return Month.of(synced - timedelta(days=lag_days)).index - 1


def family_horizon(context: FactorContext, feeders: Iterable[Feeder]) -> int:
    """The earliest month whose lag has passed, for records of days; of none the last ended one."""
    lags = [(f, context.policy.lag_months(f.provider_id)) for f in feeders]
    months = [
        lag_month(last_seen(context.as_of, f), lag, context.policy.lag_days(f.provider_id))
        for f, lag in lags
    ]
    return min(months, default=Month.of(context.as_of.date).index - 1)


def trailing_end(as_of: AsOf, feeders: Iterable[Feeder]) -> date:
    """The last day of trailing days: the earliest sync's civil date among the feeders."""
    return min((last_seen(as_of, f) for f in feeders), default=as_of.date)


def stand_in_from(day: date) -> date:
    """From when transactions are income: the first day of the 13th month before a day."""
    return Month.of(day).plus(-STAND_IN_MONTHS).first_day


class Settlement:
    """The sources of an income, and which of them have settled a month.

    `judges` are the live sources, of none live all of them; `horizon` (Month.index) is the latest
    month that one of them has settled. `ended` holds the months in which employments ended.
    """

    def __init__(
        self, sources: Sequence[SourceCoverage], ended: Collection[int], fallback: int
    ) -> None:
        self.sources = sources
        self.judges = [s for s in sources if s.live] or list(sources)
        self.prompt = [s for s in sources if s.live and s.prompt]
        self.horizon = max((s.settled for s in self.judges), default=fallback)
        self._settled_promptly = max((s.settled for s in self.prompt), default=0)
        # where a job has ended since, a scheme's silence is no mere lateness
        late = [s for s in sources if s.newest > max(ended, default=0)]
        silences = {(s.feeder.id, s.kind): range(0) for s in sources}
        self._silences = silences | {(s.feeder.id, s.kind): self._silent(s) for s in late}

    def settles(self, source: SourceCoverage, month: int) -> bool:
        """Whether a source can report nothing more of a month."""
        silence = self._silences[source.feeder.id, source.kind]
        return month <= source.settled and month not in silence

    def waited_for(self, month: int, among: Iterable[SourceCoverage]) -> Missing | None:
        """The source whose part of a month is outstanding, the first due; None when none is."""
        late = [s for s in among if not self.settles(s, month)]
        if not late:
            return None
        first = min(late, key=lambda s: (s.due(month), s.feeder.id, s.kind))
        due = first.due(month)
        return Missing(
            Cause.NOT_YET_POSTED,
            kind=first.kind,
            source=first.feeder.id,
            month=month,
            due=due if due >= first.today else None,
        )

    def open(self, month: int) -> Missing | None:
        """Who could still show that a month without income had some; None when no source can.

        A payroll that shows nothing of the month any more is named before the scheme that is late.
        """
        waiting = self.waited_for(month, self.judges)
        if waiting is None or waiting.kind is not Kind.EINCOMES:
            return waiting
        silent = [
            s for s in self.prompt if s.payroll and (s.newest_income or 0) < month <= s.settled
        ]
        if not silent:
            return waiting
        return shows_none(min(silent, key=lambda s: s.feeder.id), month, waiting.due)

    def open_months(
        self, months: Iterable[int], with_income: Collection[int]
    ) -> Mapping[int, Missing]:
        return self._waiting([m for m in months if m not in with_income], self.open)

    def incomplete_months(
        self, months: Iterable[int], outranked: Collection[int]
    ) -> Mapping[int, Missing]:
        """The months whose amount a source may still add to; `outranked` ones have payroll."""

        def wait(month: int) -> Missing | None:
            return self.waited_for(month, self.prompt if month in outranked else self.judges)

        return self._waiting(months, wait)

    def _waiting(
        self, months: Iterable[int], wait: Callable[[int], Missing | None]
    ) -> Mapping[int, Missing]:
        """Those that wait for a source; what every judge has settled is not asked about."""
        settled = [s.settled for s in self.judges]
        silences = [self._silences[s.feeder.id, s.kind] for s in self.judges]
        settled += [silence.start - 1 for silence in silences if silence]
        known = min(settled, default=self.horizon)
        waiting = {month: wait(month) for month in months if month > known}
        return {month: missing for month, missing in waiting.items() if missing is not None}

    @property
    def rests_on_employments(self) -> bool:
        return any(self._silent(source) for source in self.judges)

    def _silent(self, source: SourceCoverage) -> range:
        """A scheme's silent months of which no prompt source shows anything."""
        months = source.doubtful
        return range(max(months.start, self._settled_promptly + 1), months.stop)


def shows_none(source: SourceCoverage, month: int, due: date | None) -> Missing:
    """A month of which a payroll shows nothing, or far less; others are due to show it."""
    return Missing(
        Cause.NOT_YET_POSTED,
        kind=source.kind,
        source=source.feeder.id,
        detail=NO_PAY,
        month=month,
        due=due,
    )
