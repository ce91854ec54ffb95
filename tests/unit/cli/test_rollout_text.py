"""What commands of rollouts say from a server's reply."""

from __future__ import annotations

from typing import Any

import pytest

from decision_service.api.v1 import rollout_figures_pb2 as pb
from decision_service.api.v1 import rollout_pb2
from decision_service.api.v1.decision_pb2 import Assignment
from decision_service.api.v1.rollout_service_pb2 import ExplainAssignmentResponse
from decision_service.cli.rollout import (
    ARM,
    ENROLMENT,
    group_lines,
    next_lines,
    next_text,
    print_comparison,
    print_explained,
)
from decision_service.domain.decision import ArmReason, EnrolmentReason

ROLLOUT = rollout_pb2.Rollout(
    product="personal-loan-ph",
    unit="user_id",
    challenger=rollout_pb2.RolloutTrack(version=2),
    segments=[
        rollout_pb2.RolloutSegment(
            name="known", condition='inputs.customer_type == "existing"', percent="100"
        )
    ],
    allowed=3,
    denied=1,
)


def _next(**rest: Any) -> pb.NextStage:
    return pb.NextStage(stage="ten", percent="10", **{"track": "challenger", **rest})


def _waiting(name: str, units: int) -> pb.WaitingGuardrail:
    return pb.WaitingGuardrail(name=name, units=units, min_units=300)


def test_lists_and_segments_are_shown_with_their_share() -> None:
    """They decide before the stage does, in this order."""
    assert list(group_lines(ROLLOUT)) == [
        "  deny list · 1 user_id · 0 %",
        "  allow list · 3 user_ids · 100 %",
        '  segment known · inputs.customer_type == "existing" · 100 %',
    ]
    assert list(group_lines(rollout_pb2.Rollout())) == []


def test_guardrails_that_have_seen_too_little_do_not_say_that_all_is_well() -> None:
    """One says how much it has seen, several by name; only those that have seen enough are ok."""
    one, two = _waiting("approvals", 0), _waiting("declines", 12)
    assert "guardrails have seen too little (0 of 300)" in next_text(
        _next(guardrails=2, waiting=[one])
    )
    assert "(0 of 300 for approvals, 12 of 300 for declines)" in next_text(
        _next(guardrails=2, waiting=[one, two])
    )
    assert "guardrails ok" in next_text(_next(guardrails=2))
    assert "no guardrail watches it" in next_text(_next())


def test_no_step_is_proposed_for_a_challenger_that_nobody_met() -> None:
    """Without a decision there is nothing to go on; with one the command is there."""
    unmet, *_ = next_lines(ROLLOUT, [_next(guardrails=1)])
    assert unmet.endswith("; it has decided no application at this stage yet")
    assert "advance" not in unmet
    met, *_ = next_lines(ROLLOUT, [_next(guardrails=1, decisions=4)])
    assert "4 decisions so far" in met
    assert "decision-service rollout advance personal-loan-ph --track challenger" in met
    go_live, *_ = next_lines(ROLLOUT, [_next(track="go-live")])
    assert "rollout advance personal-loan-ph --track go-live" in go_live


def test_a_comparison_begins_with_who_would_be_decided_otherwise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Both directions between approve and decline are always said, at 80 columns."""
    pairs = [("APPROVE", "DECLINE", 3), ("APPROVE", "REFER", 2), ("APPROVE", "APPROVE", 195)]
    outcomes = [
        pb.ComparedOutcomes(live=f"OUTCOME_{live}", other=f"OUTCOME_{other}", count=count)
        for live, other, count in pairs
    ]
    print_comparison(
        pb.VersionComparison(other_version=2, compared=200, agreed=195, outcomes=outcomes)
    )
    first, _, rest = capsys.readouterr().out.partition("\n\n")
    assert first.splitlines() == [
        "Of 200 decisions v2 would change 5: 3 approve → decline, 0 decline → approve, 2",
        "approve → refer.",
    ]
    assert ["compared", "200"] in [line.split() for line in rest.splitlines()]


@pytest.mark.parametrize(
    ("version", "reasons", "said"),
    [
        (0, ("NOT_IN_STAGE", ""), "would not decide this applicant: the applicant is outside"),
        (2, ("IN_STAGE", "CHALLENGER"), "would decide this applicant by challenger v2: the"),
    ],
)
def test_an_explanation_begins_with_what_would_happen(
    version: int, reasons: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence says who would decide; every reason has its words."""
    given = Assignment(
        rollout="loan", stage="early", arm="challenger" if version else "",
        enrolment_reason=reasons[0], arm_reason=reasons[1],
    )  # fmt: skip
    print_explained(ExplainAssignmentResponse(assignment=given, version=version))
    assert f"loan {said}" in " ".join(capsys.readouterr().out.split())
    assert (set(ENROLMENT), set(ARM)) == ({*EnrolmentReason}, {*ArmReason})
