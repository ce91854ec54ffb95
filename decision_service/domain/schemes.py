"""Which social security schemes keep whose record: whom to ask an applicant to connect."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

import msgspec

from decision_service.build import packaged
from decision_service.domain.snapshot import Snapshot


class EmployerKind(StrEnum):
    """What somebody works for, as schemes tell it apart."""

    PRIVATE = "PRIVATE"
    GOVERNMENT = "GOVERNMENT"
    UNIFORMED = "UNIFORMED"


class _Country(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schemes: Mapping[str, tuple[str, ...]]
    employers: Mapping[EmployerKind, tuple[str, ...]]


_COUNTRIES = packaged(__package__, "schemes.yaml", dict[str, _Country])
_WORD = re.compile(r"\w+")
_LATELY = timedelta(days=92)
"""How old the newest payslip of an employer may be who still counts as one."""


def country_of(currency: str) -> str:
    """The country of a currency by its first letters: PH of PHP; of a shared one no country's."""
    # A shared currency, such as EUR, begins with the letters of no country.
    return currency[:2]


def schemes_of(country: str, employer: EmployerKind | None) -> tuple[str, ...]:
    """The ids of the schemes of a country, the likeliest first; none of a country without any."""
    found = _COUNTRIES.get(country)
    return () if found is None else found.schemes[employer or "UNKNOWN"]


def employer_kind(snapshot: Snapshot, country: str, today: date) -> EmployerKind | None:
    """What an applicant works for now; None without an employer, and where they differ.

    Open employments say so, and without any the payslips of the last three months.
    """
    kinds = {_kind_of(name, country) for name in _employers(snapshot, today)}
    # Employers of two kinds would point to different schemes: none is better than a wrong one.
    return kinds.pop() if len(kinds) == 1 else None


def _employers(snapshot: Snapshot, today: date) -> Collection[str]:
    jobs = () if snapshot.employments is None else snapshot.employments.records
    still = _named(job.employer for job in jobs if job.end is None or job.end >= today)
    if still:
        return still
    paid = () if snapshot.incomes is None else snapshot.incomes.records
    since = today - _LATELY
    return _named(one.employer for one in paid if (one.end or one.start) >= since)


def _named(names: Iterable[str | None]) -> set[str]:
    return {name for name in names if name}


@lru_cache(maxsize=4096)
def _kind_of(name: str, country: str) -> EmployerKind:
    found = _COUNTRIES.get(country)
    words = f" {' '.join(_WORD.findall(name.casefold().replace('.', '')))} "
    for kind, known in found.employers.items() if found is not None else ():
        if any(f" {one} " in words for one in known):
            return kind
    return EmployerKind.PRIVATE
