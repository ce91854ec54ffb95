"""Names of enums on the wire."""

from __future__ import annotations

import pytest

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.server.wire import enum_name


@pytest.mark.parametrize(
    ("number", "name"),
    [(pb.REFER_KIND_DATA, "DATA"), (pb.REFER_KIND_UNSPECIFIED, "UNSPECIFIED"), (77, "77")],
)
def test_a_value_is_named_without_its_enum(number: int, name: str) -> None:
    """One that only a newer server knows stays a number, and breaks no command."""
    assert enum_name(pb.ReferKind.DESCRIPTOR, number) == name
