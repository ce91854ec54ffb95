"""Bodies before they are parsed."""

import gzip

import httpx2
import pytest

from decision_service.domain.values import DataReason
from decision_service.smile.client import check_media_type, read_body
from decision_service.smile.errors import TransientFault, UpstreamFault
from tests.kits.cases import cases
from tests.unit.smile.vendor import _Chunks
from tests.unit.smile.virtual import run


def response(body, **headers):
    """An unread response with this body."""
    return httpx2.Response(200, headers=headers, stream=_Chunks(body))


def read(body, most=4096, **headers):
    """The body as the adapter takes it."""
    return run(read_body(response(body, **headers), most))


@pytest.mark.parametrize("content_type", cases("smile/body")["good"])
def test_json_in_utf8_is_taken(content_type):
    """`application/json` is taken, whatever its parameters, as long as it is UTF-8."""
    check_media_type(httpx2.Headers({"content-type": content_type}))


@pytest.mark.parametrize("headers", cases("smile/body")["bad"])
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
