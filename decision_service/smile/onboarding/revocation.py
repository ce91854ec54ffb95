"""Revokes a user's accounts: every account that can be listed, and reports the others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote

from decision_service.domain.accounts import DISCONNECTED
from decision_service.domain.errors import ServiceError, UpstreamUnavailable, UserUnknown
from decision_service.smile.client import SmileApi
from decision_service.smile.errors import RETRY_AFTER, Gone, UpstreamFault
from decision_service.smile.mapping.decoding import BareDecoder
from decision_service.smile.reading.applicant import ApplicantReader
from decision_service.smile.transport.http import Request

_DONE = BareDecoder("accounts")
_NAMED = 10
UNKNOWN = "Smile knows no user with this user_id, or has erased it"


async def revoke_accounts(api: SmileApi, reader: ApplicantReader) -> int:
    """Revoke every account that is listed and not disconnected; how many.

    A failure of one account or of the list's end stops no other revocation. Raises
    UpstreamUnavailable with the accounts that are left, or the fault's refusal where none was done,
    and UserUnknown where the vendor knows no such user.
    """
    try:
        listed, cut = await reader.listed_statuses()
        if not listed and cut is None:
            await reader.check_known()
    except (Gone, UserUnknown):
        raise UserUnknown(UNKNOWN) from None
    except UpstreamFault as fault:
        raise fault.refusal() from None
    wanted = [one for one, status in listed.items() if status != DISCONNECTED]
    failed: dict[str, UpstreamFault] = {}
    for account_id in wanted:
        try:
            await _revoke(api, reader, account_id)
        except UpstreamFault as fault:
            failed[account_id] = fault
    if failed or cut:
        raise _unfinished(len(wanted) - len(failed), failed, cut)
    return len(wanted)


async def _revoke(api: SmileApi, reader: ApplicantReader, account_id: str) -> None:
    request = Request(f"/accounts/{quote(account_id, safe='')}", method="DELETE")
    with suppress(Gone):
        await api.get(request, _DONE, reader.budget)


def _unfinished(
    revoked: int, failed: Mapping[str, UpstreamFault], cut: UpstreamFault | None
) -> ServiceError:
    """The caller's error where not every account was revoked."""
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


def _names(failed: Mapping[str, UpstreamFault]) -> str:
    named = [f"{one} ({_why(fault)})" for one, fault in [*failed.items()][:_NAMED]]
    more = [f"{len(failed) - _NAMED} others"] if len(failed) > _NAMED else []
    return ", ".join(named + more)


def _why(fault: UpstreamFault) -> str:
    return str(fault.code or fault.cause)
