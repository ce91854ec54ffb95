"""Sizes of pages: one rule for every list."""

from collections.abc import Iterator
from inspect import signature
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from google.protobuf.message_factory import GetMessageClass

from decision_service.domain.errors import FieldInvalid
from decision_service.runtime.clock import SystemClock
from decision_service.server import (
    applicants,
    decisions,
    events,
    grpc,
    notices,
    outcomes,
    reviews,
    rollouts,
    rulesets,
    status,
)
from decision_service.server.context import CallInfo
from decision_service.server.page_tokens import page_size
from decision_service.server.wire import Problems, methods

MODULES = (
    applicants, decisions, events, notices, outcomes, reviews, rollouts, rulesets, status
)  # fmt: skip


def lists() -> Iterator[Any]:
    for module in MODULES:
        for rpc in module.SERVICE.methods:
            if "page_size" in rpc.input_type.fields_by_name:
                yield pytest.param(module, rpc.name, id=rpc.name)


@pytest.mark.parametrize(("module", "name"), [*lists()])
async def test_only_a_negative_page_size_is_refused(module: ModuleType, name: str) -> None:
    """Before anything is read; 0 means the default, and a large size the largest."""
    made = next(one for title, one in vars(module).items() if title.endswith("Servicer"))
    servicer = made(*[SystemClock() for _ in signature(made).parameters])
    call = methods(module.SERVICE, servicer)[name].unary_unary
    asked = GetMessageClass(module.SERVICE.methods_by_name[name].input_type)
    for size in (-1, -(2**31)):
        with pytest.raises(FieldInvalid, match=rf"\bpage_size is {size}: it must not be negative"):
            await call(asked(page_size=size), SimpleNamespace(info=CallInfo()))
    for size in (0, 1, 2**31 - 1):
        Problems(asked(page_size=size)).raise_if_any()
        assert 1 <= page_size(size) <= 500


def test_every_service_is_looked_at() -> None:
    """A new list by page_size cannot forget the rule."""
    assert {module.SERVICE.full_name for module in MODULES} == {*grpc.SERVICES}
