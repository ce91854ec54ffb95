"""The service config that clients are given names what the protos define, and all of it."""

from __future__ import annotations

import json
from pathlib import Path

from google.protobuf.descriptor_pool import Default

from decision_service.server.grpc import SERVICES

PROTOS = Path(__file__).resolve().parents[3] / "protos"
CONFIG = json.loads((PROTOS / "decision_service/api/v1/service_config.json").read_text())
NOT_REPEATED = {"AdvanceRollout", "ConfirmRollout", "RollBackRollout"}
"""Each is another step when it is repeated."""


def test_every_service_is_covered() -> None:
    """Each service is named once as a whole, and no other."""
    names = [name for entry in CONFIG["methodConfig"] for name in entry["name"]]
    assert sorted(name["service"] for name in names if "method" not in name) == sorted(SERVICES)


def test_what_may_not_be_repeated_has_no_retry_policy() -> None:
    """The methods are the contract's; gRPC takes the most specific entry."""
    found = set()
    for entry in CONFIG["methodConfig"]:
        for name in entry["name"]:
            service = Default().FindServiceByName(name["service"])
            if "method" in name:
                assert name["method"] in service.methods_by_name
                assert "retryPolicy" not in entry
                found.add(name["method"])
    assert found == NOT_REPEATED
