"""An application as it came in, checked on the wire and free of protobuf."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from decision_service.domain.factor import Value
from decision_service.domain.person import GivenApplicant
from decision_service.pipeline.decide.record_codec import value_to_wire
from decision_service.pipeline.ports import ReplyStyle

BASIC = ReplyStyle(full=False)


class Application(msgspec.Struct, frozen=True):
    """One request to decide.

    `request_id` is empty when the client sent none. `inputs` holds what the client sent, with
    `requested_amount` (Money) and `requested_term_months` (int) among them. `wait_timeout` is in
    seconds. `applicant` is who applies, as the client says; it is compared in memory, and neither
    stored nor logged.
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

    def content(self) -> bytes:
        """SHA-256 of what makes two requests the same: every known field but `wait_timeout`."""
        fields = [
            self.user_id,
            self.product,
            self.application_id,
            self.customer_ref,
            [[name, value_to_wire(self.inputs[name])] for name in sorted(self.inputs)],
            self.style.full,
        ]
        return hashlib.sha256(msgspec.msgpack.encode(fields)).digest()
