"""The monitoring report: its rows, counted from recorded decisions and loans."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from decision_service.domain.decision import Outcome
from decision_service.domain.factor import FactorValue
from decision_service.rollout.impact import OUTCOMES, Interval, Share, share_of
from decision_service.rollout.judge import ArmCount, difference_interval
from decision_service.workbench.backtest.report import SMALLEST_CELL, ImpactReport
from decision_service.workbench.monitor.drift import DriftRow, Histogram, Scale, drift_of

AGES = (1, 2, 3, 4, 5, 6, 9, 12)
"""Months on book at which vintages are looked at."""

_BY_CHANCE = 0.001
"""How improbable it must be by chance that a provider's applicants all come late, or early."""


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


class LoanState(msgspec.Struct, frozen=True):
    """What a loan's newest report up to an age says; a closed loan stays as it is."""

    age: int
    bad: bool
    closed: bool


class ObservedLoan(msgspec.Struct, frozen=True):
    """A loan that was taken up, with its states by age."""

    decision_id: str
    decided: date
    states: tuple[LoanState, ...]

    @property
    def bad(self) -> bool:
        return self.states[-1].bad

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
    loans: int
    bad: int
    bad_rate: Share | None = None


class VintageCell(msgspec.Struct, frozen=True):
    """The loans of a month that are known at an age; `mature` where all of them have reached it."""

    age: int
    loans: int
    bad: int
    mature: bool
    bad_rate: Share | None = None


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
    """The population that is compared with, as it was frozen."""

    since: date
    until: date
    applicants: int
    histograms: tuple[Histogram, ...]
    file: str = ""


class Given(msgspec.Struct, frozen=True):
    """What an analyst brings to compare with; groups are by decision or customer."""

    baseline: Baseline | None = None
    forecast: ImpactReport | None = None
    groups: Mapping[str, str] | None = None


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
        self._finders = {scale: scale.finder() for scale in scales}
        self._counts = {scale: [0] * len(scale.bins) for scale in self._finders}
        self._seen: set[str] = set()

    @property
    def applicants(self) -> int:
        return len(self._seen)

    def add(self, one: ObservedDecision) -> bool:
        """Whether it was an applicant's first."""
        if one.values is None or one.user_id in self._seen:
            return False
        self._seen.add(one.user_id)
        for scale, find in self._finders.items():
            place = find(one.values.get(scale.name))
            if place is not None:
                self._counts[scale][place] += 1
        return True

    def histograms(self, scales: Iterable[Scale]) -> tuple[Histogram, ...]:
        return tuple(Histogram(scale, tuple(self._counts[scale])) for scale in scales)


class MonitorTally:
    """All counts of a report; decisions come oldest first.

    `reviewed` are the outcomes that persons decided, `bad` whether loans went bad, `groups` the
    analyst's groups: each by decision, groups by customer as well.
    """

    def __init__(
        self,
        zone: ZoneInfo,
        scales: Iterable[Scale],
        reviewed: Mapping[str, Outcome],
        bad: Mapping[str, bool],
        groups: Mapping[str, str],
    ) -> None:
        self.population = PopulationTally(scales)
        self.volume: Counter[tuple[date, int, str, Outcome, str]] = Counter()
        self.marks: list[Mark] = []
        self.first_by_rules: dict[str, Counter[Outcome]] = {}
        self.judged: Counter[tuple[Outcome, str]] = Counter()
        self.loans: Counter[tuple[Outcome, str, bool]] = Counter()
        self.grouped: dict[str, Counter[Outcome]] = {}
        self.matched: set[str] = set()
        self._zone, self._reviewed, self._bad, self._groups = zone, reviewed, bad, groups
        self._in_group: set[str] = set()
        self._known: dict[MarkKind, set[str]] = {MarkKind.RULES: set(), MarkKind.PROGRAM: set()}
        self._providers: dict[str, list[tuple[int, date]]] = {}

    def add(self, one: ObservedDecision) -> None:
        day = one.created.astimezone(self._zone).date()
        self.volume[day, one.version, one.arm, one.outcome, one.reason] += 1
        if one.values is None:
            return
        self._mark(day, MarkKind.RULES, one.digest, f"v{one.version} decides")
        self._mark(day, MarkKind.PROGRAM, one.program, f"program {one.program}")
        if self.population.add(one):
            self.first_by_rules.setdefault(one.digest, Counter())[one.judged] += 1
            for provider in one.providers:
                place = (self.population.applicants, day)
                self._providers.setdefault(provider, []).append(place)
        person = self._reviewed.get(one.decision_id, one.judged)
        way = (one.judged, "" if person is one.judged else person.value)
        self.judged[way] += 1
        if one.decision_id in self._bad:
            self.loans[*way, self._bad[one.decision_id]] += 1
        self._group(one)

    def _group(self, one: ObservedDecision) -> None:
        for key in (one.decision_id, one.customer_ref):
            if key in self._groups:
                self.matched.add(key)
                if one.user_id not in self._in_group:
                    self._in_group.add(one.user_id)
                    final = self._reviewed.get(one.decision_id, one.outcome)
                    self.grouped.setdefault(self._groups[key], Counter())[final] += 1

    def _mark(self, day: date, kind: MarkKind, key: str, text: str) -> None:
        if key not in self._known[kind]:
            if self._known[kind]:
                self.marks.append(Mark(day, kind, text))
            self._known[kind].add(key)

    def vendor_marks(self) -> Iterator[Mark]:
        """Providers that began to be read, or ended, within the days."""
        every = self.population.applicants
        for provider, seen in self._providers.items():
            (first, began), (last, ended), many = seen[0], seen[-1], len(seen)
            if (1 - (first - 1) / every) ** many < _BY_CHANCE:
                yield Mark(began, MarkKind.VENDOR, f"first data of {provider}")
            if (last / every) ** many < _BY_CHANCE:
                yield Mark(ended, MarkKind.VENDOR, f"last data of {provider}")


def report_of(
    subject: MonitorSubject,
    tally: MonitorTally,
    scales: Sequence[Scale],
    steps: Iterable[Mark],
    loans: Iterable[ObservedLoan],
    given: Given,
) -> MonitorReport:
    """The report; `steps` are marks of the rollout's journal."""
    population, baseline, groups = tally.population, given.baseline, given.groups
    compared = () if baseline is None else baseline.histograms
    drift = drift_of(compared, population.histograms(one.scale for one in compared), scales)
    return MonitorReport(
        subject,
        tally.volume.total(),
        population.applicants,
        tuple(sorted(VolumeRow(*key, many) for key, many in tally.volume.items())),
        tuple(_ways(tally.volume)),
        tuple(sorted([*tally.marks, *tally.vendor_marks(), *steps])),
        population.histograms(scales),
        tuple(_overrides(tally)),
        tuple(_vintages(loans, subject.until)),
        baseline,
        drift,
        None if given.forecast is None else _forecast(given.forecast, tally.first_by_rules),
        None if groups is None else _groups(tally, len(groups)),
    )


def shares_of(counts: Mapping[Outcome, int]) -> OutcomeShares:
    """The shares of approvals, referrals and declines among all of these."""
    every = sum(counts.values())
    return OutcomeShares(every, *(share_of(counts.get(one, 0), every) for one in OUTCOMES))


def _ways(volume: Mapping[tuple[date, int, str, Outcome, str], int]) -> Iterator[WayRow]:
    ways: dict[tuple[int, str], Counter[Outcome]] = {}
    for (_, version, arm, outcome, _), many in volume.items():
        if outcome is not Outcome.NOT_ENROLLED:
            ways.setdefault((version, arm), Counter())[outcome] += many
    for (version, arm), counts in sorted(ways.items()):
        yield WayRow(version, arm, shares_of(counts))


def _overrides(tally: MonitorTally) -> Iterator[OverrideRow]:
    every: Counter[Outcome] = Counter()
    for (rules, _), many in tally.judged.items():
        every[rules] += many
    for rules, person in sorted(tally.judged, key=lambda way: (OUTCOMES.index(way[0]), way[1])):
        if person or rules is Outcome.APPROVE:
            many = tally.judged[rules, person]
            good, bad = (tally.loans[rules, person, is_bad] for is_bad in (False, True))
            rate = share_of(bad, good + bad) if good + bad else None
            share = share_of(many, every[rules])
            yield OverrideRow(rules, person, many, share, good + bad, bad, rate)


def _vintages(loans: Iterable[ObservedLoan], until: date) -> Iterator[VintageRow]:
    months: dict[str, list[ObservedLoan]] = {}
    for one in loans:
        months.setdefault(one.decided.isoformat()[:7], []).append(one)
    for month, found in sorted(months.items()):
        # The youngest loan of a month was decided on its last day at the latest.
        end = until + timedelta(days=1)
        reached = (end.year - int(month[:4])) * 12 + end.month - int(month[5:]) - 1
        cells = [_cell(age, found, mature=age <= reached) for age in AGES]
        yield VintageRow(month, len(found), tuple(cells))


def _cell(age: int, loans: Iterable[ObservedLoan], *, mature: bool) -> VintageCell:
    known = [is_bad for one in loans if (is_bad := one.bad_at(age)) is not None]
    bad = sum(known)
    return VintageCell(age, len(known), bad, mature, share_of(bad, len(known)) if known else None)


def _forecast(impact: ImpactReport, came: Mapping[str, Counter[Outcome]]) -> Forecast:
    digest, n = impact.subject.other_digest, impact.coverage.compared
    exact = digest in came
    counts = came[digest] if exact else sum(came.values(), Counter[Outcome]())
    every = counts.total()
    rows = [
        ForecastRow(
            Outcome(one.outcome),
            one.after,
            share_of(counts[Outcome(one.outcome)], every),
            _difference(
                ArmCount(n, round(one.after.share * n)),
                ArmCount(every, counts[Outcome(one.outcome)]),
            ),
        )
        for one in impact.rates
        if every
    ]
    return Forecast(impact.subject.other, digest, n, every, exact, tuple(rows))


def _groups(tally: MonitorTally, keys: int) -> Groups:
    ordered = sorted(tally.grouped.items(), key=lambda item: (-item[1].total(), item[0]))
    shown = [(name, counts) for name, counts in ordered if counts.total() >= SMALLEST_CELL]
    rows = []
    for name, counts in shown:
        largest = shown[0][1]
        differences = (
            _difference(
                ArmCount(largest.total(), largest[outcome]),
                ArmCount(counts.total(), counts[outcome]),
            )
            for outcome in OUTCOMES
            if counts is not largest
        )
        rows.append(GroupRow(name, shares_of(counts), tuple(differences)))
    pooled = sum(counts.total() for _, counts in ordered[len(shown) :])
    return Groups(tuple(rows), pooled, keys - len(tally.matched))


def _difference(first: ArmCount, second: ArmCount) -> Interval:
    return Interval(second.rate - first.rate, *difference_interval(first, second))
