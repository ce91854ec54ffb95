"""Server reflection, by the library's servicer, under its name of today and the one before.

The messages of `grpc.reflection.v1` are those of `v1alpha`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from decision_service.edge.rpc.services.methods import Methods
from decision_service.edge.rpc.streams import streamed

NAMES = ("grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME)


def methods(services: Iterable[str]) -> Methods:
    """The method that describes these services, and the one of NAMES whose messages there are."""
    servicer = reflection.ReflectionServicer((*services, reflection.SERVICE_NAME))

    async def answers(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            for answer in servicer.ServerReflectionInfo(iter((request,)), context):
                yield answer

    handler: Any = grpc.stream_stream_rpc_method_handler(
        streamed(answers),
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return {"ServerReflectionInfo": handler}
