"""Methods of a service as grpc wants them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import grpc
from google.protobuf.message import Message

Methods: TypeAlias = "dict[str, grpc.RpcMethodHandler[object, object]]"
"""A service's methods by name."""


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def unary(
    behaviour: Callable[..., object],
    request: type[Message],
    serialize: Callable[..., bytes] = _serialize,
) -> grpc.RpcMethodHandler[object, object]:
    """One message in, one out; `serialize` is for replies that are bytes already."""
    return grpc.unary_unary_rpc_method_handler(
        behaviour, request_deserializer=request.FromString, response_serializer=serialize
    )
