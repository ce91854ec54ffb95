"""An export as JSON and as a page."""

from __future__ import annotations

import io
import json
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.cli.applicants.export_json import JsonExport
from decision_service.cli.applicants.export_page import PageExport

ABOUT = {"user_id": "user-1", "left_out": [{"what": "a <b>", "why": "c & d"}], "erasures": []}
DECISION = {
    "outcome": "DECLINE",
    "product": "loan",
    "as_of_date": "2026-11-24",
    "inputs": {"purpose": "<script>alert(1)</script>"},
    "factor_values": [{"name": "income.latest", "value": None, "missing": []}],
    "letters": [{"text": "first\nsecond"}],
}
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def record(kind: str, content: object) -> pb.StoredRecord:
    """A record as it comes over the wire."""
    return pb.StoredRecord(kind=kind, id="1", content=json.dumps(content))


def written(form: type[JsonExport] | type[PageExport], *pages: list[pb.StoredRecord]) -> str:
    """All that an export of these pages writes."""
    file = io.StringIO()
    export = form(file, "user-1")
    for page in pages:
        export.add(page)
    export.end()
    return file.getvalue()


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.names.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags_of(page: str) -> set[str]:
    """The tags of a page in which each is closed in its turn."""
    found = Tags()
    found.feed(page)
    found.close()
    assert found.open == []
    return found.names


def test_json_is_one_object_with_a_record_on_each_line() -> None:
    """Records of all pages stand in order, their content as it is; none at all is no error."""
    told = written(JsonExport, [record("about", ABOUT)], [], [record("decision", DECISION)])
    assert json.loads(told) == {
        "user_id": "user-1",
        "records": [
            {"kind": "about", "id": "1", "content": ABOUT},
            {"kind": "decision", "id": "1", "content": DECISION},
        ],
    }
    assert len(told.splitlines()) == 4
    assert json.loads(written(JsonExport))["records"] == []


def test_every_chapter_is_there_in_its_order() -> None:
    """A chapter without a record says so."""
    page = written(PageExport, [record("about", ABOUT)], [record("decision", DECISION)])
    places = [page.index(f'<h2 id="{one}"') for one in ("about", "user", "decisions", "readings")]
    assert places == sorted(places)
    assert page.count("Nothing is stored.") == 2
    assert "<dt>Text</dt><dd><pre>first\nsecond</pre></dd>" in page


def test_a_text_is_never_markup() -> None:
    """What an applicant or a provider wrote runs nothing in the reader's browser."""
    page = written(PageExport, [record("decision", DECISION)])
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "script" not in tags_of(page)


@given(st.dictionaries(texts, values, max_size=4))
def test_whatever_is_stored_makes_a_page(content: dict[str, object]) -> None:
    """Any content, also of a kind that this program does not know, is a whole page."""
    kinds = ("about", "later_kind", "reading", "another_kind")
    head = {"reading": {"read_for_a_decision_of": "2026-11-24T12:00:00Z", "part": 1}}
    records = [record(kind, content | head.get(kind, {})) for kind in kinds]
    assert not tags_of(written(PageExport, records)) & {"script", "img", "iframe"}


def test_an_export_on_a_screen_is_exact_and_rules_nothing() -> None:
    """What the person wrote is there, with every character that moves a cursor as an escape."""
    said = "paid \x9b2J \u202eon time"
    content = json.dumps({"text": said}, ensure_ascii=False)
    text = written(JsonExport, [pb.StoredRecord(kind="contests", id="1", content=content)])
    assert not {"\x9b", "\u202e"} & {*text}
    assert json.loads(text)["records"][0]["content"] == {"text": said}
