"""An export as JSON."""

from __future__ import annotations

import json

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.cli.commands import json_export


def record(kind: str, content: object) -> pb.StoredRecord:
    """A record as it comes over the wire."""
    return pb.StoredRecord(kind=kind, id="1", content=json.dumps(content, ensure_ascii=False))


def written(*pages: list[pb.StoredRecord]) -> str:
    """All that an export of these pages writes."""
    read = (pb.ExportApplicantResponse(records=page) for page in pages)
    return "".join(json_export("user-1", read))


def test_an_export_is_one_object_with_a_record_on_each_line() -> None:
    """Records of all pages are in order, exact, and no character of them moves a cursor."""
    content = {"text": "paid \x9b2J \u202eon time", "left_out": [{"what": "a <b>"}]}
    text = written([record("about", content)], [], [record("decision", {"letters": ["a\nb"]})])
    assert json.loads(text) == {
        "user_id": "user-1",
        "records": [
            {"kind": "about", "id": "1", "content": content},
            {"kind": "decision", "id": "1", "content": {"letters": ["a\nb"]}},
        ],
    }
    assert len(text.splitlines()) == 4
    assert not {"\x9b", "\u202e"} & {*text}
    assert json.loads(written())["records"] == []
