"""README's grpcurl line works as it is printed: through the server's reflection."""

from __future__ import annotations

import asyncio
import json
import re
import shlex

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from decision_service.config import load
from tests.e2e.service import ROOT, Running

DEFAULT = load(environ={}).grpc_address


def printed() -> tuple[str, str, str]:
    """The message, the address and the method of the line."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [line] = re.findall(r"^grpcurl (.*?)^```$", text, re.M | re.S)
    match shlex.split(line.replace("\\\n", " ")):
        case ["-plaintext", "-d", message, address, method]:
            return message, address, method
    raise AssertionError(f"the line has other arguments than this test performs: {line}")


def called(address: str, method: str, message: str) -> str:
    """The reply as JSON, by what the server says of itself alone, as grpcurl does it."""
    with grpc.insecure_channel(address) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        service, _, name = method.partition("/")
        described = pool.FindServiceByName(service).methods_by_name[name]
        request = json_format.Parse(message, GetMessageClass(described.input_type)())
        reply = channel.unary_unary(
            f"/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=GetMessageClass(described.output_type).FromString,
        )(request, timeout=30)
    return json_format.MessageToJson(reply)


async def test_the_grpcurl_line_of_the_readme_decides(live: Running) -> None:
    """The address is the default one; repeated, the line returns the recorded decision."""
    message, address, method = printed()
    assert address == DEFAULT
    first = await asyncio.to_thread(called, live.service.address, method, message)
    decision = json.loads(first)["decision"]
    assert (decision["outcome"], decision["requestId"]) == ("OUTCOME_APPROVE", "first-call")
    assert await asyncio.to_thread(called, live.service.address, method, message) == first
