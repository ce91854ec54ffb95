"""What is wrong with a call is told as the service's errors are, and nothing of it is dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.gateway.envoy import Gateway, free_port, gateway

CASES = yaml.safe_load(Path(__file__).with_name("refusals.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_gateway_refuses(shared: Gateway, case: dict[str, Any]) -> None:
    """Each case of refusals.yaml: status, code, sentence, and no details."""
    status, error = shared.call(*case["call"])
    assert [status, error["code"], error["details"]] == [*case["answer"][:2], []]
    assert case["answer"][2] in error["message"]


def test_a_body_that_is_too_large_is_refused(shared: Gateway) -> None:
    """Before the service reads any of it."""
    status, error = shared.call("post", "/v1/decisions", {"userId": "x" * 200_000})
    assert (status, error["code"]) == (413, 3)


def test_what_the_service_refuses_keeps_its_details(shared: Gateway) -> None:
    """ErrorInfo and all wrong fields, as AIP-193 says."""
    status, error = shared.call("post", "/v1/decisions", {"userId": "no such person!"})
    info, wrong = error["details"]
    assert (status, error["code"], info["reason"]) == (400, 3, "FIELD_INVALID")
    assert [one["field"] for one in wrong["fieldViolations"]] == ["user_id", "product"]


def test_the_deadline_of_the_header_is_the_services(shared: Gateway) -> None:
    """Too little time is refused as over gRPC."""
    body = {"userId": "nobody", "product": "personal-loan-ph"}
    status, error = shared.call("post", "/v1/decisions", body, {"grpc-timeout": "100m"})
    assert (status, error["code"]) == (504, 4)
    assert error["details"][0]["reason"] == "DEADLINE_EXCEEDED"


def test_a_service_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """So that callers repeat the call later."""
    with gateway(tmp_path, f"127.0.0.1:{free_port()}") as alone:
        status, error = alone.call("get", "/v1/rollouts")
    assert (status, error["code"], error["details"]) == (503, 14, [])
