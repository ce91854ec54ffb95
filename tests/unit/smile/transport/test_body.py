"""Bodies before they are parsed."""

import gzip
import json

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.values import DataReason
from decision_service.smile.client import check_depth, check_media_type, read_body
from decision_service.smile.errors import TransientFault, UpstreamFault
from tests.fakes.examples import examples
from tests.unit.smile.vendor import _Chunks
from tests.unit.smile.virtual import run


def response(body, **headers):
    """An unread response with this body."""
    return httpx2.Response(200, headers=headers, stream=_Chunks(body))


def read(body, most=4096, **headers):
    """The body as the adapter takes it."""
    return run(read_body(response(body, **headers), most))


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json;charset=UTF-8",
        "Application/JSON; charset=utf-8",
        'application/json; charset="utf-8"',
        "application/json; version=1",
    ],
)
def test_json_in_utf8_is_taken(content_type):
    """`application/json` is taken, whatever its parameters, as long as it is UTF-8."""
    check_media_type(httpx2.Headers({"content-type": content_type}))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/html"},
        {"content-type": "text/json"},
        {"content-type": "application/jsonp"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json", "content-encoding": "br"},
        {"content-type": "application/json", "content-encoding": "gzip, gzip"},
    ],
)
def test_everything_else_is_a_bad_body(headers):
    """Another type, charset or encoding is UPSTREAM_BAD_BODY, and is not asked for again."""
    with pytest.raises(UpstreamFault) as found:
        check_media_type(httpx2.Headers(headers))
    assert found.value.code is DataReason.UPSTREAM_BAD_BODY
    assert not isinstance(found.value, TransientFault)


def test_a_body_of_just_the_bound_is_read():
    """A body may be exactly as long as the bound, plain or gzipped."""
    body = b"x" * 4096
    assert read(body) == body
    assert read(gzip.compress(body), **{"content-encoding": "gzip"}) == body


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_longer_body_is_too_large(encoding):
    """One byte over the bound, counted after decompression, is DATA_TOO_LARGE."""
    body = b"x" * 4097
    body = gzip.compress(body) if encoding == "gzip" else body
    with pytest.raises(UpstreamFault) as found:
        read(body, **{"content-encoding": encoding})
    assert found.value.code is DataReason.DATA_TOO_LARGE


def test_broken_gzip_is_a_bad_body():
    """Bytes that are no gzip although the header says so are UPSTREAM_BAD_BODY."""
    with pytest.raises(TransientFault) as found:
        read(b"not gzip at all", **{"content-encoding": "gzip"})
    assert found.value.code is DataReason.UPSTREAM_BAD_BODY


def nested(depth, opening=b"[", closing=b"]"):
    """So many levels, closed again."""
    return opening * depth + closing * depth


@pytest.mark.parametrize(
    ("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")]
)
def test_the_bound_of_depth_is_exact(opening, closing):
    """Thirty-two levels pass and thirty-three do not, whatever they are made of."""
    levels = opening.count(b"[") + opening.count(b"{")
    padding = b" " * 64
    check_depth(padding + nested(32 // levels, opening, closing), 32)
    deeper = b"[" + nested(32 // levels, opening, closing) + b"]"
    with pytest.raises(UpstreamFault) as found:
        check_depth(padding + deeper, 32)
    assert found.value.code is DataReason.DATA_TOO_LARGE


def test_a_million_levels_are_refused():
    """Nesting that would exhaust a parser's stack is refused, closed or not; in a text it is none.

    A megabyte of escaped quotes without an end is looked at once.
    """
    for body in (nested(1_000_000), b"[" * 1_000_000):
        with pytest.raises(UpstreamFault):
            check_depth(body, 32)
    check_depth(b'["' + b"[" * 5000 + b'\\"' + b"{" * 5000 + b'\\\\"]', 32)
    check_depth(b'"' + b'\\"' * 500_000, 32)


values = st.recursive(
    st.text(max_size=5) | st.integers() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=30,
)


def depth_of(value):
    """The depth of a parsed value."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@given(value=values, most=st.integers(0, 4))
@settings(max_examples=examples(150), deadline=None)
def test_depth_is_what_a_parser_would_find(value, most):
    """The check agrees with the depth of the parsed value."""
    body = json.dumps(value).encode() + b" " * 64
    if depth_of(value) <= most:
        check_depth(body, most)
    else:
        with pytest.raises(UpstreamFault):
            check_depth(body, most)
