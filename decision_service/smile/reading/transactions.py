"""When transactions count as income."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from decision_service.domain.accounts import DISCONNECTED
from decision_service.domain.snapshot import Account

IsGig = Callable[[str], bool]


def may_count_as_income(accounts: Iterable[Account], is_gig: IsGig) -> bool:
    """Whether some account is of a GIG provider and not disconnected.

    An account in error counts: only its transactions show whether it ever delivered data.
    """
    return any(
        one.connection_status != DISCONNECTED and is_gig(one.provider_id) for one in accounts
    )
