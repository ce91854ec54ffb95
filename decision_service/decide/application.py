"""An application as it came in, and how it is recognised when it is repeated."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

import msgspec

from decision_service.decide.codec import value_to_wire
from decision_service.decide.identity import KEY_ID_BYTES, IdentityKey
from decision_service.domain.factor import Value
from decision_service.domain.person import GivenApplicant, Match
from decision_service.domain.ports import ReplyStyle

BASIC = ReplyStyle(full=False)

_REQUEST = b"R"
PLAIN_BYTES = 32
"""The digest of a request, before the hash of its applicant where there is one."""


class EarlierDecision(msgspec.Struct, frozen=True):
    """`first` began the chain; `match` is kept, since the applicant's words are not."""

    first: str
    replaced: str
    match: Match | None = None


class Application(msgspec.Struct, frozen=True):
    """One request to decide.

    `request_id` is empty when the client sent none. `inputs` holds what the client sent, with
    `requested_amount` (Money) and `requested_term_months` (int) among them. `wait_timeout` is in
    seconds. `applicant` is who applies, as the client says; it is compared in memory, and neither
    stored nor logged. `earlier` is set where it is decided again.
    """

    request_id: str
    user_id: str
    product: str
    application_id: str = ""
    customer_ref: str = ""
    inputs: Mapping[str, Value] = msgspec.field(default_factory=dict)
    wait_timeout: float = 0.0
    style: ReplyStyle = BASIC
    applicant: GivenApplicant | None = None
    earlier: EarlierDecision | None = None

    def content(self, *, full: bool | None = None) -> bytes:
        """SHA-256 of every field but `wait_timeout`, in another view where `full` is given.

        Of the applicant only whether one was sent; `request_content` has the rest. Requests that
        differ in their view alone are the same: see `is_recorded_in_full`.
        """
        fields = [
            self.user_id,
            self.product,
            self.application_id,
            self.customer_ref,
            [[name, value_to_wire(self.inputs[name])] for name in sorted(self.inputs)],
            self.style.full if full is None else full,
            *([] if self.applicant is None else ["applicant"]),
        ]
        return hashlib.sha256(msgspec.msgpack.encode(fields)).digest()


def request_content(application: Application, caller: str, secrets: Sequence[IdentityKey]) -> bytes:
    """What is stored of a request to recognise it; the hash is under the first of the secrets."""
    plain = application.content()
    if application.applicant is None or not secrets:
        return plain
    return plain + _keyed(application, caller, secrets[0])


def is_same_request(
    stored: bytes, application: Application, caller: str, secrets: Sequence[IdentityKey]
) -> bool:
    """In whichever view; a hash under a secret that is gone leaves the digest to decide."""
    if is_recorded_in_full(stored, application) is None:
        return False
    key_id = hashed_under(stored)
    secret = next((one for one in secrets if one.id == key_id), None)
    if secret is None:
        return True
    return hmac.compare_digest(stored[PLAIN_BYTES:], _keyed(application, caller, secret))


def hashed_under(stored: bytes) -> bytes:
    """The id of the secret under which stored content has a hash; empty without one."""
    start = PLAIN_BYTES + len(_REQUEST)
    return stored[start : start + KEY_ID_BYTES]


def is_recorded_in_full(stored: bytes, application: Application) -> bool | None:
    """Whether the reply recorded with stored content is in FULL view; None of another request."""
    asked = application.style.full
    for full in (asked, not asked):
        if hmac.compare_digest(stored[:PLAIN_BYTES], application.content(full=full)):
            return full
    return None


def _keyed(application: Application, caller: str, secret: IdentityKey) -> bytes:
    """Another hash for each request, so that equal ones do not tell of one person."""
    fields = [caller, application.request_id, application.user_id, application.applicant]
    return secret.hash(_REQUEST, msgspec.json.encode(fields).decode())
