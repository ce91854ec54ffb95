"""What a gig account's transactions earn in a month: a fee is given back once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fractions import Fraction

from decision_service.domain.needs import TransactionClass
from decision_service.domain.values import Month

TAKEN = (TransactionClass.FEE, TransactionClass.REVERSAL)
Move = tuple[date, Fraction, TransactionClass | None]
"""The day, amount and class of one of an account's transactions since the 13th month before."""


def taken(moves: Iterable[Move], until: date) -> Fraction:
    """The fees and the earnings taken back up to a day, as a positive amount."""
    found = Fraction(0)
    for when, amount, cls in moves:
        if when <= until and amount < 0 and cls in TAKEN:
            found = found - amount
    return found


def unexplained(moves: list[Move]) -> list[tuple[date, Fraction]]:
    """The rest of every reversal that no fee explains which an earlier one has not used."""
    brought = [
        (when, amount)
        for when, amount, cls in moves
        if amount > 0 and cls is TransactionClass.REVERSAL
    ]
    used = Fraction(0)
    found = []
    for when, amount in sorted(brought):
        counts = min(amount, taken(moves, when) - used)
        used = used + counts
        found.append((when, amount - counts))
    return found


def net(moves: list[Move], month: int) -> Fraction:
    """Earnings less fees and earnings taken back, with the reversals that fees explain."""
    kept = (TransactionClass.EARNING, *TAKEN)
    given = sum(
        (amount for when, amount, cls in moves if Month.of(when).index == month and cls in kept),
        Fraction(0),
    )
    rests = [rest for when, rest in unexplained(moves) if Month.of(when).index == month]
    return given - sum(rests, Fraction(0))
