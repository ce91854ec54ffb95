"""The known and the open months of an income, and the sources still awaited."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import NO_PAY, Cause, Missing
from decision_service.factors.horizons import SourceCoverage


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
        self._last_end = max(ended, default=0)
        self._silences = {(s.feeder.id, s.kind): self._doubtful(s) for s in sources}

    def settles(self, source: SourceCoverage, month: int) -> bool:
        """Whether a source can report nothing more of a month."""
        silence = self._silences[source.feeder.id, source.kind]
        return month <= source.settled and month not in silence

    def settled_by(self, sources: Iterable[SourceCoverage]) -> int:
        """A month up to which these sources have settled every one."""
        found = [min(s.settled, self._before(s)) for s in sources]
        return min(found, default=self.horizon)

    def _before(self, source: SourceCoverage) -> int:
        silence = self._silences[source.feeder.id, source.kind]
        return silence.start - 1 if silence else source.settled

    def waited_for(self, month: int, among: Iterable[SourceCoverage]) -> Missing | None:
        """The source whose part of a month is outstanding, the first due; None when none is."""
        late = [s for s in among if not self.settles(s, month)]
        if not late:
            return None
        first = min(late, key=lambda s: (s.due(month), s.feeder.id, s.kind))
        return not_yet_posted(first, month)

    def open(self, month: int) -> Missing | None:
        """Who could still show that a month without income had some; None when nobody can.

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

    def incomplete(self, month: int, *, outranked: bool) -> Missing | None:
        """Who could still add to a month's amount; payroll outranks estimates that are to come."""
        return self.waited_for(month, self.prompt if outranked else self.judges)

    @property
    def rests_on_employments(self) -> bool:
        """Whether the end of an employment could tell what a scheme's silence means."""
        return any(self._silent(source) for source in self.judges)

    def _doubtful(self, source: SourceCoverage) -> range:
        """A scheme's silent months, unless a job has ended since or prompt sources tell of them."""
        return range(0) if self._last_end >= source.newest else self._silent(source)

    def _silent(self, source: SourceCoverage) -> range:
        months = source.doubtful
        return range(max(months.start, self._settled_promptly + 1), months.stop)


def not_yet_posted(source: SourceCoverage, month: int) -> Missing:
    """A month that a source has not posted, with the day on which it is due unless that is past."""
    due = source.due(month)
    return Missing(
        Cause.NOT_YET_POSTED,
        kind=source.kind,
        source=source.feeder.id,
        month=month,
        due=due if due >= source.today else None,
    )


def shows_none(source: SourceCoverage, month: int, due: date | None) -> Missing:
    """A month of which a payroll shows nothing, or far less; others are due to tell of it."""
    return Missing(
        Cause.NOT_YET_POSTED,
        kind=source.kind,
        source=source.feeder.id,
        detail=NO_PAY,
        month=month,
        due=due,
    )


def open_months(
    settlement: Settlement, months: Iterable[int], with_income: Collection[int]
) -> Mapping[int, Missing]:
    """The months up to the horizon of which nobody knows whether they have income."""
    return _waiting(settlement, [m for m in months if m not in with_income], settlement.open)


def incomplete_months(
    settlement: Settlement, months: Iterable[int], outranked: Collection[int]
) -> Mapping[int, Missing]:
    """The months whose amount something may still be added to; `outranked` ones have payroll."""
    return _waiting(
        settlement, months, lambda m: settlement.incomplete(m, outranked=m in outranked)
    )


def _waiting(
    settlement: Settlement, months: Iterable[int], wait: Callable[[int], Missing | None]
) -> Mapping[int, Missing]:
    """The months that wait for a source; those that every judge has settled are not asked about."""
    known = settlement.settled_by(settlement.judges)
    waiting = {month: wait(month) for month in months if month > known}
    return {month: missing for month, missing in waiting.items() if missing is not None}
