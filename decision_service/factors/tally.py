"""One source's transactions by class: which class each is of, and their sums over a period."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from functools import lru_cache
from operator import attrgetter

import msgspec

from decision_service.domain.needs import ClassRule, TransactionClass
from decision_service.domain.snapshot import Transaction
from decision_service.domain.values import Month
from decision_service.factors.answer import RecordGroup, Weight, five, top_weights

EARNED, FEES, REVERSED, WITHDRAWN, REPAID, MAPPED, UNMAPPED, FOREIGN = range(8)
"""A transaction's place in a source's buckets; REPAID are debits of class LOAN, MAPPED is any
other class."""

BUCKET_OF = {
    TransactionClass.EARNING: EARNED,
    TransactionClass.FEE: FEES,
    TransactionClass.REVERSAL: REVERSED,
    TransactionClass.WITHDRAWAL: WITHDRAWN,
    TransactionClass.TOP_UP: MAPPED,
    TransactionClass.LOAN: MAPPED,
    TransactionClass.OTHER: MAPPED,
}
UNMAPPED_LIMIT = 5
"""More than one part in five (20 %) of the amounts unmapped makes a window UNCLASSIFIED."""

ABROAD = (FOREIGN, FOREIGN, FOREIGN)
OF_EARNINGS = (EARNED,)
OF_NET = (EARNED, FEES, REVERSED)
OF_ALL = tuple(range(FOREIGN))
"""Which buckets a figure is made of."""


_WORD = re.compile(r"[^\W_]+")

Signed = tuple[int, int, int]
"""The bucket of a zero amount, of a credit and of a debit with one description: [sign] is it."""

Phrase = tuple[str, str]
"""What a rule looks for: its first word, which rules out most texts, and all with blanks."""

IndexRange = tuple[int, int]
"""Some neighbours in a run: from which index on, and before which one."""


class Tally(msgspec.Struct, frozen=True, gc=False):
    """Sums in minor units of the ruleset's currency.

    `counts` holds how many transactions each bucket has, `sums` the signed sum of each bucket but
    FOREIGN; `turnover` and `unmapped` are sums of absolute amounts.
    """

    counts: Sequence[int]
    sums: Sequence[int]
    turnover: int
    unmapped: int

    @property
    def foreign(self) -> bool:
        return self.counts[FOREIGN] > 0

    @property
    def net(self) -> int:
        """Earnings after fees and reversals, whatever was given back."""
        return sum([self.sums[bucket] for bucket in OF_NET])

    @property
    def unclassified(self) -> bool:
        return unclassified(self.unmapped, self.turnover)

    def records(self, of: Iterable[int]) -> int:
        return sum([self.counts[bucket] for bucket in of])


def unclassified(unmapped: int, turnover: int) -> bool:
    """Whether more than 20 % of the amounts in a window have no class."""
    return unmapped * UNMAPPED_LIMIT > turnover


class Classifier:
    """The buckets of one provider's transactions by what their descriptions say.

    A rule fits when its sign is the amount's (0 fits any) and one of its words (where it names
    any) begins a word of the description, case and punctuation aside: `withdraw` is in
    "Withdrawal", `fee` is in "fees" and not in "coffee". None is unmapped.
    """

    def __init__(self, provider_id: str, rules: Sequence[ClassRule]) -> None:
        fitting = [rule for rule in rules if _fits(provider_id, rule.provider)]
        self._rules = [(_phrases_of(rule.words), rule) for rule in fitting]
        self._phrases = tuple({phrase: None for phrases, _ in self._rules for phrase in phrases})
        self._signed: dict[tuple[str, ...], Signed] = {}

    def signed(self, description: str | None) -> Signed:
        """The buckets of a description; equal where descriptions are classed alike."""
        text = f" {(description or '').casefold()}"
        said = tuple([p for start, p in self._phrases if start in text and _says(text, start, p)])
        found = self._signed.get(said)
        if found is None:
            found = self._first(said, 0), self._first(said, 1), self._first(said, -1)
            self._signed[said] = found
        return found

    def _first(self, said: Sequence[str], sign: int) -> int:
        for phrases, rule in self._rules:
            if rule.sign in (0, sign) and any(phrase in said for _, phrase in phrases):
                repaid = rule.gives is TransactionClass.LOAN and sign < 0
                return REPAID if repaid else BUCKET_OF[rule.gives]
        return UNMAPPED


@lru_cache(maxsize=4096)
def _fits(provider_id: str, glob: str) -> bool:
    return fnmatchcase(provider_id, glob)


@lru_cache(maxsize=1024)
def _phrases_of(words: tuple[str, ...]) -> Sequence[Phrase]:
    """What a rule looks for; one without words finds its empty phrase in every text."""
    found = [_WORD.findall(word.casefold()) or [""] for word in words or ("",)]
    return tuple([(said[0], _spaced(said)) for said in found])


def _says(text: str, start: str, phrase: str) -> bool:
    """Whether a phrase, whose first word is somewhere in the text, begins a word of it."""
    if phrase in text:
        return True
    if len(phrase) > len(start) + 1:
        return phrase in _spaced(_WORD.findall(text))
    return any(not text[at - 1].isalnum() for at in _places(text, start))


def _places(text: str, start: str) -> Iterator[int]:
    at = text.find(start)
    while at >= 0:
        yield at
        at = text.find(start, at + 1)


def _spaced(words: Sequence[str]) -> str:
    return f" {' '.join(words)}"


class TransactionRun:
    """By date; `sign` is that of all amounts, None of several. What was asked of it is kept."""

    __slots__ = ("_amounts", "_cuts", "_records", "_sums", "_tops", "dates", "sign")

    def __init__(self, records: Sequence[Transaction]) -> None:
        self._records, self.dates = _by_date(records)
        self._amounts = [record.amount for record in self._records]
        self.sign = _sign(self._amounts)
        self._cuts: dict[date, int] = {}
        self._sums: dict[int, int] = {}
        self._tops: dict[IndexRange, Sequence[Weight]] = {}

    def cut(self, day: date) -> int:
        """How many are of earlier days."""
        found = self._cuts.get(day)
        if found is None:
            found = self._cuts[day] = bisect_left(self.dates, day)
        return found

    def total(self, first: int, end: int) -> int:
        """The signed sum of some neighbours; of several that have been added up, a difference."""
        sums = self._sums or {first: 0}
        if first in sums and end in sums:
            return sums[end] - sums[first]
        amount = sum(self._amounts[first:end])
        if first in sums:
            sums[end] = sums[first] + amount
            self._sums = sums
        return amount

    def top(self, first: int, end: int) -> Sequence[Weight]:
        found = self._tops.get((first, end))
        if found is None:
            sizes = self.sizes(first, end)
            found = self._tops[first, end] = top_weights(self._records[first:end], sizes)
        return found

    def largest(self, first: int, end: int) -> int:
        """The largest amount of at least one of them, debits below credits."""
        return max(self._amounts[first:end])

    def lines(self, first: int, end: int) -> Iterable[tuple[date, int]]:
        """The day and amount of some neighbours."""
        return zip(self.dates[first:end], self._amounts[first:end], strict=True)

    def sizes(self, first: int, end: int) -> Sequence[int]:
        amounts = self._amounts[first:end]
        return amounts if self.sign == 1 else list(map(abs, amounts))


class RunSlice:
    """Some neighbours in a run as a heap of evidence; `peak` is their largest absolute amount."""

    __slots__ = ("_end", "_first", "_run", "peak")

    def __init__(self, run: TransactionRun, first: int, end: int) -> None:
        self._run = run
        self._first = first
        self._end = end
        self.peak = max(run.sizes(first, end))

    def top(self) -> Sequence[Weight]:
        return self._run.top(self._first, self._end)


def _sign(amounts: Sequence[int]) -> int | None:
    if amounts[0] > 0:
        return 1 if min(amounts) > 0 else None
    highest = max(amounts)
    return -1 if highest < 0 else 0 if highest == 0 == min(amounts) else None


def _by_date(records: Sequence[Transaction]) -> tuple[Sequence[Transaction], Sequence[date]]:
    """Oldest first; a list that came in order, or newest first, is not sorted again."""
    dates = [record.date for record in records]
    ordered = sorted(dates)
    if dates == ordered:
        return records, ordered
    if dates[::-1] == ordered:
        return records[::-1], ordered
    return sorted(records, key=attrgetter("date")), ordered


Page = Sequence[tuple[int, TransactionRun]]
"""Buckets with the runs in them, of which a bucket may have several; each of one sign."""


def page_of(records: Sequence[Transaction], classifier: Classifier, currency: str) -> Page:
    alike = _alike(records, classifier, currency).items()
    return tuple([part for signed, group in alike for part in _by_sign(signed, group)])


def _alike(
    records: Sequence[Transaction], classifier: Classifier, currency: str
) -> Mapping[Signed, Sequence[Transaction]]:
    groups: dict[str | None, list[Transaction]] = {}
    alike: dict[Signed, list[Transaction]] = {}
    group_of = groups.get
    for record in records:
        if record.currency != currency:
            alike.setdefault(ABROAD, []).append(record)
            continue
        group = group_of(record.description)
        if group is None:
            signed = classifier.signed(record.description)
            group = groups[record.description] = alike.setdefault(signed, [])
        group.append(record)
    return alike


def _by_sign(
    signed: Signed, records: Sequence[Transaction]
) -> Iterator[tuple[int, TransactionRun]]:
    run = TransactionRun(records)
    if run.sign is not None:
        yield signed[run.sign], run
        return
    for sign in (0, 1, -1):
        part = [r for r in records if (r.amount > 0) - (r.amount < 0) == sign]
        if part:
            yield signed[sign], TransactionRun(part)


@lru_cache(maxsize=1200)
def first_of(month: int) -> date:
    """The first day of a month (Month.index); asked for again with each applicant."""
    return Month(month).first_day


class Stretch:
    """The transactions of some pages from a day on and before another one."""

    __slots__ = ("_found", "_tops", "tally")

    def __init__(self, pages: Iterable[Page], begins: date, before: date) -> None:
        every = [(b, run, run.cut(begins), run.cut(before)) for page in pages for b, run in page]
        self._found = [(b, run, first, end) for b, run, first, end in every if first < end]
        self._tops: dict[int, Sequence[Weight]] = {}
        self.tally = _added_up(self._found)

    def edges(self) -> tuple[date, date] | None:
        if not self._found:
            return None
        firsts = [run.dates[first] for _, run, first, _ in self._found]
        return min(firsts), max([run.dates[end - 1] for _, run, _, end in self._found])

    def heaviest(self, of: Sequence[int]) -> Sequence[Weight]:
        if len(of) == 1:
            return self._top(of[0])
        return five([weight for bucket in of for weight in self._top(bucket)])

    def heaps(self, bucket: int) -> tuple[RecordGroup, ...]:
        return tuple([RunSlice(run, first, end) for run, first, end in self._of(bucket)])

    def earning_days(self) -> set[date]:
        return {day for run, first, end in self._of(EARNED) for day in run.dates[first:end]}

    def by_day(self, bucket: int) -> Mapping[date, list[int]]:
        """The amounts of a bucket on each day that has one."""
        found: dict[date, list[int]] = {}
        for run, first, end in self._of(bucket):
            for day, amount in run.lines(first, end):
                found.setdefault(day, []).append(amount)
        return found

    def last_earning(self) -> date | None:
        return max([run.dates[end - 1] for run, _, end in self._of(EARNED)], default=None)

    def largest_earning(self) -> int:
        return max([run.largest(first, end) for run, first, end in self._of(EARNED)], default=0)

    def _of(self, bucket: int) -> Sequence[tuple[TransactionRun, int, int]]:
        return [(run, first, end) for b, run, first, end in self._found if b == bucket]

    def _top(self, bucket: int) -> Sequence[Weight]:
        found = self._tops.get(bucket)
        if found is None:
            tops = [run.top(first, end) for run, first, end in self._of(bucket)]
            found = tops[0] if len(tops) == 1 else five([each for top in tops for each in top])
            self._tops[bucket] = found
        return found


def month_of_page(page: Page, month: int) -> Stretch:
    return Stretch((page,), first_of(month), first_of(month + 1))


def _added_up(found: Sequence[tuple[int, TransactionRun, int, int]]) -> Tally:
    counts = [0] * (FOREIGN + 1)
    sums = [0] * FOREIGN
    turnovers = [0] * FOREIGN
    for bucket, run, first, end in found:
        counts[bucket] += end - first
        if bucket != FOREIGN:
            amount = run.total(first, end)
            sums[bucket] += amount
            turnovers[bucket] += abs(amount)
    return Tally(counts, sums, sum(turnovers), unmapped=turnovers[UNMAPPED])
