"""From bytes to typed answers."""

import pytest

from decision_service.domain.values import Cause, DataReason
from decision_service.smile.answers import EincomeAnswer, OneDecoder, PageDecoder
from decision_service.smile.errors import TransientFault, UpstreamFault

PAGES = PageDecoder(EincomeAnswer, "eincomes")
GOOD = b'{"code":"OK","data":{"nextCursor":"12","items":[{"id":"einc-1","amount":1}]}}'


def fault_of(body, decode=PAGES):
    """The fault that a body gives."""
    with pytest.raises(UpstreamFault) as found:
        decode(body)
    return found.value


@pytest.mark.parametrize("body", [b'[{"id":"einc-1"}]', b' \r\n\t[{"id":"einc-1"}] '])
def test_a_bare_array_is_one_last_page(body):
    """The guide's form without an envelope is taken as the only page."""
    page = PAGES(body)
    assert [item.id for item in page.items] == ["einc-1"]
    assert not page.next_cursor


def test_unknown_fields_are_ignored():
    """New fields, however deep, do not disturb."""
    body = b'{"code":"OK","new":[1],"data":{"items":[{"id":"einc-1","more":{"x":[{}]}}],"page":3}}'
    assert PAGES(body).items[0].id == "einc-1"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"code":"ERROR","data":{"items":[]}}', "eincomes.code"),
        (b'{"data":{"items":[]}}', "eincomes.code"),
        (b'{"code":"OK","data":null}', "eincomes.data"),
        (b'{"code":"OK"}', "eincomes.data"),
        (b'{"code":"OK","data":{}}', "eincomes.items"),
        (b'{"code":"OK","data":{"items":null}}', "eincomes.items"),
        (b'{"code":"OK","data":{"items":{}}}', "eincomes"),
        (b'{"code":"OK","data":[]}', "eincomes"),
        (b'{"code":"OK","data":{"items":[{"id":7}]}}', "eincomes.id"),
        (b'{"code":"OK","data":{"items":[{"metadata":{"userId":7}}]}}', "eincomes.metadata.userId"),
        (b'{"code":"OK","data":{"items":[],"nextCursor":5}}', "eincomes.nextCursor"),
        (b'{"code":7,"data":{"items":[]}}', "eincomes.code"),
        (b"[7]", "eincomes"),
        (b"null", "eincomes"),
        (b'"OK"', "eincomes"),
        (b"7", "eincomes"),
    ],
)
def test_another_shape_is_a_change_of_schema(body, path):
    """A wrong shape is UPSTREAM_SCHEMA with the path of the field, and is not asked for again."""
    fault = fault_of(body)
    assert (fault.cause, fault.code) == (Cause.BAD_DATA, DataReason.UPSTREAM_SCHEMA)
    assert fault.detail == path
    assert not isinstance(fault, TransientFault)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>maintenance</html>",
        b"\xef\xbb\xbf" + GOOD,
        GOOD.decode().encode("utf-16"),
        GOOD + b"}",
        GOOD + GOOD,
        GOOD.replace(b'"OK"', b"'OK'"),
        GOOD.replace(b"einc-1", b"einc-\xff"),
        GOOD.replace(b'"amount":1', b'"amount":NaN')[:-1],
        b'{"code":"OK","unknown":"\xff","data":{"items":[]}}',
    ],
)
def test_what_is_not_json_in_utf8_is_a_bad_body(body):
    """Pages in HTML, with a byte order mark, in UTF-16 or with broken UTF-8 are not parsed."""
    assert fault_of(body).code is DataReason.UPSTREAM_BAD_BODY


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("closing", [b"", b"]" * 1_000_000])
def test_too_deep_an_answer_is_too_large(opening, closing):
    """Nesting that would exhaust the stack is DATA_TOO_LARGE even in a field that is not read."""
    fault = fault_of(b'{"code":"OK","x":' + opening * 1_000_000 + closing)
    assert fault.code is DataReason.DATA_TOO_LARGE
    assert not isinstance(fault, TransientFault)


def test_paths_of_one_object_start_with_its_name():
    """The path of a single object's field is headed by the name it was given."""
    decode = OneDecoder(EincomeAnswer, "thing")
    assert fault_of(b'{"code":"OK","data":{"month":5}}', decode).detail == "thing.month"
