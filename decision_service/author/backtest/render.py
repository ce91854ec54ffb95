"""An impact report in HTML and JSON, and its first sentences; what it says is in `templates`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from math import ceil, floor
from typing import Protocol, TypeVar

import msgspec

from decision_service.author.backtest.report import SMALLEST_CELL, ImpactReport
from decision_service.build import templates
from decision_service.domain.values import to_major
from decision_service.rollout.impact import MOST_ROWS, Interval, Share


def percent(share: float) -> str:
    """`61.2 %`."""
    return f"{share * 100:.1f} %"


def rate(one: Share) -> str:
    """`61.2 % (58.0 to 64.3)`."""
    return f"{percent(one.share)} ({one.low * 100:.1f} to {one.high * 100:.1f})"


def interval(one: Interval) -> str:
    """`-4.8 points (-6.1 to -3.6)`."""
    bounds = f"({one.low * 100:+.1f} to {one.high * 100:+.1f})"
    return f"{one.difference * 100 + 0.0:+.1f} points {bounds}"


def money(minor: int | None, currency: str) -> str:
    """`PHP 1,234,567`, rounded to whole major units; a dash where there is none."""
    return "–" if minor is None else f"{currency} {to_major(minor, currency):,.0f}"


def number(many: int | None) -> str:
    return "–" if many is None else f"{many:,}"


def sentences(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def fitted(shares: Iterable[float]) -> tuple[float, float]:
    """The ends of an axis that shows these shares: whole steps of 1 to 25 points around them."""
    every = [*shares]
    low = min(every)
    high = max(every)
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.25) if high - low <= 4 * s + 1e-9)
    first = min(floor(low / step + 1e-9), round(1 / step) - 1)
    return first * step, max(ceil(high / step - 1e-9), first + 1) * step


_PLAIN = templates(__package__, keep_trailing_newline=False, extensions=["jinja2.ext.do"])
_FILTERS = (percent, rate, interval, money, number, sentences)
_PLAIN.filters.update({one.__name__: one for one in _FILTERS})
_PLAIN.globals.update(fitted=fitted, smallest_cell=SMALLEST_CELL, most_rows=MOST_ROWS)
PAGES = _PLAIN.overlay(autoescape=True)


class ReportFormat(StrEnum):
    HTML = "html"
    JSON = "json"


def rendered(report: ImpactReport, form: ReportFormat) -> str:
    if form is ReportFormat.JSON:
        return encoded(report).decode()
    text = PAGES.get_template("report.j2").render(report=report, form="html.j2")
    return f"{text.strip()}\n"


def headline(report: ImpactReport) -> list[str]:
    """The first sentences of a report."""
    return _said("headline", report)


def honesty(report: ImpactReport) -> list[str]:
    """How far a report can be trusted."""
    return _said("honesty", report)


def _said(part: str, report: ImpactReport) -> list[str]:
    return sentences(getattr(_PLAIN.get_template("sentences.j2").module, part)(report))


class Figures(Protocol):
    """A report that has a digest of its own figures."""

    @property
    def digest(self) -> str:
        """The SHA-256 in hex."""


R = TypeVar("R", bound=Figures)


def encoded(report: Figures) -> bytes:
    """The document; the same report gives the same bytes."""
    body = {**msgspec.to_builtins(report), "sha256": report.digest}
    return msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"


def decoded(document: bytes, kind: type[R]) -> R:
    """The report of a document; raises msgspec.DecodeError, also where its own digest is wrong."""
    report = msgspec.json.decode(document, type=kind)
    body = msgspec.json.decode(document)
    said = body.pop("sha256", None)
    # proofs are no figures; what an earlier release wrote besides is a part of its document
    body.pop("proofs", None)
    if said != hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest():
        raise msgspec.ValidationError("its figures are not those of its own `sha256`")
    return report
