"""The monitoring report: its rows, counted from recorded decisions and loans."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import date, datetime
from enum import StrEnum
from math import exp, lgamma
from zoneinfo import ZoneInfo

import msgspec

from decision_service.author.backtest.report import SMALLEST_CELL, ImpactReport
from decision_service.author.backtest.sums import KnownLoan, LoanCounts
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import FactorValue
from decision_service.operate.monitor.drift import DriftRow, Histogram, Scale, drift_of
from decision_service.rollout.impact import OUTCOMES, Interval, Share, share_of
from decision_service.rollout.judge import ArmCount, difference_interval

AGES = (1, 2, 3, 4, 5, 6, 9, 12)
"""Months on book at which vintages are looked at."""

_BY_CHANCE = 0.001
"""How improbable it must be that all applicants of a version, or of a vendor, come late."""


class ObservedDecision(msgspec.Struct, frozen=True, gc=False):
    """What a report reads of a recorded decision.

    `judged` is what the rules concluded, whatever was decided. `values` are those of factors and,
    by `CARD.score`, of scores; None where no rules decided.
    """

    decision_id: str
    user_id: str
    customer_ref: str
    created: datetime
    outcome: Outcome
    judged: Outcome
    reason: str
    version: int
    digest: str
    arm: str
    program: str
    values: Mapping[str, FactorValue] | None = None
    providers: frozenset[str] = frozenset()


def months_on_book(begun: date, day: date) -> int:
    """Whole months of a loan that was paid out on a day."""
    return (day.year - begun.year) * 12 + day.month - begun.month - (day.day < begun.day)


class LoanState(msgspec.Struct, frozen=True):
    """What a loan's newest report up to an age says; a closed loan stays as it is."""

    age: int
    bad: bool
    closed: bool


class ObservedLoan(msgspec.Struct, frozen=True):
    """A loan that was taken up, with its states by age."""

    decision_id: str
    decided: date
    begun: date
    states: tuple[LoanState, ...]

    def bad_at(self, age: int) -> bool | None:
        """Whether it was bad at so many months on book; None where that is not known."""
        until = [one for one in self.states if one.age <= age]
        if until and (until[-1].closed or self.states[-1].age >= age):
            return until[-1].bad
        return None


class MarkKind(StrEnum):
    RULES = "rules"
    PLAN = "plan"
    VENDOR = "vendor"
    PROGRAM = "program"


class Mark(msgspec.Struct, frozen=True, order=True):
    day: date
    kind: MarkKind
    text: str


class VolumeRow(msgspec.Struct, frozen=True, order=True):
    """Decisions of a day alike; `version` 0 and an empty `arm` are of those not enrolled."""

    day: date
    version: int
    arm: str
    outcome: Outcome
    reason: str
    decisions: int


class OutcomeShares(msgspec.Struct, frozen=True):
    """How so many were decided, with the bounds of each share."""

    of: int
    approve: Share
    refer: Share
    decline: Share


class WayRow(msgspec.Struct, frozen=True):
    """The decisions of a version in an arm."""

    version: int
    arm: str
    shares: OutcomeShares


class OverrideRow(msgspec.Struct, frozen=True):
    """What persons decided otherwise than the rules, and what became of the loans.

    `person` is empty for what no person changed. `share` is of all that the rules concluded so.
    """

    rules: Outcome
    person: str
    decisions: int
    share: Share
    loans: LoanCounts


class VintageCell(msgspec.Struct, frozen=True):
    """The loans of a month that are known at an age; `mature` where all of them are that old."""

    age: int
    loans: LoanCounts
    mature: bool


class VintageRow(msgspec.Struct, frozen=True):
    month: str
    loans: int
    cells: tuple[VintageCell, ...]


class ForecastRow(msgspec.Struct, frozen=True):
    """A rate that an impact report forecast, and the one that came; `missed` where they differ."""

    outcome: Outcome
    forecast: Share
    came: Share
    difference: Interval

    @property
    def missed(self) -> bool:
        return not self.difference.low <= 0 <= self.difference.high


class Forecast(msgspec.Struct, frozen=True):
    """`exact` says that the very rules of the forecast decided; else all rules are counted."""

    change: str
    digest: str
    applicants: int
    of: int
    exact: bool
    rows: tuple[ForecastRow, ...]


class GroupRow(msgspec.Struct, frozen=True):
    """A group of the analyst's file; differences are to the largest group, which has none."""

    group: str
    shares: OutcomeShares
    differences: tuple[Interval, ...]


class Groups(msgspec.Struct, frozen=True):
    """`pooled` applicants are of groups too small to show, `unmatched` keys have no decision."""

    rows: tuple[GroupRow, ...]
    pooled: int
    unmatched: int


class Baseline(msgspec.Struct, frozen=True):
    """The population that is compared with, as it was frozen in a file, or as it is counted."""

    since: date
    until: date
    applicants: int = 0
    histograms: tuple[Histogram, ...] = ()
    file: str = ""


class MonitorSubject(msgspec.Struct, frozen=True):
    product: str
    since: date
    until: date
    rules: str
    digest: str
    engine_version: str


class MonitorReport(msgspec.Struct, frozen=True):
    """All that a report says; `population` is the baseline that a later report may name."""

    subject: MonitorSubject
    decisions: int
    applicants: int
    volume: tuple[VolumeRow, ...]
    ways: tuple[WayRow, ...]
    marks: tuple[Mark, ...]
    population: tuple[Histogram, ...]
    overrides: tuple[OverrideRow, ...]
    vintages: tuple[VintageRow, ...]
    baseline: Baseline | None = None
    drift: tuple[DriftRow, ...] = ()
    forecast: Forecast | None = None
    groups: Groups | None = None

    @property
    def digest(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


class PopulationTally:
    """Counts each applicant once, by the first enrolled decision, on every scale."""

    def __init__(self, scales: Iterable[Scale]) -> None:
        self._counts = {scale: [0] * len(scale.bins) for scale in scales}
        self._seen: set[str] = set()

    @property
    def applicants(self) -> int:
        return len(self._seen)

    def add(self, one: ObservedDecision) -> bool:
        """Whether it was an applicant's first."""
        if one.values is None or one.user_id in self._seen:
            return False
        self._seen.add(one.user_id)
        for scale, counts in self._counts.items():
            place = scale.place(one.values.get(scale.name))
            if place is not None:
                counts[place] += 1
        return True

    def histograms(self, scales: Iterable[Scale]) -> tuple[Histogram, ...]:
        return tuple(Histogram(scale, tuple(self._counts[scale])) for scale in scales)


class MonitorTally:
    """All counts of a report; decisions come oldest first.

    `reviewed` are the outcomes that persons decided, by decision; `groups` the analyst's groups,
    by decision or customer.
    """

    def __init__(
        self,
        zone: ZoneInfo,
        scales: Iterable[Scale],
        reviewed: Mapping[str, Outcome],
        loans: Sequence[ObservedLoan],
        groups: Mapping[str, str] | None,
    ) -> None:
        self.population = PopulationTally(scales)
        self.volume: Counter[tuple[date, int, str, Outcome, str]] = Counter()
        self.first_by_rules: dict[str, Counter[Outcome]] = {}
        self.judged: Counter[tuple[Outcome, str]] = Counter()
        self.lent: defaultdict[tuple[Outcome, str], LoanCounts] = defaultdict(LoanCounts)
        self.grouped: dict[str, tuple[str, Outcome]] = {}
        self.matched: set[str] = set()
        self.loans = loans
        self.groups = groups
        self._zone = zone
        self._reviewed = reviewed
        self._bad: defaultdict[str, list[bool]] = defaultdict(list)
        for one in loans:
            self._bad[one.decision_id].append(one.states[-1].bad)
        self._seen: dict[tuple[MarkKind, str], tuple[int, date, int, date, int]] = {}

    def add(self, one: ObservedDecision) -> None:
        day = one.created.astimezone(self._zone).date()
        self.volume[day, one.version, one.arm, one.outcome, one.reason] += 1
        if one.values is None:
            return
        if self.population.add(one):
            self.first_by_rules.setdefault(one.digest, Counter())[one.judged] += 1
            self._see(day, MarkKind.RULES, f"decision by v{one.version} ({one.digest[:8]})")
            self._see(day, MarkKind.PROGRAM, f"decision by program {one.program}")
            for provider in one.providers:
                self._see(day, MarkKind.VENDOR, f"data of {provider}")
        person = self._reviewed.get(one.decision_id, one.judged)
        way = (one.judged, "" if person is one.judged else person.value)
        self.judged[way] += 1
        for bad in self._bad.get(one.decision_id, ()):
            self.lent[way].add(KnownLoan(bad=bad))
        for key in (one.decision_id, one.customer_ref):
            if self.groups and key in self.groups:
                self.matched.add(key)
                final = self._reviewed.get(one.decision_id, one.outcome)
                self.grouped.setdefault(one.user_id, (self.groups[key], final))

    def _see(self, day: date, kind: MarkKind, name: str) -> None:
        now = self.population.applicants
        first, began, *_, many = self._seen.get((kind, name), (now, day, now, day, 0))
        self._seen[kind, name] = first, began, now, day, many + 1

    def marks(self) -> Iterator[Mark]:
        """What began or ended within the days, as far as chance does not explain it."""
        every = self.population.applicants
        for (kind, name), (first, began, last, ended, many) in self._seen.items():
            if _all_within(every - first + 1, every, many) < _BY_CHANCE:
                yield Mark(began, kind, f"first {name}")
            if kind is MarkKind.VENDOR and _all_within(last, every, many) < _BY_CHANCE:
                yield Mark(ended, kind, f"last {name}")


def _all_within(part: int, every: int, many: int) -> float:
    """How probable it is that all of `many` come in a part, if they come in any order."""
    return exp(_log_orders(part, many) - _log_orders(every, many))


def _log_orders(places: int, many: int) -> float:
    # Logarithms, since the number of orders of 4,000 applicants is larger than any float.
    return lgamma(places + 1) - lgamma(places - many + 1)


def report_of(
    subject: MonitorSubject,
    tally: MonitorTally,
    scales: Sequence[Scale],
    steps: Iterable[Mark],
    baseline: Baseline | None = None,
    forecast: ImpactReport | None = None,
) -> MonitorReport:
    """The report; `steps` are marks of the rollout's journal."""
    population = tally.population
    compared = () if baseline is None else baseline.histograms
    return MonitorReport(
        subject,
        tally.volume.total(),
        population.applicants,
        volume=tuple(sorted(VolumeRow(*key, many) for key, many in tally.volume.items())),
        ways=tuple(_ways(tally.volume)),
        marks=tuple(sorted([*tally.marks(), *steps])),
        population=population.histograms(scales),
        overrides=tuple(_overrides(tally)),
        vintages=tuple(_vintages(tally.loans, subject.until)),
        baseline=baseline,
        drift=drift_of(compared, population.histograms(one.scale for one in compared), scales),
        forecast=None if forecast is None else _forecast(forecast, tally.first_by_rules),
        groups=None if tally.groups is None else _groups(tally, tally.groups.keys()),
    )


def shares_of(counts: Counter[Outcome]) -> OutcomeShares:
    """The shares of approvals, referrals and declines among all of these."""
    every = counts.total()
    return OutcomeShares(every, *(share_of(counts[one], every) for one in OUTCOMES))


def _ways(volume: Mapping[tuple[date, int, str, Outcome, str], int]) -> Iterator[WayRow]:
    ways: defaultdict[tuple[int, str], Counter[Outcome]] = defaultdict(Counter)
    for (_, version, arm, outcome, _), many in volume.items():
        if outcome is not Outcome.NOT_ENROLLED:
            ways[version, arm][outcome] += many
    for way, counts in sorted(ways.items()):
        yield WayRow(*way, shares_of(counts))


def _overrides(tally: MonitorTally) -> Iterator[OverrideRow]:
    every: Counter[Outcome] = Counter()
    for (rules, _), many in tally.judged.items():
        every[rules] += many
    for way in sorted(tally.judged, key=_best_first):
        rules, person = way
        if person or rules is Outcome.APPROVE:
            many = tally.judged[way]
            share = share_of(many, every[rules])
            yield OverrideRow(rules, person, many, share=share, loans=tally.lent[way])


def _best_first(way: tuple[Outcome, str]) -> tuple[int, str]:
    rules, person = way
    return OUTCOMES.index(rules), person


def _vintages(loans: Iterable[ObservedLoan], until: date) -> Iterator[VintageRow]:
    months: defaultdict[str, list[ObservedLoan]] = defaultdict(list)
    for one in loans:
        months[f"{one.decided:%Y-%m}"].append(one)
    for month, found in sorted(months.items()):
        reached = months_on_book(max(one.begun for one in found), until)
        cells = []
        for age in AGES:
            known = [bad for one in found if (bad := one.bad_at(age)) is not None]
            cells.append(VintageCell(age, LoanCounts(len(known), sum(known)), age <= reached))
        yield VintageRow(month, len(found), tuple(cells))


def _forecast(impact: ImpactReport, came: Mapping[str, Counter[Outcome]]) -> Forecast:
    digest = impact.subject.other_digest
    n = impact.coverage.compared
    exact = digest in came
    counts = came[digest] if exact else sum(came.values(), Counter[Outcome]())
    every = counts.total()
    meant = Counter({Outcome(one.outcome): round(one.after.share * n) for one in impact.rates})
    rows = (
        ForecastRow(
            one,
            rate.after,
            share_of(counts[one], every),
            difference=_difference(meant, counts, one),
        )
        for one, rate in zip(meant, impact.rates, strict=True)
        if every
    )
    return Forecast(impact.subject.other, digest, n, of=every, exact=exact, rows=tuple(rows))


def _largest_first(item: tuple[str, Counter[Outcome]]) -> tuple[int, str]:
    name, counts = item
    return -counts.total(), name


def _groups(tally: MonitorTally, keys: Set[str]) -> Groups:
    found: defaultdict[str, Counter[Outcome]] = defaultdict(Counter)
    for group, outcome in tally.grouped.values():
        found[group][outcome] += 1
    ordered = sorted(found.items(), key=_largest_first)
    shown = [(name, counts) for name, counts in ordered if counts.total() >= SMALLEST_CELL]
    rows: list[GroupRow] = []
    for place, (name, counts) in enumerate(shown):
        # The largest group is what the others are compared with; it has no difference to itself.
        against = OUTCOMES if place else ()
        differences = tuple(_difference(shown[0][1], counts, one) for one in against)
        rows.append(GroupRow(name, shares_of(counts), differences))
    pooled = sum(counts.total() for _, counts in ordered[len(shown) :])
    return Groups(tuple(rows), pooled, len(keys - tally.matched))


def _difference(before: Counter[Outcome], after: Counter[Outcome], outcome: Outcome) -> Interval:
    first = ArmCount(before.total(), before[outcome])
    second = ArmCount(after.total(), after[outcome])
    return Interval(second.rate - first.rate, *difference_interval(first, second))
