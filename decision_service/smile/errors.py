"""Errors inside the adapter; each becomes a fault of the snapshot or an error of the port."""

from __future__ import annotations

from decision_service.domain.accounts import Kind
from decision_service.domain.errors import SmileError, UpstreamBudgetExhausted, UpstreamUnavailable
from decision_service.domain.values import Cause, DataReason, Missing

RETRY_AFTER = 5.0
"""Seconds after which a caller may send a request again that the vendor did not answer."""


class UpstreamFault(Exception):
    """No usable evidence: `cause` and `code` say why, `detail` is a field path or count."""

    def __init__(self, cause: Cause, code: DataReason | None, detail: str | None = None) -> None:
        super().__init__(code or cause)
        self.cause = cause
        self.code = code
        self.detail = detail

    @property
    def blames_vendor(self) -> bool:
        """Whether the circuit breaker counts the fault: the vendor gave no answer, or a 5xx."""
        return False

    def refusal(self) -> SmileError:
        return UpstreamUnavailable(
            f"Smile could not be asked now ({self.code or self.cause}); send the request again in "
            f"{RETRY_AFTER:.0f} s",
            retry_after=RETRY_AFTER,
        )

    def missing(self, kind: Kind, source: str | None = None) -> Missing:
        return Missing(self.cause, self.code, kind, source=source, detail=self.detail)


class TransientFault(UpstreamFault):
    """A fault that a retry may overcome.

    `throttled` when the vendor asked for fewer requests, for `after` seconds where it said so;
    `slow` when the attempt ran out of its time.
    """

    def __init__(
        self,
        code: DataReason,
        detail: str | None = None,
        *,
        throttled: bool = False,
        after: float | None = None,
        slow: bool = False,
    ) -> None:
        super().__init__(Cause.SOURCE_FAILED, code, detail)
        self.throttled = throttled
        self.after = after
        self.slow = slow

    @property
    def blames_vendor(self) -> bool:
        # A 429 or a body that was cut off comes from a vendor that is up.
        return self.code in {DataReason.UPSTREAM_UNAVAILABLE, DataReason.UPSTREAM_TIMEOUT}


class Gone(UpstreamFault):
    """The vendor has no such resource, or has erased it."""

    def __init__(self) -> None:
        super().__init__(Cause.SOURCE_FAILED, DataReason.DATA_GONE)


class KeysRefused(UpstreamFault):
    """The vendor refused the API key pair, or the data that it asked for."""

    def __init__(self, status: int) -> None:
        super().__init__(Cause.SOURCE_FAILED, DataReason.UPSTREAM_UNAVAILABLE, f"HTTP {status}")
        self.status = status

    def refusal(self) -> SmileError:
        return UpstreamUnavailable(
            f"Smile refused this service's API key pair with HTTP {self.status}; an operator "
            "must check the key, the secret and the mode they belong to",
            retry_after=60.0,
            status=self.status,
        )


class NotSubscribed(UpstreamFault):
    """The key pair does not include this product; other requests go on."""

    def __init__(self) -> None:
        super().__init__(Cause.NO_DATA, None)


class UntrustedCertificate(UpstreamFault):
    """TLS failed on a certificate that is not trusted; no retry helps, and an alarm is raised."""

    def __init__(self) -> None:
        super().__init__(Cause.SOURCE_FAILED, DataReason.UPSTREAM_UNAVAILABLE, "TLS")

    @property
    def blames_vendor(self) -> bool:
        return True


class ConflictingItems(UpstreamFault):
    """One id came with two contents in one list."""

    def __init__(self) -> None:
        super().__init__(Cause.BAD_DATA, DataReason.DATA_CHANGED_DURING_READ)


class OutOfTime(UpstreamFault):
    def __init__(self) -> None:
        super().__init__(Cause.NOT_FETCHED, DataReason.UPSTREAM_TIMEOUT)


class NotSent(UpstreamFault):
    """No request was sent; `retry_after` in seconds."""

    def __init__(self, code: DataReason, retry_after: float) -> None:
        super().__init__(Cause.NOT_FETCHED, code)
        self.retry_after = retry_after


class CircuitOpen(NotSent):
    """The vendor failed too often lately and is left alone until the next probe."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(DataReason.UPSTREAM_UNAVAILABLE, retry_after)

    def refusal(self) -> SmileError:
        return UpstreamUnavailable(
            f"Smile has failed repeatedly and is asked again in {self.retry_after:.1f} s; "
            "send the request again then",
            retry_after=self.retry_after,
        )


class NoPermit(NotSent):
    """The vendor's rate limit leaves no permit before the deadline."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(DataReason.UPSTREAM_RATE_LIMITED, retry_after)

    def refusal(self) -> SmileError:
        return UpstreamBudgetExhausted(
            f"Smile's request limit leaves no room before the deadline; send the request again "
            f"in {self.retry_after:.1f} s",
            retry_after=self.retry_after,
        )


def bad_data(code: DataReason, path: str) -> UpstreamFault:
    """An answer came but cannot be used: `path` names the field, never its value."""
    return UpstreamFault(Cause.BAD_DATA, code, path)
