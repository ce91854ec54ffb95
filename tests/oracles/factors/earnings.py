"""What a gig account's transactions earn in a month: reversals count up to what was taken."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from decision_service.domain.needs import TransactionClass

TAKEN = (TransactionClass.FEE, TransactionClass.REVERSAL)
Move = tuple[int, Fraction, TransactionClass | None]
"""A transaction's month, amount and class."""


def taken(moves: Iterable[Move], month: int) -> Fraction:
    """The fees and the earnings taken back in a month, as a positive amount."""
    found = Fraction(0)
    for when, amount, cls in moves:
        if when == month and amount < 0 and cls in TAKEN:
            found = found - amount
    return found


def given_back(moves: Iterable[Move], month: int) -> Fraction:
    """What reversals brought in a month, at most what was taken in it and in the one before."""
    brought = [
        amount
        for when, amount, cls in moves
        if when == month and amount > 0 and cls is TransactionClass.REVERSAL
    ]
    limit = taken(moves, month) + taken(moves, month - 1)
    return min(sum(brought, Fraction(0)), limit)


def net(moves: list[Move], month: int) -> Fraction:
    """Earnings less fees and earnings taken back, with reversals up to their limit."""
    found = given_back(moves, month)
    for when, amount, cls in moves:
        if when != month:
            continue
        if cls in (TransactionClass.EARNING, TransactionClass.FEE):
            found = found + amount
        if cls is TransactionClass.REVERSAL and amount < 0:
            found = found + amount
    return found
