"""Methods of a service as grpc wants them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message

from decision_service.edge.rpc.mapping.problems import Problems, check_texts

Methods: TypeAlias = "dict[str, grpc.RpcMethodHandler[object, object]]"
"""A service's methods by name."""


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def unary(
    behaviour: Callable[..., Awaitable[object]],
    request: type[Message],
    serialize: Callable[..., bytes] = _serialize,
) -> grpc.RpcMethodHandler[object, object]:
    """One message in, one out; `serialize` is for replies that are bytes already."""

    async def checked(message: Message, context: Any) -> object:
        problems = Problems()
        check_texts(problems, message)
        problems.raise_if_any()
        return await behaviour(message, context)

    return grpc.unary_unary_rpc_method_handler(
        checked, request_deserializer=request.FromString, response_serializer=serialize
    )
