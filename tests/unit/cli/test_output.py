"""Replies as people and programs read them: records, tables, decisions, reviews and rollouts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from rich.markup import escape
from rich.tree import Tree

from decision_service.api.v1 import applicant_service_pb2 as applicants
from decision_service.api.v1 import decision_pb2, rollout_pb2
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import event_service_pb2 as events
from decision_service.api.v1 import notice_service_pb2 as notices
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.api.v1 import review_service_pb2 as reviews
from decision_service.api.v1 import rollout_figures_pb2 as pb
from decision_service.api.v1 import ruleset_service_pb2 as rules
from decision_service.api.v1.decision_pb2 import Assignment
from decision_service.api.v1.rollout_service_pb2 import ExplainAssignmentResponse
from decision_service.cli.decisions import ChainLink, print_chain
from decision_service.cli.output import console, print_json, print_table, table
from decision_service.cli.records import ids, print_record, record_of
from decision_service.cli.rollout import (
    ARM,
    ENROLMENT,
    group_lines,
    next_lines,
    next_text,
    print_explained,
)
from decision_service.cli.views import print_review
from decision_service.domain.decision import ArmReason, EnrolmentReason
from tests.unit.cli.commands import command

ID = "tenantId-d74c567b7cb40868ae5f3db498bba2c3"


@pytest.mark.parametrize(("ids", "longest"), [(2, 200), (6, 6 * (len(ID) + 2) + 8 + 2)])
def test_no_word_of_a_table_breaks(capsys, ids, longest):
    """Text takes what ids leave of the width; where they leave nothing, lines become longer."""
    made = table(*(f"id {place}" for place in range(ids)), "in words")
    made.add_row(*[ID] * ids, "[bold]some words[/] " * 40)
    print_table(made)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= longest
    assert max(line.count(ID) for line in lines) == ids
    assert sum(line.count("some") + line.count("words") for line in lines) == 81


def test_people_fit_80_columns_with_whole_ids(capsys: pytest.CaptureFixture[str]) -> None:
    lines = command(capsys, "sandbox", "people").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(ID in line for line in lines) == 1


def test_a_line_number_between_colons_is_no_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """`v1.yaml:100: …` is printed as it is, though `:100:` names an emoji."""
    console().print("v1.yaml:100: not reached", markup=False)
    assert capsys.readouterr().out == "v1.yaml:100: not reached\n"


HOSTILE = "paid \x1b[2J\x00\x9b31m \u202eon\rtime"
SHOWN = r"paid \u001b[2J\u0000\u009b31m \u202eon\rtime"


def noted(text: str) -> review_pb.Review:
    return review_pb.Review(review_id="rev_1", events=[review_pb.ReviewEvent(text=text)])


def test_a_step_says_who_has_the_review_or_why_it_was_skipped(capsys):
    """Who it was handed to, and the words of who left it to others, at 80 columns."""
    steps = {"HANDED_OVER": "ben", "SKIPPED": "I know the family."}
    events = [
        review_pb.ReviewEvent(position=place, who="ana", action=action, text=text)
        for place, (action, text) in enumerate(steps.items(), 1)
    ]
    review = review_pb.Review(
        review_id=f"rev_{'0' * 26}", product="personal-loan-ph", queue="judgement", term_months=1,
        origin="REVIEW_ORIGIN_CONTESTED", skipped_by=["ana", "cai"], events=events,
        end_reason="DECIDED_AGAIN", decided_again_as=f"dec_{'0' * 26}",
    )  # fmt: skip
    print_review(review)
    printed = capsys.readouterr().out
    assert "        1 month\n" in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert "skipped by ana, cai" in printed
    said = [line.strip() for line in printed.splitlines()]
    assert "HANDED_OVER · ana" in said[said.index("to ben") - 1]
    assert "SKIPPED · ana" in said[said.index("I know the family.") - 1]


def test_what_strangers_wrote_is_shown_and_rules_no_screen(capsys):
    rows, tree = table("why"), Tree("a decision")
    rows.add_row(escape(HOSTILE))
    tree.add(escape(HOSTILE))
    chain = [ChainLink(decision_pb2.Decision(), [noted(HOSTILE)], [], [])]
    for show in (
        lambda: print_table(rows),
        lambda: console().print(tree),
        lambda: console().print(HOSTILE, markup=False),
        lambda: print_review(noted(HOSTILE)),
        lambda: print_chain(chain),
        lambda: print_json({"text": HOSTILE}),
    ):
        show()
        printed = capsys.readouterr().out
        assert SHOWN in printed
        assert not {*"\x1b\x00\x9b\u202e\r"} & {*printed}
    assert json.loads(printed) == {"text": HOSTILE}


READ = Timestamp(seconds=1_795_305_600)


def _printed(record: object, capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_record(record)  # type: ignore[arg-type]  # a message
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_a_refused_edit_is_shown_with_its_problem(capsys: pytest.CaptureFixture[str]) -> None:
    """As `rules check` prints it; lists and publication are there with what they have."""
    problem = rules.Problem(code="R204", rendered="rules/p/v1.yaml:3:1: error R204: unknown factor")
    keys = rules.KeyList(product="p", name="blocked", digest="c" * 64, keys=2, hashed=True)
    reply = rules.ListRulesetsResponse(read_time=READ, refused=[problem], lists=[keys])
    lines = _printed(reply, capsys)
    assert lines[0].startswith("read time  2026-11-")
    assert lines[1] == f"refused    {problem.rendered}"
    assert " p        blocked  cccccccccccccccc  2     yes" in lines


def test_numbers_and_flags_are_shown_when_they_are_nothing(capsys):
    """An erasure that found nothing says so; versions and positions begin at 1, so 0 is none."""
    lines = _printed(applicants.EraseApplicantResponse(erased_snapshots=2), capsys)
    assert lines == ["revoked accounts  0", "erased snapshots  2"]
    assert _printed(events.Event(id="evt_1"), capsys) == ["id        evt_1", "sequence  0"]


def test_a_length_is_shown_as_files_have_it(capsys: pytest.CaptureFixture[str]) -> None:
    for seconds, text in {0: "0s", 90: "90s", 5_400: "90m", 14_400: "4h", 259_200: "3d"}.items():
        queue = reviews.DeskQueue(due_within=Duration(seconds=seconds))
        assert _printed(queue, capsys)[0] == f"due within  {text}"


def test_what_no_line_can_hold_is_shown_below_one_another(capsys, monkeypatch):
    monkeypatch.setattr("decision_service.cli.output._PIPE_WIDTH", 80)
    letter = notices.Notice(
        decision_id="dec_01JD8X6M3Q5W9V2B7C4N0K1R8T", kind="NOTICE_KIND_ADVERSE_ACTION",
        language="fil", text="Mahal na\naplikante", title="Ang inyong aplikasyon " * 5,
        create_time=READ, created_by="los", channel="email", send_time=READ, sent_by="los",
    )  # fmt: skip
    lines = _printed(service_pb.GetDecisionResponse(notices=[letter]), capsys)
    assert "  kind         adverse-action" in lines
    assert max(map(len, lines)) <= 80


def test_a_reply_of_one_record_is_that_record() -> None:
    """Its id is the first text that it has, of a list one for each."""
    applicant = applicants.Applicant(user_id="u", ready=True)
    assert record_of(applicants.GetApplicantResponse(applicant=applicant)) == applicant
    listed = service_pb.ListDecisionsResponse(decisions=[{"decision_id": x} for x in "ab"])
    assert record_of(listed) is listed
    found = service_pb.GetDecisionResponse(decision={"decision_id": "a"})
    assert record_of(found) is found.decision
    found.notices.add(decision_id="a")
    assert record_of(found) is found
    assert [*ids(applicant), *ids(listed)] == ["u", "a", "b"]


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


@pytest.mark.parametrize(
    ("version", "reasons", "said"),
    [
        (0, ("NOT_IN_STAGE", ""), "would not decide this applicant: the applicant is outside"),
        (2, ("IN_STAGE", "CHALLENGER"), "would decide this applicant by challenger v2: the"),
    ],
)
def test_an_explanation_begins_with_what_would_happen(version, reasons, said, capsys):
    given = Assignment(
        rollout="loan", stage="early", arm="challenger" if version else "",
        enrolment_reason=reasons[0], arm_reason=reasons[1],
    )  # fmt: skip
    print_explained(ExplainAssignmentResponse(assignment=given, version=version))
    assert f"loan {said}" in " ".join(capsys.readouterr().out.split())
    assert (set(ENROLMENT), set(ARM)) == ({*EnrolmentReason}, {*ArmReason})
