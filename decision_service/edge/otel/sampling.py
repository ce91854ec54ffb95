"""Which calls are traced: decided before anything is done for a span, which costs most of it."""

from __future__ import annotations

import os
import random
import re

import grpc
import msgspec
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler

from decision_service.edge.otel.environment import VariableRefused

_FLAGS = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-([0-9a-f]{2})", re.ASCII)
_SHARES = {"parentbased_always_on": 1.0, "parentbased_always_off": 0.0}
_RATIO = "parentbased_traceidratio"


class ParentOrShare(msgspec.Struct, frozen=True):
    """A call is traced where its caller's trace is; of calls without one, a `share` (0 to 1)."""

    share: float

    def __call__(self, details: grpc.HandlerCallDetails) -> bool:
        """Whether this call is traced."""
        for key, value in details.invocation_metadata or ():
            found = _FLAGS.match(value) if key == "traceparent" and isinstance(value, str) else None
            if found is not None:
                return bool(int(found[1], 16) & 1)
        return random.random() < self.share  # noqa: S311 - a sample, no secret


def head_sampling() -> tuple[ParentOrShare | None, Sampler | None]:
    """By `OTEL_TRACES_SAMPLER`: what precedes a span, and the sampler of what that lets through.

    None twice for samplers that are not parent-based, which the SDK makes. Raises VariableRefused.
    """
    name = os.environ.get("OTEL_TRACES_SAMPLER") or "parentbased_always_on"
    if name != _RATIO and name not in _SHARES:
        return None, None
    share = _ratio() if name == _RATIO else _SHARES[name]
    return ParentOrShare(share), ParentBased(ALWAYS_ON)


def _ratio() -> float:
    text = os.environ.get("OTEL_TRACES_SAMPLER_ARG") or "1.0"
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise VariableRefused(
            f"OTEL_TRACES_SAMPLER_ARG is {text!r}: it takes a share of calls from 0 to 1, as 0.1"
        )
    return ratio
