"""Sizes of pages: one rule for every list."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from decision_service.api import v1
from decision_service.domain.errors import FieldInvalid
from decision_service.server.page_tokens import page_size
from decision_service.server.wire import methods


class Echo:
    """Answers every method with what it was asked."""

    def __getattr__(self, name: str) -> Any:
        async def answer(request: Message, _: object) -> Message:
            return request

        return answer


def lists() -> Iterator[MethodDescriptor]:
    for module in pkgutil.iter_modules(v1.__path__):
        if module.name.endswith("_service_pb2"):
            file = import_module(f"{v1.__name__}.{module.name}").DESCRIPTOR
            for service in file.services_by_name.values():
                yield from (
                    rpc for rpc in service.methods if "page_size" in rpc.input_type.fields_by_name
                )


@pytest.mark.parametrize("rpc", [*lists()], ids=lambda rpc: rpc.name)
async def test_only_a_negative_page_size_is_refused(rpc: MethodDescriptor) -> None:
    """The error names field and value; 0 means the default, and a large size the largest."""
    call = methods(rpc.containing_service, Echo())[rpc.name].unary_unary
    asked = GetMessageClass(rpc.input_type)
    for size in (-1, -(2**31)):
        with pytest.raises(FieldInvalid, match=rf"^page_size is {size}: it must not be negative$"):
            await call(asked(page_size=size), None)
    for size in (0, 1, 2**31 - 1):
        await call(asked(page_size=size), None)
        assert 1 <= page_size(size) <= 500
