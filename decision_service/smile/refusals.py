"""What callers are told where nothing came of a request to the vendor."""

from __future__ import annotations

from decision_service.domain.errors import ServiceError, UpstreamUnavailable
from decision_service.smile.errors import Fault, KeysRefused, Refused

RETRY_AFTER = 5.0


def refusal(fault: Fault) -> ServiceError:
    """What a caller is told where nothing came of its request."""
    if isinstance(fault, Refused | KeysRefused):
        return fault.refusal()
    return UpstreamUnavailable(
        f"Smile could not be asked now ({fault.code or fault.cause}); send the request again in "
        f"{RETRY_AFTER:.0f} s",
        retry_after=RETRY_AFTER,
    )
