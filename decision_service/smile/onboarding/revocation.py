"""Revoking a user's accounts: as many as can be seen, and telling what is left."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote

from decision_service.domain.accounts import DISCONNECTED
from decision_service.domain.errors import ServiceError, UpstreamUnavailable
from decision_service.smile.client import Vendor
from decision_service.smile.errors import RETRY_AFTER, Fault, Gone
from decision_service.smile.mapping.decoding import BareDecoder
from decision_service.smile.reading.applicant import Applicant
from decision_service.smile.transport.http import Ask

_DONE = BareDecoder("accounts")
_NAMED = 10


async def revoke_accounts(vendor: Vendor, reader: Applicant) -> int:
    """Revoke every account that is listed and not disconnected; how many.

    One that fails, or a list that cannot be read to its end, holds up no other. Raises
    UpstreamUnavailable, which names what is left, and the fault's refusal where nothing was done.
    """
    try:
        listed, cut = await reader.visible()
    except Gone:
        return 0
    except Fault as fault:
        raise fault.refusal() from None
    wanted = [one for one, status in listed.items() if status != DISCONNECTED]
    failed: dict[str, Fault] = {}
    for account_id in wanted:
        try:
            await _revoke(vendor, reader, account_id)
        except Fault as fault:
            failed[account_id] = fault
    if failed or cut:
        raise _unfinished(len(wanted) - len(failed), failed, cut)
    return len(wanted)


async def _revoke(vendor: Vendor, reader: Applicant, account_id: str) -> None:
    ask = Ask(f"/accounts/{quote(account_id, safe='')}", method="DELETE")
    with suppress(Gone):
        await vendor.get(ask, _DONE, reader.allowance)


def _unfinished(revoked: int, failed: Mapping[str, Fault], cut: Fault | None) -> ServiceError:
    """What the caller is told where not everything was revoked."""
    if not revoked and cut is None:
        return next(iter(failed.values())).refusal()
    done = "1 account was revoked" if revoked == 1 else f"{revoked} accounts were revoked"
    left = [f"{_names(failed)} could not be" if failed else ""]
    left.append(f"the list of accounts could not be read to its end ({_why(cut)})" if cut else "")
    return UpstreamUnavailable(
        f"{done} at Smile, but {' and '.join(filter(None, left))}; send the request again in "
        f"{RETRY_AFTER:.0f} s, and have Smile revoke what is left if it cannot be then either",
        retry_after=RETRY_AFTER,
        revoked_accounts=revoked,
        **({"accounts_left": ",".join([*failed][:_NAMED])} if failed else {}),
        **({"list_failure": _why(cut)} if cut else {}),
    )


def _names(failed: Mapping[str, Fault]) -> str:
    named = [f"{one} ({_why(fault)})" for one, fault in [*failed.items()][:_NAMED]]
    more = [f"{len(failed) - _NAMED} others"] if len(failed) > _NAMED else []
    return ", ".join(named + more)


def _why(fault: Fault) -> str:
    return str(fault.code or fault.cause)
