"""Server reflection, by the library's servicer, under its name of today and the one before.

The messages of `grpc.reflection.v1` are those of `v1alpha`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from decision_service.edge.rpc.interceptors.chain import Layers

NAMES = ("grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME)


def add_reflection(services: Iterable[str], layers: Layers) -> None:
    """Describe these services, and the one of the two that the library knows messages of."""
    servicer = reflection.ReflectionServicer((*services, reflection.SERVICE_NAME))

    async def answers(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            for answer in servicer.ServerReflectionInfo(iter((request,)), context):
                yield answer

    handler = grpc.stream_stream_rpc_method_handler(
        answers,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    for name in NAMES:
        layers.add_registered_method_handlers(name, {"ServerReflectionInfo": handler})
