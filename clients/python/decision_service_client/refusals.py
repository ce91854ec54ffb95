"""Why a call failed, read from the details of an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_status import rpc_status


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error of the service: branch on `reason`, which is empty where gRPC itself has failed.

    `metadata` has the values of the message. `retry_after` is in seconds, None where the same call
    would fail again. `wrong_fields` says by field what is wrong with each.
    """

    code: grpc.StatusCode
    message: str
    reason: str
    metadata: Mapping[str, str]
    retry_after: float | None
    wrong_fields: Mapping[str, str]


def refusal_of(error: grpc.RpcError) -> Refusal:
    """What an error of a stub says; errors of asyncio too."""
    call: Any = error  # every RpcError that a stub raises is a grpc.Call as well
    status = rpc_status.from_call(call)
    info, retry, bad = ErrorInfo(), RetryInfo(), BadRequest()
    found = {
        type(kind)
        for detail in (status.details if status else ())
        for kind in (info, retry, bad)
        if detail.Unpack(kind)
    }
    return Refusal(
        code=call.code(),
        message=call.details() or "",
        reason=info.reason,
        metadata=dict(info.metadata),
        retry_after=retry.retry_delay.ToTimedelta().total_seconds() if RetryInfo in found else None,
        wrong_fields={one.field: one.description for one in bad.field_violations},
    )
