"""What each transaction is, by the rules of the policy."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cache

from decision_service.domain.needs import ClassRule, DataPolicy, TransactionClass
from decision_service.domain.snapshot import Transaction


@cache
def plain(text: str) -> str:
    """A text's words without case and punctuation, each after a blank: words fit as they begin."""
    letters = [letter if letter.isalnum() else " " for letter in text.casefold()]
    return "".join(f" {word}" for word in "".join(letters).split())


def fits(rule: ClassRule, provider_id: str, transaction: Transaction) -> bool:
    """Whether one rule speaks of the transaction."""
    if not fnmatchcase(provider_id, rule.provider):
        return False
    if rule.sign == 1 and not transaction.amount > 0:
        return False
    if rule.sign == -1 and not transaction.amount < 0:
        return False
    if not rule.words:
        return True
    description = plain(transaction.description or "")
    return any(plain(word) in description for word in rule.words)


def class_of(
    policy: DataPolicy, provider_id: str, transaction: Transaction
) -> TransactionClass | None:
    """The class that the first fitting rule gives; None is unmapped."""
    for rule in policy.transaction_classes:
        if fits(rule, provider_id, transaction):
            return rule.gives
    return None


def too_much_unmapped(policy: DataPolicy, window: Sequence[tuple[str, Transaction]]) -> bool:
    """Whether over a fifth of the money that moved has no class; pairs of provider, transaction."""
    moved = 0
    unmapped = 0
    for provider_id, transaction in window:
        if transaction.currency != policy.currency:
            continue
        moved = moved + abs(transaction.amount)
        if class_of(policy, provider_id, transaction) is None:
            unmapped = unmapped + abs(transaction.amount)
    return moved > 0 and Fraction(unmapped, moved) > Fraction(20, 100)
