"""What a call brings besides its message."""

from hypothesis import given
from hypothesis import strategies as st

from decision_service.server.interceptors import read_call


class Metadata:
    """The side of a call that brings metadata and perhaps a deadline."""

    def __init__(self, seconds: float | None = None, **pairs: str | bytes) -> None:
        self._seconds = seconds
        self._pairs = tuple((name.replace("_", "-"), value) for name, value in pairs.items())

    def time_remaining(self) -> float | None:
        return self._seconds

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self._pairs


def test_a_call_without_a_deadline_has_ten_seconds() -> None:
    """None means ten seconds, a deadline of years an hour, and any other itself."""
    assert read_call(Metadata(), "/x/Y").seconds == 10.0
    assert read_call(Metadata(1e9), "/x/Y").seconds == 3600.0
    assert read_call(Metadata(0.5), "/x/Y").seconds == 0.5


def test_ids_to_be_found_by_are_read_where_they_are_well_formed() -> None:
    """The request id comes back with the reply; a trace is named by its trace id."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    good = Metadata(x_request_id="los-7", traceparent=f"00-{trace}-b7ad6b7169203331-01")
    info = read_call(good, "/x/Y")
    assert (info.call_id, info.trace_id) == ("los-7", trace)
    assert info.trailing == [("x-request-id", "los-7")]
    bad = Metadata(x_request_id="a\nb", traceparent=f"00-{trace}", other_bin=b"\xff")
    info = read_call(bad, "/x/Y")
    assert (info.call_id, info.trace_id, info.trailing) == ("", "", [])


@given(st.text(max_size=300), st.text(max_size=100))
def test_any_metadata_is_read(request_id: str, traceparent: str) -> None:
    """No value, however broken, is an error; what is echoed is printable and bounded."""
    info = read_call(Metadata(x_request_id=request_id, traceparent=traceparent), "/x/Y")
    assert info.call_id.isprintable()
    assert len(info.call_id) <= 200
    assert len(info.trace_id) in {0, 32}


def test_a_call_does_not_show_its_credentials() -> None:
    """The token is in no repr of a call."""
    assert "dst_" not in repr(read_call(Metadata(authorization="Bearer dst_x"), "/x/Y"))
