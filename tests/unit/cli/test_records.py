"""Any reply for people, field by field, and the ids of it."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from decision_service.api.v1 import applicant_service_pb2 as applicants
from decision_service.api.v1 import event_service_pb2 as events
from decision_service.api.v1 import notice_service_pb2 as notices
from decision_service.api.v1 import review_service_pb2 as reviews
from decision_service.api.v1 import rollout_figures_pb2 as figures
from decision_service.api.v1 import ruleset_service_pb2 as rules
from decision_service.cli.records import ids, print_record, record_of

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


def test_numbers_and_flags_are_shown_when_they_are_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An erasure that found nothing says so; versions and positions begin at 1, so 0 is none."""
    lines = _printed(applicants.EraseApplicantResponse(erased_snapshots=2), capsys)
    assert lines == ["revoked accounts  0", "erased snapshots  2"]
    assert _printed(events.Event(id="evt_1"), capsys) == ["id        evt_1", "sequence  0"]


def test_a_length_is_shown_as_files_have_it(capsys: pytest.CaptureFixture[str]) -> None:
    """In the largest unit of which it is a whole number."""
    for seconds, text in {0: "0s", 90: "90s", 5_400: "90m", 14_400: "4h", 259_200: "3d"}.items():
        queue = reviews.DeskQueue(due_within=Duration(seconds=seconds))
        assert _printed(queue, capsys)[0] == f"due within  {text}"


def test_a_comparison_shows_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    """Rates with the interval of pairs, first causes with the swaps they make, and reasons."""
    outcomes = {"live": "OUTCOME_APPROVE", "other": "OUTCOME_DECLINE"}
    amount = Money(currency_code="PHP", units=20_000)
    rate = {"live_percent": "40.00", "other_percent": "30.00", "difference": "-10.00"}
    found = figures.VersionComparison(
        product="personal-loan-ph", compared=10, agreed=9,
        outcomes=[figures.ComparedOutcomes(**outcomes, count=1, live_amount=amount)],  # type: ignore[arg-type]
        rates=[figures.ComparedRate(outcome="OUTCOME_APPROVE", **rate, low="-28.50", high="8.50")],
        moves=[figures.ComparedMove(change="policy.age", count=3, first=1, lost=1)],
        reasons=[figures.ComparedReason(live="APPROVE", other="TOO_YOUNG", count=1)],
    )  # fmt: skip
    rows = [line.split() for line in _printed(found, capsys)]
    assert ["compared", "10"] in rows
    assert ["erased", "0"] in rows
    assert ["approve", "40.00", "30.00", "-10.00", "-28.50", "8.50"] in rows
    assert ["approve", "decline", "1", "20,000", "PHP"] in rows
    assert ["APPROVE", "TOO_YOUNG", "1"] in rows


def test_what_no_line_can_hold_is_shown_below_one_another(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letters on 80 columns: each field has its line, and no line is longer."""
    monkeypatch.setattr("decision_service.cli.output._PIPE_WIDTH", 80)
    letter = notices.Notice(
        decision_id="dec_01JD8X6M3Q5W9V2B7C4N0K1R8T", kind="NOTICE_KIND_ADVERSE_ACTION",
        language="fil", text="Mahal na\naplikante", title="Ang inyong aplikasyon " * 5,
        create_time=READ, created_by="los", channel="email", send_time=READ, sent_by="los",
    )  # fmt: skip
    lines = _printed(notices.ListNoticesResponse(notices=[letter], next_page_token="t"), capsys)
    assert "  kind         adverse-action" in lines
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "More: --page-token t"


def test_a_reply_of_one_record_is_that_record() -> None:
    """Its id is the first text that it has, of a list one for each."""
    applicant = applicants.Applicant(user_id="u", ready=True)
    assert record_of(applicants.GetApplicantResponse(applicant=applicant)) == applicant
    listed = notices.ListNoticesResponse(notices=[notices.Notice(decision_id=x) for x in "ab"])
    assert record_of(listed) is listed
    assert [*ids(applicant), *ids(listed)] == ["u", "a", "b"]
