"""Numbers of the enums on the wire by the names that the domain has for them, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from google.protobuf.descriptor import EnumDescriptor

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.domain.factor import KindStatus
from decision_service.domain.verdict import Component, OfferKind, Outcome, ReferKind, Truth


def _numbers(kind: Any, prefix: str, names: Iterable[StrEnum]) -> Mapping[StrEnum | None, int]:
    """The numbers of an enum on the wire by ours; None is UNSPECIFIED."""
    return {None: 0} | {name: kind.Value(f"{prefix}_{name}") for name in names}


OUTCOMES = _numbers(pb.Outcome, "OUTCOME", Outcome)
REFER_KINDS = _numbers(pb.ReferKind, "REFER_KIND", ReferKind)
COMPONENTS = _numbers(pb.Component, "COMPONENT", Component)
OFFER_KINDS = _numbers(pb.OfferKind, "OFFER_KIND", OfferKind)
TRUTHS = _numbers(pb.Truth, "TRUTH", Truth)
STATUSES = _numbers(pb.KindStatus, "KIND_STATUS", KindStatus)


def enum_name(enum: EnumDescriptor, number: int) -> str:
    """The name of an enum's value without that of the enum; the number where it has none."""
    names = enum.values_by_number
    prefix = names[0].name.removesuffix("UNSPECIFIED")
    return str(names[number].name.removeprefix(prefix)) if number in names else str(number)
