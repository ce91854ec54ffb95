"""The figures of a report, whatever it is printed as."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from decision_service.impact.interval import Interval, Share
from decision_service.impact.proofs import Proofs
from decision_service.impact.sums import CauseRow, MatrixRow, Rate


class BrokenLines(msgspec.Struct, frozen=True):
    """Lines of a file that count nowhere: how many of all, and the numbers of the first."""

    file: str
    broken: int
    lines: int
    first: tuple[int, ...]


class DatedFigure(msgspec.Struct, frozen=True):
    """A figure by its way through the file, with the day on which it changes."""

    day: date
    at: str
    before: str
    after: str


class ReportSubject(msgspec.Struct, frozen=True):
    """What was compared, on whom, and by which program.

    `figures` are those that were set, with the value before and after. `since` and `until` are the
    first and the last decision; `sample` is a share of the applicants, 0 to 1.
    `swept` are the figures of a sweep, `points` their values, `present` those in force. `margins`
    pair each set figure with the values near to it that are tried. `broken` lines of files are in
    no figure. `dated` change soon.
    """

    product: str
    currency: str
    base: str
    base_digest: str
    other: str
    other_digest: str
    figures: tuple[tuple[str, str, str], ...]
    since: str
    until: str
    engine_version: str
    params_as_of: str = ""
    by: tuple[str, ...] = ()
    sample: float = 1.0
    seed: int = 0
    swept: tuple[str, ...] = ()
    points: tuple[tuple[str, ...], ...] = ()
    present: tuple[str, ...] = ()
    margins: tuple[tuple[str, tuple[str, ...]], ...] = ()
    broken: tuple[BrokenLines, ...] = ()
    dated: tuple[DatedFigure, ...] = ()


class Coverage(msgspec.Struct, frozen=True):
    """Who is in the figures and who is not, and why; `unknown` are those left out, by outcome."""

    decisions: int
    repeats: int
    not_enrolled: int
    applicants: int
    reproduced: int
    differing: int
    differing_examples: tuple[str, ...]
    compared: int
    left_out: Mapping[str, int]
    lacking: Mapping[str, int]
    unknown: Mapping[str, int]


class AmountRow(msgspec.Struct, frozen=True):
    """A figure of the amounts among those whom both sides approve; minor units or a count."""

    name: str
    before: int | None
    after: int | None
    money: bool = True


class SegmentRow(msgspec.Struct, frozen=True):
    """A cell of a dimension; intervals allow for how many cells are looked at together."""

    dimension: str
    cell: str
    applicants: int
    before: Share
    after: Share
    difference: Interval
    amount_before: int
    amount_after: int


class LoanRow(msgspec.Struct, frozen=True):
    """The share of known loans that went bad, of those kept in, swapped out or in."""

    group: str
    loans: int
    bad_rate: Share


class SweepPoint(msgspec.Struct, frozen=True):
    """What a point of a sweep would decide; the bad rate is None where no loan is known."""

    values: tuple[str, ...]
    approved: Share
    referred: Share
    amount: int
    bad_rate: Share | None = None


class MarginCurve(msgspec.Struct, frozen=True):
    """What a set figure would decide if it lay elsewhere, judged for so many applicants."""

    figure: str
    value: str
    applicants: int
    points: tuple[SweepPoint, ...]


class ImpactReport(msgspec.Struct, frozen=True):
    """Everything that a report tells, whatever it is printed as; without `proofs` none was asked.

    Proofs are no figures: the digest is the same with them. The cells of `dated` are the days on
    which dated figures change, each with the day before it.
    """

    subject: ReportSubject
    coverage: Coverage
    rates: tuple[Rate, ...]
    matrix: tuple[MatrixRow, ...]
    amounts: tuple[AmountRow, ...]
    causes: tuple[CauseRow, ...]
    reasons: tuple[tuple[str, str, int], ...]
    segments: tuple[SegmentRow, ...]
    pooled: tuple[tuple[str, int, int], ...]
    loans: tuple[LoanRow, ...]
    expect: str
    sweep: tuple[SweepPoint, ...] = ()
    margins: tuple[MarginCurve, ...] = ()
    dated: tuple[SegmentRow, ...] = ()
    proofs: Proofs | UnsetType = UNSET

    @property
    def digest(self) -> str:
        """The SHA-256 of the canonical JSON of all figures."""
        figures = replace(self, proofs=UNSET)
        return hashlib.sha256(msgspec.json.encode(figures, order="sorted")).hexdigest()
