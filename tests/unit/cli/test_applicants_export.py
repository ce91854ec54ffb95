"""An export as JSON."""

from __future__ import annotations

import json

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.cli.commands import json_export

ABOUT = {"user_id": "user-1", "left_out": [{"what": "a <b>", "why": "c & d"}], "erasures": []}
DECISION = {
    "outcome": "DECLINE",
    "product": "loan",
    "as_of_date": "2026-11-24",
    "inputs": {"purpose": "<script>alert(1)</script>"},
    "factor_values": [{"name": "income.latest", "value": None, "missing": []}],
    "letters": [{"text": "first\nsecond"}],
}


def record(kind: str, content: object) -> pb.StoredRecord:
    """A record as it comes over the wire."""
    return pb.StoredRecord(kind=kind, id="1", content=json.dumps(content))


def written(*pages: list[pb.StoredRecord]) -> str:
    """All that an export of these pages writes."""
    read = (pb.ExportApplicantResponse(records=page) for page in pages)
    return "".join(json_export("user-1", read))


def test_json_is_one_object_with_a_record_on_each_line() -> None:
    """Records of all pages stand in order, their content as it is; none at all is no error."""
    told = written([record("about", ABOUT)], [], [record("decision", DECISION)])
    assert json.loads(told) == {
        "user_id": "user-1",
        "records": [
            {"kind": "about", "id": "1", "content": ABOUT},
            {"kind": "decision", "id": "1", "content": DECISION},
        ],
    }
    assert len(told.splitlines()) == 4
    assert json.loads(written())["records"] == []


def test_an_export_on_a_screen_is_exact_and_rules_nothing() -> None:
    """What the person wrote is there, with every character that moves a cursor as an escape."""
    said = "paid \x9b2J \u202eon time"
    content = json.dumps({"text": said}, ensure_ascii=False)
    text = written([pb.StoredRecord(kind="contests", id="1", content=content)])
    assert not {"\x9b", "\u202e"} & {*text}
    assert json.loads(text)["records"][0]["content"] == {"text": said}
