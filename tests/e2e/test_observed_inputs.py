"""A fact from outside, from the request to the person's own copy of what is stored."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import Running, create
from tests.e2e.test_json import CREATE, post
from tests.journeys.test_8_privacy import observed

GEORGE = sandbox_people()[0].user_id


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (observed(-2, 0), "inputs.bureau_monthly_debt.observed_on"),
        (observed(0, 0, observedOn="01/11/2026"), "inputs.bureau_monthly_debt.observed_on"),
        (observed(0, 0, observedOn=""), "inputs.bureau_monthly_debt.observed_on"),
        (
            observed(0, 0, consentReference="C" * 201),
            "inputs.bureau_monthly_debt.consent_reference",
        ),
    ],
)
async def test_a_wrong_day_is_refused_by_its_field(
    shared: Running, sent: dict[str, Any], field: str
) -> None:
    """Of a day to come, malformed, missing; and a consent that is too long."""
    answer = await post(shared, CREATE, {**MessageToDict(create(GEORGE)), **sent})
    assert (answer.status, answer.content["code"]) == (400, "invalid_argument")
    assert field in answer.content["message"]
